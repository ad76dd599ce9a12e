//! The schedule against an oracle that knows neither the cron crate nor time-zone arithmetic: it steps through three
//! years minute by minute, reads the wall clock, and serves each time when it is first reached or jumped over.

use jiff::ToSpan as _;
use jiff::civil::{DateTime, Weekday, time};

use super::*;
use crate::schedule::QuietHours;

const ZONES: [&str; 4] = ["America/Santiago", "America/Bogota", "Europe/Madrid", "America/Mexico_City"];

type Fits = fn(DateTime) -> bool;

/// Expressions, each with its meaning written again in Rust.
const EXPRESSIONS: [(&str, Fits); 9] = [
    ("0 9,13,18 * * *", |t| t.minute() == 0 && [9, 13, 18].contains(&t.hour())),
    ("*/30 * * * *", |t| t.minute() % 30 == 0),
    // In Madrid's gap and fold.
    ("30 2 * * *", |t| (t.hour(), t.minute()) == (2, 30)),
    // In Santiago's gap, which begins at midnight.
    ("15 0 * * *", |t| (t.hour(), t.minute()) == (0, 15)),
    // In Santiago's fold.
    ("45 23 * * SAT", |t| (t.hour(), t.minute()) == (23, 45) && t.weekday() == Weekday::Saturday),
    ("*/10 1-3 * * 7", |t| t.minute() % 10 == 0 && (1..=3).contains(&t.hour()) && t.weekday() == Weekday::Sunday),
    ("0 2 1,31 * MON", |t| {
        (t.hour(), t.minute()) == (2, 0) && ([1, 31].contains(&t.day()) || t.weekday() == Weekday::Monday)
    }),
    ("0 0 12 29 2 ?", |t| (t.month(), t.day(), t.hour(), t.minute()) == (2, 29, 12, 0)),
    ("0 5 3 * 3,10 SUN 2025", |t| {
        t.year() == 2025
            && [3, 10].contains(&t.month())
            && t.weekday() == Weekday::Sunday
            && (t.hour(), t.minute()) == (3, 5)
    }),
];

fn settings(zone: &str, cron: &[&str]) -> ScheduleSettings {
    ScheduleSettings {
        cron: cron.iter().map(|text| CronExpression::parse(text).unwrap()).collect(),
        timezone: TimeZone::get(zone).unwrap(),
        timezone_name: zone.to_owned(),
        jitter: Duration::ZERO,
        misfire: Misfire::Skip,
        grace: Duration::from_secs(300),
        quiet_hours: Vec::new(),
    }
}

fn quiet(from: (i8, i8), to: (i8, i8)) -> QuietHours {
    QuietHours { from: time(from.0, from.1, 0, 0), to: time(to.0, to.1, 0, 0) }
}

fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

/// Returns every minute of a span with the wall-clock times that it serves: its own, those jumped over, or none in the second
/// pass of a fold.
fn minutes(zone: &str, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, DateTime, Vec<DateTime>)> {
    let zone = TimeZone::get(zone).unwrap();
    let mut instant = from;
    // A fold just before the span would be missed, so spans begin far from one.
    let mut reached = zone.to_datetime(from) - 1.minute();
    let mut found = Vec::new();
    while instant < until {
        let reading = zone.to_datetime(instant);
        let mut served = Vec::new();
        while reached < reading {
            reached += 1.minute();
            served.push(reached);
        }
        found.push((instant, reading, served));
        instant += 1.minute();
    }
    found
}

fn walk(schedule: &Schedule, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let mut found: Vec<Timestamp> = Vec::new();
    let mut reached = from - 1.second();
    while let Some(slot) = schedule.next_after(reached).filter(|slot| slot.due < until) {
        assert!(slot.due > reached, "{} after {reached}", slot.due);
        reached = slot.due;
        found.push(slot.due);
    }
    found
}

