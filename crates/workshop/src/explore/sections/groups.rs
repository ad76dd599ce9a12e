//! The groups: sizes, the words that set them apart, sentiment, word vectors.

use super::Section;
use super::times::number;
use crate::explore::charts::{self, COLOURS, Mark, meter};
use crate::explore::content::PageContent;
use crate::explore::html::{Cell, details, drawing, legend, shown, table};
use pregonero_data::explore::numbers::{DistinctiveWord, Group, Grouping, Sentiment};

/// The most groups whose words are listed, and that are drawn hour by hour.
const GROUPS: usize = 24;
/// The most marks under a drawing of months.
const MARKS: usize = 8;

/// How much each group posts.
pub(super) fn sizes(content: &PageContent<'_>, place: usize, grouping: &Grouping) -> Section {
    let (language, all) = (content.language, content.numbers.posts);
    let most = grouping.groups.first().map_or(1, |group| group.posts).max(1) as f64;
    let row = |group: &Group| {
        vec![
            Cell::text(&group.name),
            Cell::Bar(meter(&[(group.posts as f64 / most, "f0")])),
            number(language.whole(group.posts)),
            number(language.percent(group.posts, all)),
            number(language.whole(group.accounts)),
            number(language.real(group.mean_characters, 0)),
        ]
    };
    let rows: Vec<_> = grouping.groups.iter().map(row).collect();
    let column = &grouping.column;
    let title = language.t(format!("Publicaciones por «{column}»"), format!("Posts by \"{column}\""));
    let head = language.t(
        [column.as_str(), "", "publicaciones|", "parte|", "cuentas|", "caracteres|"],
        [column.as_str(), "", "posts|", "share|", "accounts|", "characters|"],
    );
    let mut html = table(&title, &head, &rows);
    if grouping.without > 0 {
        let (posts, one) = (language.posts(grouping.without), grouping.without == 1);
        let (tiene, has) = if one { ("tiene", "has") } else { ("tienen", "have") };
        let note = language.t(format!("{posts} no {tiene} valor."), format!("{posts} {has} no value."));
        html.push_str(&format!("<p>{note}</p>\n"));
    }
    if content.numbers.span.is_some() {
        html.push_str(&by_hour(content, grouping));
        html.push_str(&by_period(content, grouping));
    }
    Section::new(&format!("groups-{place}"), title, Some(23), html)
}

/// Each group's posts by hour, as a share of its own busiest hour.
fn by_hour(content: &PageContent<'_>, grouping: &Grouping) -> String {
    let language = content.language;
    let groups = &grouping.groups[..grouping.groups.len().min(GROUPS)];
    let shares = |group: &Group| {
        let most = group.hours.iter().copied().max().unwrap_or(1).max(1) as f64;
        (group.name.clone(), group.hours.iter().map(|posts| *posts as f64 / most).collect())
    };
    let rows: Vec<(String, Vec<f64>)> = groups.iter().map(shares).collect();
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let tip =
        |row: usize, hour: usize| format!("{} {hour} h: {}", groups[row].name, language.whole(groups[row].hours[hour]));
    let label = language
        .t("Por hora, según la hora más activa de cada grupo", "By hour, as a share of each group's busiest hour");
    let name = format!("{}: {label}", grouping.column);
    format!("<h3>{label}</h3>\n{}", drawing(&name, &charts::grid(&name, &rows, &hours, tip)))
}

/// The groups' posts by month or day.
fn by_period(content: &PageContent<'_>, grouping: &Grouping) -> String {
    let language = content.language;
    let mut periods: Vec<&String> = grouping.groups.iter().flat_map(|group| group.months.keys()).collect();
    periods.sort_unstable();
    periods.dedup();
    let groups = &grouping.groups[..grouping.groups.len().min(COLOURS)];
    let label = language.t("Publicaciones por periodo", "Posts by period");
    let head: Vec<String> = groups.iter().map(|group| format!("{}|", charts::cut(&group.name, 16))).collect();
    let head: Vec<&str> = std::iter::once("").chain(head.iter().map(String::as_str)).collect();
    let row = |period: &&String| {
        let posts = groups.iter().map(|group| number(language.whole(group.months.get(*period).copied().unwrap_or(0))));
        std::iter::once(Cell::text(period)).chain(posts).collect()
    };
    let rows: Vec<Vec<Cell>> = periods.iter().map(row).collect();
    details(language, label, &table(&format!("{}: {label}", grouping.column), &head, &rows))
}

