//! `evaluate classifier --projector`: visualises a classifier's word vectors.
//!
//! Writes a folder with `vectors.tsv`, `metadata.tsv` and the configuration with which TensorBoard's projector shows them, and
//! `index.html`, a page that shows them without TensorBoard and without a network.

pub mod pca;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use self::pca::Projection;
use super::report::write_files;
use pregonero_models::sentiment::word_vectors::WordVectors;

/// The file name of the page.
pub const PAGE_FILE: &str = "index.html";
/// The page, with the placeholders `{{title}}` and `{{data}}`.
const PAGE: &str = include_str!("page.html");
/// The number of principal components in the page's view.
const COMPONENTS: usize = 3;

/// Words, their vectors, and what is known about each.
#[derive(Debug, Clone, PartialEq)]
pub struct Projected {
    /// The model's name, for the page's heading.
    pub model: String,
    pub words: WordVectors,
    /// How often each word occurs in the counted texts.
    pub counts: Vec<usize>,
    /// The labels' names.
    pub labels: Vec<String>,
    /// The classifier's prediction for each word alone, one probability per label.
    pub probabilities: Vec<Vec<f32>>,
}

/// Counts how often each of `words` occurs in `cleaned` texts.
#[must_use]
pub fn count_words<'a>(words: &[String], cleaned: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in cleaned.into_iter().flat_map(str::split_whitespace) {
        *counts.entry(word).or_default() += 1;
    }
    words.iter().map(|word| counts.get(word.as_str()).copied().unwrap_or(0)).collect()
}

/// Writes the folder; older files are replaced, if nobody has changed them.
///
/// # Errors
/// If there are no words, the lists differ in length, or the folder cannot be written.
pub fn write_projector(folder: &Path, projected: &Projected) -> Result<()> {
    let WordVectors { words, vectors } = &projected.words;
    ensure!(!words.is_empty(), "the classifier knows no words");
    let lengths = [vectors.len(), projected.counts.len(), projected.probabilities.len()];
    ensure!(lengths == [words.len(); 3], "{} words, but {lengths:?} vectors, counts and probabilities", words.len());
    write_files(
        folder,
        [
            ("vectors.tsv".to_owned(), vectors_table(vectors)),
            ("metadata.tsv".to_owned(), metadata_table(projected)),
            ("projector_config.json".to_owned(), standalone_configuration(words.len(), vectors[0].len())),
            ("projector_config.pbtxt".to_owned(), TENSORBOARD_CONFIGURATION.to_owned()),
            (PAGE_FILE.to_owned(), page(projected)?),
        ],
    )
}

/// The configuration for `tensorboard --logdir FOLDER`.
const TENSORBOARD_CONFIGURATION: &str =
    "embeddings {\n  tensor_name: \"words\"\n  tensor_path: \"vectors.tsv\"\n  metadata_path: \"metadata.tsv\"\n}\n";

/// Returns the configuration for the projector that runs without TensorBoard.
fn standalone_configuration(words: usize, width: usize) -> String {
    let embedding = json!({
        "tensorName": "words",
        "tensorShape": [words, width],
        "tensorPath": "vectors.tsv",
        "metadataPath": "metadata.tsv",
    });
    format!("{:#}\n", json!({ "embeddings": [embedding] }))
}

fn vectors_table(vectors: &[Vec<f32>]) -> String {
    let mut table = String::new();
    for vector in vectors {
        for (place, value) in vector.iter().enumerate() {
            let _ = write!(table, "{}{value}", if place > 0 { "\t" } else { "" });
        }
        table.push('\n');
    }
    table
}

fn metadata_table(projected: &Projected) -> String {
    let mut table = format!("word\trank\tcount\t{}\n", projected.labels.join("\t"));
    let rows = projected.words.words.iter().zip(&projected.counts).zip(&projected.probabilities);
    for (place, ((word, count), probabilities)) in rows.enumerate() {
        let _ = write!(table, "{word}\t{}\t{count}", place + 1);
        probabilities.iter().for_each(|probability| {
            let _ = write!(table, "\t{probability:.4}");
        });
        table.push('\n');
    }
    table
}

