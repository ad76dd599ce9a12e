//! `pregonero dataset explore`: a page about a data set.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::cli::output::{Output, counted};
use crate::cli::session::Session;
use crate::cli::workshop::stop::Stop;
use pregonero_data::explore::numbers::Numbers;
use pregonero_data::explore::{self, ExploreOptions, Explored, Explorer, Names, USUAL_GROUPS};
use pregonero_data::folder::Folder;
use pregonero_data::names;
use pregonero_data::read::{self, ReadOptions, ReadReport};
use pregonero_models::catalog::{self, ModelKind, ModelSource};
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::cleaning::is_stop_word;
use pregonero_workshop::explore::sentiment::add_sentiment;
use pregonero_workshop::explore::vectors::{WordSource, add_vectors};
use pregonero_workshop::explore::{Language, PageContent, check_page, write_page};
use pregonero_workshop::training::vectors::{self, TrainedVectors, VectorTraining};

/// The vectors that are trained here: small, because frequent words are enough to tell groups apart.
const WIDTH: usize = 50;
const LEAST_OCCURRENCES: usize = 5;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset explore tweets.csv --output page.html
  pregonero dataset explore data/politicians --group party --group coalition --timezone America/Santiago --output page.html
  pregonero dataset explore tweets.jsonl --no-names --classifier none --vectors none --lang en --output page.html
  pregonero dataset explore tweets.csv --text-column tweet --author-column user --time-column date --output page.html
  pregonero dataset explore tweets.csv --json > numbers.json

The page is one HTML file without scripts; it needs no network. It shows posts by hour and day, by account and by group, the words \
and hashtags that set groups apart (log-odds), sentiment, lengths, repeated texts, and the groups in the plane of their word \
vectors. Files are read once, as a stream, so that millions of posts need little memory; sentiment and word vectors come from a \
sample. An earlier page is replaced unless somebody has changed it, no other file is.")]
pub struct ExploreArguments {
    /// Files of any kind that `dataset import` reads, or folders of data sets
    #[arg(value_name = "FILE|FOLDER", required = true)]
    data: Vec<PathBuf>,
    /// The page to write; may be left out with --json
    #[arg(long, value_name = "FILE.html")]
    output: Option<PathBuf>,
    /// A column with groups to compare, such as a party or a label; may be given several times. By default label, partido, party,
    /// coalicion, coalition, grupo, group and split, as far as the data have them
    #[arg(long, value_name = "COLUMN")]
    group: Vec<String>,
    /// The language of the page
    #[arg(long, value_enum, default_value = "es")]
    lang: LanguageChoice,
    /// The time zone of hours and days
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// Count posts from this day on, in the time zone
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,
    /// Count posts up to this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,
    /// Number the accounts instead of naming them, and hide mentions in quoted texts
    #[arg(long)]
    no_names: bool,
    /// The classifier of the sentiment: builtin, builtin:NAME, a folder, hub:OWNER/NAME, or none
    #[arg(long, value_name = "MODEL|none", default_value = "builtin")]
    classifier: Choice<ModelSource>,
    /// Word vectors: a folder that `train vectors` wrote, `train` to train small ones on the sample, or none
    #[arg(long, value_name = "FOLDER|train|none", default_value = "train")]
    vectors: Choice<VectorChoice>,
    /// How many posts are sampled for sentiment and word vectors
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    sample: usize,
    /// The column with the text
    #[arg(long, value_name = "NAME", default_value = names::TEXT)]
    text_column: String,
    /// The column with the author
    #[arg(long, value_name = "NAME", default_value = names::AUTHOR)]
    author_column: String,
    /// The column with the time of the post
    #[arg(long, value_name = "NAME", default_value = names::CREATED_AT)]
    time_column: String,
    /// The title of the page; by default the name of the data set or its file
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LanguageChoice {
    /// Spanish
    Es,
    /// English
    En,
}

/// Something, or `none`.
#[derive(Debug, Clone)]
struct Choice<T>(Option<T>);

impl<T: FromStr> FromStr for Choice<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|chosen| Self(Some(chosen))) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum VectorChoice {
    Train,
    Folder(PathBuf),
}

