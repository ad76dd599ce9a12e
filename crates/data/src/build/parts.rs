//! Divides the rows into the parts to train, to validate and to test with.

use anyhow::{Result, ensure};

use super::assess::NOBODY;
use super::distinct::{DAY, Kept, MOST_COMPARED};
use super::spec::{SplitBy, SplitSpec};
use crate::groups::Groups;
use crate::near_duplicates::is_similar;
use crate::split::{Split, split_at_random, split_groups, split_in_sizes};

/// The names of the parts, as they are numbered.
pub const PARTS: [&str; 3] = ["train", "validation", "test"];

/// Returns the part of each row, by its place in [`PARTS`].
///
/// # Errors
/// If a part that must have rows would have none.
pub fn assign(spec: &SplitSpec, kept: &Kept) -> Result<Vec<u8>> {
    let shares = spec.shares();
    let parts = match spec.by {
        SplitBy::Random => of_split(&split_at_random(kept.len(), shares, spec.seed)?, kept.len()),
        SplitBy::Author => {
            let labels: Vec<usize> = kept.labels_of.iter().map(|label| usize::from(*label)).collect();
            let groups = groups(kept, spec.near_duplicates);
            of_split(&split_groups(groups, &labels, shares, spec.seed)?, kept.len())
        }
        SplitBy::Time => by_time(spec, kept),
    };
    check(spec, &parts)?;
    Ok(parts)
}

/// Returns the parts of a random split in which each part has as many rows as in another one.
#[must_use]
pub fn at_random_like(parts: &[u8], seed: u64) -> Vec<u8> {
    of_split(&split_in_sizes(sizes(parts), seed), parts.len())
}

/// Returns how many rows each part has.
#[must_use]
pub fn sizes(parts: &[u8]) -> [usize; 3] {
    let mut sizes = [0; 3];
    parts.iter().for_each(|part| sizes[usize::from(*part)] += 1);
    sizes
}

fn check(spec: &SplitSpec, parts: &[u8]) -> Result<()> {
    let sizes = sizes(parts);
    let dated = spec.by == SplitBy::Time
        && spec.shares.is_none()
        && (spec.validation_from.is_some() || spec.test_from.is_some());
    let wanted = if dated {
        [true, spec.validation_from.is_some(), spec.test_from.is_some()]
    } else {
        spec.shares().map(|share| share > 0.0)
    };
    for (part, name) in PARTS.iter().enumerate() {
        ensure!(
            sizes[part] > 0 || !wanted[part],
            "split: the {name} part would have no row of {}; choose other shares or dates",
            parts.len()
        );
    }
    Ok(())
}

fn of_split(split: &Split, rows: usize) -> Vec<u8> {
    let mut parts = vec![0; rows];
    split.validation.iter().for_each(|row| parts[*row] = 1);
    split.test.iter().for_each(|row| parts[*row] = 2);
    parts
}

/// Returns the rows that share an author or a text, or nearly a text.
fn groups(kept: &Kept, near: Option<f64>) -> Vec<Vec<usize>> {
    let mut groups = Groups::new(kept.len());
    let mut first_of_text = vec![usize::MAX; kept.index.len()];
    let mut first_of_author = std::collections::HashMap::new();
    for row in 0..kept.len() {
        let first = &mut first_of_text[kept.texts[row] as usize];
        if *first == usize::MAX {
            *first = row;
        } else {
            groups.join(*first, row);
        }
        let author = kept.authors[row];
        if author != NOBODY {
            groups.join(*first_of_author.entry(author).or_insert(row), row);
        }
    }
    if let Some(threshold) = near {
        join_near(kept, threshold, &first_of_text, &mut groups);
    }
    groups.into_rows()
}

fn join_near(kept: &Kept, threshold: f64, first_of_text: &[usize], groups: &mut Groups) {
    let index = &kept.index;
    for text in 0..index.len() as u32 {
        let words = index.words_of(text);
        let row = first_of_text[text as usize];
        for other in index.earlier(text, MOST_COMPARED) {
            let earlier = first_of_text[other as usize];
            let apart = groups.first(row) != groups.first(earlier);
            if apart && is_similar(words, index.words_of(other), threshold) {
                groups.join(row, earlier);
            }
        }
    }
}

/// Divides by time: at the dates of the spec, or else between the days at which the shares are closest.
fn by_time(spec: &SplitSpec, kept: &Kept) -> Vec<u8> {
    let dates = [spec.validation_from, spec.test_from].map(|from| from.map(|from| from.at().as_second()));
    let [validation, test] = if dates == [None, None] {
        let [train, validation, _] = spec.shares();
        let days = days(kept);
        [first_second_after(&days, train), first_second_after(&days, train + validation)]
    } else {
        let test = dates[1].unwrap_or(i64::MAX);
        [dates[0].unwrap_or(test), test]
    };
    kept.seconds.iter().map(|&at| if at >= test { 2 } else { u8::from(at >= validation) }).collect()
}

/// Returns the days that rows are from, ascending, one entry a row.
fn days(kept: &Kept) -> Vec<i64> {
    let mut days: Vec<i64> = (0..kept.len()).filter_map(|row| kept.day(row)).collect();
    days.sort_unstable();
    days
}

