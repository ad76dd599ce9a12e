//! Runs `dataset import`, `build` or `explore` as the command does, without the command line, its models and the page: to measure and
//! profile this crate alone, which compiles in seconds.
//!
//! ```sh
//! cargo build --release -p pregonero-data --examples
//! python3 benches/beside_polars.py --pregonero target/release/examples/scale
//! ```
//!
//! It reads the flags that the script gives to the command and passes over the others.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::tz::TimeZone;
use pregonero_data::build::{self, Request, SpecFile};
use pregonero_data::explore::{ExploreOptions, Explorer, Names};
use pregonero_data::folder::{Folder, Format, Manifest};
use pregonero_data::import::{Import, import};
use pregonero_data::names;
use pregonero_data::read::{self, ReadOptions};

/// The frequent words of `invent`.
const STOP_WORDS: [&str; 24] = [
    "de", "la", "que", "el", "en", "y", "a", "los", "se", "del", "las", "un", "por", "con", "no", "una", "su", "para",
    "es", "al", "lo", "como", "más", "hoy",
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--json").collect();
    let [_, command, rest @ ..] = arguments.as_slice() else { bail!("usage: scale dataset import|build|explore …") };
    let flag = |name: &str| rest.iter().position(|argument| argument == name).and_then(|at| rest.get(at + 1));
    let output = flag("--output").map(Path::new);
    // Every flag of these commands has a value.
    let is_file = |at: &usize| !rest[*at].starts_with("--") && (*at == 0 || !rest[at - 1].starts_with("--"));
    let files: Vec<PathBuf> = (0..rest.len()).filter(is_file).map(|at| PathBuf::from(&rest[at])).collect();
    match command.as_str() {
        "import" => run_import(&files, output.context("--output")?),
        "build" => run_build(flag("--spec").context("--spec")?.as_ref(), output.context("--output")?),
        _ => run_explore(&files, flag("--timezone").context("--timezone")?, output),
    }
}

fn run_import(files: &[PathBuf], output: &Path) -> Result<()> {
    let mut writer = Folder::create(output, Format::Parquet)?;
    let imported = import(&Import { files: files.to_vec(), ..Import::default() }, |row| writer.write(row))?;
    let sources = imported.sources(files)?;
    let folder = writer.finish(Manifest { sources, ..Manifest::default() })?;
    println!("{} rows", folder.manifest().rows());
    Ok(())
}

fn run_build(spec: &Path, output: &Path) -> Result<()> {
    let request = Request {
        output: Some(output),
        now: "2026-01-02T03:04:05Z".parse()?,
        command: "scale dataset build".to_owned(),
        enricher: None,
    };
    let report = build::build(&SpecFile::read(spec, None)?, &request)?;
    println!("{} rows of {}: {:?}", report.kept, report.rows_read, report.dropped);
    Ok(())
}

fn run_explore(files: &[PathBuf], zone: &str, output: Option<&Path>) -> Result<()> {
    let groups = ["partido", "coalicion"].map(str::to_owned);
    let columns =
        [names::TEXT, names::AUTHOR, names::CREATED_AT, names::LANG, names::RETWEET, names::QUOTE, names::REPLY];
    let columns = columns.map(str::to_owned).into_iter().chain(groups.clone()).collect();
    let mut rows = read::open(files, &ReadOptions { columns: Some(columns), ..ReadOptions::default() })?.ahead();
    let mut explorer = Explorer::new(ExploreOptions {
        groups: groups.to_vec(),
        zone: TimeZone::get(zone)?,
        is_stop_word: |word| STOP_WORDS.contains(&word),
        ..ExploreOptions::default()
    });
    while let Some(chunk) = rows.next_chunk()? {
        explorer.add(chunk, &|place| rows.report().place(place))?;
    }
    let numbers = explorer.finish()?.numbers(&Names::Shown);
    let json = serde_json::json!({ "numbers": numbers }).to_string();
    match output {
        Some(path) => std::fs::write(path, json)?,
        None => println!("{json}"),
    }
    Ok(())
}
