"""Measure import, build and explore on a million invented posts, polars on the same file, and open the Parquet in DuckDB and pandas.

    cargo build --release && cargo build --release -p pregonero-data --example invent
    pip install polars duckdb pandas pyarrow
    python3 benches/beside_polars.py [--rows 1200000] [--folder FOLDER] [--pregonero target/release/pregonero]

Each command runs alone; seconds and peak memory are those of its process (wait4). Polars reads the same CSV file, applies the same
filters and counts the same groups in one run of its own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

SPEC = """\
[meta]
name = "invented"
licence = "none"
rights = "invented"

[[source]]
path = "imported"

[filter]
retweets = "drop"
quotes = "drop"
min_words = 5
languages = ["es"]
duplicates = "exact"
"""

POLARS = """
import sys
import polars as pl

posts = pl.scan_csv(sys.argv[1], schema_overrides={"id": pl.String})
words = pl.col("text").str.to_lowercase().str.extract_all(r"\\p{L}[\\p{L}\\p{N}']+")
kept = (
    posts.filter(~pl.col("retweet") & ~pl.col("quote") & (pl.col("lang") == "es"))
    .filter(pl.col("text").str.count_matches(r"\\S+") >= 5)
    .unique(subset=["text"], keep="first", maintain_order=True)
    .with_columns(pl.col("created_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"))
)
if sys.argv[2] == "groups":
    table = kept.collect(engine="streaming")
    for keys in [[pl.col("created_at").dt.hour()], [pl.col("created_at").dt.date()], ["partido"], ["author"],
                 ["author", pl.col("created_at").dt.date().alias("day"), pl.col("created_at").dt.hour().alias("hour")]]:
        print(table.group_by(keys).len().height)
else:
    # In how many posts of each party every word is: what the log-odds need.
    counted = kept.select("partido", words.list.unique().alias("word")).explode("word").group_by("partido", "word").len()
    print(counted.collect(engine="streaming").height)
"""


def measured(command, **more):
    """Returns the seconds and the peak MB of a command, which must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)}\n{output}")
    return seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="1200000")
    parser.add_argument("--folder", type=Path, default=Path("target/scale"))
    parser.add_argument("--pregonero", default="target/release/pregonero")
    parser.add_argument("--invent", default="target/release/examples/invent")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    bot, table = str(Path(arguments.pregonero).resolve()), folder / "tweets.csv"
    if not table.exists():
        subprocess.run([arguments.invent, arguments.rows, "1", str(table)], check=True)
    for old in ["imported", "built"]:
        shutil.rmtree(folder / old, ignore_errors=True)
    (folder / "spec.toml").write_text(SPEC)
    explore = ["dataset", "explore", "--group", "partido", "--group", "coalicion", "--timezone", "America/Santiago"]
    runs = [
        ("dataset import, CSV to Parquet", [bot, "dataset", "import", "tweets.csv", "--output", "imported", "--rights", "invented"]),
        ("dataset build", [bot, "dataset", "build", "--spec", "spec.toml", "--output", "built"]),
        ("dataset explore, the build, without models",
         [bot, *explore, "built", "--classifier", "none", "--vectors", "none", "--output", "built.html"]),
        ("dataset explore, the CSV, without models",
         [bot, *explore, "tweets.csv", "--classifier", "none", "--vectors", "none", "--output", "all.html"]),
        ("dataset explore, the build, with models", [bot, *explore, "built", "--output", "models.html"]),
        ("polars: filters, group counts", [sys.executable, "-c", POLARS, "tweets.csv", "groups"]),
        ("polars: filters, words by group", [sys.executable, "-c", POLARS, "tweets.csv", "words"]),
    ]
    print("| what | seconds | CPU seconds | peak MB |\n|---|---|---|---|")
    for name, command in runs:
        seconds, peak, cpu, _ = measured(command, cwd=folder)
        print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {peak:.0f} |", flush=True)
    open_elsewhere(folder / "built")


def open_elsewhere(built):
    """Reads the Parquet files with DuckDB and pandas, and compares the rows with the manifest's."""
    import duckdb
    import pandas

    manifest = json.loads((built / "manifest.json").read_text())
    rows = sum(file["rows"] for file in manifest["files"])
    files = [str(built / file["name"]) for file in manifest["files"]]
    [(counted,)] = duckdb.sql(f"select count(*) from read_parquet({files})").fetchall()
    parties = duckdb.sql(f"select partido, count(*) posts from read_parquet({files}) group by 1 order by 2 desc limit 3").fetchall()
    frame = pandas.concat([pandas.read_parquet(file) for file in files])
    assert counted == len(frame) == rows, (counted, len(frame), rows)
    print(f"\nDuckDB and pandas read the manifest's {rows} rows; DuckDB's largest parties: {parties}; pandas' types:")
    print(frame.dtypes.to_string())


if __name__ == "__main__":
    main()
