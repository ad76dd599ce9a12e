//! Texts as samples and control tokens: what a batch contains, and a training with attributes end to end.

use super::data::Batch;
use super::tests::{Place, losses};
use super::*;
use crate::training::text::{Cleaning, Duplicates};
use candle_core::Device;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::control::{CONFIG_KEY, Control};
use pregonero_models::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};
use pregonero_models::generation::{ControlLayout, Decoding, Engine, GenerationRequest, candidate_seeds};
use pregonero_models::generation::{DeviceChoice, Strategy};
use pregonero_tweet::ModelIdentity;

const TONES: [(&str, &str, &str); 2] = [("POSITIVE", "me alegra", "bonita"), ("NEGATIVE", "me indigna", "sucia")];
const THINGS: [&str; 6] = ["plaza", "feria", "calle", "playa", "mesa", "casa"];

/// The tokens of a sample; none of the tables' texts is longer.
const LENGTH: usize = 96;

/// Returns a table of invented tweets: text, tone, tags. Every fifth row has no tone.
fn table(rows: usize) -> String {
    let mut table = "texto,tono,HASHTAGS\n".to_owned();
    for row in 0..rows {
        let (tone, feeling, adjective) = TONES[row % 2];
        let thing = THINGS[row / 2 % THINGS.len()];
        let tone = if row % 5 == 4 { "" } else { tone };
        let tail = "de nuevo ".repeat(row % 7);
        table += &format!("{feeling} la {thing} {adjective} {tail}número {row},{tone},{thing} hoy\n");
    }
    table
}

fn control(dropout: f32, length: usize) -> ControlTraining {
    let names = ["SENTIMIENTO", "HASHTAGS"].map(str::to_owned);
    ControlTraining {
        layout: ControlLayout::new(&names, None, length).unwrap(),
        columns: vec!["tono".to_owned(), "HASHTAGS".to_owned()],
        dropout,
    }
}

fn scratch(place: &Place) -> Base {
    let shape = Shape { layers: 2, width: 16, heads: 2, positions: LENGTH };
    Base::Scratch { shape, tokenizer: place.path("tokenizer") }
}

/// Returns settings for a training on a table, with each text after its attributes.
fn settings(place: &Place, table: &str, dropout: f32) -> GeneratorTraining {
    std::fs::write(place.path("tweets.csv"), table).unwrap();
    GeneratorTraining {
        data: vec![format!("{}:texto", place.path("tweets.csv").display()).parse().unwrap()],
        cleaning: Cleaning::None,
        samples: Samples::Texts,
        base: scratch(place),
        control: Some(control(dropout, LENGTH)),
        block: LENGTH,
        held_out_tokens: 100_000,
        held_out: 0.1,
        ..place.settings("model")
    }
}

/// Returns the rows of a batch without their padding.
fn rows(batch: &Batch, end: u32) -> Vec<(Vec<u32>, Vec<Option<u32>>)> {
    let ids = batch.ids.chunks_exact(batch.length);
    ids.zip(batch.targets.chunks_exact(batch.length))
        .map(|(ids, targets)| {
            let counted = targets.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            assert!(ids[counted..].iter().all(|id| *id == end), "what is not counted behind the text is padding");
            (ids[..counted].to_vec(), targets[..counted].to_vec())
        })
        .collect()
}

#[test]
fn an_epoch_holds_every_text_once_and_its_loss_is_on_the_text_alone() {
    let place = Place::new(60);
    let settings = settings(&place, &table(90), 0.0);
    let tokenizer = settings.tokenizer().unwrap();
    let end = tokenizer.end_of_text().unwrap();
    let corpus = Corpus::read(&settings, &tokenizer).unwrap();
    let layout = corpus.control.clone().unwrap();
    assert_eq!(layout.attributes[0].values, ["NEGATIVE", "POSITIVE"]);
    let start = Control::new(layout, &tokenizer).unwrap().start();
    let steps = corpus.batches_per_epoch(&settings) as usize;
    let mut texts = Vec::new();
    for batch in (0..steps).map(|step| corpus.batch(step, &settings)).chain(corpus.held_out_batches(&settings)) {
        assert!(batch.length <= LENGTH);
        for (ids, targets) in rows(&batch, end) {
            let begin = ids.iter().position(|id| *id == start).unwrap();
            assert!(targets[..begin].iter().all(Option::is_none), "the context is not counted");
            let expected: Vec<Option<u32>> = ids[begin + 1..].iter().copied().chain([end]).map(Some).collect();
            assert_eq!(targets[begin..], expected);
            texts.push(tokenizer.decode_raw(&ids).unwrap());
        }
    }
    assert_eq!((texts.len(), corpus.shortened), (90, 0));
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 90, "each text is there once");
    assert!(texts.iter().any(|text| text.starts_with("[SENTIMIENTO][HASHTAGS]")), "a missing value is an empty field");
    let first = "[SENTIMIENTO]POSITIVE[HASHTAGS]plaza hoy[TWEET]me alegra la plaza bonita";
    assert!(texts.iter().any(|text| first.starts_with(text.as_str()) || text.starts_with(first)), "{texts:?}");
}

