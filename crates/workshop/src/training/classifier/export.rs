//! Writes a split as a CSV file, so that another program can be measured on the same rows.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::dataset::labelled::LabelledTweet;
use pregonero_data::split::Split;
use pregonero_system::files::{Existing, write_whole};

/// Writes the columns `row` (in the data file, from 1, the header not counted), `part`, `text` (cleaned), `label` (its number),
/// and `name` (of the label). A file that is there stays: it is not written again if it is the same split.
///
/// # Errors
/// If the file exists and is anything else, or cannot be written.
pub(super) fn write_split(
    path: &Path,
    tweets: &[LabelledTweet],
    cleaned: &[String],
    split: &Split,
    labels: &[String],
) -> Result<()> {
    let parts = [("train", &split.train), ("validation", &split.validation), ("test", &split.test)];
    let mut rows: Vec<(usize, &str)> =
        parts.iter().flat_map(|(name, places)| places.iter().map(|&place| (place, *name))).collect();
    rows.sort_unstable();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["row", "part", "text", "label", "name"])?;
    for (place, part) in rows {
        let tweet = &tweets[place];
        let (row, label) = (tweet.row.to_string(), tweet.label.to_string());
        writer.write_record([&row, part, &cleaned[place], &label, &labels[tweet.label]])?;
    }
    let table = writer.into_inner().context("cannot write a row")?;
    if path.is_file() {
        let there = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            there == table,
            "{}: exists already and is not this split; choose another name, or move the file elsewhere",
            path.display()
        );
        return Ok(());
    }
    write_whole(path, Existing::Refuse, |file| file.write_all(&table))
}
