"""Measure import, build and explore on a million invented posts beside polars, which does the same on the same file in the same run.

    cargo build --release && cargo build --release -p pregonero-data --example invent
    pip install polars duckdb pandas pyarrow
    python3 benches/beside_polars.py [--rows 1200000] [--rounds 3] [--threads 2] [--folder FOLDER] [--pregonero PROGRAM]

Both get the same number of threads and take turns, so that a machine that has other work slows both. Each command runs alone; seconds,
processor seconds and peak memory are those of its process (wait4), the median of the rounds. Afterwards the results are compared: the
imported table cell for cell, the built parts row for row (ids, labels, texts, in their order), and explore's counts by hour, day, party,
coalition, account and word. `--spark` also counts the built rows with PySpark, which needs Java.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

LABELS = {
    "montaña": ["Norte0", "Norte1", "Norte2", "Sur0", "Sur1", "Sur2"],
    "costa": ["Lago0", "Lago1", "Faro0", "Faro1", "Duna0", "Duna1"],
    "llano": ["Bosque0", "Trigo0", "Río0"],
}
ZONE = "America/Santiago"

SPEC = """\
[meta]
name = "invented"
licence = "none"
rights = "invented"

[[source]]
path = "SOURCE"

[filter]
retweets = "drop"
quotes = "drop"
replies = "drop"
min_words = 5
languages = ["es"]
duplicates = "exact"

[label]
by = "hashtags"
labels = LABELS
unmarked = "keep"

[split]
by = "time"
validation_from = 2021-05-01
test_from = 2021-06-01
"""

# The CSV table as Parquet with zstd, as `dataset import` writes it.
POLARS_IMPORT = """
import sys
import polars as pl

table = pl.scan_csv(sys.argv[1], schema_overrides={"id": pl.String})
table.sink_parquet(sys.argv[2], compression="zstd", compression_level=3, row_group_size=65536)
"""

# The filters, labels and parts of the spec, by the rules of the guide: a word is a run of letters and digits, links and mentions are
# none, and two texts are the same if their words are, in lower case and without accents.
POLARS_BUILD = """
import json, sys
from pathlib import Path
import polars as pl

source, out, labels = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
rows = pl.scan_parquet(source) if source.endswith(".parquet") else pl.scan_csv(source, schema_overrides={"id": pl.String})
text, at = pl.col("text"), pl.col("created_at")
accents = dict(zip("áàâäãåéèêëíìîïóòôöõúùûüñçýÿ", "aaaaaaeeeeiiiiooooouuuuncyy"))
has = {name: text.str.contains(r"(?i)[#＃](?:" + "|".join(tags) + r")\\b") for name, tags in labels.items()}
label = pl.coalesce(*[pl.when(tag).then(pl.lit(name)) for name, tag in has.items()])
part = pl.when(at >= "2021-06-01").then(pl.lit("test")).when(at >= "2021-05-01").then(pl.lit("validation")).otherwise(pl.lit("train"))
words = (
    text.str.replace_all(r"(?i)\\b(?:https?://|www\\.)\\S*", " ").str.replace_all(r"[@＠][A-Za-z0-9_]+", " ")
    .str.to_lowercase().str.replace_many(accents).str.extract_all(r"[\\p{Alphabetic}\\p{N}]+")
)
kept = (
    rows.filter(~pl.col("retweet") & ~text.str.starts_with("RT @"), ~pl.col("quote"), ~pl.col("reply") & ~text.str.starts_with("@"))
    .filter(pl.col("lang") == "es", pl.sum_horizontal(*[tag.cast(pl.UInt8) for tag in has.values()]) <= 1)
    .with_columns(words=words)
    .filter(pl.col("words").list.len() >= 5)
    .with_columns(key=pl.col("words").list.join(" ").hash(), label=label, part=part)
    .drop("words")
    .unique(subset=["id"], keep="first", maintain_order=True)
    .unique(subset=["key"], keep="first", maintain_order=True)
    .drop("key")
    .collect(engine="streaming")
)
out.mkdir(exist_ok=True)
for (name,), rows in kept.partition_by("part", as_dict=True, include_key=False, maintain_order=True).items():
    rows.write_parquet(out / f"{name}.parquet", compression="zstd", compression_level=3, row_group_size=65536)
"""

# The counts of `dataset explore`, without its near-duplicates, log-odds and page.
POLARS_EXPLORE = """
import json, sys
import polars as pl