#[test]
fn a_batch_depends_on_seed_and_step_alone() {
    let place = Place::new(60);
    let settings = settings(&place, &table(90), 0.3);
    let tokenizer = settings.tokenizer().unwrap();
    let read = || Corpus::read(&settings, &tokenizer).unwrap();
    let (one, other) = (read(), read());
    let forward: Vec<Batch> = (0..70).map(|step| one.batch(step, &settings)).collect();
    let backward: Vec<Batch> = (0..70).rev().map(|step| other.batch(step, &settings)).collect();
    assert_eq!(forward, backward.into_iter().rev().collect::<Vec<_>>());
    let another = GeneratorTraining { seed: 6, ..settings.clone() };
    assert_ne!(one.batch(0, &settings), one.batch(0, &another));
}

#[test]
fn batches_hold_texts_of_like_length() {
    let place = Place::new(60);
    let settings = GeneratorTraining { batch: 8, ..settings(&place, &table(400), 0.0) };
    let tokenizer = settings.tokenizer().unwrap();
    let corpus = Corpus::read(&settings, &tokenizer).unwrap();
    let steps = corpus.batches_per_epoch(&settings) as usize;
    let end = tokenizer.end_of_text().unwrap();
    let (mut all, mut used) = (0, 0);
    for step in 0..steps {
        let batch = corpus.batch(step, &settings);
        all += batch.ids.len();
        used += rows(&batch, end).iter().map(|(ids, _)| ids.len()).sum::<usize>();
    }
    assert!((all - used) * 50 < all, "{} of {all} positions are padding", all - used);
}

#[test]
fn fields_are_left_empty_as_often_as_asked() {
    let place = Place::new(60);
    let settings = settings(&place, &table(300), 0.3);
    let tokenizer = settings.tokenizer().unwrap();
    let corpus = Corpus::read(&settings, &tokenizer).unwrap();
    let end = tokenizer.end_of_text().unwrap();
    let steps = corpus.batches_per_epoch(&settings) as usize;
    let (mut samples, mut no_tags, mut nothing) = (0.0, 0.0, 0.0);
    for step in 0..12 * steps {
        for (ids, _) in rows(&corpus.batch(step, &settings), end) {
            let text = tokenizer.decode_raw(&ids).unwrap();
            samples += 1.0;
            no_tags += f64::from(text.contains("[HASHTAGS][TWEET]"));
            nothing += f64::from(text.starts_with("[SENTIMIENTO][HASHTAGS][TWEET]"));
        }
    }
    // No context at all with 0.3, else each field with 0.3; a fifth of the rows names no tone.
    let no_field = 0.3 + 0.7 * 0.3;
    let neither = 0.3 + 0.7 * 0.3 * (0.2 + 0.8 * 0.3);
    assert!((no_tags / samples - no_field).abs() < 0.03, "{}", no_tags / samples);
    assert!((nothing / samples - neither).abs() < 0.03, "{}", nothing / samples);
}

#[test]
fn texts_without_control_stand_between_ends_of_text() {
    let place = Place::new(60);
    let settings = GeneratorTraining { control: None, ..settings(&place, &table(30), 0.0) };
    let tokenizer = settings.tokenizer().unwrap();
    let corpus = Corpus::read(&settings, &tokenizer).unwrap();
    let end = tokenizer.end_of_text().unwrap();
    for (ids, targets) in rows(&corpus.batch(0, &settings), end) {
        assert_eq!(ids[0], end);
        let following: Vec<Option<u32>> = ids[1..].iter().copied().map(Some).collect();
        assert_eq!(targets[..targets.len() - 1], following);
    }
}

