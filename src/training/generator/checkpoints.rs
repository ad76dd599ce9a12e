//! What a training leaves on disk: checkpoints to resume from, the log of losses, and the finished model.
//!
//! Everything is written beside its place and renamed, so that a full disk or a crash leaves the last one whole.

use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use candle_core::{Device, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AdamW, Corpus, GeneratorTraining, Outcome, Progress, Samples, stored};
use crate::files::{Existing, write_whole};
use crate::gates::VERBATIM_INDEX;
use crate::generation::checkpoint::WEIGHTS;
use crate::generation::control::CONFIG_KEY;
use crate::generation::gpt2::Gpt2Config;
use crate::generation::tokenizer::Tokenizer;
use crate::training::checkpoint::{CheckpointFolder, load_tensors, save_tensors, tensors};

/// Where a training stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: usize,
    pub(super) best_loss: Option<f64>,
    pub(super) evaluations_without_gain: usize,
    #[serde(skip)]
    pub(super) saved_step: usize,
    /// What must not change between stopping and resuming.
    seed: u64,
    block: usize,
    batch: usize,
    /// The flags that say what a sample is; empty where a checkpoint is older than they are.
    #[serde(default)]
    samples: String,
}

impl State {
    pub(super) fn new(settings: &GeneratorTraining) -> Self {
        Self {
            step: 0,
            best_loss: None,
            evaluations_without_gain: 0,
            saved_step: 0,
            seed: settings.seed,
            block: settings.block,
            batch: settings.batch,
            samples: samples(settings),
        }
    }

    pub(super) fn check_same_run(&self, asked: &Self) -> Result<()> {
        for (name, saved, asked) in [
            ("--seed", self.seed, asked.seed),
            ("--block", self.block as u64, asked.block as u64),
            ("--batch", self.batch as u64, asked.batch as u64),
        ] {
            if saved != asked {
                bail!("the checkpoint was made with {name} {saved}, not {asked}; resume with the same, or start anew");
            }
        }
        let (saved, asked) = (&self.samples, &asked.samples);
        if !saved.is_empty() && saved != asked {
            bail!("the checkpoint was made with {saved}, not {asked}; resume with the same, or start anew");
        }
        Ok(())
    }
}

/// The flags that say what a sample is.
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

