//! The manifest of a data set that was built.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::report::{BuildReport, SourceReport};
use super::spec::SpecFile;
use crate::folder::{Manifest, Source, Spec};
use crate::times::standard;

/// Returns the manifest of a data set with this report; the writer adds files, columns and digest.
pub fn manifest_of(file: &SpecFile, now: Timestamp, command: &str, report: &BuildReport) -> Manifest {
    let meta = &file.spec.meta;
    let mut other = serde_json::Map::new();
    if let Some([first, last]) = &report.dates {
        other.insert("dates".to_owned(), json!({"first": first, "last": last}));
    }
    for (key, value) in [("parts", json!(report.parts)), ("joins", json!(report.joins)), ("notes", json!(report.notes))]
    {
        if value.as_array().is_some_and(|list| !list.is_empty()) {
            other.insert(key.to_owned(), value);
        }
    }
    if let Some(leakage) = &report.leakage {
        other.insert("leakage".to_owned(), json!(leakage));
    }
    let counts =
        [("rows_read", report.rows_read), ("dropped", report.dropped.total()), ("authors", report.authors as u64)];
    Manifest {
        name: meta.name.clone(),
        version: meta.version.clone().unwrap_or_else(|| Manifest::default().version),
        description: meta.description.clone(),
        creators: meta.creators.clone(),
        licence: meta.licence.clone(),
        rights: if meta.rights.is_empty() { inherited_rights(report) } else { meta.rights.clone() },
        url: meta.url.clone(),
        created_at: standard(now),
        sources: report.sources.iter().map(source_of).collect(),
        counts: counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        labels: report.labels.clone(),
        spec: Some(Spec { text: file.text.clone(), sha256: file.sha256() }),
        commands: vec![command.to_owned()],
        other,
        ..Manifest::default()
    }
}

fn source_of(source: &SourceReport) -> Source {
    let mut other = serde_json::Map::new();
    other.insert("name".to_owned(), json!(source.name));
    if let Some(from) = &source.from {
        other.insert("from".to_owned(), from.clone());
    }
    let dropped: BTreeMap<String, u64> = source.dropped.0.iter().cloned().collect();
    Source {
        what: if source.from.is_some() { "data set" } else { "file" }.to_owned(),
        kind: source.kind.clone(),
        path_or_query: source.path.display().to_string(),
        sha256: source.sha256.clone(),
        rows_read: source.rows_read,
        kept: source.kept,
        dropped,
        other,
        ..Source::default()
    }
}

/// Returns the rights of the data sets that the rows come from.
fn inherited_rights(report: &BuildReport) -> String {
    let mut rights: Vec<&str> = Vec::new();
    for source in &report.sources {
        let of_source = source.from.as_ref().and_then(|from| from.get("rights")).and_then(serde_json::Value::as_str);
        let new = of_source.filter(|text| !text.is_empty() && !rights.contains(text));
        rights.extend(new);
    }
    rights.join("; ")
}
