use super::*;
use crate::explore::numbers::{Bubble, Numbers};

/// A row of text, author, time and party.
fn row(text: &str, author: &str, time: &str, party: &str) -> Row {
    let mut row = Row::default();
    for (name, value) in [("text", text), ("author", author), ("created_at", time), ("partido", party)] {
        if !value.is_empty() {
            row.set(name, value);
        }
    }
    row
}

fn explored(options: ExploreOptions, rows: &[Row]) -> Result<Explored> {
    let options = ExploreOptions { is_stop_word: |word| word == "la", ..options };
    let mut explorer = Explorer::new(options);
    let mut chunks = rows.chunks(5);
    chunks.try_for_each(|chunk| explorer.add(chunk.to_vec(), &|_| "a.csv: row 1".to_owned()))?;
    explorer.finish()
}

fn numbers(options: ExploreOptions, rows: &[Row]) -> Numbers {
    explored(options, rows).unwrap().numbers(&Names::Shown)
}

fn some_rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for place in 0..12 {
        let time = format!("2021-07-{:02}T1{}:00:00Z", 1 + place % 3, place % 2);
        rows.push(row(&format!("La lluvia llega al valle número{place} #Agua"), "ana", &time, "Norte"));
        rows.push(row(&format!("La feria abre en la plaza casa{place} #Sol"), "luis", &time, "Sur"));
    }
    rows
}

#[test]
fn hours_days_groups_and_accounts_are_those_of_the_rows() {
    let found = numbers(ExploreOptions::default(), &some_rows());
    assert_eq!((found.posts, found.hours[10], found.hours[11], found.hours[12]), (24, 12, 12, 0));
    assert_eq!(found.days, [8, 8, 8]);
    let span = found.span.unwrap();
    assert_eq!((span.first.as_str(), span.last.as_str(), span.days), ("2021-07-01", "2021-07-03", 3));
    // 2021-07-01 was a Thursday.
    assert_eq!((found.week[3].iter().sum::<u64>(), found.week[5].iter().sum::<u64>()), (8, 8));
    let groups: Vec<(&str, u64, u64)> =
        found.groupings[0].groups.iter().map(|group| (group.name.as_str(), group.posts, group.accounts)).collect();
    assert_eq!((found.groupings[0].column.as_str(), groups), ("partido", vec![("Norte", 12, 1), ("Sur", 12, 1)]));
    assert_eq!(found.groupings[0].groups[0].months["2021-07-02"], 4);
    assert_eq!((found.accounts.count, found.accounts.top[0].account.as_str()), (2, "@ana"));
    assert!((found.accounts.top[0].a_day - 4.0).abs() < 1e-12);
    assert_eq!(found.accounts.by_day.top[0].posts, 4);
    assert_eq!(found.accounts.by_day.bubbles[0], Bubble { at: 2, posts: 4, times: 2 });
    assert_eq!((found.with_hashtag, found.with_link, found.accounts.at_night), (24, 0, 0));
    assert_eq!(found.kinds, Kinds { originals: 24, ..Kinds::default() });
}

#[test]
fn hours_and_days_are_those_of_the_zone() {
    let options = ExploreOptions { zone: TimeZone::get("America/Bogota").unwrap(), ..ExploreOptions::default() };
    let found = numbers(options, &[row("hola a todas", "ana", "2021-07-02T03:30:00Z", "")]);
    assert_eq!(
        (found.hours[22], found.span.unwrap().first, found.zone),
        (1, "2021-07-01".into(), "America/Bogota".into())
    );
    assert_eq!(found.groupings, []);
}

#[test]
fn words_are_listed_by_what_sets_a_group_apart_and_stop_words_are_in_no_list() {
    let found = numbers(ExploreOptions::default(), &some_rows());
    let groups = &found.groupings[0].groups;
    let words = |group: usize| groups[group].words.iter().map(|word| word.word.as_str()).collect::<Vec<_>>();
    assert_eq!((words(0), words(1)), (vec!["al", "llega", "lluvia", "valle"], vec!["abre", "en", "feria", "plaza"]));
    assert_eq!(groups[0].hashtags[0].word, "#agua");
    assert!(found.words.iter().all(|word| word.name != "la") && found.words[0].posts == 12);
    let hashtags: Vec<&str> = found.hashtags.iter().map(|hashtag| hashtag.name.as_str()).collect();
    assert_eq!(hashtags, ["#agua", "#sol"]);
}

