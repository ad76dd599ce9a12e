//! A loaded generator: the network, the tokenizer, and the tokens that texts start and end with; writes the texts
//! that a request asks for.
//!
//! It runs on the engine's thread: a call takes as long as it needs, and checks between two tokens whether it was
//! cancelled.

use std::collections::BTreeMap;

use anyhow::Context as _;

use super::control::{Control, ControlError};
use super::decoding::{self, Limits, Sequence};
use super::decoding_settings::Strategy;
use super::device::{cuda_name, device};
use super::finishing::finish_text;
use super::generation_config::GenerationConfig;
use super::memory::{self, Fit};
use super::network::{LoadChecks, Network, Weights, settle_on_device, settle_weights};
use super::prompting::{Prompting, refuse_attributes, start_token};
use super::request::{GenerationError, GenerationRequest};
use super::settings::{DeviceChoice, WeightsChoice};
use super::tokenizer::Tokenizer;
use crate::catalog::ModelFiles;
use pregonero_text::characters;
use pregonero_tweet::{Candidate, ModelIdentity};

/// A description of a loaded model, for the log and the record.
#[derive(Debug, Clone)]
pub struct EngineDescription {
    pub identity: ModelIdentity,
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// How the weights are kept, and which instructions multiply them.
    pub arithmetic: Arithmetic,
    /// Why it is not the preferred device.
    pub fallback: Option<String>,
    pub parameters: usize,
    /// The greatest number of tokens in prompt and continuation together.
    pub context: usize,
    pub vocabulary: usize,
    /// The attributes that it writes from, if it has control tokens.
    pub control: Option<Control>,
}

impl EngineDescription {
    /// Checks before anything is written whether the model can write from these attributes.
    ///
    /// # Errors
    /// As [`Control::values`]; for any attribute if the model has no control tokens.
    pub fn check_attributes(&self, attributes: &BTreeMap<String, String>) -> Result<(), ControlError> {
        match &self.control {
            Some(control) => control.values(attributes).map(drop),
            None => refuse_attributes(attributes),
        }
    }
}

/// What a text depends on besides model, seed and settings: the same words give the same text on another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arithmetic {
    /// `f32`, `bf16`, `f16` or `int8`; `server` where a server writes.
    pub weights: &'static str,
    /// Of int8, the name of the instructions: every kernel gives the same bits. Of f32 on the CPU, `fused` or
    /// `separate`: how a multiplication with an addition is rounded. Of a GPU, `cuda`.
    pub kernels: &'static str,
}

impl Arithmetic {
    /// The arithmetic of a server, which is not known here.
    pub const ON_SERVER: Self = Self { weights: "server", kernels: "server" };

    fn of(network: &Network) -> Self {
        let weights = network.weights();
        let kernels = if weights == Weights::Int8 {
            pregonero_kernels::int8::chosen().name()
        } else if network.is_on_cpu() {
            pregonero_kernels::processor::rounding()
        } else {
            "cuda"
        };
        Self { weights: weights.name(), kernels }
    }
}

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loading {
    pub device: DeviceChoice,
    pub weights: WeightsChoice,
    pub checks: LoadChecks,
}

impl Loading {
    /// Returns how a model is loaded for this device if nothing else is said.
    #[must_use]
    pub fn on(device: DeviceChoice) -> Self {
        Self { device, weights: WeightsChoice::Auto, checks: LoadChecks::ALL }
    }
}

/// Rows that the CPU decodes at once: more are hardly faster, and each takes two megabytes of the built-in model's
/// keys and values.
const ROWS_AT_ONCE: usize = 32;

/// The model as the engine's thread owns it.
pub(super) struct Model {
    network: Network,
    tokenizer: Tokenizer,
    /// The tokens that each end a text.
    ends: Vec<u32>,
    /// The tokens that are never written: the control tokens, and ids without a token.
    banned: Vec<u32>,
    /// The token before every prompt, if the model was trained that way.
    start: Option<u32>,
    /// Returns how much memory is free.
    memory: fn() -> Option<u64>,
    pub(super) description: EngineDescription,
}