fn page(projected: &Projected) -> Result<String> {
    let WordVectors { words, vectors } = &projected.words;
    let Projection { points, explained } = pca::project(vectors, COMPONENTS);
    let data = json!({
        "words": words,
        "counts": projected.counts,
        "labels": projected.labels,
        "probabilities": projected.probabilities.iter().map(|row| rounded(row, 4)).collect::<Vec<_>>(),
        "points": points.iter().map(|point| rounded_f64(point, 5)).collect::<Vec<_>>(),
        "explained": rounded_f64(&explained, 4),
        "width": vectors[0].len(),
        "vectors": STANDARD.encode(unit_vectors(vectors)),
    });
    // A script must not contain what ends a script.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let title = crate::plots::svg::escaped(&projected.model);
    Ok(PAGE.replace("{{title}}", &title).replace("{{data}}", &data))
}

/// Encodes the vectors' directions in 16 bits per value, little-endian; cosines are right to three decimals.
fn unit_vectors(vectors: &[Vec<f32>]) -> Vec<u8> {
    let direction = |vector: &Vec<f32>| -> Vec<i16> {
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.iter().map(|value| (value / length * f32::from(i16::MAX)).round() as i16).collect()
    };
    vectors.iter().flat_map(direction).flat_map(i16::to_le_bytes).collect()
}

fn rounded(values: &[f32], digits: i32) -> Vec<f64> {
    rounded_f64(&values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>(), digits)
}

fn rounded_f64(values: &[f64], digits: i32) -> Vec<f64> {
    let unit = 10f64.powi(digits);
    values.iter().map(|value| (value * unit).round() / unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projected() -> Projected {
        let words: Vec<String> = ["vacuna", "</script>", "gente"].map(str::to_owned).to_vec();
        Projected {
            model: "a <model>".to_owned(),
            counts: count_words(&words, ["la vacuna", "gente y vacuna"]),
            words: WordVectors { words, vectors: vec![vec![3.0, 4.0], vec![0.0, 0.0], vec![-1.0, 0.5]] },
            labels: vec!["negative".to_owned(), "positive".to_owned()],
            probabilities: vec![vec![0.25, 0.75], vec![0.5, 0.5], vec![1.0, 0.0]],
        }
    }

    #[test]
    fn the_tables_hold_a_line_a_word_in_one_order() {
        let folder = tempfile::tempdir().unwrap();
        write_projector(folder.path(), &projected()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("vectors.tsv"), "3\t4\n0\t0\n-1\t0.5\n");
        let metadata = "word\trank\tcount\tnegative\tpositive\nvacuna\t1\t2\t0.2500\t0.7500\n\
                        </script>\t2\t0\t0.5000\t0.5000\ngente\t3\t1\t1.0000\t0.0000\n";
        assert_eq!(read("metadata.tsv"), metadata);
        let configuration: serde_json::Value = serde_json::from_str(&read("projector_config.json")).unwrap();
        assert_eq!(configuration["embeddings"][0]["tensorShape"], json!([3, 2]));
        assert!(read("projector_config.pbtxt").contains("tensor_path: \"vectors.tsv\""));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
    }

    #[test]
    fn the_page_carries_its_data_and_no_word_ends_its_script() {
        let page = page(&projected()).unwrap();
        assert!(page.contains("a &lt;model&gt;") && !page.contains("{{"));
        assert_eq!(page.matches("</script>").count(), PAGE.matches("</script>").count());
        assert!(!page.contains("http://") && !page.contains("https://"), "the page must need no network");
        let vectors = unit_vectors(&projected().words.vectors);
        let values: Vec<i16> = vectors.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(values, [19660, 26214, 0, 0, -29308, 14654]);
    }
}