/// Returns the first second of the day before which the share of the rows is closest to `share`.
fn first_second_after(days: &[i64], share: f64) -> i64 {
    let wanted = share * days.len() as f64;
    let starts = (0..days.len()).filter(|&row| row == 0 || days[row] != days[row - 1]);
    let ends = starts.map(|row| (row, days[row])).chain(days.last().map(|last| (days.len(), last + 1)));
    let nearest = ends.min_by(|left, right| (left.0 as f64 - wanted).abs().total_cmp(&(right.0 as f64 - wanted).abs()));
    nearest.map_or(i64::MAX, |(_, day)| day * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::assess::Facts;
    use crate::build::reason::Reason;
    use crate::build::words::Comparable;

    fn kept(rows: &[(&str, u64, i64)]) -> Kept {
        let mut kept = Kept::new(&toml::from_str("").unwrap(), None);
        for (text, author, day) in rows {
            let at = jiff::Timestamp::from_second(day * DAY + 3600).unwrap();
            let facts = Facts {
                words: Comparable::of(text),
                signature: None,
                author: *author,
                id: None,
                at: Some(at),
                label: None,
            };
            kept.add(&facts).unwrap();
        }
        kept
    }

    fn spec(text: &str) -> SplitSpec {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn by_time_a_day_is_in_one_part_and_the_newest_are_tested_with() {
        let rows: Vec<(String, u64, i64)> = (0..100).map(|row| (format!("texto {row}"), 0, row / 10)).collect();
        let rows: Vec<(&str, u64, i64)> =
            rows.iter().map(|(text, author, day)| (text.as_str(), *author, *day)).collect();
        let kept = kept(&rows);
        let parts =
            assign(&spec("by = \"time\"\nshares = { train = 0.68, validation = 0.12, test = 0.2 }"), &kept).unwrap();
        assert_eq!(sizes(&parts), [70, 10, 20]);
        assert!(parts.windows(2).all(|pair| pair[0] <= pair[1]));
        let parts = assign(&spec("by = \"time\"\ntest_from = 1970-01-04"), &kept).unwrap();
        assert_eq!(sizes(&parts), [30, 0, 70]);
        let parts =
            assign(&spec("by = \"time\"\nvalidation_from = 1970-01-03\ntest_from = 1970-01-04"), &kept).unwrap();
        assert_eq!(sizes(&parts), [20, 10, 70]);
        let none = assign(&spec("by = \"time\"\ntest_from = 1980-01-01"), &kept).unwrap_err().to_string();
        assert!(none.contains("the test part would have no row"), "{none}");
    }

    #[test]
    fn by_author_no_author_no_text_and_if_asked_no_near_duplicate_is_in_two_parts() {
        let texts: Vec<String> =
            (0..400).map(|row| format!("a{0} b{0} c{0} d{0} e{0} f{0} copia{row}", row / 2)).collect();
        let rows: Vec<(&str, u64, i64)> =
            texts.iter().enumerate().map(|(row, text)| (text.as_str(), 1 + row as u64 % 380, 0)).collect();
        let kept = kept(&rows);
        for near in [false, true] {
            let text = if near { "by = \"author\"\nnear_duplicates = 0.7" } else { "by = \"author\"" };
            let parts = assign(&spec(text), &kept).unwrap();
            let apart = (0..200).filter(|pair| parts[2 * pair] != parts[2 * pair + 1]).count();
            assert_eq!(apart == 0, near, "{apart}");
            assert!((0..20).all(|row| parts[row] == parts[row + 380]));
            let [train, validation, test] = sizes(&parts);
            assert!(
                (300..340).contains(&train) && (30..50).contains(&validation) && (30..50).contains(&test),
                "{:?}",
                sizes(&parts)
            );
        }
    }

    #[test]
    fn the_filter_and_the_split_each_compare_by_their_own_threshold() {
        let words = "hoy abre el puesto de salud que el barrio pidió desde marzo";
        let facts = |last: &str, author: u64| {
            let words = Comparable::of(&format!("{words} {last}"));
            Facts { words, signature: None, author, id: None, at: None, label: None }
        };
        let mut kept = Kept::new(&toml::from_str("duplicates = \"near\"\nnear_threshold = 0.9").unwrap(), Some(0.7));
        assert_eq!((kept.add(&facts("ya", 1)), kept.add(&facts("pasado", 2))), (Ok(()), Ok(())));
        assert_eq!(groups(&kept, Some(0.7)), [vec![0, 1]]);
        assert_eq!(groups(&kept, Some(0.9)), [vec![0], vec![1]]);
        let mut kept = Kept::new(&toml::from_str("duplicates = \"near\"").unwrap(), Some(0.9));
        kept.add(&facts("ya", 1)).unwrap();
        assert_eq!(kept.add(&facts("pasado", 2)), Err(Reason::NearDuplicate));
    }

    #[test]
    fn a_random_split_of_the_same_sizes_has_them() {
        let parts: Vec<u8> = (0..97).map(|row| if row < 60 { 0 } else { u8::from(row > 71) + 1 }).collect();
        assert_eq!(sizes(&at_random_like(&parts, 3)), sizes(&parts));
    }
}
