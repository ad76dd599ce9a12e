//! `pregonero models`: lists, shows, downloads and converts models.

use std::path::PathBuf;
use std::slice;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::choice::{Choice, listed};
use super::compared::compared;
use super::output::{self, Output, styled};
use super::session::Session;
#[cfg(feature = "workshop")]
use super::workshop::{self, quantize::QuantizeArguments, verbatim::VerbatimArguments};
use crate::app;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::hub::{Hub, Persistence, Progress, Repository};
use pregonero_models::catalog::{
    self, Conversion, ModelDetails, ModelFiles, ModelKind, ModelSummary, Needs, Source, builtin,
};
use pregonero_models::generation::{ControlLayout, control};
use pregonero_models::verbatim;
use pregonero_models::verbatim::{OwnTexts, VerbatimIndex};

const EXAMPLES: &str = "\
Examples:
  pregonero models list
  pregonero models pull datificate/gpt2-small-spanish   then set [generation] model = \"hub:datificate/gpt2-small-spanish\"
  pregonero models convert my-gpt2    a folder whose weights are pytorch_model.bin
  pregonero models show builtin
  pregonero models control hub:OWNER/NAME --layout control.toml   then seed prompts may have attributes";

#[cfg(feature = "workshop")]
const VERBATIM_EXAMPLE: &str = "
  pregonero models quantize my-gpt2 --output my-gpt2-int8   then it writes several times as fast on a CPU
  pregonero models verbatim my-gpt2 --others tweets.csv:text --own ours.txt   then candidates are compared with both";
#[cfg(not(feature = "workshop"))]
const VERBATIM_EXAMPLE: &str = "";

fn examples() -> String {
    format!("{EXAMPLES}{VERBATIM_EXAMPLE}")
}

/// What to do with models.
#[derive(Debug, Subcommand)]
#[command(after_help = examples())]
pub enum ModelsCommand {
    /// List the built-in and the cached models: whether each can be used, and how much memory it takes
    List,
    /// Show one model: its digest, the files its weights were made from, its configuration and its card
    Show(ShowArguments),
    /// Download a model from the hub; an interrupted download continues where it stopped
    ///
    /// Weights that exist only as pytorch_model.bin are read once, without running any code in the file, and stored as
    /// model.safetensors.
    ///
    /// HF_ENDPOINT names another hub, HF_TOKEN a token for private or gated models, and HF_HUB_CACHE the folder;
    /// HF_HUB_OFFLINE forbids downloads.
    Pull(PullArguments),
    /// Convert the pytorch_model.bin in a folder, which pregonero cannot use directly, to model.safetensors
    ///
    /// No code in the file is run: tensors, ordered dicts and plain values are read; anything else is refused by its
    /// name. A model.safetensors that this command did not make is never replaced.
    Convert(ConvertArguments),
    /// Declare the control tokens of a model that was trained elsewhere, so that it can write from attributes
    Control(ControlArguments),
    /// Round a model's weights to int8, for a CPU: a quarter of the memory, several times as fast
    #[cfg(feature = "workshop")]
    Quantize(QuantizeArguments),
    /// Write the files for the verbatim gate into a model's folder, from the texts that the model was trained on
    #[cfg(feature = "workshop")]
    Verbatim(VerbatimArguments),
}

const KINDS: [Choice<ModelKind>; 3] = [
    ("generator", ModelKind::Generator, ""),
    ("classifier", ModelKind::Classifier, ""),
    ("critic", ModelKind::Critic, ""),
];

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// As the configuration names it: builtin, builtin:NAME, a folder or hub:OWNER/NAME
    #[arg(value_name = "MODEL")]
    model: ModelSource,
    /// Show only this kind of the built-in models with this name; without it, show all kinds
    #[arg(long, value_parser = listed(&KINDS))]
    kind: Option<ModelKind>,
}

#[derive(Debug, Args)]
pub struct PullArguments {
    /// The model's name on the hub
    #[arg(value_name = "OWNER/NAME")]
    repository: Repository,
    /// A branch, a tag or a commit
    #[arg(long, value_name = "NAME", default_value = "main")]
    revision: String,
}

#[derive(Debug, Args)]
pub struct ConvertArguments {
    /// The folder with config.json and pytorch_model.bin, or its shards with pytorch_model.bin.index.json
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The layout is a TOML file, or a JSON file if its name ends in .json. This example shows the form:

