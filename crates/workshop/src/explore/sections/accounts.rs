//! Who posts, and how much at once.

use super::Section;
use super::times::{day_after, day_marks, first_day, hour_marks, number};
use crate::explore::charts::{self, Mark, Point, meter};
use crate::explore::content::PageContent;
use crate::explore::html::{Cell, drawing, table};
use pregonero_data::explore::numbers::{Bubble, Bursts};

/// The sections on accounts.
pub(super) fn all(content: &PageContent<'_>) -> Vec<Section> {
    let mut sections = vec![most_active(content)];
    if content.numbers.span.is_some() {
        sections.extend([by_hour(content), by_day(content)]);
    }
    sections
}

fn most_active(content: &PageContent<'_>) -> Section {
    let (language, accounts) = (content.language, &content.numbers.accounts);
    let most = accounts.top.first().map_or(1.0, |account| account.posts as f64);
    let row = |account: &pregonero_data::explore::numbers::ActiveAccount| {
        vec![
            Cell::text(&account.account),
            Cell::Bar(meter(&[(account.posts as f64 / most, "f0")])),
            number(language.whole(account.posts)),
            number(language.real(account.a_day, 1)),
        ]
    };
    let rows: Vec<_> = accounts.top.iter().map(row).collect();
    let title = language.t("Cuentas más activas", "Most active accounts");
    let head = language.t(["cuenta", "", "publicaciones|", "al día|"], ["account", "", "posts|", "a day|"]);
    let days = content.numbers.span.as_ref().map_or(1, |span| span.days);
    let mean = content.numbers.posts as f64 / accounts.count.max(1) as f64 / days as f64;
    let (mean, days) = (language.real(mean, 2), language.whole(days));
    let note = language.t(
        format!(
            "Promedio por día, sobre los {days} días de los datos. Una cuenta publica en promedio {mean} veces al día."
        ),
        format!("Mean a day, over the {days} days of the data. An account posts {mean} times a day on average."),
    );
    Section::new("accounts", title, Some(21), format!("<p>{note}</p>\n{}", table(title, &head, &rows)))
}

fn by_hour(content: &PageContent<'_>) -> Section {
    let language = content.language;
    let title = language.t("Publicaciones de una cuenta en una hora", "Posts of one account in one hour");
    let note = language.t(
        "Cada círculo: en esa hora del día, cuántas veces una cuenta publicó esa cantidad en un mismo día. Cuanto mayor, más veces.",
        "Each circle: in that hour of the day, how often an account made so many posts on one day. The larger, the more often.",
    );
    let bursts = &content.numbers.accounts.by_hour;
    let name = |bubble: &Bubble| format!("{} h", bubble.at);
    let svg = charts::bubbles(title, (0.0, 23.0), &hour_marks(), &points(content, bursts, name));
    Section::new(
        "account-hours",
        title,
        Some(20),
        format!("<p>{note}</p>\n{}{}", drawing(title, &svg), top(content, bursts, true)),
    )
}

fn by_day(content: &PageContent<'_>) -> Section {
    let language = content.language;
    let title = language.t("Publicaciones de una cuenta en un día", "Posts of one account on one day");
    let note = language.t(
        "Cada círculo: en ese día, cuántas cuentas publicaron esa cantidad. Si hay más de 1500 círculos, solo se dibujan los de más \
         publicaciones.",
        "Each circle: on that day, how many accounts made so many posts. Of more than 1,500 circles, only those of the most posts are \
         drawn.",
    );
    let bursts = &content.numbers.accounts.by_day;
    let (first, days) = (first_day(content), content.numbers.days.len());
    let marks: Vec<Mark> = day_marks(first, days);
    let name = |bubble: &Bubble| day_after(first, bubble.at as usize).to_string();
    let last = days.saturating_sub(1).max(1) as f64;
    let svg = charts::bubbles(title, (0.0, last), &marks, &points(content, bursts, name));
    Section::new(
        "account-days",
        title,
        Some(22),
        format!("<p>{note}</p>\n{}{}", drawing(title, &svg), top(content, bursts, false)),
    )
}

fn points(content: &PageContent<'_>, bursts: &Bursts, name: impl Fn(&Bubble) -> String) -> Vec<Point> {
    let language = content.language;
    let point = |bubble: &Bubble| {
        let (name, posts, times) = (name(bubble), language.posts(bubble.posts), bubble.times);
        let times = language.counted(times, ["vez", "veces"], ["time", "times"]);
        let tip = format!("{name}: {posts}, {times}");
        Point { x: f64::from(bubble.at), y: bubble.posts as f64, size: bubble.times as f64, tip }
    };
    bursts.bubbles.iter().map(point).collect()
}

fn top(content: &PageContent<'_>, bursts: &Bursts, with_hour: bool) -> String {
    let language = content.language;
    let row = |burst: &pregonero_data::explore::numbers::Burst| {
        let mut row = vec![Cell::text(&burst.account), Cell::text(&burst.date)];
        row.extend(burst.hour.map(|hour| number(hour.to_string())));
        row.push(number(language.whole(burst.posts)));
        row
    };
    let rows: Vec<_> = bursts.top.iter().map(row).collect();
    let label = match with_hour {
        true => language.t("Las mayores cantidades en una hora", "The greatest numbers in an hour"),
        false => language.t("Las mayores cantidades en un día", "The greatest numbers on a day"),
    };
    let head = language.t(["cuenta", "fecha", "hora|", "publicaciones|"], ["account", "date", "hour|", "posts|"]);
    let head: Vec<&str> = head.into_iter().filter(|name| with_hour || !matches!(*name, "hora|" | "hour|")).collect();
    format!("<h3>{label}</h3>\n{}", table(label, &head, &rows))
}
