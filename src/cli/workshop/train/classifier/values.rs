//! The values of flags that are more than a number or a text.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::json;

use pregonero_models::sentiment::Shares;

/// A value by the name that files give it too.
pub(super) fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(json!(text)).map_err(|error| error.to_string())
}

pub(super) fn label_hashtag(text: &str) -> Result<(String, String), String> {
    let shape = || format!("{text:?} is no LABEL=HASHTAG, such as positive=YoMeVacuno");
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