#[test]
fn three_years_in_four_zones_agree_with_a_walk_by_the_minute() {
    let (from, until) = (at("2024-01-01T12:00Z"), at("2027-01-01T12:00Z"));
    for zone in ZONES {
        let minutes = minutes(zone, from, until);
        for (expression, fits) in EXPRESSIONS {
            let expected: Vec<Timestamp> =
                minutes.iter().filter(|(_, _, served)| served.iter().any(|t| fits(*t))).map(|(due, ..)| *due).collect();
            let schedule = Schedule::new(&settings(zone, &[expression]));
            assert_eq!(walk(&schedule, from, until), expected, "{expression} in {zone}");
        }
    }
}

#[test]
fn every_minute_agrees_over_every_change_of_the_clocks() {
    let mut changes = 0;
    for zone in ZONES {
        let (begin, end) = (at("2024-01-01T12:00Z"), at("2027-01-01T12:00Z"));
        let table = TimeZone::get(zone).unwrap();
        let schedule = Schedule::new(&settings(zone, &["* * * * *"]));
        for change in table.following(begin).map(|t| t.timestamp()).take_while(|t| *t < end) {
            changes += 1;
            let (from, until) = (change - 30.hours(), change + 30.hours());
            let expected: Vec<Timestamp> = minutes(zone, from, until)
                .into_iter()
                .filter(|(_, _, served)| !served.is_empty())
                .map(|(due, ..)| due)
                .collect();
            assert_eq!(walk(&schedule, from, until), expected, "{zone} at {change}");
        }
    }
    // Three years with two clock changes each in Santiago and Madrid, none in Bogota, and none in Mexico City since 2022.
    assert_eq!(changes, 12);
}

#[test]
fn walking_back_serves_the_same_slots_as_walking_on() {
    for zone in ZONES {
        for quiet_hours in [Vec::new(), vec![quiet((22, 0), (7, 0))]] {
            let schedule =
                Schedule::new(&ScheduleSettings { quiet_hours, ..settings(zone, &["*/20 * * * *", "7 2 * * *"]) });
            for month in ["2025-03", "2025-04", "2025-09", "2025-10"] {
                let (from, until) = (at(&format!("{month}-01T12:00Z")), at(&format!("{month}-30T12:00Z")));
                let forward = walk(&schedule, from, until);
                let mut backward = Vec::new();
                let mut reached = until;
                while let Some(due) = schedule.due_before(reached).filter(|due| *due >= from) {
                    backward.push(due);
                    reached = due;
                }
                backward.reverse();
                assert_eq!(forward, backward, "{zone} {month}");
            }
        }
    }
}

#[test]
fn a_gap_is_served_once_right_after_it_and_a_fold_once_the_first_time() {
    let table = [
        // Madrid: 02:00 becomes 03:00 on 2025-03-30, 03:00 becomes 02:00 on 2025-10-26.
        ("Europe/Madrid", "30 2 * * *", "2025-03-30T00:00Z", ["2025-03-30T01:00Z", "2025-03-31T00:30Z"]),
        ("Europe/Madrid", "*/30 2 * * *", "2025-03-30T00:00Z", ["2025-03-30T01:00Z", "2025-03-31T00:00Z"]),
        ("Europe/Madrid", "30 2 * * *", "2025-10-25T12:00Z", ["2025-10-26T00:30Z", "2025-10-27T01:30Z"]),
        ("Europe/Madrid", "0 2,3 * * *", "2025-10-25T12:00Z", ["2025-10-26T00:00Z", "2025-10-26T02:00Z"]),
        // Santiago: 2025-09-07 begins at 01:00; 2025-04-06 begins an hour late, because 23:00 occurs twice.
        ("America/Santiago", "15 0 * * *", "2025-09-06T12:00Z", ["2025-09-07T04:00Z", "2025-09-08T03:15Z"]),
        ("America/Santiago", "30 23 * * *", "2025-04-05T12:00Z", ["2025-04-06T02:30Z", "2025-04-07T03:30Z"]),
        // Mexico City gave up daylight saving in October 2022: 2022's gap, and a plain night of 2025.
        ("America/Mexico_City", "30 2 * * *", "2022-04-03T06:00Z", ["2022-04-03T08:00Z", "2022-04-04T07:30Z"]),
        ("America/Mexico_City", "30 2 * * *", "2025-04-06T06:00Z", ["2025-04-06T08:30Z", "2025-04-07T08:30Z"]),
        ("America/Bogota", "30 2 * * *", "2025-03-30T00:00Z", ["2025-03-30T07:30Z", "2025-03-31T07:30Z"]),
    ];
    for (zone, cron, from, expected) in table {
        let schedule = Schedule::new(&settings(zone, &[cron]));
        let first = schedule.next_after(at(from)).unwrap();
        let second = schedule.next_after(first.due).unwrap();
        assert_eq!([first.due, second.due], expected.map(at), "{cron} in {zone}");
    }
}