#[test]
fn what_is_too_long_loses_words_of_its_fields_and_then_its_end() {
    let place = Place::new(60);
    let table = format!("texto,tono,HASHTAGS\n{},POSITIVE,uno dos tres cuatro cinco\n", "hoy ".repeat(12).trim_end());
    let settings = GeneratorTraining { held_out: 0.0, ..settings(&place, &table, 0.0) };
    let tokenizer = settings.tokenizer().unwrap();
    let tokens = |text: &str| tokenizer.encode(text).unwrap().len();
    let text = "hoy ".repeat(12);
    let read = |block: usize| {
        let corpus = Corpus::read(&GeneratorTraining { block, ..settings.clone() }, &tokenizer).unwrap();
        let batch = corpus.batch(0, &settings);
        assert!(batch.length <= block);
        (tokenizer.decode_raw(&batch.ids).unwrap(), batch.targets.last().copied().flatten(), corpus.shortened)
    };
    let whole = format!("[SENTIMIENTO]POSITIVE[HASHTAGS]uno dos tres cuatro cinco[TWEET]{}", text.trim_end());
    assert_eq!(read(LENGTH), (whole, tokenizer.end_of_text(), 0));
    let shorter = format!("[SENTIMIENTO]POSITIVE[HASHTAGS]uno dos[TWEET]{}", text.trim_end());
    assert_eq!(read(tokens(&shorter)), (shorter, tokenizer.end_of_text(), 1));
    let cut = format!("[SENTIMIENTO]POSITIVE[HASHTAGS][TWEET]{}", "hoy ".repeat(9).trim_end());
    assert_eq!(read(tokens(&cut)), (cut, None, 1));
}

fn request(attributes: &[(&str, &str)]) -> GenerationRequest {
    GenerationRequest {
        prompt: String::new(),
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        seeds: candidate_seeds(3, 8),
        decoding: Decoding {
            temperature: 0.7,
            repetition_penalty: 1.2,
            no_repeat_ngram: 3,
            ..Decoding::unfiltered(Strategy::Sample, 14)
        },
        length: None,
    }
}

