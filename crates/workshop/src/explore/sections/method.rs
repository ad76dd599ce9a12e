//! What was read, and how the numbers were made.

use super::Section;
use crate::explore::content::PageContent;
use crate::explore::html::shown;

/// The numbers at the top.
pub(super) fn summary(content: &PageContent<'_>) -> Section {
    let (language, numbers) = (content.language, content.numbers);
    let share = |posts| language.percent(posts, numbers.posts);
    let pairs = [
        (language.t("Publicaciones", "Posts"), language.whole(numbers.posts)),
        (language.t("Cuentas", "Accounts"), language.whole(numbers.accounts.count)),
        (language.t("Días", "Days"), language.whole(numbers.span.as_ref().map_or(0, |span| span.days))),
        (language.t("Con enlace", "With a link"), share(numbers.with_link)),
        (language.t("Con mención", "With a mention"), share(numbers.with_mention)),
        (language.t("Con hashtag", "With a hashtag"), share(numbers.with_hashtag)),
    ];
    let mut html = "<dl class=\"numbers\">".to_owned();
    for (name, value) in pairs {
        html.push_str(&format!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    }
    html.push_str("</dl>\n");
    let left_out = left_out(content);
    if !left_out.is_empty() {
        html.push_str("<ul>");
        left_out.iter().for_each(|line| html.push_str(&format!("<li>{line}</li>")));
        html.push_str("</ul>\n");
    }
    Section::new("summary", language.t("De un vistazo", "At a glance"), None, html)
}

fn left_out(content: &PageContent<'_>) -> Vec<String> {
    let (language, left_out) = (content.language, &content.numbers.left_out);
    let first =
        left_out.first_unreadable_time.as_deref().map_or_else(String::new, |first| format!(" ({})", shown(first)));
    let lines = [
        (
            left_out.without_text,
            language.t("filas sin texto, que no cuentan", "rows without a text, which do not count").to_owned(),
        ),
        (
            left_out.outside_span,
            language
                .t("publicaciones fuera de los días pedidos", "posts outside the days that were asked for")
                .to_owned(),
        ),
        (left_out.without_time, language.t("publicaciones sin fecha", "posts without a time").to_owned()),
        (
            left_out.unreadable_time,
            language
                .t(
                    "publicaciones con una fecha que no se pudo leer; la primera:",
                    "posts with a time that could not be read; the first:",
                )
                .to_owned()
                + &first,
        ),
        (left_out.without_author, language.t("publicaciones sin autor", "posts without an author").to_owned()),
    ];
    let line = |(count, what): (u64, String)| format!("{} {what}", language.whole(count));
    lines.into_iter().filter(|(count, _)| *count > 0).map(line).collect()
}

/// How the page was made.
pub(super) fn method(content: &PageContent<'_>) -> Section {
    let language = content.language;
    let title = language.t("Cómo se hizo", "How it was made");
    let figures = language.t(
        "«fig.» nombra la figura de «Este político no existe» (2020) a la que corresponde una parte.",
        "\"fig.\" names the figure of \"Este político no existe\" (2020) that a part corresponds to.",
    );
    let sample = language.whole(content.sample as u64);
    let sampled = language.t(
        format!(
            "Sentimiento y vectores salen de una muestra de hasta {sample} publicaciones; todo lo demás, de todas."
        ),
        format!(
            "Sentiment and vectors come from a sample of up to {sample} posts; everything else comes from all of them."
        ),
    );
    let mut html = format!("<pre>{}</pre>\n<p>{figures} {sampled}</p>\n", shown(content.command));
    for line in bounds(content) {
        html.push_str(&format!("<p>{line}</p>\n"));
    }
    Section::new("method", title, None, html)
}

/// Returns what is not exact because memory is bounded.
fn bounds(content: &PageContent<'_>) -> Vec<String> {
    let (language, bounds) = (content.language, content.numbers.bounds);
    let line = |count: u64, spanish: &str, english: &str| {
        (count > 0).then(|| format!("{} {}.", language.t(spanish, english), language.whole(count)))
    };
    let lines = [
        line(
            bounds.words,
            "Hay más palabras distintas de las que caben en memoria: al número de publicaciones con una palabra le faltan como mucho",
            "There are more different words than fit into memory: the number of posts with a word is too small by at most",
        ),
        line(
            bounds.account_hours,
            "Al número de publicaciones de una cuenta en una hora le faltan como mucho",
            "The number of posts of an account in an hour is too small by at most",
        ),
        line(
            bounds.accounts_of_groups,
            "Al número de cuentas de un grupo le faltan como mucho",
            "The number of accounts of a group is too small by at most",
        ),
        line(
            bounds.posts_of_other_accounts,
            "Publicaciones de cuentas que llegaron cuando ya se seguían 500.000, contadas solo en los totales:",
            "Posts of accounts that came when 500,000 were followed already, which only count in the totals:",
        ),
        line(
            bounds.not_compared,
            "Publicaciones comparadas solo con el primer millón de textos:",
            "Posts that were compared with the first million texts only:",
        ),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    if lines.is_empty() {
        return vec![language.t("Todos los números son exactos.", "All counts are exact.").to_owned()];
    }
    lines
}
