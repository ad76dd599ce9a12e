//! Splits a table as a classifier's `held_out` says.

use anyhow::Result;
use pregonero_data::split::{Split, SplitRow, split_at_random, split_by_groups};
use pregonero_models::sentiment::{HeldOut, SplitProtocol};

/// Splits `rows` as a classifier's `held_out` says; the same settings and rows always give the same split.
///
/// # Errors
/// If the shares do not pass their check.
pub fn split(held_out: &HeldOut, rows: &[SplitRow<'_>]) -> Result<Split> {
    let shares = held_out.shares.as_array();
    match held_out.protocol {
        SplitProtocol::Groups => split_by_groups(rows, shares, held_out.near_duplicate, held_out.seed),
        SplitProtocol::Random => split_at_random(rows.len(), shares, held_out.seed),
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
        assert_eq!(split(&held_out, &rows).unwrap(), expected);
    }
}