#[tokio::test]
async fn a_plain_base_learns_to_write_what_its_attributes_demand() {
    let place = Place::new(60);
    let table = table(120).replace("de nuevo ", "");
    let texts: Vec<String> = table.lines().map(str::to_owned).collect();
    let words = TokenizerTraining { vocabulary_size: 420, min_frequency: 2, special_tokens: Vec::new() };
    tokenizer::save(&tokenizer::train(&texts, &words).unwrap(), &place.path("tokenizer")).unwrap();
    let base = GeneratorTraining { base: scratch(&place), steps: Some(2), ..place.settings("base") };
    losses(&base, None).unwrap();
    let files = ModelFiles::in_folder(&place.path("base")).unwrap();
    let settings = GeneratorTraining {
        base: Base::Model(files),
        steps: Some(350),
        batch: 8,
        learning_rate: 1e-2,
        dropout: Some(0.0),
        duplicates: Duplicates::Keep,
        evaluate_every: 350,
        log_every: 20,
        ..settings(&place, &table, 0.1)
    };
    let (losses, _) = losses(&settings, None).unwrap();
    assert!(losses[losses.len() - 1] < 0.5 * losses[0], "{losses:?}");

    let files = ModelFiles::in_folder(&place.path("model")).unwrap();
    let identity = ModelIdentity { name: "model".to_owned(), sha256: String::new() };
    let engine = Engine::start(files, identity, DeviceChoice::Cpu).await.unwrap();
    let layout = engine.description().control.clone().unwrap();
    assert_eq!(layout.layout().names(), "SENTIMIENTO, HASHTAGS");
    for (tone, feeling, _) in TONES {
        let candidates = engine.generate(request(&[("SENTIMIENTO", tone)])).await.unwrap();
        let obeying = candidates.iter().filter(|candidate| candidate.text.starts_with(feeling)).count();
        assert!(obeying >= 7, "{tone}: {candidates:?}");
        for candidate in candidates {
            assert!(!candidate.text.contains('[') && !candidate.continuation.contains('['), "{candidate:?}");
            assert_eq!(candidate.prompt_tokens, 0);
        }
    }
    let nothing = engine.generate(request(&[])).await.unwrap();
    assert_eq!(nothing.len(), 8, "an empty context is enough");
    let prompted = GenerationRequest { prompt: "me alegra la".to_owned(), ..request(&[("HASHTAGS", "feria")]) };
    let candidates = engine.generate(prompted).await.unwrap();
    assert!(candidates.iter().all(|candidate| candidate.text.starts_with("me alegra la")), "{candidates:?}");
    for (attribute, expected) in [
        (("TONO", "POSITIVE"), "it was trained with SENTIMIENTO, HASHTAGS"),
        (("SENTIMIENTO", "TRISTE"), "NEGATIVE, POSITIVE"),
    ] {
        let message = engine.generate(request(&[attribute])).await.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_base_that_loses_its_control_says_so() {
    let place = Place::new(60);
    losses(&GeneratorTraining { steps: Some(1), ..settings(&place, &table(30), 0.0) }, None).unwrap();
    let base = Base::Model(ModelFiles::in_folder(&place.path("model")).unwrap());
    let one = ControlTraining {
        layout: ControlLayout::new(&["SENTIMIENTO".to_owned()], None, LENGTH).unwrap(),
        columns: vec!["tono".to_owned()],
        dropout: 0.0,
    };
    let cases =
        [(None, Some("SENTIMIENTO, HASHTAGS")), (Some(one), Some("HASHTAGS")), (Some(control(0.0, LENGTH)), None)];
    for (number, (control, lost)) in cases.into_iter().enumerate() {
        let (name, controlled) = (format!("next-{number}"), control.is_some());
        let settings = GeneratorTraining {
            base: base.clone(),
            control,
            steps: Some(1),
            output: place.path(&name),
            ..settings(&place, &table(30), 0.0)
        };
        let mut told = None;
        let mut report = |progress| {
            if let Progress::ControlLost { attributes } = progress {
                told = Some(attributes);
            }
        };
        train(&settings, &AtomicBool::new(false), &mut report).unwrap();
        assert_eq!(told.as_deref(), lost);
        let next = ModelFiles::in_folder(&place.path(&name)).unwrap();
        assert_eq!(ControlLayout::read(&next).unwrap().is_some(), controlled);
    }
}

#[test]
fn an_attribute_without_a_value_is_refused() {
    let place = Place::new(60);
    let table = "texto,tono,HASHTAGS\nhoy abre la feria,POSITIVE,\nmañana cierra la plaza,NEGATIVE,\n";
    let message = format!("{:#}", losses(&settings(&place, table, 0.0), None).unwrap_err());
    assert!(message.contains("--control HASHTAGS: none of the texts has a value"), "{message}");
}

#[test]
fn new_tokens_start_near_the_mean_and_the_others_as_they_were() {
    let place = Place::new(60);
    losses(&GeneratorTraining { base: scratch(&place), steps: Some(2), ..place.settings("base") }, None).unwrap();
    let files = ModelFiles::in_folder(&place.path("base")).unwrap();
    let settings = GeneratorTraining { base: Base::Model(files.clone()), ..settings(&place, &table(30), 0.0) };
    let tokenizer = settings.tokenizer().unwrap();
    let config = settings.config(&tokenizer).unwrap();
    let before = settings.base_tokenizer().unwrap().vocabulary_size();
    assert_eq!(config.vocab_size, before + 3);
    assert_eq!(tokenizer.id_of("[TWEET]"), Some(before as u32 + 2));
    let weights = initial_weights(&settings, &config, &Device::Cpu).unwrap();
    let rows: Vec<Vec<f32>> = weights["wte.weight"].to_vec2().unwrap();
    let base = pregonero_models::generation::checkpoint::Checkpoint::open(&files).unwrap();
    assert_eq!(rows[..before].concat(), base.tensor("wte.weight", &[before, 16]).unwrap());
    let mean: Vec<f32> =
        (0..16).map(|column| rows[..before].iter().map(|row| row[column]).sum::<f32>() / before as f32).collect();
    let distance = |row: &[f32]| row.iter().zip(&mean).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    let usual = rows[..before].iter().map(|row| distance(row)).sum::<f32>() / before as f32;
    for row in &rows[before..] {
        let far = distance(row);
        assert!(far > 0.0 && far < 0.25 * usual, "{far} beside {usual}");
    }
    assert_ne!(rows[before], rows[before + 1]);
}

#[test]
fn a_controlled_training_goes_on_as_one_that_never_stopped() {
    let place = Place::new(60);
    let whole = GeneratorTraining { output: place.path("whole"), ..settings(&place, &table(60), 0.2) };
    let parts = GeneratorTraining { output: place.path("parts"), ..whole.clone() };
    let (expected, _) = losses(&whole, None).unwrap();
    let (first, _) = losses(&parts, Some(7)).unwrap();
    let resumed = GeneratorTraining { resume: true, ..parts };
    let other = GeneratorTraining { control: Some(control(0.1, LENGTH)), ..resumed.clone() };
    let message = format!("{:#}", losses(&other, None).unwrap_err());
    assert!(message.contains("--control-dropout 0.2, not") && message.contains("start over"), "{message}");
    let (second, _) = losses(&resumed, None).unwrap();
    assert_eq!([first, second].concat(), expected);
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("parts").join("config.json")).unwrap()).unwrap();
    assert_eq!(config[CONFIG_KEY]["attributes"][0]["token"], "[SENTIMIENTO]");
    let card = std::fs::read_to_string(place.path("parts").join("README.md")).unwrap();
    assert!(card.contains("`SENTIMIENTO` `[SENTIMIENTO]`: NEGATIVE, POSITIVE"), "{card}");
}

