//! Writes what a training leaves on disk: checkpoints to resume from, and the finished model with its card.
//!
//! Everything is written next to its final place and renamed, so that a full disk or a crash leaves the last one intact.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::log::{CURVE, LOG};
use super::step_settings::OptimizerChoice;
use super::{Corpus, GeneratorTraining, Learner, Outcome, Samples, stored};
use crate::training::checkpoint::{BEST_WEIGHTS, CheckpointFolder, MARK, load_tensors, save_tensors, tensors};
use crate::training::muon::Muon;
use pregonero_data::folder::Folder;
use pregonero_data::trained_on::TRAINED_ON;
use pregonero_models::catalog::WEIGHTS;
use pregonero_models::generation::control::CONFIG_KEY;
use pregonero_models::generation::gpt2::Gpt2Config;
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_models::generation::tokenizer::training::FILES as TOKENIZER_FILES;
use pregonero_models::verbatim::{OWN_TEXTS, VERBATIM_INDEX};
use pregonero_system::files::{Existing, check_own_folder, refuse_existing, unsealed, write_whole};

/// Muon's momentum in a checkpoint.
const MUON: &str = "muon.safetensors";

/// The file name of a model's card.
const CARD: &str = "README.md";

/// What a training writes into its output folder, next to the weights, the tokenizer and the checkpoints.
const MODEL_FILES: [&str; 8] =
    ["config.json", "generation_config.json", VERBATIM_INDEX, OWN_TEXTS, CARD, LOG, CURVE, TRAINED_ON];

/// The heading of every card. A card that a person has changed is not replaced.
const HEADING: &str = "# A GPT-2 trained by pregonero";
const CARD_TO_REPLACE: Existing = Existing::ReplaceUntouched(HEADING);

fn is_same_folder(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The progress of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: usize,
    pub(super) best_loss: Option<f64>,
    pub(super) evaluations_without_gain: usize,
    /// The steps since the last line of the log.
    #[serde(default)]
    pub(super) unlogged: Unlogged,
    #[serde(skip)]
    pub(super) saved_step: usize,
    /// What must not change between stopping and resuming.
    seed: u64,
    block: usize,
    batch: usize,
    #[serde(default = "one")]
    accumulate: usize,
    #[serde(default = "adamw")]
    optimizer: String,
    /// The flags that define a sample; empty in checkpoints that are older than this field.
    #[serde(default)]
    samples: String,
    /// The corpus's fingerprint; absent in checkpoints that are older than this field.
    #[serde(default)]
    data: Option<u64>,
}

/// Losses that are not in the log yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unlogged {
    pub(super) steps: usize,
    /// The bits of their sum: a decimal number would not be restored exactly.
    sum: u64,
}

impl Unlogged {
    pub(super) fn add(&mut self, loss: f64) {
        self.steps += 1;
        self.sum = (f64::from_bits(self.sum) + loss).to_bits();
    }

    pub(super) fn mean(self) -> f64 {
        f64::from_bits(self.sum) / self.steps.max(1) as f64
    }
}

fn adamw() -> String {
    optimizer(OptimizerChoice::AdamW)
}

/// Returns the flag that chooses an optimiser.
fn optimizer(choice: OptimizerChoice) -> String {
    let name = match choice {
        OptimizerChoice::AdamW => "adamw",
        OptimizerChoice::Muon => "muon",
    };
    format!("--optimizer {name}")
}

fn one() -> usize {
    1
}

impl State {
    pub(super) fn new(settings: &GeneratorTraining, corpus: &Corpus) -> Self {
        Self {
            step: 0,
            best_loss: None,
            evaluations_without_gain: 0,
            unlogged: Unlogged::default(),
            saved_step: 0,
            seed: settings.seed,
            block: settings.block,
            batch: settings.batch,
            accumulate: settings.accumulate,
            optimizer: optimizer(settings.optimizer),
            samples: samples(settings),
            data: Some(corpus.fingerprint),
        }
    }

