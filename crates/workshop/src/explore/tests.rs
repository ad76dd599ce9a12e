use std::collections::BTreeMap;

use super::vectors::{WordSource, add_vectors};
use super::*;
use jiff::tz::TimeZone;
use pregonero_data::explore::numbers::Numbers;
use pregonero_data::explore::{ExploreOptions, Explored, Explorer, Names};
use pregonero_data::row::Row;

/// Counts posts of three parties over ninety days, with hostile names.
fn explored(options: ExploreOptions) -> Explored {
    let mut explorer = Explorer::new(options);
    for place in 0..600_u32 {
        let mut row = Row::default();
        let party = ["Norte", "Sur", "<script>alert(1)</script>"][place as usize % 3];
        let word = ["lluvia", "feria", "tranvía"][place as usize % 3];
        row.set(
            "text",
            format!("Hoy la {word} llega al valle {} @vecina #Agua", ["uno", "dos"][place as usize / 3 % 2]),
        );
        row.set("author", format!("cuenta{}", place % 7));
        row.set("created_at", format!("2021-0{}-{:02}T{:02}:00:00Z", 1 + place % 3, 1 + place % 28, place % 24));
        row.set("partido", party);
        explorer.add(vec![row], &|_| String::new()).unwrap();
    }
    explorer.finish().unwrap()
}

fn full() -> (Explored, Numbers) {
    let explored = explored(ExploreOptions::default());
    let mut numbers = explored.numbers(&Names::Shown);
    let classified: Vec<usize> = (0..explored.sample().len()).map(|place| place % 3).collect();
    let labels = ["negative", "neutral", "positive"].map(str::to_owned).to_vec();
    explored.add_sentiment(&mut numbers, "builtin:x".to_owned(), labels, &classified);
    let vector = |word: &str| match word {
        "lluvia" => Some(vec![1.0, 0.0, 0.0]),
        "feria" => Some(vec![0.0, 1.0, 0.0]),
        "valle" => Some(vec![0.0, 0.0, 1.0]),
        _ => None,
    };
    let source = WordSource { name: "tres palabras".to_owned(), words: 3, width: 3, vector: &vector };
    add_vectors(&explored, &mut numbers, &source);
    (explored, numbers)
}

fn html(numbers: &Numbers, language: Language, names_are_shown: bool) -> String {
    page(&PageContent {
        language,
        title: "<datos>",
        numbers,
        names_are_shown,
        command: "pregonero dataset explore 'a b.csv'",
        sample: 1000,
    })
}

#[test]
fn the_page_has_every_figure_in_both_languages_and_nothing_of_the_data_is_html() {
    let (_, numbers) = full();
    for (language, words) in [(Language::Spanish, "Por hora del día"), (Language::English, "By hour of the day")] {
        let page = html(&numbers, language, true);
        assert!(page.contains(words), "{page}");
        for figure in 18..=24 {
            assert!(page.contains(&format!(">fig. {figure}</span>")), "figure {figure}");
        }
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
        assert!(page.contains("&lt;datos&gt;"));
        assert!(
            !page.contains("NaN")
                && !page.contains("style=\"")
                && !page.contains("http://")
                && !page.contains("https://")
        );
    }
}

#[test]
fn the_page_is_well_formed_and_every_id_is_there_once() {
    let (_, numbers) = full();
    let page = html(&numbers, Language::Spanish, true);
    for tag in
        ["section", "table", "div", "svg", "details", "p", "ul", "li", "h2", "h3", "tr", "td", "th", "title", "text"]
    {
        let (opened, closed) = (
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count(),
            page.matches(&format!("</{tag}>")).count(),
        );
        assert_eq!(opened, closed, "{tag}");
    }
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for id in page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        *ids.entry(id).or_default() += 1;
    }
    assert!(ids.values().all(|count| *count == 1), "{ids:?}");
    for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains_key(link), "{link}");
    }
}

#[test]
fn the_page_s_policy_allows_its_own_style_and_nothing_else() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let (_, numbers) = full();
    let page = html(&numbers, Language::English, true);
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
    assert!(page.contains(&format!("content=\"default-src 'none'; style-src 'sha256-{digest}'\"")));
}

#[test]
fn without_names_no_account_is_named_anywhere() {
    let explored = explored(ExploreOptions::default());
    let numbers = explored.numbers(&Names::Numbered("cuenta n.º".to_owned()));
    let page = html(&numbers, Language::Spanish, false);
    let named = (0..7).find(|place| page.contains(&format!("cuenta{place}")));
    assert_eq!((named, page.contains("vecina")), (None, false));
    assert!(page.contains("cuenta n.º 1<") && page.contains("están tapadas"));
}

#[test]
fn data_without_times_authors_or_groups_have_a_page_too() {
    let mut explorer = Explorer::new(ExploreOptions { zone: TimeZone::UTC, ..ExploreOptions::default() });
    let mut row = Row::default();
    row.set("text", "una sola");
    explorer.add(vec![row], &|_| String::new()).unwrap();
    let numbers = explorer.finish().unwrap().numbers(&Names::Shown);
    let page = html(&numbers, Language::Spanish, true);
    assert!(
        page.contains("publicaciones sin fecha") && !page.contains("id=\"hours\"") && !page.contains("NaN"),
        "{page}"
    );
}

#[test]
fn a_group_s_point_is_near_the_groups_that_use_its_words() {
    let (_, numbers) = full();
    let groups = &numbers.groupings[0].groups;
    assert!(groups.iter().all(|group| group.point.is_some()));
    let explained = numbers.vectors.as_ref().unwrap().explained[0];
    assert!((explained[0] + explained[1] - 1.0).abs() < 1e-6, "three points are in one plane: {explained:?}");
}

#[test]
fn only_an_earlier_page_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (_, numbers) = full();
    let content = |title| PageContent {
        language: Language::English,
        title,
        numbers: &numbers,
        names_are_shown: true,
        command: "c",
        sample: 1,
    };
    let path = folder.path().join("a.html");
    write_page(&path, &content("one")).unwrap();
    write_page(&path, &content("two")).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("Exploration of two"));
    let other = folder.path().join("b.html");
    std::fs::write(&other, "mine").unwrap();
    write_page(&other, &content("one")).unwrap_err();
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
}