#[test]
fn bad_tables_are_refused_with_file_row_and_column() {
    let place = Place::new(60);
    let header = "texto,tono,HASHTAGS\n";
    for (rows, expected) in [
        ("texto,tono\nhola a todos,x\n".to_owned(), "tweets.csv: no column \"HASHTAGS\"; the file has texto, tono"),
        (header.to_owned(), "no text to train on"),
        (format!("{header}hola a todos,x,y\nadiós [TWEET] a todos,x,y\n"), "tweets.csv:3: the text contains [TWEET]"),
        (format!("{header}hola a todos,[HASHTAGS],y\n"), "tweets.csv:2: attribute SENTIMIENTO contains [HASHTAGS]"),
        (
            format!("{header}hola a todos,x<|endoftext|>,y\n"),
            "tweets.csv:2: attribute SENTIMIENTO contains <|endoftext|>",
        ),
        (format!("{header}hola,{},y\n", "largo ".repeat(60)), "tweets.csv:2: the context alone has"),
        (format!("{header}hola,x\n"), "tweets.csv:2: 2 fields, the header has 3"),
    ] {
        let settings = GeneratorTraining { held_out: 0.0, ..settings(&place, &rows, 0.0) };
        let message = format!("{:#}", losses(&settings, None).unwrap_err());
        assert!(message.contains(expected), "{message}");
        assert!(!place.path("model").exists(), "{expected}: something was written");
    }
    let sound = settings(&place, &table(30), 0.0);
    let blocks = GeneratorTraining { samples: Samples::Blocks, ..sound.clone() };
    let all_dropped = GeneratorTraining { control: Some(control(1.0, LENGTH)), ..sound };
    for (settings, expected) in [(blocks, "--samples texts"), (all_dropped, "--control-dropout must be")] {
        let message = format!("{:#}", losses(&settings, None).unwrap_err());
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn values_come_from_json_lines_too_and_plain_files_have_none() {
    let place = Place::new(60);
    let lines = "{\"texto\":\"hola a todos\",\"tono\":\"POSITIVE\",\"HASHTAGS\":[\"hoy\",\"#si\"]}\n{\"texto\":\"otra vez aquí\",\"tono\":null}\n";
    std::fs::write(place.path("tweets.jsonl"), lines).unwrap();
    std::fs::write(place.path("plain.txt"), "una línea suelta\n").unwrap();
    let source = |name: &str, column: &str| format!("{}{column}", place.path(name).display()).parse().unwrap();
    let settings = GeneratorTraining {
        data: vec![source("tweets.jsonl", ":texto"), source("plain.txt", "")],
        held_out: 0.0,
        batch: 8,
        ..settings(&place, &table(1), 0.0)
    };
    let tokenizer = settings.tokenizer().unwrap();
    let read = || Corpus::read(&settings, &tokenizer);
    let batch = read().unwrap().batch(0, &settings);
    let mut texts: Vec<String> = rows(&batch, tokenizer.end_of_text().unwrap())
        .iter()
        .map(|(ids, _)| tokenizer.decode_raw(ids).unwrap())
        .collect();
    texts.sort();
    assert_eq!(
        texts,
        [
            "[SENTIMIENTO]POSITIVE[HASHTAGS]hoy si[TWEET]hola a todos",
            "[SENTIMIENTO][HASHTAGS][TWEET]otra vez aquí",
            "[SENTIMIENTO][HASHTAGS][TWEET]una línea suelta",
        ]
    );
    std::fs::write(place.path("tweets.jsonl"), "{\"texto\":\"hola a todos\",\"tono\":\"x\"}\n").unwrap();
    let message = format!("{:#}", read().unwrap_err());
    assert!(message.contains("tweets.jsonl: no line has a field \"HASHTAGS\""), "{message}");
}
