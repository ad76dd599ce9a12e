//! The statistics over time as charts, each with its numbers in a table.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::{Answer, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::svg::{self, Point};
use pregonero_store::{StatsBy, StatsRow};

/// The spans that can be chosen, in days; 0 is everything.
const SPANS: [u16; 4] = [30, 90, 365, 0];

#[derive(Template)]
#[template(path = "charts.html")]
struct ChartsPage<'a> {
    ask: &'a Ask,
    days: u16,
    spans: [u16; 4],
    total: Option<&'a StatsRow>,
    charts: Vec<Chart>,
    /// How the table's rows are grouped, the groupings that can be chosen, and the rows.
    by: &'static str,
    /// What the query has and the page does not know.
    ignored: Vec<&'static str>,
    groupings: [(&'static str, &'static str); 5],
    groups: Vec<Group<'a>>,
}

/// A row of the table: its name, and the mean likes and views of the posts whose engagement was read.
struct Group<'a> {
    name: String,
    row: &'a StatsRow,
    likes: Option<f64>,
    views: Option<f64>,
}

/// A chart and its table.
struct Chart {
    id: &'static str,
    title: String,
    /// Names of the series, for the legend and the table's head.
    series: Vec<String>,
    svg: String,
    rows: Vec<(String, Vec<String>)>,
}

/// How far back, and how the table is grouped. A value that is not in the lists is named on the page, and the first choice
/// is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Span {
    days: String,
    by: String,
}

/// The groupings of the table that can be chosen.
const GROUPINGS: [StatsBy; 5] = [StatsBy::Month, StatsBy::Weekday, StatsBy::Hour, StatsBy::Prompt, StatsBy::Model];

impl Span {
    /// Returns the days, the grouping, and the names of what could not be read.
    fn read(&self) -> (u16, StatsBy, Vec<&'static str>) {
        let days = SPANS.into_iter().find(|span| span.to_string() == self.days);
        let by = GROUPINGS.into_iter().find(|by| by.as_str() == self.by);
        let mut ignored = Vec::new();
        if days.is_none() && !self.days.is_empty() {
            ignored.push("days");
        }
        if by.is_none() && !self.by.is_empty() {
            ignored.push("by");
        }
        (days.unwrap_or(0), by.unwrap_or(StatsBy::Month), ignored)
    }
}

/// The page.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask, Query(query): Query<Span>) -> Answer {
    let (days, by, ignored) = query.read();
    let app = page.app();
    let by_slot = [StatsBy::Total, StatsBy::Month, StatsBy::Hour, StatsBy::Weekday];
    let [total, months, hours, weekdays] = page.numbers.by_slot(&app, by_slot, days, ask.now).await?;
    let grouped = match by {
        StatsBy::Month => Arc::clone(&months),
        StatsBy::Weekday => Arc::clone(&weekdays),
        StatsBy::Hour => Arc::clone(&hours),
        other => page.numbers.of(&app, other, days, ask.now).await?,
    };
    let groups = grouped.iter().map(|row| group(&ask, row)).collect();
    let charts = vec![
        posts(&ask, &months),
        scores(&ask, &months),
        costs(&ask, &months),
        verdicts(&ask, "hours", ask.t("Candidatos por hora del turno", "Candidates by hour of the slot"), &hours),
        verdicts(&ask, "weekdays", ask.t("Candidatos por día de la semana", "Candidates by weekday"), &weekdays),
        gates(&ask, total.first()),
        reactions(&ask, &months),
    ];
    let charts = charts.into_iter().filter(|chart| !chart.rows.is_empty()).collect();
    let groupings = GROUPINGS.map(|by| (by.as_str(), grouping(&ask, by)));
    html(&ChartsPage {
        ask: &ask,
        days,
        spans: SPANS,
        total: total.first(),
        charts,
        by: by.as_str(),
        ignored,
        groupings,
        groups,
    })
}

fn grouping(ask: &Ask, by: StatsBy) -> &'static str {
    let (spanish, english) = match by {
        StatsBy::Total => ("todo", "all"),
        StatsBy::Prompt => ("frase inicial", "prompt"),
        StatsBy::Hour => ("hora", "hour"),
        StatsBy::Weekday => ("día de la semana", "weekday"),
        StatsBy::Model => ("modelo", "model"),
        StatsBy::Month => ("mes", "month"),
    };
    ask.language.say(spanish, english)
}