impl FromStr for VectorChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "train" { Self::Train } else { Self::Folder(PathBuf::from(text)) })
    }
}

impl ExploreArguments {
    /// Counts, asks the models, and writes the page.
    ///
    /// # Errors
    /// If a file cannot be read or has no texts, a model cannot be loaded, or the page cannot be written.
    pub fn run(self, session: &Session) -> Result<()> {
        ensure!(
            self.output.is_some() || session.output.json,
            "give the page to write with --output FILE.html, or --json"
        );
        self.output.as_deref().map(check_page).transpose()?;
        let options = self.options()?;
        let classifier = self.classifier.0.as_ref().map(|source| load(source, session)).transpose()?;
        let stop = Stop::on_signal()?;
        let (explored, report) = self.count(options, session)?;
        stop.heed();
        let language = self.language();
        let names = match self.no_names {
            true => Names::Numbered(language.account().to_owned()),
            false => Names::Shown,
        };
        let mut numbers = explored.numbers(&names);
        if let Some((classifier, name)) = classifier.filter(|_| !explored.sample().is_empty()) {
            session.output.note(&format!("sentiment of {}", counted(explored.sample().len(), "post", "posts")));
            add_sentiment(&explored, &mut numbers, &classifier, &name, &stop)?;
        }
        self.add_vectors(&explored, &mut numbers, session.output, &stop)?;
        if let Some(path) = &self.output {
            self.write(path, &numbers, session)?;
        }
        self.print(&numbers, &report, session.output)
    }

    fn options(&self) -> Result<ExploreOptions> {
        let zone = TimeZone::get(&self.timezone).with_context(|| {
            format!("--timezone: no zone {:?}; names look like America/Bogota or UTC", self.timezone)
        })?;
        if let (Some(since), Some(until)) = (self.since, self.until) {
            ensure!(since <= until, "--since {since} is after --until {until}");
        }
        Ok(ExploreOptions {
            text: self.text_column.clone(),
            author: self.author_column.clone(),
            time: self.time_column.clone(),
            groups: self.group.clone(),
            zone,
            since: self.since,
            until: self.until,
            sample: self.sample,
            is_stop_word,
        })
    }

    fn language(&self) -> Language {
        match self.lang {
            LanguageChoice::Es => Language::Spanish,
            LanguageChoice::En => Language::English,
        }
    }

    /// Reads all rows once.
    fn count(&self, options: ExploreOptions, session: &Session) -> Result<(Explored, ReadReport)> {
        let reading = ReadOptions { columns: Some(self.columns()), ..ReadOptions::default() };
        let mut rows = read::open(&self.data, &reading)?.ahead();
        let mut explorer = Explorer::new(options);
        while let Some(chunk) = rows.next_chunk()? {
            explorer.add(chunk, &|place| rows.report().place(place))?;
        }
        explorer.flush()?;
        let report = rows.report().clone();
        session.output.note(&report.to_string());
        ensure!(!explorer.lacks_text_column(), "{}", self.no_text_column(&report));
        Ok((explorer.finish()?, report))
    }

    /// Returns the error where no row has a text, with the columns that there are.
    fn no_text_column(&self, report: &ReadReport) -> String {
        let mut columns: Vec<&str> = Vec::new();
        for column in report.files.iter().flat_map(|file| &file.columns) {
            if !columns.contains(&column.as_str()) {
                columns.push(column);
            }
        }
        let there_are = if columns.is_empty() { String::new() } else { format!("; there are {}", columns.join(", ")) };
        format!(
            "no row has the column {:?}{there_are}; name the one with the text with --text-column",
            self.text_column
        )
    }