#[test]
fn repeated_texts_are_counted_and_retweets_are_not_among_them() {
    let texts = [
        "Mañana cierra la calle del mercado por obras",
        "¡MAÑANA cierra la calle del mercado por obras! https://example.com/a",
        "Hoy cierra la calle del mercado por obras @ana https://x.com/Ana/status/1",
        "RT @luis: Mañana cierra la calle del mercado por obras",
        "buenos días",
        "buenos días",
    ];
    let rows: Vec<Row> = texts.iter().map(|text| row(text, "ana", "", "")).collect();
    let found = numbers(ExploreOptions::default(), &rows);
    assert_eq!((found.duplicates.exact, found.duplicates.near), (1, 1));
    assert_eq!((found.duplicates.top.len(), found.duplicates.top[0].posts), (1, 3));
    assert_eq!((found.kinds.retweets, found.left_out.without_time, found.span), (1, 6, None));
    let hidden = explored(ExploreOptions::default(), &rows[1..3]).unwrap();
    let hidden = hidden.numbers(&Names::Numbered("account".to_owned()));
    assert_eq!(hidden.duplicates.top[0].text, "Hoy cierra la calle del mercado por obras @… https://x.com/…");
    assert_eq!(hidden.accounts.top[0].account, "account 1");
}

#[test]
fn sentiment_is_counted_by_group_and_over_time() {
    let rows = some_rows();
    let explored = explored(ExploreOptions::default(), &rows).unwrap();
    let mut found = explored.numbers(&Names::Shown);
    let classified: Vec<usize> =
        explored.sample().iter().map(|post| usize::from(post.text.contains("feria"))).collect();
    explored.add_sentiment(&mut found, "m".to_owned(), vec!["no".to_owned(), "sí".to_owned()], &classified);
    let sentiment = found.sentiment.unwrap();
    assert_eq!((sentiment.sampled, sentiment.posts, sentiment.over_time.len()), (24, vec![12, 12], 3));
    assert_eq!(sentiment.over_time[0].posts, [4, 4]);
    let groups: Vec<_> = found.groupings[0].groups.iter().map(|group| group.sentiment.clone().unwrap()).collect();
    assert_eq!(groups, [[12, 0], [0, 12]]);
}

#[test]
fn a_group_s_vector_is_the_mean_of_its_words() {
    let mut rows = vec![row("sol sol mar", "a", "", "Norte"), row("sol", "a", "", "Norte")];
    rows.push(row("río la", "a", "", "Sur"));
    rows.push(row("nada", "a", "", "Otro"));
    let vector = |word: &str| match word {
        "sol" => Some(vec![1.0, 0.0]),
        "mar" => Some(vec![0.0, 3.0]),
        "río" | "la" => Some(vec![2.0, 2.0]),
        _ => None,
    };
    let means = explored(ExploreOptions::default(), &rows).unwrap().mean_vectors(2, &vector);
    assert_eq!(means, [[Some(vec![2.0 / 3.0, 1.0]), None, Some(vec![2.0, 2.0])]]);
}

#[test]
fn only_the_days_that_were_asked_for_count() {
    let day = |day| Some(jiff::civil::date(2021, 7, day));
    let options = ExploreOptions { since: day(2), until: day(2), ..ExploreOptions::default() };
    let found = numbers(options, &some_rows());
    assert_eq!((found.posts, found.left_out.outside_span, found.days), (8, 16, vec![8]));
    let options = ExploreOptions { since: day(20), ..ExploreOptions::default() };
    let message = explored(options, &some_rows()).unwrap_err().to_string();
    assert_eq!(message, "no post is between --since and --until");
}

#[test]
fn what_cannot_be_counted_is_said() {
    let rows = [row("hola", "", "ayer", ""), row("hola", "", "", ""), row("", "ana", "", "")];
    let found = numbers(ExploreOptions::default(), &rows).left_out;
    assert_eq!((found.without_author, found.without_time, found.unreadable_time, found.without_text), (2, 1, 1, 1));
    assert_eq!(found.first_unreadable_time.unwrap(), "a.csv: row 1: \"ayer\"");
    let error = |options, rows: &[Row]| explored(options, rows).unwrap_err().to_string();
    let options = || ExploreOptions { text: "tweet".to_owned(), ..ExploreOptions::default() };
    let message = error(options(), &rows);
    assert_eq!(message, "no row has the column \"tweet\"");
    let grouped = |column: &str| ExploreOptions { groups: vec![column.to_owned()], ..ExploreOptions::default() };
    assert!(error(grouped("region"), &rows).contains("--group: no row has a value in the column \"region\""));
    let many: Vec<Row> = (0..101).map(|place| row("hola", "", "", &format!("p{place}"))).collect();
    assert!(error(grouped("partido"), &many).contains("more than 100 different values"));
    assert_eq!(numbers(ExploreOptions::default(), &many).groupings, [], "nobody asked for that column");
}