/// The words and hashtags that set the groups apart.
pub(super) fn words(content: &PageContent<'_>, place: usize, grouping: &Grouping) -> Option<Section> {
    let language = content.language;
    if grouping.groups.len() < 2 {
        return None;
    }
    let note = language.t(
        "Lo que un grupo usa más que los demás: razón de log-odds con una distribución de Dirichlet informativa como previa (Monroe, \
         Colaresi y Quinn 2008). La barra y el número son z, la razón en errores estándar; por encima de 2 es poco probable que sea \
         azar. A su lado, las publicaciones del grupo y de los demás que la tienen.",
        "What a group uses more than the others: the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn \
         2008). Bar and number are z, the ratio in standard errors; above 2, chance is an unlikely reason. Next to it, how many posts of \
         the group and of the others have it.",
    );
    let mut html = format!("<p>{note}</p>\n<div class=\"columns\">");
    for group in grouping.groups.iter().take(GROUPS) {
        html.push_str(&format!("<div><h3>{}</h3>\n", shown(&group.name)));
        html.push_str(&distinctive(content, &group.name, &group.words, language.t("palabra", "word")));
        html.push_str(&distinctive(content, &group.name, &group.hashtags, "hashtag"));
        html.push_str("</div>\n");
    }
    let title = language.t(
        format!("Palabras que distinguen a cada «{}»", grouping.column),
        format!("Words that set each \"{}\" apart", grouping.column),
    );
    Some(Section::new(&format!("words-{place}"), title, None, html + "</div>\n"))
}

fn distinctive(content: &PageContent<'_>, group: &str, words: &[DistinctiveWord], what: &str) -> String {
    let language = content.language;
    let Some(best) = words.first() else { return String::new() };
    let row = |word: &DistinctiveWord| {
        vec![
            Cell::text(&word.word),
            Cell::Bar(meter(&[(word.z / best.z, "f0")])),
            number(language.real(word.z, 1)),
            number(language.whole(word.here)),
            number(language.whole(word.elsewhere)),
        ]
    };
    let head = language.t([what, "", "z|", "aquí|", "otros|"], [what, "", "z|", "here|", "others|"]);
    table(&format!("{group}: {what}"), &head, &words.iter().map(row).collect::<Vec<_>>())
}

/// What a classifier says of the groups, and over time.
pub(super) fn sentiment(content: &PageContent<'_>) -> Option<Section> {
    let language = content.language;
    let sentiment = content.numbers.sentiment.as_ref()?;
    let classes: Vec<String> =
        sentiment.labels.iter().enumerate().map(|(place, label)| class_of(place, label)).collect();
    let (sampled, model) = (language.posts(sentiment.sampled), shown(&sentiment.model));
    let chosen = if sentiment.sampled == 1 { "elegida" } else { "elegidas" };
    let note = language.t(
        format!("El clasificador {model} sobre {sampled} {chosen} al azar, sin retuits. Un clasificador se equivoca: compare \
                 grupos, no publicaciones."),
        format!("The classifier {model} on {sampled} drawn at random, without retweets. A classifier errs: compare groups, not \
                 posts."),
    );
    let mut html = format!("<p>{note}</p>\n{}", legend(&sentiment.labels, &classes));
    let everything = vec![sentiment_row(content, sentiment, &classes, language.t("todas", "all"), &sentiment.posts)];
    html.push_str(&sentiment_table(content, sentiment, language.t("todas", "all"), &everything));
    for grouping in &content.numbers.groupings {
        let row = |group: &Group| {
            group.sentiment.as_ref().map(|posts| sentiment_row(content, sentiment, &classes, &group.name, posts))
        };
        let rows: Vec<_> = grouping.groups.iter().filter_map(row).collect();
        html.push_str(&sentiment_table(content, sentiment, &grouping.column, &rows));
    }
    html.push_str(&over_time(content, sentiment, &classes));
    Some(Section::new("sentiment", language.t("Sentimiento", "Sentiment"), None, html))
}

fn class_of(place: usize, label: &str) -> String {
    match label {
        "negative" => "f-bad".to_owned(),
        "positive" => "f-good".to_owned(),
        "neutral" => "f-plain".to_owned(),
        _ => format!("f{}", place % COLOURS),
    }
}

fn sentiment_row(
    content: &PageContent<'_>,
    sentiment: &Sentiment,
    classes: &[String],
    name: &str,
    posts: &[u64],
) -> Vec<Cell> {
    let language = content.language;
    let all: u64 = posts.iter().sum();
    let parts: Vec<(f64, &str)> =
        posts.iter().zip(classes).map(|(posts, class)| (*posts as f64 / all.max(1) as f64, class.as_str())).collect();
    let mut row = vec![Cell::text(name), Cell::Bar(meter(&parts))];
    row.extend(posts.iter().take(sentiment.labels.len()).map(|posts| number(language.percent(*posts, all))));
    row.push(number(language.whole(all)));
    row
}

