//! A row as a JSON object on one line, and back. Objects inside become columns with a dot (`user.name`), lists of simple
//! values become words separated by spaces, and other lists stay as JSON text.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value as Json;

use crate::row::{Place, Row, Value};

/// How deep objects may be nested in a row.
const DEEPEST: usize = 32;

/// Names of columns, each kept in memory once.
#[derive(Debug, Default)]
pub struct Names(Vec<Arc<str>>);

impl Names {
    /// Returns a shared copy of a name; `near` is the index at which it probably is.
    pub fn shared(&mut self, name: &str, near: usize) -> Arc<str> {
        if let Some(known) = self.0.get(near).filter(|known| &***known == name) {
            return Arc::clone(known);
        }
        if let Some(known) = self.0.iter().find(|known| &***known == name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(name);
        self.0.push(Arc::clone(&new));
        new
    }
}

/// Reads a row from a JSON object.
///
/// # Errors
/// If the text is not one JSON object, or objects are nested too deep.
pub fn parse(json: &[u8], place: Place, names: &mut Names) -> Result<Row> {
    let object = serde_json::from_slice(json).context("not a JSON object")?;
    let Json::Object(object) = object else { bail!("not a JSON object") };
    flat(object, place, names)
}

/// Turns a JSON object into a row.
///
/// # Errors
/// If objects are nested too deep.
pub fn flat(object: serde_json::Map<String, Json>, place: Place, names: &mut Names) -> Result<Row> {
    let mut row = Row::with_capacity(place, object.len());
    add(&mut row, "", object, names, DEEPEST)?;
    Ok(row)
}

fn add(
    row: &mut Row,
    prefix: &str,
    object: serde_json::Map<String, Json>,
    names: &mut Names,
    depth: usize,
) -> Result<()> {
    ensure!(depth > 0, "objects are nested more than {DEEPEST} deep");
    for (key, value) in object {
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Json::Object(inside) => add(row, &name, inside, names, depth - 1)?,
            value => {
                if let Some(value) = simple(value) {
                    let shared = names.shared(&name, row.len());
                    row.set(shared, value);
                }
            }
        }
    }
    Ok(())
}

/// Returns the value of a column; none for null.
pub(crate) fn simple(value: Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(truth) => Value::Bool(truth),
        Json::String(text) => Value::Text(text),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), ..) => Value::Integer(integer),
            (None, None, Some(float)) => Value::Number(float),
            // Larger than 64 signed bits: the digits are kept.
            _ => Value::Text(number.to_string()),
        },
        Json::Array(values) if values.iter().any(|value| value.is_object() || value.is_array()) => {
            Value::Text(Json::Array(values).to_string())
        }
        Json::Array(values) => {
            let words: Vec<String> = values.into_iter().filter_map(simple).map(|value| value.to_string()).collect();
            Value::Text(words.join(" "))
        }
        Json::Object(_) => Value::Text(value.to_string()),
    })
}

/// Writes a row as a JSON object and a line end. Numbers that JSON does not have are left out.
///
/// # Errors
/// If the writer fails.
pub fn write(row: &Row, writer: &mut impl Write) -> io::Result<()> {
    let mut separator = b'{';
    for (name, value) in row.iter() {
        if matches!(value, Value::Number(number) if !number.is_finite()) {
            continue;
        }
        writer.write_all(&[separator])?;
        serde_json::to_writer(&mut *writer, name)?;
        writer.write_all(b":")?;
        serde_json::to_writer(&mut *writer, value)?;
        separator = b',';
    }
    writer.write_all(if separator == b'{' { b"{}\n" } else { b"}\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> Row {
        parse(json.as_bytes(), Place::default(), &mut Names::default()).unwrap()
    }

    #[test]
    fn nested_objects_and_lists_become_columns() {
        let row = row(
            r#"{"id":1234567890123456789,"user":{"name":"ana","verified":false},"tags":["a","b",3],"none":null,"media":[{"k":1}],"score":0.5,"big":18446744073709551615}"#,
        );
        let found: Vec<(&str, Value)> = row.iter().map(|(name, value)| (name, value.clone())).collect();
        assert_eq!(
            found,
            [
                ("id", Value::Integer(1_234_567_890_123_456_789)),
                ("user.name", "ana".into()),
                ("user.verified", false.into()),
                ("tags", "a b 3".into()),
                ("media", r#"[{"k":1}]"#.into()),
                ("score", 0.5.into()),
                ("big", "18446744073709551615".into()),
            ]
        );
    }

    #[test]
    fn a_row_that_is_written_and_read_again_is_the_same() {
        let mut row = Row::default();
        row.set("text", "dos\nrenglones, \"citas\" y \u{1f680}");
        row.set("likes", -3);
        row.set("score", 2.0);
        row.set("reply", true);
        let mut line = Vec::new();
        write(&row, &mut line).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(parse(&line, Place::default(), &mut Names::default()).unwrap(), row);
        row = Row::default();
        row.set("score", f64::NAN);
        line.clear();
        write(&row, &mut line).unwrap();
        assert_eq!(line, b"{}\n");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for json in ["[1]", "3", "{", "{} {}", &format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40))] {
            assert!(parse(json.as_bytes(), Place::default(), &mut Names::default()).is_err(), "{json}");
        }
    }
}