    pub(super) fn check_same_run(&self, other: &Self) -> Result<()> {
        for (name, saved, asked) in [
            ("--seed", self.seed, other.seed),
            ("--block", self.block as u64, other.block as u64),
            ("--batch", self.batch as u64, other.batch as u64),
            ("--accumulate", self.accumulate as u64, other.accumulate as u64),
        ] {
            if saved != asked {
                bail!(
                    "the checkpoint was made with {name} {saved}, not {asked}; resume with the same value, or start over"
                );
            }
        }
        for (saved, asked) in [(&self.samples, &other.samples), (&self.optimizer, &other.optimizer)] {
            if !saved.is_empty() && saved != asked {
                bail!("the checkpoint was made with {saved}, not {asked}; resume with the same value, or start over");
            }
        }
        if self.data.is_some() && self.data != other.data {
            bail!(
                "the checkpoint was made with other texts: --data, --clean, --duplicates and --held-out must be the same \
                 and the files unchanged; restore them to resume, or start over with another --output"
            );
        }
        Ok(())
    }
}

/// Returns the flags that define a sample.
fn samples(settings: &GeneratorTraining) -> String {
    let Some(control) = &settings.control else {
        return match settings.samples {
            Samples::Blocks => "--samples blocks".to_owned(),
            Samples::Texts => "--samples texts".to_owned(),
        };
    };
    let attributes: Vec<String> = control
        .layout
        .attributes
        .iter()
        .zip(&control.columns)
        .map(|(attribute, column)| format!("{}={column}", attribute.name))
        .collect();
    let (attributes, truncation) = (attributes.join(","), control.layout.truncation.join(","));
    format!("--control {attributes} --truncate {truncation} --control-dropout {}", control.dropout)
}

/// A trained model, ready to be written.
pub(super) struct Finished<'a> {
    pub(super) config: &'a Gpt2Config,
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) corpus: &'a Corpus,
}

/// The folder of checkpoints inside the output folder.
pub(super) struct Checkpoints {
    output: PathBuf,
    folder: CheckpointFolder,
}

impl Checkpoints {
    pub(super) fn new(output: &Path) -> Self {
        Self { output: output.to_owned(), folder: CheckpointFolder::new(output.join("checkpoints")) }
    }

    fn best_weights(&self) -> PathBuf {
        self.folder.path().join(BEST_WEIGHTS)
    }

    /// Returns the file that marks the output folder as one that a training wrote, so that a later run may replace its files.
    fn mark(&self) -> PathBuf {
        self.folder.path().join(MARK)
    }

    /// Marks the output folder before this training writes its first file into it.
    pub(super) fn mark_as_ours(&self) -> Result<()> {
        write_whole(&self.mark(), Existing::Replace, |file| {
            file.write_all(b"A later run of this training replaces the model's files in the folder above.\n")
        })
    }

    /// Checks that the training would not overwrite anything it must not.
    ///
    /// # Errors
    /// If the output folder contains an earlier training that is not to be resumed, a model without a checkpoint, or a
    /// file that the training would replace although no training wrote it, or a card that a person has changed. If `tokenizer`, the folder of the tokenizer to train
    /// with, is the output folder, its files may exist.
    pub(super) fn refuse_to_overwrite(&self, resume: bool, tokenizer: Option<&Path>) -> Result<()> {
        let (state, weights) = (self.folder.state_file(), self.output.join(WEIGHTS));
        check_own_folder(&self.output)?;
        Folder::refuse_as_output(&self.output, "a model")?;
        self.folder.refuse_foreign()?;
        if state.exists() && !resume {
            bail!("{}: contains an earlier training; pass --resume or another --output", state.display());
        }
        if weights.exists() && !state.exists() {
            bail!("{}: contains a model but no checkpoint to resume from; choose another --output", weights.display());
        }
        if !state.exists() && !self.mark().exists() {
            self.refuse_foreign(tokenizer)?;
        }
        TOKENIZER_FILES.into_iter().chain(MODEL_FILES).chain([WEIGHTS]).try_for_each(|name| {
            let existing = if name == CARD { CARD_TO_REPLACE } else { Existing::Replace };
            refuse_existing(&self.output.join(name), existing)
        })
    }

    /// Refuses a folder with a file that this training would replace and none wrote.
    fn refuse_foreign(&self, tokenizer: Option<&Path>) -> Result<()> {
        let is_tokenizers = tokenizer.is_some_and(|tokenizer| is_same_folder(tokenizer, &self.output));
        let names = TOKENIZER_FILES.into_iter().filter(|_| !is_tokenizers).chain(MODEL_FILES);
        let mut paths = names.map(|name| self.output.join(name));
        match paths.find(|path| path.symlink_metadata().is_ok()) {
            Some(path) => {
                bail!("{}: exists already, and no training wrote it; choose another --output", path.display())
            }
            None => Ok(()),
        }
    }