posts = pl.scan_parquet(sys.argv[1]).select("text", "author", "created_at", "lang", "retweet", "quote", "reply", "partido", "coalicion")
local = pl.col("created_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC").dt.convert_time_zone(sys.argv[2])
lower = pl.col("text").str.to_lowercase()
tokens = lower.str.replace_all(r"\\S*://\\S*", "").str.extract_all(r"[#@&]?[\\p{Alphabetic}_][\\p{Alphabetic}\\p{N}_]+").list.unique()
posts = posts.with_columns(hour=local.dt.hour(), weekday=local.dt.weekday(), day=local.dt.date(), length=pl.col("text").str.len_chars(),
    link=pl.col("text").str.contains("://"), mention=pl.col("text").str.contains(r"\\B@\\w"), word=tokens)
counts = {
    "groups": ["partido", "coalicion"], "week": ["weekday", "hour"], "days": ["partido", "coalicion", "day"], "accounts": ["author", "partido", "coalicion"],
    "account_hours": ["author", "day", "hour"], "languages": ["lang"], "kinds": ["retweet", "quote", "reply"], "traits": ["link", "mention"],
    "lengths": [(pl.col("length") // 20).alias("length")],
}
frames = [posts.group_by(keys).agg(pl.len(), pl.col("length").sum().alias("characters")) for keys in counts.values()]
frames.append(posts.select("partido", "coalicion", "word").explode("word").group_by("partido", "coalicion", "word").len())
*frames, words = pl.collect_all(frames, engine="streaming")
found = dict(zip(counts, frames))
by = lambda frame, key: {str(name): count for name, count in frame.group_by(key).agg(pl.col("len").sum()).rows()}
result = {"partido": by(found["groups"], "partido"), "coalicion": by(found["groups"], "coalicion"), "hours": by(found["week"], "hour"),
    "days": by(found["days"], "day"), "accounts": by(found["accounts"], "author"), "words": by(words, "word")}
json.dump(result, open(sys.argv[3], "w"))
"""


def measured(command, environment, **more):
    """Returns the seconds, processor seconds and peak MB of a command, which must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}, **more
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)}\n{output}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def tasks(bot, python):
    """Returns the name of each task, pregonero's command, polars' command, and what the commands write."""
    labels = json.dumps(LABELS)
    explore = ["dataset", "explore", "--group", "partido", "--group", "coalicion", "--timezone", ZONE, "--classifier", "none"]
    explore = [bot, *explore, "--vectors", "none", "--sample", "30000"]
    return [
        ("import: CSV to Parquet",
         [bot, "dataset", "import", "tweets.csv", "--format", "parquet", "--output", "imported", "--rights", "invented"],
         [python, "-c", POLARS_IMPORT, "tweets.csv", "imported.polars.parquet"], ["imported"]),
        ("build, of the CSV",
         [bot, "dataset", "build", "--spec", "of_csv.toml", "--output", "built_of_csv"],
         [python, "-c", POLARS_BUILD, "tweets.csv", "built_of_csv.polars", labels], ["built_of_csv"]),
        ("build, of the import",
         [bot, "dataset", "build", "--spec", "of_import.toml", "--output", "built"],
         [python, "-c", POLARS_BUILD, "imported/data.parquet", "built.polars", labels], ["built"]),
        ("explore, of the build",
         [*explore, "built", "--output", "built.html"],
         [python, "-c", POLARS_EXPLORE, "built/*.parquet", ZONE, "built.polars.json"], []),
        ("explore, of the import",
         [*explore, "imported", "--output", "all.html"],
         [python, "-c", POLARS_EXPLORE, "imported/*.parquet", ZONE, "all.polars.json"], []),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="1200000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--folder", type=Path, default=Path("target/scale"))
    parser.add_argument("--pregonero", default="target/release/pregonero")
    parser.add_argument("--invent", default="target/release/examples/invent")
    parser.add_argument("--spark", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    bot, table = str(Path(arguments.pregonero).resolve()), folder / "tweets.csv"
    if not table.exists():
        subprocess.run([arguments.invent, arguments.rows, "1", str(table)], check=True)
    labels = "{ " + ", ".join(f'"{name}" = {json.dumps(tags, ensure_ascii=False)}' for name, tags in LABELS.items()) + " }"
    for name, source in [("of_csv", "tweets.csv"), ("of_import", "imported")]:
        (folder / f"{name}.toml").write_text(SPEC.replace("SOURCE", source).replace("labels = LABELS", f"labels = {labels}"))
    threads = {"RAYON_NUM_THREADS": arguments.threads, "POLARS_MAX_THREADS": arguments.threads}
    found = {}
    for _ in range(arguments.rounds):
        for name, ours, theirs, written in tasks(bot, sys.executable):
            for old in written:
                shutil.rmtree(folder / old, ignore_errors=True)
            pair = measured(ours, threads, cwd=folder), measured(theirs, threads, cwd=folder)
            found.setdefault(name, []).append(pair)
    print("| what | seconds | processor seconds | peak MB | polars: seconds | processor seconds | peak MB | seconds, ratio | processor, ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    middle = lambda values: statistics.median(values)
    for name, pairs in found.items():
        cells = [f"{middle(pair[side][of] for pair in pairs):.{0 if of == 2 else 1}f}" for side in (0, 1) for of in (0, 1, 2)]
        ratios = [f"{middle(ours[of] / theirs[of] for ours, theirs in pairs):.2f}" for of in (0, 1)]
        print(f"| {' | '.join([name, *cells, *ratios])} |")
    compare(folder, bot)
    open_elsewhere(folder / "built")
    if arguments.spark:
        open_in_spark(folder / "built")


def compare(folder, bot):
    """Checks that polars found the same."""
    import polars as pl
    from polars.testing import assert_frame_equal

    imported = pl.read_parquet(folder / "imported/data.parquet")
    assert_frame_equal(imported, pl.read_parquet(folder / "imported.polars.parquet"))
    print(f"\nimport: {imported.height} rows of {imported.width} columns are the same")
    for name in ["built", "built_of_csv"]:
        rows = {}
        for part in ["train", "validation", "test"]:
            ours = pl.read_parquet(folder / name / f"{part}.parquet")
            theirs = pl.read_parquet(folder / f"{name}.polars" / f"{part}.parquet")
            columns = ["id", "author", "created_at", "text", "label", "partido"]
            assert_frame_equal(ours.select(columns), theirs.select(columns))
            rows[part] = ours.height
        print(f"{name}: the rows are the same, in their order: {rows}")
    explore = [bot, "--json", "dataset", "explore", "--group", "partido", "--group", "coalicion", "--timezone", ZONE]
    output = subprocess.run([*explore, "built", "--classifier", "none", "--vectors", "none"], cwd=folder, check=True, capture_output=True)
    compare_counts(json.loads(output.stdout)["numbers"], json.loads((folder / "built.polars.json").read_text()))


def compare_counts(ours, theirs):
    """Checks explore's counts."""
    for grouping in ours["groupings"]:
        assert {group["name"]: group["posts"] for group in grouping["groups"]} == theirs[grouping["column"]], grouping["column"]
    assert ours["hours"] == [theirs["hours"].get(str(hour), 0) for hour in range(24)]
    assert [day for day in ours["days"] if day] == [count for _, count in sorted(theirs["days"].items())]
    accounts = {account["account"].lstrip("@"): account["posts"] for account in ours["accounts"]["top"]}
    assert accounts == {name: theirs["accounts"][name] for name in accounts} and ours["accounts"]["count"] == len(theirs["accounts"])
    named = {word["name"]: word["posts"] for word in ours["words"] + ours["hashtags"]}
    assert named == {name: theirs["words"][name] for name in named}, named
    print(f"explore: hours, days, groups, accounts and the {len(named)} most frequent words and hashtags have the same counts")


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
    print(f"\nDuckDB {duckdb.__version__} and pandas {pandas.__version__} read the manifest's {rows} rows; DuckDB's largest parties: {parties}")
    print(frame.dtypes.to_string())


def open_in_spark(built):
    """Reads the Parquet files with Spark, and compares the rows with the manifest's."""
    import pyspark
    from pyspark.sql import SparkSession

    manifest = json.loads((built / "manifest.json").read_text())
    rows = sum(file["rows"] for file in manifest["files"])
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    frame = spark.read.parquet(*[str(built / file["name"]) for file in manifest["files"]])
    counted = frame.count()
    assert counted == rows, (counted, rows)
    parties = [tuple(row) for row in frame.groupBy("partido").count().orderBy("count", ascending=False).limit(3).collect()]
    print(f"\nSpark {pyspark.__version__} reads the manifest's {rows} rows; its largest parties: {parties}; its types: {frame.dtypes}")
    spark.stop()


if __name__ == "__main__":
    main()
