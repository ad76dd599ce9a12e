use std::fs::File;

use super::{Chunk, Encoder, ParquetRows};
use crate::row::{ColumnType, Row, Value};

fn read(file: File, wanted: impl Fn(&str) -> bool) -> Vec<Row> {
    let mut rows = ParquetRows::open(file, wanted).unwrap();
    std::iter::from_fn(|| rows.next_row(0).unwrap()).collect()
}

#[test]
fn a_file_is_read_as_it_was_written_across_row_groups() {
    let columns = [
        ("id", ColumnType::Text),
        ("likes", ColumnType::Integer),
        ("score", ColumnType::Number),
        ("reply", ColumnType::Bool),
    ];
    let file = tempfile::tempfile().unwrap();
    let encoder = Encoder::new(&columns).unwrap();
    let mut writer = encoder.begin(file.try_clone().unwrap()).unwrap();
    const ROWS: i64 = 70_000;
    let mut chunk = Chunk::default();
    for row in 0..ROWS {
        chunk.set(0, &Value::Text(format!("t{}", row % 977)));
        if row % 3 > 0 {
            chunk.set(1, &Value::Integer(row));
        }
        chunk.set(2, &if row % 2 == 0 { Value::Integer(row) } else { Value::Number(0.5) });
        if row % 5 == 0 {
            chunk.set(3, &Value::Bool(row % 2 == 0));
        }
        chunk.end_row();
        if chunk.is_full() || row + 1 == ROWS {
            writer.append(encoder.encode(std::mem::take(&mut chunk)).unwrap()).unwrap();
        }
    }
    writer.finish().unwrap();
    let rows = read(file.try_clone().unwrap(), |_| true);
    assert_eq!(rows.len() as i64, ROWS);
    for (row, number) in rows.iter().zip(0..) {
        assert_eq!(row.place.row, number as u64 + 1);
        assert_eq!(row.text("id").unwrap(), format!("t{}", number % 977));
        assert_eq!(row.get("likes"), (number % 3 > 0).then_some(&Value::Integer(number)));
        let score = if number % 2 == 0 { number as f64 } else { 0.5 };
        assert_eq!(row.get("score"), Some(&Value::Number(score)));
        assert_eq!(row.get("reply"), (number % 5 == 0).then_some(&Value::Bool(number % 2 == 0)));
    }
    let few = read(file, |name| name == "likes");
    assert_eq!(few[1].iter().collect::<Vec<_>>(), [("likes", &Value::Integer(1))]);
}

#[test]
fn what_is_no_whole_parquet_file_is_refused() {
    use std::io::Write as _;
    for content in [&b""[..], b"PAR1", b"PAR1 PAR1", b"PAR1\xff\xff\xff\x7fPAR1"] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let message = format!("{:#}", ParquetRows::open(file, |_| true).unwrap_err());
        assert!(message.contains("not a whole Parquet file"), "{message}");
    }
}