    pub(super) fn save(&self, learner: &Learner, state: &State) -> Result<()> {
        let weights = tensors(&learner.variables);
        let momentum = learner.muon.as_ref().map(Muon::state).transpose()?;
        let files: Vec<_> =
            std::iter::once((WEIGHTS, &weights)).chain(momentum.as_ref().map(|it| (MUON, it))).collect();
        self.folder.save(&files, &learner.optimizer, state)
    }

    /// Reads the last checkpoint into the weights and the optimiser; returns `None` if there is none yet.
    ///
    /// # Errors
    /// If it cannot be read, or it is of another run than `asked`.
    pub(super) fn load(&self, learner: &mut Learner, asked: &State) -> Result<Option<State>> {
        let Some(saved) = self.folder.last::<State>()? else { return Ok(None) };
        saved.state.check_same_run(asked)?;
        saved.restore(WEIGHTS, &learner.variables, &learner.device)?;
        saved.restore_optimizer(&mut learner.optimizer)?;
        if let Some(muon) = &mut learner.muon {
            let place = || self.folder.path().join("last").join(MUON).display().to_string();
            let momentum = saved.tensors(MUON, &Device::Cpu)?.with_context(|| format!("{}: is missing", place()))?;
            muon.restore(&momentum).with_context(place)?;
        }
        Ok(Some(State { saved_step: saved.state.step, ..saved.state }))
    }

    pub(super) fn save_best(&self, learner: &Learner) -> Result<()> {
        save_tensors(&tensors(&learner.variables), &self.best_weights())
    }

    /// Returns the weights with the best held-out loss, or the current ones if nothing was held out.
    pub(super) fn best(&self, learner: &Learner) -> Result<HashMap<String, Tensor>> {
        let path = self.best_weights();
        if path.is_file() { load_tensors(&path, &learner.device) } else { Ok(tensors(&learner.variables)) }
    }
}

/// Writes the finished model in Hugging Face layout: weights, configuration, tokenizer, card.
pub(super) fn write_model(
    settings: &GeneratorTraining,
    model: &Finished<'_>,
    weights: &HashMap<String, Tensor>,
    outcome: &Outcome,
) -> Result<()> {
    let (folder, tokenizer) = (&settings.output, model.tokenizer);
    let stored = weights
        .iter()
        .map(|(name, tensor)| {
            let name = if name == "lm_head.weight" { name.clone() } else { format!("transformer.{name}") };
            Ok((name, stored(tensor, settings.half_precision)?))
        })
        .collect::<Result<HashMap<String, Tensor>>>()?;
    pregonero_models::generation::tokenizer::training::save(tokenizer, folder)?;
    write(folder, "config.json", &serde_json::to_vec_pretty(&config_json(model, settings.half_precision))?)?;
    model.corpus.compared.write(folder)?;
    write(folder, "generation_config.json", &serde_json::to_vec_pretty(&generation_json(model))?)?;
    write_card(folder, &card(settings, model, outcome))?;
    // The weights come last: a folder that has them contains a complete model.
    save_tensors(&stored, &folder.join(WEIGHTS))
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    write_whole(&folder.join(name), Existing::Replace, |writer| writer.write_all(content))
}

fn write_card(folder: &Path, card: &str) -> Result<()> {
    write_whole(&folder.join(CARD), CARD_TO_REPLACE, |writer| writer.write_all(card.as_bytes()))
}