#[test]
fn asked_in_the_second_round_of_a_fold_it_answers_with_the_future() {
    let schedule = Schedule::new(&settings("Europe/Madrid", &["*/30 * * * *"]));
    // 02:10 for the second time: 02:30 was served in the first pass, so 03:00 is next.
    assert_eq!(schedule.next_after(at("2025-10-26T01:10Z")).unwrap().due, at("2025-10-26T02:00Z"));
    assert_eq!(schedule.next_after(at("2025-10-26T01:10:00.5Z")).unwrap().due, at("2025-10-26T02:00Z"));
}

#[test]
fn two_expressions_at_one_instant_give_one_slot() {
    let schedule = Schedule::new(&settings("America/Bogota", &["0 9 * * *", "0 */3 * * *", "0 0 9 * * *"]));
    let found = walk(&schedule, at("2025-01-01T13:00Z"), at("2025-01-01T18:00Z"));
    assert_eq!(found, [at("2025-01-01T14:00Z"), at("2025-01-01T17:00Z")]);
}

#[test]
fn a_clock_set_back_repeats_no_slot() {
    let schedule = Schedule::new(&settings("America/Bogota", &["0 9 * * *"]));
    let served = at("2025-06-01T14:00Z");
    let next = schedule.next_slot(at("2025-06-01T10:00Z"), Some(served)).unwrap();
    assert_eq!(next.due, at("2025-06-02T14:00Z"));
    assert_eq!(schedule.next_slot(at("2025-06-05T10:00Z"), Some(served)).unwrap().due, at("2025-06-05T14:00Z"));
    assert_eq!(schedule.missed(served, at("2025-06-01T10:00Z")), CatchUp::default());
}

#[test]
fn quiet_hours_leave_slots_out_by_the_wall_clock_on_both_sides_of_midnight_and_of_the_clocks_change() {
    let spans: [Vec<QuietHours>; 4] = [
        vec![quiet((22, 0), (7, 0))],
        vec![quiet((2, 30), (3, 15))],
        vec![quiet((13, 0), (15, 0)), quiet((23, 30), (0, 30))],
        vec![quiet((1, 0), (2, 30)), quiet((2, 0), (4, 0))],
    ];
    let (from, until) = (at("2025-01-01T12:00Z"), at("2026-01-01T12:00Z"));
    for zone in ["Europe/Madrid", "America/Santiago"] {
        let minutes = minutes(zone, from, until);
        for hours in &spans {
            let schedule =
                Schedule::new(&ScheduleSettings { quiet_hours: hours.clone(), ..settings(zone, &["*/15 * * * *"]) });
            let is_quiet = |t: DateTime| {
                let minute = i32::from(t.hour()) * 60 + i32::from(t.minute());
                hours.iter().any(|span| {
                    let edge = |t: jiff::civil::Time| i32::from(t.hour()) * 60 + i32::from(t.minute());
                    let length = (edge(span.to) - edge(span.from)).rem_euclid(24 * 60);
                    (minute - edge(span.from)).rem_euclid(24 * 60) < length
                })
            };
            let expected: Vec<Timestamp> = minutes
                .iter()
                .filter(|(_, reading, served)| served.iter().any(|t| t.minute() % 15 == 0) && !is_quiet(*reading))
                .map(|(due, ..)| *due)
                .collect();
            assert_eq!(walk(&schedule, from, until), expected, "{hours:?} in {zone}");
        }
    }
}