  # Before a text the model reads [SENTIMIENTO]value[FRASES]value[TWEET]; any value may be empty.
  start = \"[TWEET]\"             # the token between the attributes and the text
  length = 128                  # tokens of the longest sample; if absent, the model's positions
  truncation = [\"FRASES\"]       # what loses words first if a context is too long
  [[attributes]]
  name = \"SENTIMIENTO\"          # as seed prompts name it
  token = \"[SENTIMIENTO]\"       # as the tokenizer has it
  values = [\"POSITIVE\", \"NEGATIVE\"]   # if absent, any words
  [[attributes]]
  name = \"FRASES\"

It is written to pregonero.json in the model's folder; the downloaded files stay as they are. Remove that file to undo the
declaration. A newer version of a pulled model has its own folder: declare the layout again after `models pull`.")]
pub struct ControlArguments {
    /// A folder, or hub:OWNER/NAME for a pulled model
    #[arg(value_name = "MODEL")]
    model: ModelSource,
    /// The file with the layout
    #[arg(long, value_name = "FILE")]
    layout: PathBuf,
}

/// Runs `models`.
///
/// # Errors
/// If a model does not exist or is broken, or a download failed; the message says what to do.
pub async fn run(command: ModelsCommand, session: &Session) -> Result<()> {
    session.start_log();
    match command {
        ModelsCommand::List => {
            let header = ["NAME", "KIND", "PARAMETERS", "SIZE", "MEMORY", "USABLE", "LOCATION"];
            session.output.rows(&header, &catalog::list(&session.hub()?, &app::examine)?, cells)
        }
        ModelsCommand::Show(arguments) => show(&arguments, session),
        ModelsCommand::Pull(arguments) => pull(arguments, session).await,
        ModelsCommand::Convert(arguments) => convert(&arguments, session),
        ModelsCommand::Control(arguments) => control(&arguments, session),
        #[cfg(feature = "workshop")]
        ModelsCommand::Quantize(arguments) => workshop::quantize::run(&arguments, session),
        #[cfg(feature = "workshop")]
        ModelsCommand::Verbatim(arguments) => workshop::verbatim::run(&arguments, session),
    }
}

fn cells(model: &ModelSummary) -> Vec<String> {
    let unknown = || "unknown".to_owned();
    vec![
        model.name.clone(),
        model.kind.map_or_else(unknown, |kind| kind.as_str().to_owned()),
        model.parameters.map_or_else(unknown, |count| count.to_string()),
        megabytes(model.size_bytes),
        model.needs.map_or_else(unknown, memory),
        model.why_not.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}")),
        model.location.clone(),
    ]
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn memory(needs: Needs) -> String {
    let weights = megabytes(needs.memory_bytes);
    match needs.memory_per_text_bytes {
        0 => weights,
        text => format!("{weights} + {} per text", megabytes(text)),
    }
}

fn show(arguments: &ShowArguments, session: &Session) -> Result<()> {
    let hub = session.hub()?;
    let kinds: &[ModelKind] = match (&arguments.model, &arguments.kind) {
        (_, Some(kind)) => slice::from_ref(kind),
        (ModelSource::BuiltIn, None) => &[ModelKind::Generator, ModelKind::Classifier, ModelKind::Critic],
        (ModelSource::BuiltInNamed(name), None) if builtin::find(ModelKind::Generator, Some(name)).is_none() => {
            &[ModelKind::Classifier]
        }
        _ => &[ModelKind::Generator],
    };
    for kind in kinds {
        let details = catalog::show(&arguments.model, *kind, &hub, &app::examine);
        // As `inspect --model` and every other command that cannot use a model.
        let details = details.map_err(|cause| app::SetupError::Unusable { key: "MODEL", cause })?;
        let mut json = serde_json::to_value(&details)?;
        let files = catalog::open(&arguments.model, *kind, &hub)?;
        let layout = ControlLayout::read(&files)?;
        json["control"] = serde_json::to_value(&layout)?;
        let (index, own_texts) = (verbatim::index_of(&files)?, verbatim::own_texts_of(&files)?);
        json["verbatim"] = json!({
            "runs": index.as_ref().map(VerbatimIndex::len),
            "words": index.as_ref().map(VerbatimIndex::window),
            "own_texts": own_texts.as_ref().map(OwnTexts::len),
        });
        let compared = compared(index.as_ref(), own_texts.as_ref());
        let compared = compared.filter(|_| *kind == ModelKind::Generator);
        session.output.object(|| in_words(&details, layout.as_ref(), compared.as_deref()), || json)?;
    }
    Ok(())
}

fn in_words(details: &ModelDetails, layout: Option<&ControlLayout>, compared: Option<&str>) -> String {
    let names = ["name", "kind", "parameters", "size", "memory", "usable", "location"];
    let rows = names.into_iter().zip(cells(&details.summary)).map(|(name, value)| format!("{name:<11} {value}"));
    let mut lines: Vec<String> = rows.collect();
    let stored = details.stored_as.join(", ");
    lines.push(format!("{:<11} {}{}", "read from", details.weight_files.join(", "), in_brackets(&stored)));
    lines.extend(details.conversion.iter().map(|conversion| format!("{:<11} {}", "made from", made_of(conversion))));
    lines.push(format!("{:<11} {}", "sha256", details.sha256));
    for attribute in layout.into_iter().flat_map(|layout| &layout.attributes) {
        lines.push(format!("{:<11} {}: {}", "attribute", attribute.name, attribute.values_in_words()));
    }
    lines.extend(compared.map(|compared| format!("{:<11} {compared}", "verbatim")));
    lines.push(styled(output::HEADING, "config.json"));
    lines.push(serde_json::to_string_pretty(&details.config).unwrap_or_default());
    if let Some(card) = &details.card_text {
        lines.push(styled(output::HEADING, "card"));
        lines.push(card.trim_end().to_owned());
    }
    lines.join("\n")
}

fn in_brackets(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

/// Describes what the weights were made from, and how.
fn made_of(conversion: &Conversion) -> String {
    let source = |source: &Source| {
        format!("{} ({}, {}, sha256 {})", source.file, source.format.in_words(), megabytes(source.bytes), source.sha256)
    };
    let sources: Vec<String> = conversion.sources.iter().map(source).collect();
    let left_out = match conversion.left_out {
        0 => String::new(),
        count => format!("; {count} constant masks left out"),
    };
    format!("{}, by {}{left_out}", sources.join(", "), conversion.made_by)
}

fn convert(arguments: &ConvertArguments, session: &Session) -> Result<()> {
    let folder = &arguments.folder;
    let converted = catalog::convert(folder)?;
    session.output.object(
        || {
            let (path, source) = (converted.path.display(), made_of(&converted.conversion));
            let done = if converted.was_there { "already exists" } else { "was written" };
            let next = format!("to use it, set [generation] model = \"{}\"", folder.display());
            format!("{path} {done}, made from {source}; {next}")
        },
        || json!({"weights": converted.path, "was_there": converted.was_there, "conversion": converted.conversion}),
    )
}

fn control(arguments: &ControlArguments, session: &Session) -> Result<()> {
    let ModelFiles::Folder(folder) = catalog::open(&arguments.model, ModelKind::Generator, &session.hub()?)? else {
        bail!("{}: a built-in model has its own layout; name a folder or hub:OWNER/NAME", arguments.model);
    };
    let (layout, file) = control::declare(&folder, &arguments.layout)?;
    session.output.object(
        || format!("{}: {} writes from {}", file.display(), arguments.model, layout.names()),
        || json!({"model": arguments.model.to_string(), "file": file, "control": layout}),
    )
}

async fn pull(arguments: PullArguments, session: &Session) -> Result<()> {
    let repository = arguments.repository.at(&arguments.revision)?;
    let hub = Hub::new(session.hub()?, Persistence::default())?;
    let display = Display::new(session.output);
    let pulled = hub.pull(&repository, &|progress| display.show(&progress)).await?;
    session.output.object(
        || {
            let made = pulled
                .conversion
                .as_ref()
                .map(|conversion| format!("its weights are in model.safetensors, made from {}\n", made_of(conversion)));
            format!(
                "{}hub:{repository} is ready in {}; to use it, set [generation] model = \"hub:{repository}\"",
                made.unwrap_or_default(),
                pulled.folder.display()
            )
        },
        || {
            json!({"name": format!("hub:{repository}"), "folder": pulled.folder, "commit": pulled.commit,
                   "files": pulled.files, "conversion": pulled.conversion})
        },
    )
}

/// Shows the progress of a pull: a bar on a terminal, a line for each file elsewhere.
struct Display {
    output: Output,
    bar: ProgressBar,
    file: Mutex<String>,
}

impl Display {
    fn new(output: Output) -> Self {
        let bar = if output.quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { output, bar: bar.with_style(style), file: Mutex::new(String::new()) }
    }

    fn show(&self, progress: &Progress<'_>) {
        match *progress {
            Progress::Waiting => self.line("another pull of this model is running; waiting for it"),
            Progress::Receiving { file, received, size } => {
                if self.is_new(file) {
                    self.bar.reset();
                    self.bar.set_message(file.to_owned());
                }
                if let Some(size) = size {
                    self.bar.set_length(size);
                }
                self.bar.set_position(received);
            }
            Progress::Retrying { file, attempt, pause } => {
                self.line(&format!(
                    "{file}: the connection broke (attempt {attempt}); trying again in {}",
                    seconds(pause)
                ));
            }
            Progress::Converting { file } => self.line(&format!("{file}: writing its tensors to model.safetensors")),
            Progress::Complete { file, fetched } => {
                self.line(&format!("{file}: {}", if fetched { "downloaded and verified" } else { "already there" }));
            }
        }
    }

    fn is_new(&self, file: &str) -> bool {
        let mut shown = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let new = *shown != file;
        file.clone_into(&mut shown);
        new
    }

    /// Prints a line, above the bar if there is one.
    fn line(&self, text: &str) {
        self.bar.suspend(|| self.output.note(text));
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn seconds(pause: Duration) -> String {
    format!("{:.1} s", pause.as_secs_f64())
}
