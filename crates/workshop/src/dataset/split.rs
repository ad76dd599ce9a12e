//! Splits a table as a classifier's `held_out` says.

use anyhow::{Result, bail};

use super::parts::GivenPart;
use pregonero_data::split::{Split, SplitRow, split_at_random, split_by_groups};
use pregonero_models::sentiment::{HeldOut, SplitProtocol};

/// Splits `rows` as a classifier's `held_out` says; the same settings and rows always give the same split. `given` has the part
/// of each row in a data set that is divided already: those parts stay, and what is missing is taken from its part `train`.
///
/// # Errors
/// If the shares do not pass their check, or the parts are those of a data set and `given` lacks them.
pub fn split(held_out: &HeldOut, rows: &[SplitRow<'_>], given: &[Option<GivenPart>]) -> Result<Split> {
    let shares = held_out.shares.as_array();
    if given.iter().all(Option::is_none) {
        return divide(held_out, rows, shares);
    }
    let of = |part| given.iter().enumerate().filter(|(_, given)| **given == Some(part)).map(|(row, _)| row).collect();
    let [train, validation, test]: [Vec<usize>; 3] = [GivenPart::Train, GivenPart::Validation, GivenPart::Test].map(of);
    let lacking = |part: &[usize], share: f64| if part.is_empty() { share } else { 0.0 };
    let parts = [shares[0], lacking(&validation, shares[1]), lacking(&test, shares[2])];
    let whole: f64 = parts.iter().sum();
    if validation.is_empty() || test.is_empty() {
        let rest: Vec<SplitRow<'_>> = train.iter().map(|&row| rows[row]).collect();
        let divided = divide(held_out, &rest, parts.map(|part| part / whole))?;
        let [kept, new_validation, new_test] = [divided.train, divided.validation, divided.test]
            .map(|part| part.into_iter().map(|row| train[row]).collect::<Vec<usize>>());
        return Ok(Split {
            train: kept,
            validation: if validation.is_empty() { new_validation } else { validation },
            test: if test.is_empty() { new_test } else { test },
        });
    }
    Ok(Split { train, validation, test })
}

fn divide(held_out: &HeldOut, rows: &[SplitRow<'_>], shares: [f64; 3]) -> Result<Split> {
    match held_out.protocol {
        SplitProtocol::Groups => split_by_groups(rows, shares, held_out.near_duplicate, held_out.seed),
        SplitProtocol::Random => split_at_random(rows.len(), shares, held_out.seed),
        SplitProtocol::Given => bail!(
            "the classifier was trained with a data set's own parts, and this data lacks them: give the folder of that data set, \
             or measure all rows of a file that it has not seen, without --held-out"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_of_before_the_protocols_still_names_its_split() {
        let old = r#"{"seed": 1, "shares": {"train": 0.7, "validation": 0.1, "test": 0.2}}"#;
        let held_out: HeldOut = serde_json::from_str(old).unwrap();
        assert_eq!((held_out.protocol, held_out.near_duplicate), (SplitProtocol::Groups, None));
        let texts: Vec<String> = (0..300).map(|index| format!("texto {}", index / 2)).collect();
        let rows: Vec<SplitRow<'_>> = texts
            .iter()
            .enumerate()
            .map(|(index, normalised)| SplitRow { author: "", normalised, label: index % 2 })
            .collect();
        let expected = split_by_groups(&rows, [0.7, 0.1, 0.2], None, 1).unwrap();
        assert_eq!(split(&held_out, &rows, &[None; 300]).unwrap(), expected);

        let given: Vec<Option<GivenPart>> =
            (0..300).map(|row| Some(if row < 200 { GivenPart::Train } else { GivenPart::Test })).collect();
        let parts = split(&held_out, &rows, &given).unwrap();
        assert_eq!(parts.test, (200..300).collect::<Vec<usize>>(), "the test part is the one of the data set");
        assert_eq!((parts.train.len(), parts.validation.len()), (174, 26), "the other two as their shares say");
        let all: Vec<Option<GivenPart>> = given
            .iter()
            .enumerate()
            .map(|(row, part)| if row < 50 { Some(GivenPart::Validation) } else { *part })
            .collect();
        let parts = split(&held_out, &rows, &all).unwrap();
        assert_eq!((parts.train, parts.validation), ((50..200).collect(), (0..50).collect()));
    }
}