/// What was trained.
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
        self.folder.path().join("best.safetensors")
    }

    /// # Errors
    /// Where the output folder holds an earlier training.
    pub(super) fn refuse_to_overwrite(&self) -> Result<()> {
        for there in [self.folder.state_file(), self.output.join(WEIGHTS)] {
            if there.exists() {
                bail!("{}: an earlier training lies there; pass --resume or another --output", there.display());
            }
        }
        Ok(())
    }

    pub(super) fn save(&self, variables: &BTreeMap<String, Var>, optimizer: &AdamW, state: &State) -> Result<()> {
        self.folder.save(&[(WEIGHTS, &tensors(variables))], optimizer, state)
    }

    /// Reads the last checkpoint into the weights and the optimiser; `None` where there is none yet.
    pub(super) fn load(
        &self,
        variables: &BTreeMap<String, Var>,
        optimizer: &mut AdamW,
        device: &Device,
    ) -> Result<Option<State>> {
        let Some(saved) = self.folder.last::<State>()? else { return Ok(None) };
        saved.restore(WEIGHTS, variables, device)?;
        saved.restore_optimizer(optimizer)?;
        Ok(Some(State { saved_step: saved.state.step, ..saved.state }))
    }

    pub(super) fn save_best(&self, variables: &BTreeMap<String, Var>) -> Result<()> {
        let path = self.best_weights();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let staging = path.with_extension("part");
        save_tensors(&tensors(variables), &staging)?;
        std::fs::rename(&staging, &path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The weights with the best held-out loss; today's where nothing was held out.
    pub(super) fn best(&self, variables: &BTreeMap<String, Var>, device: &Device) -> Result<HashMap<String, Tensor>> {
        let path = self.best_weights();
        if path.is_file() { load_tensors(&path, device) } else { Ok(tensors(variables)) }
    }

    /// Appends a line to `training.jsonl`.
    pub(super) fn log(&self, progress: &Progress) -> Result<()> {
        let line = match progress {
            Progress::Step { step, loss, learning_rate, tokens_per_second, .. } => {
                json!({"step": step, "loss": loss, "learning_rate": learning_rate, "tokens_per_second": tokens_per_second})
            }
            Progress::Evaluated { step, loss, perplexity, .. } => {
                json!({"step": step, "held_out_loss": loss, "held_out_perplexity": perplexity})
            }
            _ => return Ok(()),
        };
        std::fs::create_dir_all(&self.output).with_context(|| format!("cannot create {}", self.output.display()))?;
        let path = self.output.join("training.jsonl");
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(file, "{line}").with_context(|| format!("cannot write {}", path.display()))
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
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let stored = weights
        .iter()
        .map(|(name, tensor)| {
            let name = if name == "lm_head.weight" { name.clone() } else { format!("transformer.{name}") };
            Ok((name, stored(tensor, settings.half_precision)?))
        })
        .collect::<Result<HashMap<String, Tensor>>>()?;
    let staging = folder.join("model.safetensors.part");
    save_tensors(&stored, &staging)?;
    crate::training::tokenizer::save(tokenizer, folder)?;
    write(folder, "config.json", &serde_json::to_vec_pretty(&config_json(model, settings.half_precision))?)?;
    if let Some(index) = &model.corpus.verbatim {
        index.write(&folder.join(VERBATIM_INDEX))?;
    }
    write(folder, "generation_config.json", &serde_json::to_vec_pretty(&generation_json(model))?)?;
    write(folder, "README.md", card(settings, model, outcome).as_bytes())?;
    std::fs::rename(&staging, folder.join(WEIGHTS))
        .with_context(|| format!("cannot write {}", folder.join(WEIGHTS).display()))
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    write_whole(&folder.join(name), Existing::Replace, |writer| writer.write_all(content))
}

/// What transformers and the engine start and stop by. A controlled model starts from its context, and never writes a
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
                "Held-out cross-entropy {loss:.4} nats a token, perplexity {:.2}, over {} tokens of texts that training \
                 never saw.",
                loss.exp(),
                outcome.held_out_tokens
            )
        },
    );
    format!(
        "# A GPT-2 trained by pregonero\n\n\
         {} parameters: {} layers, {} wide, {} heads, {} positions, {} tokens.\n\n\
         ## Data\n\n{sources}\n{} texts read, {} of them kept ({} duplicates, {} near-duplicates, {} empty or too short); \
         {} tokens.{}\n\n\
         ## Training\n\n```\n{}\n```\n\n{} steps of {} {}, learning rate {}, seed {}.\n\n\
         ## Evaluation\n\n{held_out}\n",
        config.parameters(),
        config.n_layer,
        config.n_embd,
        config.n_head,
        config.n_positions,
        config.vocab_size,
        outcome.counts.read,
        outcome.counts.kept,
        outcome.counts.duplicates,
        outcome.counts.near_duplicates,
        outcome.counts.empty,
        outcome.training_tokens,
        controlled(model.corpus),
        settings.command,
        outcome.steps,
        settings.batch,
        match settings.samples {
            Samples::Blocks => format!("blocks of {} tokens", settings.block),
            Samples::Texts => format!("texts of at most {} tokens", settings.block),
        },
        settings.learning_rate,
        settings.seed,
    )
}

/// The section of the card on control tokens, where there are any.
fn controlled(corpus: &Corpus) -> String {
    let Some(layout) = &corpus.control else { return String::new() };
    let attributes: String = layout
        .attributes
        .iter()
        .map(|attribute| {
            let values = match attribute.values.as_slice() {
                [] => "any words".to_owned(),
                values => values.join(", "),
            };
            format!("- `{}` `{}`: {values}\n", attribute.name, attribute.token)
        })
        .collect();
    format!(
        "\n\n## Control\n\nA text stands behind its attributes, each after its token, and `{}`; any of them may be empty:\n\n\
         {attributes}\n{} texts or contexts were shortened to {} tokens.",
        layout.start, corpus.shortened, layout.length
    )
}