impl Model {
    pub(super) fn load(files: &ModelFiles, identity: ModelIdentity, loading: Loading) -> anyhow::Result<Self> {
        let Loading { device: choice, weights, checks } = loading;
        let weights = settle_weights(files, weights)?;
        let int8 = weights == Weights::Int8;
        // Int8 is for the CPU: if the device is left to the program, that is the device.
        let choice = if int8 && choice == DeviceChoice::Auto { DeviceChoice::Cpu } else { choice };
        let (device, fallback) = device(choice)?;
        let settled = settle_on_device(weights, &device, choice)?;
        let fallback = match fallback {
            Some(reason) if settled != weights => {
                Some(format!("{reason} with f32 weights instead of {}", weights.name()))
            }
            other => other,
        };
        let tokenizer = Tokenizer::read(files)?;
        let network = Network::load_with(files, &device, settled, checks)?;
        if int8 {
            warn_of_refused_kernels();
        }
        let config = network.config();
        tokenizer.check_fits(config, files)?;
        let generation = GenerationConfig::read(files)?;
        let ends = generation.eos_token_id.settle(&config.eos_token_id, &tokenizer, config.vocab_size);
        let control = Control::read(files, &tokenizer)?;
        let banned = [control.as_ref().map_or(&[][..], Control::ids), tokenizer.gaps()].concat();
        let start = generation.pregonero_start_token.or(tokenizer.opening());
        let start = start.filter(|id| (*id as usize) < config.vocab_size);
        let description = EngineDescription {
            identity,
            device: if device.is_cpu() { "cpu".to_owned() } else { cuda_name(choice) },
            arithmetic: Arithmetic::of(&network),
            fallback,
            parameters: config.parameters(),
            context: config.n_positions,
            vocabulary: config.vocab_size,
            control,
        };
        let model = Self { network, tokenizer, ends, banned, start, memory: memory::available, description };
        if checks.first_pass {
            model.warm_up().context("the model is loaded, but cannot write")?;
        }
        Ok(model)
    }

    /// Runs a pass over the whole context, so that a model that cannot work fails at start, not in the middle of a
    /// round.
    fn warm_up(&self) -> anyhow::Result<()> {
        let config = self.network.config();
        let context = config.n_positions;
        self.batch_that_fits(context, 1).holds(1)?;
        let start = self.start_token() as usize;
        let ids: Vec<u32> = (0..context).map(|place| ((start + place * 7919) % config.vocab_size) as u32).collect();
        // Weights that `models quantize` wrote have passed already, and an int8 is always a number.
        let read = if self.network.is_tried() { &ids[..1] } else { &ids[..] };
        let (logits, _) = self.network.prefill(read, 1, context)?;
        if !logits.iter().all(|logit| logit.is_finite()) {
            anyhow::bail!(
                "a pass over its whole context of {context} tokens gives values that are not finite numbers: the weights are \
                 damaged, or do not belong to this config.json"
            );
        }
        Ok(())
    }

    fn start_token(&self) -> u32 {
        start_token(self.network.config(), &self.tokenizer, &self.ends)
    }