fn sentiment_table(content: &PageContent<'_>, sentiment: &Sentiment, column: &str, rows: &[Vec<Cell>]) -> String {
    let language = content.language;
    let mut head = vec![column.to_owned(), String::new()];
    head.extend(sentiment.labels.iter().map(|label| format!("{label}|")));
    head.push(language.t("muestra|", "sample|").to_owned());
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let what = language.t("Sentimiento", "Sentiment");
    table(&format!("{what} {column}"), &head, rows)
}

fn over_time(content: &PageContent<'_>, sentiment: &Sentiment, classes: &[String]) -> String {
    let language = content.language;
    let then = &sentiment.over_time;
    if then.len() < 2 {
        return String::new();
    }
    let share = |posts: &Vec<u64>| {
        let all = posts.iter().sum::<u64>().max(1) as f64;
        posts.iter().map(|posts| *posts as f64 / all).collect()
    };
    let bars: Vec<Vec<f64>> = then.iter().map(|then| share(&then.posts)).collect();
    let tip = |place: usize| {
        let parts = sentiment.labels.iter().zip(&then[place].posts).map(|(label, posts)| format!("{label} {posts}"));
        format!("{}: {}", then[place].when, parts.collect::<Vec<_>>().join(", "))
    };
    let step = then.len().div_ceil(MARKS);
    let marks: Vec<Mark> =
        (0..then.len()).step_by(step).map(|place| (place as f64, then[place].when.clone())).collect();
    let label = language.t("A lo largo del tiempo", "Over time");
    let row = |then: &pregonero_data::explore::numbers::SentimentThen| {
        let posts = then.posts.iter().map(|posts| number(language.whole(*posts)));
        std::iter::once(Cell::text(&then.when)).chain(posts).collect()
    };
    let head: Vec<String> = sentiment.labels.iter().map(|label| format!("{label}|")).collect();
    let head: Vec<&str> = std::iter::once("").chain(head.iter().map(String::as_str)).collect();
    let numbers = table(label, &head, &then.iter().map(row).collect::<Vec<Vec<Cell>>>());
    let svg = charts::shares(label, &bars, classes, &marks, tip);
    format!("<h3>{label}</h3>\n{}{}", drawing(label, &svg), details(language, label, &numbers))
}

/// The groups in the plane of their words' vectors.
pub(super) fn vectors(content: &PageContent<'_>) -> Option<Section> {
    let language = content.language;
    let vectors = content.numbers.vectors.as_ref()?;
    let (source, words) = (shown(&vectors.source), language.whole(vectors.words));
    let note = language.t(
        format!("Cada grupo es el promedio de los vectores de sus palabras (sin palabras vacías), en las dos direcciones en que los grupos \
                 más difieren (componentes principales). Cercanía: usan palabras parecidas. Los ejes no tienen nombre propio. Vectores: \
                 {source}; {words} palabras, {} valores cada una.", vectors.width),
        format!("Each group is the mean of the vectors of its words (without stop words), along the two directions in which the groups \
                 differ most (principal components). Near groups use similar words; the axes have no meaning of their own. Vectors: {source}; \
                 {words} words of {} values.", vectors.width),
    );
    let mut html = format!("<p>{note}</p>\n");
    for (grouping, explained) in content.numbers.groupings.iter().zip(&vectors.explained) {
        let point = |group: &Group| Some((group.name.clone(), group.point?, group.posts as f64));
        let points: Vec<_> = grouping.groups.iter().filter_map(point).collect();
        if points.len() < 2 {
            continue;
        }
        let share = |place: usize| language.real(100.0 * explained[place], 0);
        let label = language.t(
            format!("Por «{}»: el {} % y el {} % de las diferencias", grouping.column, share(0), share(1)),
            format!("By \"{}\": {} % and {} % of the differences", grouping.column, share(0), share(1)),
        );
        let row = |point: &(String, [f64; 2], f64)| {
            vec![Cell::text(&point.0), number(language.real(point.1[0], 4)), number(language.real(point.1[1], 4))]
        };
        let head = [grouping.column.as_str(), "x|", "y|"];
        let numbers = details(language, &label, &table(&label, &head, &points.iter().map(row).collect::<Vec<_>>()));
        html.push_str(&format!(
            "<h3>{}</h3>\n{}{numbers}",
            shown(&label),
            drawing(&label, &charts::plane(&label, &points))
        ));
    }
    let title = language.t("Vectores de palabras por grupo", "Word vectors by group");
    Some(Section::new("vectors", title, Some(24), html))
}
