//! Croissant 1.1 (MLCommons, 2026-01-29): the description of a data set that Hugging Face, Kaggle, Google's data set search and `mlcroissant` read.
//!
//! Every data file is a `FileObject` with its SHA-256. Each split is a `RecordSet` with a field a column, and the record set `splits`
//! names them by the terms of the vocabulary. What the manifest does not say is left out; what the format requires of it is an error.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::folder::{ColumnType, DataFile, Manifest};
use crate::names;

/// Words that every description of ours has, by which an earlier one is recognised.
pub const WORDS: &str = "Texts written by people, ";

/// The key of the hash of all other keys, by which one sees whether a person has changed the description.
const SEAL: &str = "pregonero:sha256";

/// Returns whether a description is as this program wrote it: nobody has changed it since.
#[must_use]
pub fn is_untouched(description: &str) -> bool {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(description) else { return false };
    fields.remove(SEAL).is_some_and(|seal| seal == hash_of(&fields))
}

/// Returns a hash that does not depend on the order of the keys.
fn hash_of(fields: &Map<String, Value>) -> String {
    let sorted: std::collections::BTreeMap<&String, &Value> = fields.iter().collect();
    let mut hash = Sha256::new();
    sorted.iter().for_each(|(key, value)| hash.update(format!("{key}\n{value}\n")));
    format!("{:x}", hash.finalize())
}

/// Returns the description of a data set as JSON-LD.
///
/// # Errors
/// If the manifest lacks what the format requires: a name, a description, a licence, creators, a date.
pub fn croissant(manifest: &Manifest) -> Result<Value> {
    let required = [
        (manifest.name.is_empty(), "name"),
        (manifest.description.is_empty(), "description"),
        (manifest.licence.is_empty(), "licence"),
        (manifest.creators.is_empty(), "creators"),
        (manifest.url.is_empty(), "url"),
    ];
    let missing: Vec<&str> = required.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    ensure!(
        missing.is_empty(),
        "Croissant requires what the manifest does not say: {}; write it under [meta] in the spec, or into manifest.json",
        missing.join(", ")
    );
    let mut description = json!({
        "@context": context()?,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": manifest.name,
        "description": manifest.description,
        "license": manifest.licence,
        "url": manifest.url,
        "version": manifest.version,
        "datePublished": manifest.created_at,
        "creator": manifest.creators.iter().map(|name| json!({"@type": "sc:Person", "name": name})).collect::<Vec<_>>(),
        "citeAs": cite(manifest),
        "distribution": manifest.files.iter().map(file_object).collect::<Vec<_>>(),
        "recordSet": record_sets(manifest),
    });
    if let Value::Object(fields) = &mut description {
        add_known(fields, manifest);
        let seal = hash_of(fields);
        fields.insert(SEAL.to_owned(), json!(seal));
    }
    Ok(description)
}

/// Adds what the manifest says of language, time, collection and people.
fn add_known(fields: &mut Map<String, Value>, manifest: &Manifest) {
    if let Some(dates) = manifest.other.get("dates") {
        let day = |key: &str| dates.get(key).and_then(Value::as_str).map(|at| at.chars().take(10).collect::<String>());
        if let (Some(first), Some(last)) = (day("first"), day("last")) {
            fields.insert("temporalCoverage".to_owned(), json!(format!("{first}/{last}")));
        }
    }
    let sources: Vec<String> = manifest
        .sources
        .iter()
        .map(|source| format!("{}: {} rows read, {} kept", source.what, source.rows_read, source.kept))
        .collect();
    if !sources.is_empty() {
        fields.insert("rai:dataCollection".to_owned(), json!(format!("Posts of X. {}.", sources.join("; "))));
    }
    if !manifest.rights.is_empty() {
        fields.insert("rai:dataUseCases".to_owned(), json!(manifest.rights));
    }
    let people: Vec<&str> = [names::AUTHOR, names::AUTHOR_ID, names::AUTHOR_NAME]
        .into_iter()
        .filter(|name| manifest.columns.iter().any(|column| column.name == *name))
        .collect();
    let personal = if people.is_empty() {
        format!("{WORDS}who may name themselves or others in them.")
    } else {
        format!("{WORDS}and who wrote them: {}.", people.join(", "))
    };
    fields.insert("rai:personalSensitiveInformation".to_owned(), json!(personal));
    if !manifest.labels.is_empty() {
        let labels: Vec<String> = manifest.labels.iter().map(|(label, rows)| format!("{label}: {rows}")).collect();
        fields.insert(
            "rai:dataAnnotationProtocol".to_owned(),
            json!(format!("Labels by the rules of the spec in manifest.json; rows by label: {}.", labels.join(", "))),
        );
    }
}

fn cite(manifest: &Manifest) -> String {
    let year: String = manifest.created_at.chars().take(4).collect();
    format!(
        "{} ({year}). {}, version {}. {}",
        manifest.creators.join("; "),
        manifest.name,
        manifest.version,
        manifest.url
    )
}

fn file_object(file: &DataFile) -> Value {
    let format = if file.format == "parquet" { "application/x-parquet" } else { "application/jsonlines" };
    json!({
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": file.name,
        "contentSize": format!("{} B", file.bytes),
        "encodingFormat": format,
        "sha256": file.sha256,
    })
}