    pub(super) fn generate(
        &self,
        request: &GenerationRequest,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Candidate>, GenerationError> {
        let (prompt, shown) = self.prompt(request)?;
        let context = self.description.context;
        if prompt.len() >= context {
            return Err(GenerationError::PromptTooLong { tokens: prompt.len(), context });
        }
        let capacity = context.min(prompt.len() + request.decoding.max_new_tokens);
        let too_long = |ids: &[u32]| {
            request.length.as_ref().is_some_and(|budget| {
                let text = self.tokenizer.decode(&ids[prompt.len() - shown..]).unwrap_or_default();
                budget.exceeded(text.trim())
            })
        };
        let limits = Limits {
            ends: &self.ends,
            vocabulary: self.tokenizer.vocabulary_size(),
            banned: &self.banned,
            history_from: if self.description.control.is_some() { prompt.len() - shown } else { 0 },
            capacity,
            too_long: &too_long,
            cancelled,
        };
        // On a thread of the pool, so that the hundreds of small operations of a token need not each be handed over to it.
        let sequences = rayon::scope(|_| self.decode(&prompt, request, &limits))?;
        let start = prompt.len() - shown;
        sequences.into_iter().map(|(seed, sequence)| self.candidate(seed, &sequence, start, shown, request)).collect()
    }

    /// Returns the prompt's token ids and how many of them are part of the text.
    fn prompt(&self, request: &GenerationRequest) -> Result<(Vec<u32>, usize), GenerationError> {
        let EngineDescription { control, context, .. } = &self.description;
        let (control, context) = (control.as_ref(), *context);
        Prompting { tokenizer: &self.tokenizer, control, context, start: self.start, bare: self.start_token() }
            .ids(request)
    }

    fn decode(
        &self,
        prompt: &[u32],
        request: &GenerationRequest,
        limits: &Limits<'_>,
    ) -> Result<Vec<(u64, Sequence)>, GenerationError> {
        let decoding = &request.decoding;
        let first = request.seeds.first().copied().unwrap_or(0);
        match decoding.strategy {
            Strategy::Greedy => {
                let sequences = decoding::decode(&self.network, prompt, &[None], decoding, limits)?;
                Ok(sequences.into_iter().map(|sequence| (first, sequence)).collect())
            }
            Strategy::Beam => {
                let beams = request.seeds.len().max(1);
                self.batch_that_fits(limits.capacity, beams).holds(beams)?;
                let sequences = decoding::beam_search(&self.network, prompt, beams, decoding, limits)?;
                Ok(sequences.into_iter().map(|sequence| (first, sequence)).collect())
            }
            Strategy::Sample => {
                let most = if self.network.is_on_cpu() { ROWS_AT_ONCE } else { usize::MAX };
                let batch = self.batch_that_fits(limits.capacity, request.seeds.len().min(most)).rows()?;
                let mut sequences = Vec::with_capacity(request.seeds.len());
                for seeds in request.seeds.chunks(batch) {
                    let chances: Vec<Option<u64>> = seeds.iter().copied().map(Some).collect();
                    let decoded = decoding::decode(&self.network, prompt, &chances, decoding, limits)?;
                    sequences.extend(seeds.iter().copied().zip(decoded));
                }
                Ok(sequences)
            }
        }
    }

    /// Computes how many of `wanted` rows the free memory allows at once. A row's text does not depend on the others,
    /// so splitting a batch changes only the time it takes.
    fn batch_that_fits(&self, capacity: usize, wanted: usize) -> Fit {
        let config = self.network.config();
        // The cache, the logits with their copies, and the widest activations of a row.
        let row = self.network.row_bytes(capacity) + 16 * config.vocab_size + 16 * config.inner();
        Fit::new(row as u64, wanted, (self.memory)())
    }

    fn candidate(
        &self,
        rng_seed: u64,
        sequence: &Sequence,
        start: usize,
        shown: usize,
        request: &GenerationRequest,
    ) -> Result<Candidate, GenerationError> {
        let ids = sequence.ids[start..].to_vec();
        let full = self.tokenizer.decode(&ids)?;
        let continuation = self.tokenizer.decode_raw(&ids[shown..])?;
        let text = match &request.length {
            Some(budget) => finish_text(full.trim(), &characters::tidy(&request.prompt), sequence.finish, Some(budget)),
            None => full,
        };
        let Sequence { finish, likelihood, .. } = *sequence;
        Ok(Candidate { text, continuation, token_ids: ids, prompt_tokens: shown, rng_seed, finish, likelihood })
    }
}

/// Says which kernels were left out, because they did not compute what the reference computes.
fn warn_of_refused_kernels() {
    for kernel in pregonero_kernels::int8::refused() {
        tracing::warn!(
            kernel = kernel.name(),
            "this processor has these instructions, but they did not give the expected sums: they are not used; please \
             report it"
        );
    }
}

#[cfg(test)]
pub(super) mod tests {
    use candle_core::Device;

    use super::*;
    use crate::generation::scoring::{Scorer, Windows};
    use crate::generation::tests::tiny_model;
    use crate::generation::{Decoding, LengthBudget, candidate_seeds};

    fn model(folder: &std::path::Path) -> Model {
        let files = ModelFiles::in_folder(folder).expect("the folder is there");
        let identity = ModelIdentity { name: "tiny".to_owned(), sha256: String::new() };
        Model::load(&files, identity, Loading::on(DeviceChoice::Cpu)).expect("loadable")
    }

    pub(crate) fn request(prompt: &str, strategy: Strategy, candidates: usize) -> GenerationRequest {
        GenerationRequest {
            prompt: prompt.to_owned(),
            attributes: BTreeMap::new(),
            seeds: candidate_seeds(11, candidates),
            decoding: Decoding::unfiltered(strategy, 12),
            length: None,
        }
    }

    fn never() -> bool {
        false
    }

