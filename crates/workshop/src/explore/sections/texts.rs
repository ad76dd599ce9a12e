//! What the posts are: kinds, words, lengths, repeated texts.

use super::Section;
use super::times::number;
use crate::explore::charts::{self, Mark, meter};
use crate::explore::content::PageContent;
use crate::explore::html::{Cell, details, drawing, shown, table};
use pregonero_data::explore::numbers::{Named, Repeated};

/// Originals, replies, quotes and retweets.
pub(super) fn kinds(content: &PageContent<'_>) -> Section {
    let (language, kinds) = (content.language, content.numbers.kinds);
    let names =
        language.t(["originales", "respuestas", "citas", "retuits"], ["originals", "replies", "quotes", "retweets"]);
    let posts = [kinds.originals, kinds.replies, kinds.quotes, kinds.retweets];
    let row = |(name, posts): (&str, u64)| {
        let share = posts as f64 / content.numbers.posts.max(1) as f64;
        vec![
            Cell::text(name),
            Cell::Bar(meter(&[(share, "f0")])),
            number(language.whole(posts)),
            number(language.percent(posts, content.numbers.posts)),
        ]
    };
    let rows: Vec<_> = names.into_iter().zip(posts).map(row).collect();
    let title = language.t("Publicaciones originales y las demás", "Original posts and others");
    let note = language.t(
        "Según las columnas retweet, quote y reply; sin ellas, un texto que empieza con «RT @» es un retuit y uno que empieza con una \
         mención, una respuesta.",
        "By the columns retweet, quote and reply; without them, a text that begins with \"RT @\" is a retweet, and one that begins \
         with a mention a reply.",
    );
    let head = language.t(["clase", "", "publicaciones|", "parte|"], ["kind", "", "posts|", "share|"]);
    let mut html = format!("{}<p class=\"muted\">{note}</p>\n", table(title, &head, &rows));
    if !content.numbers.languages.is_empty() {
        let label = language.t("Idiomas", "Languages");
        html.push_str(&details(language, label, &list(content, label, &content.numbers.languages)));
    }
    Section::new("kinds", title, Some(18), html)
}

/// The most frequent words and hashtags.
pub(super) fn words(content: &PageContent<'_>) -> Section {
    let language = content.language;
    let title = language.t("Palabras y hashtags más frecuentes", "Most frequent words and hashtags");
    let note = language.t(
        "En cuántas publicaciones está cada una. Las palabras vacías del español no se muestran.",
        "The number of posts that have each of them. Spanish stop words are left out.",
    );
    let list = |label: &str, words: &[Named]| format!("<div><h3>{label}</h3>\n{}</div>", list(content, label, words));
    let words = list(language.t("Palabras", "Words"), &content.numbers.words[..content.numbers.words.len().min(30)]);
    let hashtags = list("Hashtags", &content.numbers.hashtags);
    Section::new("words", title, None, format!("<p>{note}</p>\n<div class=\"columns\">{words}{hashtags}</div>\n"))
}

fn list(content: &PageContent<'_>, label: &str, words: &[Named]) -> String {
    let language = content.language;
    let most = words.first().map_or(1, |word| word.posts).max(1) as f64;
    let row = |word: &Named| {
        let bar = Cell::Bar(meter(&[(word.posts as f64 / most, "f0")]));
        vec![Cell::text(&word.name), bar, number(language.whole(word.posts))]
    };
    let head = ["", "", language.t("publicaciones|", "posts|")];
    table(label, &head, &words.iter().map(row).collect::<Vec<_>>())
}

