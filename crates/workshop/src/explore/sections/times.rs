//! When people post.

use super::Section;
use crate::explore::charts::{self, Mark};
use crate::explore::content::PageContent;
use crate::explore::html::{Cell, details, drawing, table};
use jiff::civil::Date;

/// The most marks under a drawing of days.
const MARKS: usize = 8;

/// Hours of the day and of the week.
pub(super) fn hours(content: &PageContent<'_>) -> Section {
    let (language, numbers) = (content.language, content.numbers);
    let days = numbers.span.as_ref().map_or(1, |span| span.days) as f64;
    let means: Vec<f64> = numbers.hours.iter().map(|posts| *posts as f64 / days).collect();
    let label = language.t("Publicaciones por hora del día", "Posts by hour of the day");
    let mean = |hour: usize| language.real(means[hour], 1);
    let tip = |hour: usize| {
        let (mean, posts) = (mean(hour), language.whole(numbers.hours[hour]));
        language.t(format!("{hour} h: {posts}, {mean} al día"), format!("{hour} h: {posts}, {mean} a day"))
    };
    let mut html = format!("<p>{}</p>\n", intro(content));
    html.push_str(&drawing(label, &charts::bars(label, &means, &hour_marks(), tip)));
    let row = |hour: usize| {
        let active = language.percent(numbers.accounts.active_by_hour[hour], numbers.accounts.count);
        vec![
            Cell::text(format!("{hour:02}")),
            number(language.whole(numbers.hours[hour])),
            number(mean(hour)),
            number(active),
        ]
    };
    let rows: Vec<_> = (0..24).map(row).collect();
    let head = language
        .t(["hora", "publicaciones|", "al día|", "cuentas activas|"], ["hour", "posts|", "a day|", "active accounts|"]);
    html.push_str(&details(language, label, &table(label, &head, &rows)));
    html.push_str(&week(content));
    Section::new("hours", language.t("Por hora del día", "By hour of the day"), Some(19), html)
}

fn intro(content: &PageContent<'_>) -> String {
    let (language, accounts) = (content.language, &content.numbers.accounts);
    let night = language.percent(accounts.at_night, accounts.count);
    language.t(
        format!("Promedio de publicaciones al día en cada hora. El {night} de las cuentas publicó alguna vez entre las 2 y las 7."),
        format!("Mean number of posts a day in each hour. {night} of the accounts have posted between 2 and 7 in the morning."),
    )
}

fn week(content: &PageContent<'_>) -> String {
    let (language, numbers) = (content.language, content.numbers);
    let most = numbers.week.iter().flatten().copied().max().unwrap_or(1).max(1) as f64;
    let names = language.weekdays();
    let share = |day: &[u64; 24]| day.iter().map(|posts| *posts as f64 / most).collect();
    let rows: Vec<(String, Vec<f64>)> =
        names.iter().zip(&numbers.week).map(|(name, day)| ((*name).to_owned(), share(day))).collect();
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let tip = |day: usize, hour: usize| format!("{} {hour} h: {}", names[day], language.whole(numbers.week[day][hour]));
    let label = language.t("Publicaciones por día de la semana y hora", "Posts by weekday and hour");
    format!("<h3>{label}</h3>\n{}", drawing(label, &charts::grid(label, &rows, &hours, tip)))
}

/// Every day.
pub(super) fn days(content: &PageContent<'_>) -> Section {
    let (language, numbers) = (content.language, content.numbers);
    let label = language.t("Publicaciones por día", "Posts by day");
    let first = first_day(content);
    // A column is a day, or several days where there are more days than a screen has columns.
    let step = numbers.days.len().div_ceil(730).max(1);
    let sums: Vec<f64> =
        numbers.days.chunks(step).map(|days| days.iter().sum::<u64>() as f64 / days.len() as f64).collect();
    let tip = |place: usize| {
        format!("{}: {}", day_after(first, place * step), language.real(sums[place], usize::from(step > 1)))
    };
    let marks = day_marks(first, numbers.days.len());
    let marks: Vec<Mark> = marks.into_iter().map(|(at, text)| (at / step as f64, text)).collect();
    let mut html = String::new();
    if step > 1 {
        let note = language.t(
            format!("Cada columna es el promedio de {step} días."),
            format!("Each column is the mean of {step} days."),
        );
        html.push_str(&format!("<p>{note}</p>\n"));
    }
    html.push_str(&drawing(label, &charts::bars(label, &sums, &marks, tip)));
    let head = language.t(["fecha", "publicaciones|"], ["date", "posts|"]);
    let mut busiest: Vec<usize> = (0..numbers.days.len()).collect();
    busiest.sort_by_key(|&day| (std::cmp::Reverse(numbers.days[day]), day));
    let row =
        |&day: &usize| vec![Cell::text(day_after(first, day).to_string()), number(language.whole(numbers.days[day]))];
    let rows: Vec<_> = busiest.iter().take(10).map(row).collect();
    let label = language.t("los diez días con más publicaciones", "the ten busiest days");
    html.push_str(&details(language, label, &table(label, &head, &rows)));
    Section::new("days", language.t("Por día", "By day"), None, html)
}

pub(super) fn number(text: String) -> Cell {
    Cell::Number(text)
}

/// Returns the marks under 24 hours.
pub(super) fn hour_marks() -> Vec<Mark> {
    (0..24).step_by(3).map(|hour| (f64::from(hour), hour.to_string())).collect()
}

/// Returns the date of the first day.
pub(super) fn first_day(content: &PageContent<'_>) -> Date {
    content.numbers.span.as_ref().and_then(|span| span.first.parse().ok()).unwrap_or(Date::ZERO)
}

/// Returns the date some days later.
pub(super) fn day_after(first: Date, days: usize) -> Date {
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    first.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX)
}

/// Returns marks at even distances over so many days.
pub(super) fn day_marks(first: Date, days: usize) -> Vec<Mark> {
    let step = days.div_ceil(MARKS).max(1);
    let mark = |day: usize| (day as f64, day_after(first, day).to_string());
    (step / 2..days).step_by(step).map(mark).collect()
}