#[test]
fn quiet_hours_that_leave_nothing_end_the_search() {
    let hours = vec![quiet((0, 0), (12, 0)), quiet((12, 0), (0, 0))];
    let schedule =
        Schedule::new(&ScheduleSettings { quiet_hours: hours, ..settings("Europe/Madrid", &["* * * * * *"]) });
    assert_eq!(schedule.next_after(at("2025-01-01T00:00Z")), None);
}

#[test]
fn jitter_is_the_same_after_a_restart_and_stays_short_of_the_next_slot_and_of_quiet_hours() {
    let base = ScheduleSettings {
        jitter: Duration::from_secs(1800),
        quiet_hours: vec![quiet((22, 0), (7, 0))],
        ..settings("Europe/Madrid", &["*/20 * * * *", "55 21 * * *"])
    };
    let schedule = Schedule::new(&base);
    let again = Schedule::new(&base.clone());
    let other = Schedule::new(&base).with_jitter_seed("otherbot");
    let (mut reached, mut delays, mut differ) = (at("2025-03-28T00:00Z"), Vec::new(), 0);
    for _ in 0..400 {
        let slot = schedule.next_after(reached).unwrap();
        let next = schedule.next_after(slot.due).unwrap();
        assert_eq!(again.next_after(reached), Some(slot));
        differ += usize::from(other.next_after(reached) != Some(slot));
        assert!(slot.due <= slot.fire_at && slot.fire_at < next.due, "{slot:?}");
        assert!(!schedule.quiet.contains(slot.fire_at), "{slot:?}");
        delays.push(slot.fire_at.duration_since(slot.due).as_secs());
        reached = slot.due;
    }
    // 0 to 1199 s between slots 20 minutes apart: the mean of 400 is near 600, and the whole range is used.
    let mean = delays.iter().sum::<i64>() / 400;
    assert!((480..=680).contains(&mean), "{mean}");
    assert!(delays.iter().any(|delay| *delay < 60) && delays.iter().any(|delay| *delay > 1100));
    assert!(differ > 390, "{differ}");
}

#[test]
fn jitter_reaches_its_bound_and_not_beyond() {
    let schedule = Schedule::new(&ScheduleSettings {
        jitter: Duration::from_secs(2),
        ..settings("America/Bogota", &["* * * * *"])
    });
    let mut reached = at("2025-01-01T00:00Z");
    let mut seen = [0; 3];
    for _ in 0..100 {
        let slot = schedule.next_after(reached).unwrap();
        seen[usize::try_from(slot.fire_at.duration_since(slot.due).as_secs()).unwrap()] += 1;
        reached = slot.due;
    }
    assert!(seen.iter().all(|count| *count > 15), "{seen:?}");
}

#[test]
fn after_a_downtime_the_misfire_rule_and_the_grace_decide() {
    // Bogota is UTC-5: slots at 14:00, 18:00 and 23:00 UTC.
    let base = settings("America/Bogota", &["0 9,13,18 * * *"]);
    let last = at("2025-06-01T14:00Z");
    let table = [
        // misfire, now, missed, served
        (Misfire::Skip, "2025-06-01T17:59Z", 0, None),
        (Misfire::Skip, "2025-06-01T18:00Z", 0, Some("2025-06-01T18:00Z")),
        (Misfire::Skip, "2025-06-01T18:05Z", 0, Some("2025-06-01T18:00Z")),
        (Misfire::Skip, "2025-06-01T18:05:01Z", 1, None),
        (Misfire::Once, "2025-06-01T18:05:01Z", 0, Some("2025-06-01T18:00Z")),
        (Misfire::Skip, "2025-06-02T23:04Z", 4, Some("2025-06-02T23:00Z")),
        (Misfire::Skip, "2025-06-03T03:00Z", 5, None),
        (Misfire::Once, "2025-06-03T03:00Z", 4, Some("2025-06-02T23:00Z")),
    ];
    for (misfire, now, missed, served) in table {
        let schedule = Schedule::new(&ScheduleSettings { misfire, ..base.clone() });
        let catch_up = schedule.missed(last, at(now));
        assert_eq!((catch_up.missed, catch_up.more), (missed, false), "{misfire:?} {now}");
        assert_eq!(catch_up.serve.map(|slot| slot.due), served.map(at), "{misfire:?} {now}");
        assert_eq!(catch_up.recent.len(), missed.min(MOST_NAMED));
    }
}