/// How long the posts are.
pub(super) fn lengths(content: &PageContent<'_>) -> Section {
    let (language, lengths) = (content.language, &content.numbers.lengths);
    let title = language.t("Largo de las publicaciones", "Lengths of the posts");
    let label = language.t("Publicaciones por número de caracteres", "Posts by number of characters");
    let from = |place: usize| place as u64 * lengths.step;
    let tip = |place: usize| {
        let posts = language.whole(lengths.characters[place]);
        match place + 1 == lengths.characters.len() {
            true => language.t(format!("{} o más: {posts}", from(place)), format!("{} or more: {posts}", from(place))),
            false => format!("{}–{}: {posts}", from(place), from(place + 1) - 1),
        }
    };
    let values: Vec<f64> = lengths.characters.iter().map(|posts| *posts as f64).collect();
    let marks: Vec<Mark> =
        (0..values.len()).step_by(2).map(|place| (place as f64 - 0.5, from(place).to_string())).collect();
    let (characters, words) = (language.real(lengths.mean_characters, 0), language.real(lengths.mean_words, 1));
    let median = lengths.median_words;
    let note = language.t(
        format!("En promedio {characters} caracteres y {words} palabras (mediana: {median}). Se cuentan todos los caracteres del texto, \
                 también los de enlaces y menciones; X cuenta un enlace como 23."),
        format!("{characters} characters and {words} words on average (median: {median}). All characters of the text count, also those \
                 of links and mentions; X counts a link as 23."),
    );
    let rows: Vec<_> = (0..values.len())
        .map(|place| {
            let range = tip(place);
            let range = range.rsplit_once(':').map_or(range.as_str(), |(range, _)| range).to_owned();
            vec![Cell::text(range), number(language.whole(lengths.characters[place]))]
        })
        .collect();
    let head = language.t(["caracteres", "publicaciones|"], ["characters", "posts|"]);
    let numbers = details(language, label, &table(label, &head, &rows));
    let svg = charts::bars(label, &values, &marks, tip);
    Section::new("lengths", title, None, format!("<p>{note}</p>\n{}{numbers}", drawing(label, &svg)))
}

/// Texts that were posted several times.
pub(super) fn repeated(content: &PageContent<'_>) -> Section {
    let (language, numbers) = (content.language, content.numbers);
    let duplicates = &numbers.duplicates;
    let compared = numbers.posts - numbers.kinds.retweets;
    let (exact, near) = (language.posts(duplicates.exact), language.whole(duplicates.near));
    let (tienen, have) = if duplicates.exact == 1 { ("tiene", "has") } else { ("tienen", "have") };
    let share = if duplicates.near == 1 { "shares" } else { "share" };
    let otras = if duplicates.near == 1 { "otra".to_owned() } else { format!("otras {near}") };
    let comparten = if duplicates.near == 1 { "comparte" } else { "comparten" };
    let (exact_share, near_share) =
        (language.percent(duplicates.exact, compared), language.percent(duplicates.near, compared));
    let threshold = language.percent((duplicates.threshold * 100.0).round() as u64, 100);
    let note = language.t(
        format!("Sin contar retuits, {exact} ({exact_share}) {tienen} las mismas palabras que una anterior, y {otras} \
                 ({near_share}) {comparten} al menos el {threshold} de ellas. Enlaces, menciones y palabras vacías no cuentan; los textos de menos de cuatro \
                 palabras no se comparan."),
        format!("Retweets apart, {exact} ({exact_share}) {have} the same words as an earlier one, and another {near} ({near_share}) \
                 {share} at least {threshold} of them. Links, mentions and stop words do not count; texts of fewer than four words are not compared."),
    );
    let row = |repeated: &Repeated| {
        vec![
            Cell::Text(format!("<span class=\"quote\">{}</span>", shown(&repeated.text))),
            number(language.whole(repeated.posts)),
        ]
    };
    let rows: Vec<_> = duplicates.top.iter().map(row).collect();
    let label = language.t("Los textos que más se repiten", "The texts that repeat most");
    let head = language.t(["texto (una de sus formas)", "publicaciones|"], ["text (one of its forms)", "posts|"]);
    let top = if rows.is_empty() { String::new() } else { table(label, &head, &rows) };
    let title = language.t("Textos repetidos", "Repeated texts");
    Section::new("repeated", title, None, format!("<p>{note}</p>\n{top}"))
}
