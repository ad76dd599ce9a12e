//! Writes a split as a CSV file, so that another program can be measured on the same rows.

use std::path::Path;

use anyhow::Result;

use crate::dataset::labelled::LabelledTweet;
use pregonero_data::split::Split;
use pregonero_system::files::{Existing, write_whole};

/// The first line, by which an earlier split is recognised.
const HEADER: &str = "row,part,text,label,name\n";

/// Writes the columns `row` (in the data file, from 1, the header not counted), `part`, `text` (cleaned), `label` (its number),
/// and `name` (of the label).
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
    write_whole(path, Existing::ReplaceOurs(HEADER), |file| {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(["row", "part", "text", "label", "name"])?;
        for (place, part) in rows {
            let tweet = &tweets[place];
            let (row, label) = (tweet.row.to_string(), tweet.label.to_string());
            writer.write_record([&row, part, &cleaned[place], &label, &labels[tweet.label]])?;
        }
        writer.flush()
    })
}