/// Returns the settings by which transformers and the engine start and stop. A controlled model starts from its context and
/// never writes a
/// control token.
fn generation_json(model: &Finished<'_>) -> serde_json::Value {
    let end = model.tokenizer.end_of_text();
    match &model.corpus.control {
        None => json!({"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "pregonero_start_token": end}),
        Some(layout) => {
            let tokens: Vec<u32> = layout.tokens().iter().filter_map(|token| model.tokenizer.id_of(token)).collect();
            json!({"bos_token_id": tokens.last(), "eos_token_id": end, "pad_token_id": end, "suppress_tokens": tokens})
        }
    }
}

fn config_json(model: &Finished<'_>, half_precision: bool) -> serde_json::Value {
    let mut value = serde_json::to_value(model.config).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("model_type".to_owned(), json!("gpt2"));
        object.insert("architectures".to_owned(), json!(["GPT2LMHeadModel"]));
        object.insert("dtype".to_owned(), json!(if half_precision { "float16" } else { "float32" }));
        if let Some(layout) = &model.corpus.control {
            object.insert(CONFIG_KEY.to_owned(), json!(layout));
        }
    }
    value
}

fn card(settings: &GeneratorTraining, model: &Finished<'_>, outcome: &Outcome) -> String {
    let config = model.config;
    let sources: String = settings
        .data
        .iter()
        .map(|source| {
            let name = source.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            format!("- `{name}`, weight {}\n", source.weight)
        })
        .collect();
    let held_out = outcome.best_loss.map_or_else(
        || "Nothing was held out.".to_owned(),
        |loss| {
            format!(
                "Held-out cross-entropy {loss:.4} nats per token, perplexity {:.2}, over {} tokens of texts that training \
                 never saw.",
                loss.exp(),
                outcome.held_out_tokens
            )
        },
    );
    let base_model = match &settings.base_name {
        Some(base) => format!("base_model: {base}\n"),
        None => String::new(),
    };
    format!(
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n{base_model}---\n\n\
         {HEADING}\n\n\
         {} parameters: {}, {} wide, {}, {} positions, {} tokens.\n\n\
         ## Data\n\n{sources}\n{} texts read, {} of them kept ({} duplicates, {} near-duplicates, {} cut off by X, {} empty or too \
         short); \
         {} tokens.{}\n\n\
         ## Training\n\n```\n{}\n```\n\n{} of {} {}, {}, seed {}.\n\n\
         {} per step on {}.\n\n![Loss by step]({CURVE})\n\n\
         ## Evaluation\n\n{held_out}\n\n{}\n\n{VERBATIM_UNKNOWN}\n",
        config.parameters(),
        counted(config.n_layer, "layer"),
        config.n_embd,
        counted(config.n_head, "head"),
        config.n_positions,
        config.vocab_size,
        outcome.counts.read,
        outcome.counts.kept,
        outcome.counts.duplicates,
        outcome.counts.near_duplicates,
        outcome.counts.cut_off,
        outcome.counts.empty,
        outcome.training_tokens,
        controlled(model.corpus),
        settings.command,
        counted(outcome.steps, "step"),
        settings.batch,
        match settings.samples {
            Samples::Blocks => format!("blocks of {} tokens", settings.block),
            Samples::Texts => format!("texts of at most {} tokens", settings.block),
        },
        optimizer_in_words(settings),
        settings.seed,
        match settings.accumulate {
            1 => "One batch".to_owned(),
            count => format!("{count} batches"),
        },
        outcome.device,
        model.corpus.compared.in_words(),
    )
}

fn optimizer_in_words(settings: &GeneratorTraining) -> String {
    let adamw = format!("AdamW, learning rate {}", settings.learning_rate);
    match settings.optimizer {
        OptimizerChoice::AdamW => adamw,
        OptimizerChoice::Muon => format!(
            "Muon, learning rate {}, for the matrices inside the layers and {adamw}, for everything else",
            settings.muon_learning_rate
        ),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What a card says about copied words until they are measured.
const VERBATIM_UNKNOWN: &str =
    "Verbatim share: not measured; `pregonero evaluate generator --model FOLDER --generate 200` measures it.";

/// Writes the measured share of copied words into a model's card.
///
/// # Errors
/// If the card cannot be read or written.
pub fn report_verbatim(folder: &Path, measured: &str) -> Result<()> {
    let path = folder.join(CARD);
    let card = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    write_card(folder, &unsealed(&card).replace(VERBATIM_UNKNOWN, measured))
}

/// Returns the section of the card on control tokens, if there are any.
fn controlled(corpus: &Corpus) -> String {
    let Some(layout) = &corpus.control else { return String::new() };
    let attributes: String = layout
        .attributes
        .iter()
        .map(|attribute| format!("- `{}` `{}`: {}\n", attribute.name, attribute.token, attribute.values_in_words()))
        .collect();
    format!(
        "\n\n## Control\n\nA text follows its attributes, each preceded by its token, and `{}`; any attribute may be empty:\n\n\
         {attributes}\n{} texts or contexts were shortened to {} tokens.",
        layout.start, corpus.shortened, layout.length
    )
}
