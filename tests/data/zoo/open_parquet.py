"""Opens a Parquet data set of pregonero with DuckDB, pandas and polars and compares each with the same rows as JSON lines.

    pregonero dataset import FILE --output a --format jsonl
    pregonero dataset import FILE --output b --format parquet
    venv/bin/python tests/data/zoo/open_parquet.py a/data.jsonl b/data.parquet
"""

import json
import sys

import duckdb
import pandas
import polars

lines, parquet = sys.argv[1:]
with open(lines, encoding="utf-8") as file:
    expected = [json.loads(line) for line in file]


def without_absent(row):
    return {name: value for name, value in row.items() if value is not None and value == value}


def same(name, rows):
    found = [without_absent(row) for row in rows]
    assert found == expected, (name, next(pair for pair in zip(found, expected) if pair[0] != pair[1]))
    print(f"{name}: {len(found)} rows, the same")


same("polars", polars.read_parquet(parquet).to_dicts())
same("pandas", pandas.read_parquet(parquet, dtype_backend="pyarrow").to_dict("records"))
relation = duckdb.sql(f"select * from read_parquet('{parquet}')")
same("DuckDB", (dict(zip(relation.columns, row)) for row in relation.fetchall()))