fn record_sets(manifest: &Manifest) -> Vec<Value> {
    let mut sets = Vec::new();
    let splits: Vec<&DataFile> = manifest.files.iter().filter(|file| !file.split.is_empty()).collect();
    if !splits.is_empty() {
        sets.push(json!({
            "@type": "cr:RecordSet",
            "@id": "splits",
            "name": "splits",
            "dataType": "cr:Split",
            "key": {"@id": "splits/name"},
            "field": [
                {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
                {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": ["sc:URL", "wd:Q3985153"]},
            ],
            "data": splits.iter().map(|file| json!({"splits/name": file.split, "splits/url": split_url(&file.split)})).collect::<Vec<_>>(),
        }));
    }
    sets.extend(manifest.files.iter().map(|file| record_set(manifest, file)));
    sets
}

fn split_url(split: &str) -> String {
    match split {
        "train" => "cr:TrainingSplit".to_owned(),
        "validation" => "cr:ValidationSplit".to_owned(),
        "test" => "cr:TestSplit".to_owned(),
        other => format!("#{other}"),
    }
}

/// Returns the records of a file, which are those of its split.
fn record_set(manifest: &Manifest, file: &DataFile) -> Value {
    let id = if file.split.is_empty() { "rows" } else { &file.split };
    let field = |column: &crate::folder::Column| {
        let kind = match (column.kind, column.name.as_str()) {
            (ColumnType::Text, names::CREATED_AT) => "sc:DateTime",
            (ColumnType::Text, _) => "sc:Text",
            (ColumnType::Integer, _) => "sc:Integer",
            (ColumnType::Number, _) => "sc:Float",
            (ColumnType::Bool, _) => "sc:Boolean",
        };
        json!({
            "@type": "cr:Field",
            "@id": format!("{id}/{}", column.name),
            "name": column.name,
            "description": meaning(&column.name),
            "dataType": kind,
            "source": {"fileObject": {"@id": file.name}, "extract": {"column": column.name}},
        })
    };
    json!({
        "@type": "cr:RecordSet",
        "@id": id,
        "name": id,
        "description": format!("{} rows of {}.", file.rows, file.name),
        "field": manifest.columns.iter().map(field).collect::<Vec<_>>(),
    })
}

/// Says what a column of a usual name is.
fn meaning(column: &str) -> &'static str {
    match column {
        names::ID => "The post's id, in decimal digits.",
        names::TEXT => "The post's text.",
        names::AUTHOR => "The author's screen name, or a hash of it.",
        names::AUTHOR_ID => "The author's id.",
        names::AUTHOR_NAME => "The name that the author shows.",
        names::CREATED_AT => "When it was posted, in UTC.",
        names::LANG => "The language that X found.",
        names::HASHTAGS => "The hashtags without #, separated by spaces.",
        "label" => "The label, by the rules of the spec in manifest.json.",
        _ => "A column of the sources, or one that the spec adds.",
    }
}

/// Returns the context that version 1.1 of the format prescribes, from `croissant_context.json`.
fn context() -> Result<Value> {
    serde_json::from_str(include_str!("croissant_context.json")).context("the context of Croissant")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Folder, Format};
    use crate::row::Row;

    #[test]
    fn files_fields_and_splits_are_described() {
        let place = tempfile::tempdir().unwrap();
        let mut writer = Folder::create(&place.path().join("a"), Format::Parquet).unwrap();
        for split in ["train", "test"] {
            let mut row = Row::default();
            row.set("id", "12");
            row.set("created_at", "2021-03-01T09:00:02Z");
            row.set("likes", 3);
            writer.write_to(split, &row).unwrap();
        }
        let manifest = Manifest {
            name: "barrio".to_owned(),
            description: "Posts of a neighbourhood.".to_owned(),
            licence: "CC BY 4.0".to_owned(),
            url: "https://example.com/barrio".to_owned(),
            creators: vec!["Vecinos".to_owned()],
            created_at: "2026-01-02T03:04:05Z".to_owned(),
            ..Manifest::default()
        };
        let folder = writer.finish(manifest).unwrap();
        let found = croissant(folder.manifest()).unwrap();
        let written = serde_json::to_string_pretty(&found).unwrap();
        assert!(is_untouched(&written) && !is_untouched(&written.replace("CC BY 4.0", "CC0-1.0")));
        assert_eq!(found["distribution"][1]["sha256"], folder.manifest().files[1].sha256);
        let types: Vec<&str> = found["recordSet"][1]["field"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["dataType"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["sc:Text", "sc:DateTime", "sc:Integer"]);
        assert_eq!(found["recordSet"][0]["data"][1], json!({"splits/name": "test", "splits/url": "cr:TestSplit"}));
    }

    #[test]
    fn what_the_format_requires_is_asked_for() {
        let message = croissant(&Manifest { name: "x".to_owned(), ..Manifest::default() }).unwrap_err().to_string();
        assert!(message.contains("description, licence, creators, url; write it under [meta]"), "{message}");
    }
}
