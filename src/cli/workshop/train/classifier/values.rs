//! The values of flags that are neither a plain number nor a plain text.

use std::collections::BTreeMap;

use crate::cli::choice::Choice;
use pregonero_models::sentiment::calibration::CalibrationMethod;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::vocabulary::Padding;
use pregonero_models::sentiment::{Shares, SplitProtocol};
use pregonero_workshop::training::classifier::StopOn;

pub(super) const CLEANINGS: [Choice<Cleaning>; 3] =
    [("plain", Cleaning::Plain, ""), ("lemmatised", Cleaning::Lemmatised, ""), ("tweet", Cleaning::Tweet, "")];

pub(super) const PROTOCOLS: [Choice<SplitProtocol>; 2] =
    [("groups", SplitProtocol::Groups, ""), ("random", SplitProtocol::Random, "")];

pub(super) const PADDINGS: [Choice<Padding>; 2] = [("left", Padding::Left, ""), ("right", Padding::Right, "")];

pub(super) const CRITERIA: [Choice<StopOn>; 2] = [("loss", StopOn::Loss, ""), ("f1", StopOn::F1, "")];

pub(super) const CALIBRATIONS: [Choice<CalibrationMethod>; 3] = [
    ("auto", CalibrationMethod::Auto, ""),
    ("temperature", CalibrationMethod::Temperature, ""),
    ("platt", CalibrationMethod::Platt, ""),
];

pub(super) fn label_hashtag(text: &str) -> Result<(String, String), String> {
    let shape = || format!("{text:?}: expected LABEL=HASHTAG, such as positive=YoMeVacuno");
    let (label, tag) = text.split_once('=').ok_or_else(shape)?;
    let tag = tag.trim_start_matches(['#', '＃']);
    let fits = !label.is_empty() && !tag.is_empty() && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    if fits { Ok((label.to_owned(), tag.to_owned())) } else { Err(shape()) }
}

pub(super) fn by_label(pairs: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut labels = BTreeMap::<String, Vec<String>>::new();
    for (label, tag) in pairs {
        labels.entry(label).or_default().push(tag);
    }
    labels
}

pub(super) fn shares(text: &str) -> Result<Shares, String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|share| share.trim().parse().ok()).collect();
    let [train, validation, test] = numbers[..] else {
        return Err("expected three numbers, train,validation,test: 0.7,0.1,0.2".to_owned());
    };
    let shares = Shares { train, validation, test };
    shares.check().map_err(|error| error.to_string())?;
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::super::super::DECAYS;
    use super::*;

    fn check<T: Serialize>(choices: &[Choice<T>]) {
        for (name, value, _) in choices {
            assert_eq!(serde_json::to_value(value).unwrap(), *name);
        }
    }

    #[test]
    fn flags_have_the_names_that_stored_settings_have() {
        check(&CLEANINGS);
        check(&PROTOCOLS);
        check(&PADDINGS);
        check(&CRITERIA);
        check(&CALIBRATIONS);
        check(&DECAYS);
    }
}