#[test]
fn a_slot_that_waits_for_its_jitter_is_not_late() {
    let schedule = Schedule::new(&ScheduleSettings {
        jitter: Duration::from_secs(3600),
        grace: Duration::ZERO,
        ..settings("America/Bogota", &["0 9 * * *"])
    });
    let slot = schedule.next_after(at("2025-06-01T00:00Z")).unwrap();
    assert!(slot.fire_at > slot.due);
    assert_eq!(schedule.missed(at("2025-05-31T14:00Z"), slot.due + 1.second()).serve, Some(slot));
    assert_eq!(schedule.missed(at("2025-05-31T14:00Z"), slot.fire_at + 1.second()).serve, None);
}

#[test]
fn catching_up_waits_for_the_end_of_quiet_hours_or_gives_way_to_the_next_slot() {
    let base =
        ScheduleSettings { quiet_hours: vec![quiet((22, 0), (7, 0))], ..settings("America/Bogota", &["0 9,21 * * *"]) };
    let (last, now) = (at("2025-06-01T14:00Z"), at("2025-06-02T04:00Z"));
    let once = Schedule::new(&ScheduleSettings { misfire: Misfire::Once, ..base.clone() });
    let served = once.missed(last, now).serve.unwrap();
    assert_eq!((served.due, served.fire_at), (at("2025-06-02T02:00Z"), at("2025-06-02T12:00Z")));
    let skip = Schedule::new(&ScheduleSettings { grace: Duration::from_secs(36_000), ..base.clone() });
    assert_eq!((skip.missed(last, now).serve, skip.missed(last, now).missed), (None, 1));
    let cron = vec![CronExpression::parse("0 7,21 * * *").unwrap()];
    let overtaken = Schedule::new(&ScheduleSettings { misfire: Misfire::Once, cron, ..base });
    assert_eq!((overtaken.missed(last, now).serve, overtaken.missed(last, now).missed), (None, 1));
}

#[test]
fn a_year_of_downtime_is_counted_within_bounds() {
    let daily = Schedule::new(&settings("Europe/Madrid", &["0 9,13,18 * * *"]));
    let (last, now) = (at("2024-01-01T00:00Z"), at("2025-01-01T00:00Z"));
    let catch_up = daily.missed(last, now);
    assert_eq!((catch_up.missed, catch_up.more), (3 * 366, false));
    let expected =
        ["2024-12-30T12:00Z", "2024-12-30T17:00Z", "2024-12-31T08:00Z", "2024-12-31T12:00Z", "2024-12-31T17:00Z"];
    assert_eq!(catch_up.recent.iter().map(|slot| slot.due).collect::<Vec<_>>(), expected.map(at));
    let every_second = Schedule::new(&settings("Europe/Madrid", &["* * * * * *"]));
    let catch_up = every_second.missed(last, now);
    assert_eq!((catch_up.missed, catch_up.more), (MOST_COUNTED, true));
    assert_eq!(catch_up.serve.unwrap().due, now);
    assert_eq!(catch_up.recent.last().unwrap().due, now - 1.second());
}

#[test]
fn a_schedule_of_past_years_has_no_next_slot() {
    let schedule = Schedule::new(&settings("Europe/Madrid", &["0 0 9 * * * 2020"]));
    assert_eq!(schedule.next_after(at("2021-01-01T00:00Z")), None);
    assert_eq!(schedule.next_after(Timestamp::MAX), None);
    assert_eq!(schedule.missed(Timestamp::MIN, at("2021-01-01T00:00Z")).missed, 366);
}