    /// Returns the columns that are read.
    fn columns(&self) -> Vec<String> {
        let named = [&self.text_column, &self.author_column, &self.time_column].map(String::clone);
        let known = [names::AUTHOR_ID, names::LANG, names::RETWEET, names::QUOTE, names::REPLY].map(str::to_owned);
        let groups = if self.group.is_empty() { USUAL_GROUPS.map(str::to_owned).to_vec() } else { self.group.clone() };
        named.into_iter().chain(known).chain(groups).collect()
    }

    fn add_vectors(&self, explored: &Explored, numbers: &mut Numbers, output: Output, stop: &Stop) -> Result<()> {
        let Some(choice) = &self.vectors.0 else { return Ok(()) };
        if let VectorChoice::Folder(folder) = choice {
            let vectors = TrainedVectors::read(folder)?;
            let pipeline = vectors.card.pipeline;
            let source = WordSource {
                name: folder.display().to_string(),
                words: vectors.card.words as u64,
                width: vectors.card.width,
                vector: &|word| vectors.vector(&pipeline.clean(word)),
            };
            add_vectors(explored, numbers, &source);
            return Ok(());
        }
        // Without groups there is nothing to compare.
        if numbers.groupings.iter().all(|grouping| grouping.groups.len() < 2) {
            return Ok(());
        }
        let texts: Vec<String> = explored.sample().iter().map(|post| explore::counted_words(&post.text)).collect();
        output.note(&format!("word vectors of {}", counted(texts.len(), "post", "posts")));
        let settings = VectorTraining {
            width: WIDTH,
            minimum_count: LEAST_OCCURRENCES,
            subwords: None,
            ..VectorTraining::new(Vec::new(), PathBuf::new())
        };
        let vectors = match vectors::train_words(&settings, &texts, stop, &mut |_| stop.heed()) {
            Ok(vectors) => vectors,
            Err(error) if stop.load(std::sync::atomic::Ordering::Relaxed) => return Err(error),
            Err(error) => {
                output.note(&format!("no word vectors: {error:#}"));
                return Ok(());
            }
        };
        let trained = counted(texts.len(), "post", "posts");
        let name = self
            .language()
            .t(format!("entrenados aquí con {} publicaciones", texts.len()), format!("trained here on {trained}"));
        let source = WordSource {
            name,
            words: vectors.words().len() as u64,
            width: WIDTH,
            vector: &|word| vectors.get(word).map(<[f32]>::to_vec),
        };
        add_vectors(explored, numbers, &source);
        Ok(())
    }

    fn title(&self) -> String {
        let name = |path: &PathBuf| {
            let of_file = || path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            Folder::open(path).map_or_else(|_| of_file(), |folder| folder.manifest().name.clone())
        };
        self.title.clone().unwrap_or_else(|| self.data.iter().map(name).collect::<Vec<_>>().join(", "))
    }

    fn write(&self, path: &Path, numbers: &Numbers, session: &Session) -> Result<()> {
        write_page(
            path,
            &PageContent {
                language: self.language(),
                title: &self.title(),
                numbers,
                names_are_shown: !self.no_names,
                command: &session.command_line,
                sample: self.sample,
            },
        )
    }

    fn print(&self, numbers: &Numbers, report: &ReadReport, output: Output) -> Result<()> {
        output.object(
            || {
                let groups = numbers.groupings.iter().map(|grouping| {
                    format!("; {} by {}", counted(grouping.groups.len(), "group", "groups"), grouping.column)
                });
                let groups: String = groups.collect();
                let written =
                    self.output.as_ref().map_or_else(String::new, |path| format!("\nwritten to {}", path.display()));
                format!(
                    "{} by {}{groups}{written}",
                    counted(numbers.posts, "post", "posts"),
                    counted(numbers.accounts.count, "account", "accounts")
                )
            },
            || json!({"numbers": numbers, "read": report, "output": self.output}),
        )
    }
}

fn load(source: &ModelSource, session: &Session) -> Result<(Classifier, String)> {
    let files = catalog::open(source, ModelKind::Classifier, &session.hub()?)?;
    Ok((Classifier::load(&files)?, source.to_string()))
}