fn group<'a>(ask: &Ask, row: &'a StatsRow) -> Group<'a> {
    let name = row.name(weekday(ask, &row.key).unwrap_or(row.key.trim()));
    Group { name, row, likes: row.each(row.likes), views: row.each(row.views) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a record are far inside what f64 holds exactly")]
fn real(count: i64) -> f64 {
    count as f64
}

/// Builds a chart of counts, the series on top of each other.
fn stacked<'a, const N: usize>(
    id: &'static str,
    title: &str,
    series: [&str; N],
    rows: impl Iterator<Item = (String, [i64; N])> + 'a,
) -> Chart {
    let rows: Vec<(String, [i64; N])> = rows.collect();
    let points: Vec<Point> = rows
        .iter()
        .map(|(label, values)| Point {
            label: label.clone(),
            values: values.iter().map(|value| Some(real(*value))).collect(),
        })
        .collect();
    Chart {
        id,
        title: title.to_owned(),
        series: series.map(str::to_owned).to_vec(),
        svg: svg::bars(&points),
        rows: rows.into_iter().map(|(label, values)| (label, values.map(|value| value.to_string()).to_vec())).collect(),
    }
}

fn posts(ask: &Ask, months: &[StatsRow]) -> Chart {
    let series = [ask.state("sent"), ask.state("dry_run"), ask.t("sin publicación", "without a post")];
    let rows = months.iter().map(|row| {
        let count = |state| row.posts.get(state).copied().unwrap_or(0);
        let (sent, dry) = (count("sent"), count("dry_run"));
        (row.key.clone(), [sent, dry, (row.rounds - sent - dry).max(0)])
    });
    stacked("posts", ask.t("Rondas por mes", "Rounds by month"), series, rows)
}

fn scores(ask: &Ask, months: &[StatsRow]) -> Chart {
    let scored: Vec<(String, Option<f64>)> =
        months.iter().map(|row| (row.key.clone(), row.posted_score.mean)).collect();
    let points: Vec<Point> =
        scored.iter().map(|(label, mean)| Point { label: label.clone(), values: vec![*mean] }).collect();
    Chart {
        id: "scores",
        title: ask.t("Puntuación media de lo elegido, por mes", "Mean score of what was chosen, by month").to_owned(),
        series: vec![ask.t("media", "mean").to_owned()],
        svg: svg::line(&points, 1.0),
        rows: scored
            .into_iter()
            .map(|(label, mean)| (label, vec![mean.map_or_else(|| "—".to_owned(), |mean| ask.two(&mean))]))
            .collect(),
    }
}

fn costs(ask: &Ask, months: &[StatsRow]) -> Chart {
    let points: Vec<Point> = months
        .iter()
        .map(|row| Point { label: row.key.clone(), values: vec![Some(real(row.cost_micros) / 1e6)] })
        .collect();
    Chart {
        id: "costs",
        title: ask.t("Costo por mes, en dólares", "Cost by month, in dollars").to_owned(),
        series: vec![ask.t("dólares", "dollars").to_owned()],
        svg: svg::bars(&points),
        rows: months.iter().map(|row| (row.key.clone(), vec![ask.dollars(&row.cost_micros)])).collect(),
    }
}

fn verdicts(ask: &Ask, id: &'static str, title: &str, rows: &[StatsRow]) -> Chart {
    let series = [ask.state("pass"), ask.state("review"), ask.state("reject")];
    let name = |key: &str| weekday(ask, key).map_or_else(|| key.to_owned(), str::to_owned);
    stacked(id, title, series, rows.iter().map(|row| (name(&row.key), [row.passed, row.review, row.rejected])))
}

fn weekday(ask: &Ask, key: &str) -> Option<&'static str> {
    let (spanish, english) = match key {
        "Monday" => ("lun", "Mon"),
        "Tuesday" => ("mar", "Tue"),
        "Wednesday" => ("mié", "Wed"),
        "Thursday" => ("jue", "Thu"),
        "Friday" => ("vie", "Fri"),
        "Saturday" => ("sáb", "Sat"),
        "Sunday" => ("dom", "Sun"),
        _ => return None,
    };
    Some(ask.language.say(spanish, english))
}

fn gates(ask: &Ask, total: Option<&StatsRow>) -> Chart {
    let series = [ask.state("review"), ask.state("reject")];
    let gates = total.map(|total| total.gates.as_slice()).unwrap_or_default();
    let rows = gates.iter().filter(|gate| gate.review + gate.rejected > 0);
    let title = ask.t("Qué filtro detiene candidatos", "Which gate stops candidates");
    stacked("gates", title, series, rows.map(|gate| (gate.gate.clone(), [gate.review, gate.rejected])))
}

fn reactions(ask: &Ask, months: &[StatsRow]) -> Chart {
    let series =
        [ask.t("me gusta", "likes"), ask.t("reposts", "reposts"), ask.t("respuestas y citas", "replies and quotes")];
    let rows = months.iter().filter(|row| row.measured > 0);
    let rows = rows.map(|row| (row.key.clone(), [row.likes, row.reposts, row.replies + row.quotes]));
    stacked("reactions", ask.t("Reacciones por mes", "Reactions by month"), series, rows)
}