    /// Returns the tiny model with some of its weights replaced.
    fn with_weights(change: impl Fn(&str, &candle_core::Tensor) -> candle_core::Result<candle_core::Tensor>) -> String {
        let folder = tiny_model();
        let path = folder.path().join("model.safetensors");
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu).expect("readable");
        let changed = tensors.into_iter().map(|(name, tensor)| {
            let tensor = change(&name, &tensor).expect("changeable");
            (name, tensor)
        });
        candle_core::safetensors::save(&changed.collect(), &path).expect("writable");
        let identity = ModelIdentity { name: "tiny".to_owned(), sha256: String::new() };
        let files = ModelFiles::in_folder(folder.path()).expect("the folder is there");
        match Model::load(&files, identity, Loading::on(DeviceChoice::Cpu)) {
            Ok(_) => "loaded".to_owned(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn what_only_the_end_of_the_context_breaks_fails_at_load() {
        assert_eq!(with_weights(|_, tensor| Ok(tensor.clone())), "loaded");
        // Finite, but the sum of the last position's row is not.
        let message = with_weights(|name, tensor| {
            if !name.ends_with("wpe.weight") {
                return Ok(tensor.clone());
            }
            let (rows, width) = tensor.dims2()?;
            let steep = candle_core::Tensor::full(3e38_f32, (1, width), &Device::Cpu)?;
            candle_core::Tensor::cat(&[&tensor.narrow(0, 0, rows - 1)?, &steep], 0)
        });
        assert!(
            message.contains("a pass over its whole context of 40 tokens gives values that are not finite numbers"),
            "{message}"
        );
    }

    #[test]
    fn a_tokenizer_that_begins_every_text_gives_the_start_token() {
        let folder = tiny_model();
        assert_eq!(model(folder.path()).start, None);
        std::fs::remove_file(folder.path().join("tokenizer.json")).expect("removable");
        std::fs::write(folder.path().join("tokenizer_config.json"), r#"{"add_bos_token": true}"#).expect("writable");
        let model = model(folder.path());
        assert_eq!((model.start, model.ends.as_slice()), (Some(0), &[0][..]));
        let (ids, shown) = model.prompt(&request("La vacuna", Strategy::Greedy, 1)).expect("encodable");
        assert_eq!((ids[0], ids.len()), (0, shown + 1));
    }

    #[test]
    fn rows_without_a_token_are_never_written() {
        let folder = tiny_model();
        let path = folder.path().join("tokenizer.json");
        let mut description: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
        // The rows stay, but some bytes in the middle of the vocabulary and the last token lose theirs.
        let vocabulary = description["model"]["vocab"].as_object_mut().expect("a vocabulary");
        let gone = |id: u64| id == 299 || (70..90).contains(&id);
        vocabulary.retain(|_, id| !gone(id.as_u64().expect("an id")));
        description["model"]["merges"] = serde_json::json!([]);
        std::fs::write(&path, description.to_string()).expect("writable");
        let model = model(folder.path());
        assert!((70..90).all(|id| model.banned.contains(&id)), "{:?}", model.banned);
        for strategy in [Strategy::Sample, Strategy::Greedy, Strategy::Beam] {
            for candidate in model.generate(&request("La", strategy, 16), &never).expect("candidates") {
                assert!(candidate.token_ids.iter().all(|id| !gone(u64::from(*id))), "{:?}", candidate.token_ids);
            }
        }
    }

    #[test]
    fn sixteen_candidates_in_little_memory_are_those_of_plenty() {
        let folder = tiny_model();
        let mut model = model(folder.path());
        let request = request("La vacuna", Strategy::Sample, 16);
        let plenty = model.generate(&request, &never).expect("candidates");
        assert_eq!(plenty.len(), 16);
        let capacity = model.tokenizer.encode("La vacuna").expect("encodable").len() + 12;
        let row = model.batch_that_fits(capacity, 1).row;
        assert!(row * 4 < 100_000, "the bound below must allow three rows: {row}");
        model.memory = || Some(100_000);
        let fit = model.batch_that_fits(capacity, 16);
        assert!((1..16).contains(&fit.rows), "{} rows", fit.rows);
        assert_eq!(model.generate(&request, &never).expect("candidates"), plenty);
        model.memory = || Some(1000);
        let error = model.generate(&request, &never).expect_err("no row fits");
        assert!(matches!(error, GenerationError::OutOfMemory { .. }), "{error}");
    }

    #[test]
    fn the_likelihood_of_a_candidate_is_the_scorer_s_under_every_strategy() {
        let folder = tiny_model();
        let mut model = model(folder.path());
        let files = ModelFiles::in_folder(folder.path()).expect("there");
        let scorer = Scorer::load(&files, DeviceChoice::Cpu).expect("loadable");
        // Filters and penalties change which token is chosen, but not how likely the model finds it.
        let request = |strategy| GenerationRequest {
            decoding: Decoding {
                temperature: 1.5,
                top_k: 200,
                min_p: 0.001,
                repetition_penalty: 1.3,
                no_repeat_ngram: 3,
                ..Decoding::unfiltered(strategy, 12)
            },
            ..request("La vacuna", strategy, 24)
        };
        // A token that the model writes is made an end token, so that some text ends by itself.
        let written = &model.generate(&request(Strategy::Greedy), &never).expect("candidates")[0];
        model.ends = vec![written.token_ids[written.prompt_tokens + 5]];
        let mut ended = 0;
        for strategy in [Strategy::Sample, Strategy::Greedy, Strategy::Beam] {
            let request = request(strategy);
            for candidate in model.generate(&request, &never).expect("candidates") {
                let mut ids = candidate.token_ids.clone();
                if candidate.finish == pregonero_tweet::Finish::EndOfText {
                    ids.push(model.ends[0]);
                    ended += 1;
                }
                let nats = |tokens: usize| scorer.score(&ids[..tokens], Windows::default()).expect("scorable").nats;
                let log_probabilities: Vec<f64> =
                    (candidate.prompt_tokens..ids.len()).map(|at| nats(at) - nats(at + 1)).collect();
                let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
                let stretch = log_probabilities.len().min(4);
                let weakest = log_probabilities.windows(stretch).map(mean).fold(f64::INFINITY, f64::min);
                let found = candidate.likelihood.expect("it was generated");
                let off = (f64::from(found.mean) - mean(&log_probabilities)).abs();
                assert!(off < 1e-3 && (f64::from(found.weakest) - weakest).abs() < 1e-3, "{strategy:?}: {candidate:?}");
            }
        }
        assert!(ended > 0, "some texts must end by themselves for this test to mean something");
    }

    #[test]
    fn empty_spaced_and_emoji_prompts_are_continued() {
        let folder = tiny_model();
        let model = model(folder.path());
        for prompt in ["", "   ", "Hoy, ", "🎉👩‍👩‍👧 ñ", "a\u{301}"] {
            let tidied = characters::tidy(prompt);
            for strategy in [Strategy::Sample, Strategy::Greedy, Strategy::Beam] {
                let candidates = model.generate(&request(prompt, strategy, 3), &never).expect(prompt);
                assert_eq!(candidates.len(), if strategy == Strategy::Greedy { 1 } else { 3 }, "{prompt:?}");
                for candidate in candidates {
                    assert!(candidate.text.starts_with(tidied.trim_end()), "{prompt:?}: {:?}", candidate.text);
                    assert_eq!(candidate.prompt_tokens == 0, prompt.trim().is_empty());
                }
            }
        }
    }

    #[test]
    fn a_prompt_beyond_the_context_is_refused_with_both_numbers() {
        let folder = tiny_model();
        let model = model(folder.path());
        let context = model.description.context;
        let error = model.generate(&request(&"ñ".repeat(60), Strategy::Sample, 1), &never).expect_err("too long");
        assert!(
            matches!(error, GenerationError::PromptTooLong { tokens, context: told } if tokens > told && told == context),
            "{error}"
        );
        let nearly = "b".repeat(context - 1);
        let candidates = model.generate(&request(&nearly, Strategy::Sample, 2), &never).expect("one token fits");
        assert!(candidates.iter().all(|candidate| candidate.token_ids.len() <= context));
    }

    #[test]
    fn an_attribute_is_refused_by_a_model_without_them() {
        let folder = tiny_model();
        let mut request = request("La", Strategy::Sample, 1);
        request.attributes.insert("HASHTAGS".to_owned(), "Hoy".to_owned());
        let error = model(folder.path()).generate(&request, &never).expect_err("unknown");
        assert!(
            error.to_string().contains("attribute \"HASHTAGS\" is given, but the model was trained without"),
            "{error}"
        );
    }

    #[test]
    fn text_stops_at_its_length_and_never_exceeds_it() {
        let folder = tiny_model();
        let model = model(folder.path());
        let mut request = request("La", Strategy::Sample, 8);
        request.decoding.max_new_tokens = 30;
        request.length = Some(LengthBudget { limit: 20, measure: |text| text.chars().count() });
        let candidates = model.generate(&request, &never).expect("candidates");
        assert!(candidates.iter().all(|candidate| candidate.text.chars().count() <= 20));
        assert!(candidates.iter().any(|candidate| candidate.finish == pregonero_tweet::Finish::Length));
    }

    #[test]
    fn a_caller_that_has_gone_ends_the_work() {
        let folder = tiny_model();
        let candidates = model(folder.path()).generate(&request("La", Strategy::Sample, 4), &|| true).expect("nothing");
        assert_eq!(candidates, []);
    }
}
