//! A whole training on invented tweets: fit, folder, load, score, evaluate.

mod other_data;
mod steps;
mod word_vectors;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::dataset::labelled::read_labelled;
use crate::evaluation::classification::{EvaluatedPart, evaluate_classifier, score_labelled};
use pregonero_models::catalog::{ModelFiles, WEIGHTS};
use pregonero_models::sentiment::Columns;
use pregonero_models::sentiment::network::{Architecture, DenseSettings};
use pregonero_models::sentiment::{Classifier, VOCABULARY_FILE};
use pregonero_models::sentiment::{Shares, SplitProtocol};

const GOOD: [&str; 4] = ["me vacuno feliz", "gracias por la vacuna", "dosis lista hoy", "salud para todos"];
const BAD: [&str; 4] = ["no me vacuno nunca", "no quiero esa vacuna", "libertad sin dosis", "miedo para todos"];

/// Writes 240 tweets by 240 authors, whose words show their label.
fn write_table(folder: &Path) -> PathBuf {
    let path = folder.join("labelled.csv");
    let mut csv = "author,text,label\n".to_owned();
    for index in 0..240 {
        let label = index % 2;
        let phrase = if label == 1 { GOOD[index / 2 % 4] } else { BAD[index / 2 % 4] };
        csv.push_str(&format!("autor{index},\"{phrase}, día {index} #YoMeVacuno\",{label}\n"));
    }
    csv.push_str("autor,#YoMeVacuno,1\n");
    std::fs::write(&path, csv).unwrap();
    path
}

fn settings(folder: &Path, output: &str) -> ClassifierTraining {
    let architecture = Architecture {
        embedding: 8,
        spatial_dropout: 0.1,
        units: vec![8, 4],
        dense: vec![DenseSettings { units: 8, dropout: 0.1 }],
        ..Architecture::bilstm()
    };
    ClassifierTraining {
        architecture,
        steps: 8,
        epochs: 12,
        learning_rate: 0.02,
        weights: WeightFormat::F32,
        // The invented tweets are near-duplicates of each other.
        near_duplicate: None,
        ..ClassifierTraining::new(write_table(folder), folder.join(output))
    }
}

fn train(settings: &ClassifierTraining) -> Result<TrainingOutcome> {
    train_classifier(settings, &AtomicBool::new(false), &mut |_| {})
}

fn load(folder: &Path) -> Result<Classifier> {
    Classifier::load(&ModelFiles::in_folder(folder)?)
}

#[test]
fn a_trained_classifier_loads_scores_and_is_evaluated_on_its_own_split() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "model");
    let mut heard = Vec::new();
    let outcome = train_classifier(&settings, &AtomicBool::new(false), &mut |progress| {
        if let Progress::Epoch { report, .. } = progress {
            heard.push(report);
        }
    });
    let outcome = outcome.unwrap();
    assert_eq!(heard, outcome.epochs);
    assert_eq!((outcome.counts.skipped_empty, outcome.counts.parts.iter().sum::<usize>()), (1, 240));
    assert!(outcome.test.accuracy > 0.95, "{}", outcome.test);

    let classifier = load(&settings.output).unwrap();
    let held_out = evaluate_classifier(&classifier, &settings.data, &settings.columns, EvaluatedPart::HeldOut).unwrap();
    let found = (&held_out.confusion_matrix, held_out.auc);
    assert_eq!(found, (&outcome.test.confusion_matrix, outcome.test.auc), "another split than the training's");
    // Batches of other sizes add up in another order.
    assert!((held_out.log_loss - outcome.test.log_loss).abs() < 1e-6, "other scores than the training's");
    let all = score_labelled(&classifier, &settings.data, &settings.columns, EvaluatedPart::All).unwrap();
    assert_eq!((all.rows.len(), all.skipped_empty, all.verified), (240, 1, None), "the training counts one as empty");

    let sentiment = classifier.score(&["¡Gracias por la vacuna!", "No quiero esa vacuna"]).unwrap();
    assert_eq!([&sentiment[0].label, &sentiment[1].label], ["positive", "negative"]);
    assert!((sentiment[0].probabilities.values().sum::<f32>() - 1.0).abs() < 1e-6);
    assert_eq!(sentiment[0].score, sentiment[0].probability("positive"));
    assert_eq!(classifier.identity().sha256.len(), 64);
    let card = std::fs::read_to_string(settings.output.join("README.md")).unwrap();
    assert!(card.contains(&format!("| test | {} | {:.3}", outcome.test.rows, outcome.test.accuracy)), "{card}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "something was left beside the model");
}

#[test]
fn the_f1_of_an_epoch_is_that_of_the_model_that_would_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let slow = ClassifierTraining { epochs: 2, learning_rate: 1e-4, ..settings(folder.path(), "model") };
    let outcome = train(&slow).unwrap();
    let best = outcome.epochs[outcome.best_epoch - 1];
    assert_eq!((best.macro_f1, best.accuracy), (outcome.validation.macro_f1, outcome.validation.accuracy));
}

#[test]
fn a_vocabulary_without_words_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rare = ClassifierTraining { minimum_count: 1000, ..settings(folder.path(), "model") };
    let message = train(&rare).unwrap_err().to_string();
    assert!(message.contains("occurs 1000 times or more: pass a smaller --min-count"), "{message}");
}

#[test]
fn a_score_does_not_depend_on_the_batch_it_stands_in() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ClassifierTraining { epochs: 1, ..settings(folder.path(), "model") };
    train(&settings).unwrap();
    let classifier = load(&settings.output).unwrap();
    let texts: Vec<String> = (0..37).map(|index| format!("{} día {index}", GOOD[index % 4])).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).chain(["", "😀"]).collect();
    let together = classifier.probabilities(&texts).unwrap();
    for (text, in_batch) in texts.iter().zip(&together) {
        let alone = classifier.probabilities(&[text]).unwrap()[0].clone();
        assert_eq!(alone, *in_batch, "{text}: alone and in company");
    }
    assert!(classifier.score(&[]).unwrap().is_empty());
}

#[test]
fn two_runs_with_one_seed_agree_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let first = ClassifierTraining { epochs: 2, ..settings(folder.path(), "first") };
    let second = ClassifierTraining { output: folder.path().join("second"), ..first.clone() };
    let other = ClassifierTraining { output: folder.path().join("other"), seed: 2, ..first.clone() };
    for run in [&first, &second, &other] {
        train(run).unwrap();
    }
    let digest = |run: &ClassifierTraining| load(&run.output).unwrap().identity().sha256.clone();
    assert_eq!(digest(&first), digest(&second));
    assert_ne!(digest(&first), digest(&other));
}

#[test]
fn half_precision_moves_a_probability_by_less_than_a_hundredth() {
    let folder = tempfile::tempdir().unwrap();
    let full = ClassifierTraining { epochs: 4, ..settings(folder.path(), "full") };
    let half = ClassifierTraining { output: folder.path().join("half"), weights: WeightFormat::F16, ..full.clone() };
    train(&full).unwrap();
    train(&half).unwrap();
    let scores = |run: &ClassifierTraining| load(&run.output).unwrap().probabilities(&GOOD).unwrap();
    for (full, half) in scores(&full).into_iter().flatten().zip(scores(&half).into_iter().flatten()) {
        assert!((full - half).abs() < 0.01, "{full} became {half}");
    }
    let size = |run: &ClassifierTraining| std::fs::metadata(run.output.join(WEIGHTS)).unwrap().len();
    assert!(size(&half) < size(&full) * 7 / 10);
}

#[test]
fn training_that_cannot_end_well_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "model");
    let interrupted = AtomicBool::new(true);
    let early = ClassifierTraining { output: folder.path().join("early"), ..settings.clone() };
    let message = train_classifier(&early, &interrupted, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("interrupted before the first epoch ended"), "{message}");
    let message = train(&early).unwrap_err().to_string();
    assert!(message.contains("early.checkpoints: contains an unfinished training"), "{message}");

    let wild = ClassifierTraining { learning_rate: 1e38, clip_norm: 0.0, ..settings.clone() };
    let message = train(&wild).unwrap_err().to_string();
    assert!(message.contains("smaller learning rate"), "{message}");

    let one_class = folder.path().join("one.csv");
    let rows: String = (0..20).map(|index| format!("a{index},texto {index},1\n")).collect();
    std::fs::write(&one_class, format!("author,text,label\n{rows}")).unwrap();
    let message = format!("{:#}", train(&ClassifierTraining { data: one_class, ..settings.clone() }).unwrap_err());
    assert!(message.contains("no row with label 0 (negative) to train on"), "{message}");
    assert!(!settings.output.exists());

    std::fs::create_dir(&settings.output).unwrap();
    std::fs::write(settings.output.join("notes.txt"), "mine").unwrap();
    assert!(train(&settings).unwrap_err().to_string().contains("exists already"));
}

#[test]
fn an_interrupted_training_keeps_its_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "model");
    let interrupted = AtomicBool::new(false);
    let outcome = train_classifier(&settings, &interrupted, &mut |progress| {
        if matches!(progress, Progress::Epoch { report, .. } if report.epoch == 2) {
            interrupted.store(true, Ordering::Relaxed);
        }
    });
    let outcome = outcome.unwrap();
    assert!(outcome.interrupted && outcome.epochs.len() == 2);
    assert!(load(&settings.output).is_ok());
    assert!(Checkpoints::beside(&settings.output).path().exists(), "nothing to resume from");
}

#[test]
fn a_broken_model_is_refused_by_the_file_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ClassifierTraining { epochs: 1, ..settings(folder.path(), "model") };
    train(&settings).unwrap();
    let check = |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>, expected: &[&str]| {
        let path = settings.output.join(file);
        let original = std::fs::read(&path).unwrap();
        std::fs::write(&path, change(original.clone())).unwrap();
        let message = format!("{:#}", load(&settings.output).unwrap_err());
        assert!(message.contains(&path.display().to_string()), "{message}");
        for expected in expected {
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
        std::fs::write(&path, original).unwrap();
    };
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replacen(from, to, 1).into_bytes()
    };
    check(WEIGHTS, &|bytes| bytes[..bytes.len() - 100].to_vec(), &["not a whole safetensors file"]);
    check(
        "config.json",
        &replace("\"embedding\": 8", "\"embedding\": 0"),
        &["network.embedding: is 0, but must be from 1"],
    );
    check("config.json", &|bytes| bytes[..40].to_vec(), &["is empty or cut off"]);
    check(VOCABULARY_FILE, &replace("[\"", "[\"nueva\",\""), &["need an embedding of", "config.json says"]);
    let config = settings.output.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap().replace("\"embedding\": 8", "\"embedding\": 9");
    std::fs::write(&config, text).unwrap();
    let message = format!("{:#}", load(&settings.output).unwrap_err());
    assert!(message.contains(WEIGHTS) && message.contains("embedding.weight has shape"), "{message}");
}

#[test]
fn the_general_classifier_tells_complaints_news_and_joy_apart() {
    let classifier = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/classifier-general-es")).unwrap();
    let texts = [
        "Qué rabia, otra vez sin agua en todo el barrio, pésimo servicio",
        "El ministerio publicará el informe anual el próximo jueves",
        "Gracias por tanto cariño, los quiero mucho, fue un día hermoso",
    ];
    let labels: Vec<String> = classifier.score(&texts).unwrap().into_iter().map(|sentiment| sentiment.label).collect();
    assert_eq!(labels, ["negative", "neutral", "positive"]);
}

#[test]
fn the_shipped_classifier_loads_and_its_card_tells_the_truth() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../models/classifier-vacunas-es");
    let classifier = load(&folder).unwrap();
    let sentiment =
        classifier.score(&["Hoy me vacuné, gracias a la ciencia", "No me vacuno, es un experimento"]).unwrap();
    assert_eq!([&sentiment[0].label, &sentiment[1].label], ["positive", "negative"]);

    // The table is not part of the project; if it is next to the checkout, the card's numbers are measured again.
    let data = root.join("../shared/data/vacunas/labelled.csv");
    if !data.is_file() {
        return;
    }
    let report = evaluate_classifier(&classifier, &data, &Columns::default(), EvaluatedPart::HeldOut).unwrap();
    let card = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let line = card.lines().find(|line| line.starts_with("| test |")).unwrap();
    let carded: Vec<f64> = line.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
    assert_eq!(carded[0], report.rows as f64);
    for (carded, measured) in carded[1..].iter().zip([report.accuracy, report.macro_f1, report.auc.unwrap()]) {
        assert!((carded - measured).abs() < 0.005, "the card says {carded}, measured {measured}");
    }
}

/// Trains with everything that changes rows, targets and weights, and stops after batch `stop_at`, counted over all epochs.
fn train_until(settings: &ClassifierTraining, stop_at: usize) -> Result<TrainingOutcome> {
    let stop = AtomicBool::new(stop_at == 0);
    let mut batches = 0;
    train_classifier(settings, &stop, &mut |progress| {
        if matches!(progress, Progress::Batch { .. }) {
            batches += 1;
            stop.store(batches >= stop_at, Ordering::Relaxed);
        }
    })
}

#[test]
fn a_training_stopped_at_any_batch_and_resumed_ends_with_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let whole = ClassifierTraining {
        epochs: 3,
        word_dropout: 0.1,
        augment: 0.3,
        label_smoothing: 0.1,
        averaging: Some(0.9),
        weight_decay: 0.01,
        decay: crate::training::schedule::Decay::Cosine,
        warmup_steps: 3,
        ..settings(folder.path(), "whole")
    };
    let unbroken = train(&whole).unwrap();
    let digest = |name: &str| load(&folder.path().join(name)).unwrap().identity().sha256.clone();
    // 168 rows make 6 batches an epoch: in the first epoch, at an epoch's end, in the last one; and twice in one run.
    for stops in [&[1][..], &[4], &[6], &[7, 3], &[17]] {
        let name = format!("stopped {stops:?}");
        let part = ClassifierTraining { output: folder.path().join(&name), ..whole.clone() };
        let resumed = ClassifierTraining { resume: true, ..part.clone() };
        for (run, &stop_at) in stops.iter().enumerate() {
            let _ = train_until(if run == 0 { &part } else { &resumed }, stop_at);
            assert!(Checkpoints::beside(&part.output).path().exists());
        }
        let outcome = train(&resumed).unwrap();
        assert_eq!(digest(&name), digest("whole"), "{name}");
        assert_eq!((outcome.best_epoch, outcome.epochs.len()), (unbroken.best_epoch, 3));
        for (resumed, unbroken) in outcome.epochs.iter().zip(&unbroken.epochs) {
            assert!((resumed.loss - unbroken.loss).abs() < 1e-12, "{name}: {resumed:?}");
            assert!((resumed.validation_loss - unbroken.validation_loss).abs() < 1e-12, "{name}: {resumed:?}");
        }
        assert!(!Checkpoints::beside(&part.output).path().exists());
    }
}

#[test]
fn a_checkpoint_is_resumed_with_its_own_settings_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ClassifierTraining { epochs: 2, ..settings(folder.path(), "model") };
    assert!(train_until(&settings, 2).is_err());
    let other = ClassifierTraining { resume: true, batch_size: 16, ..settings };
    let message = format!("{:#}", train(&other).unwrap_err());
    assert!(message.contains("batch size 32, not 16"), "{message}");
}

#[test]
fn three_labels_are_told_apart_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("three.csv");
    let rows: String = (0..300)
        .map(|index| {
            let (word, label) = [("triste", "negative"), ("mesa", "neutral"), ("alegre", "2")][index % 3];
            format!("a{index},hoy {word} {index},{label}\n")
        })
        .collect();
    std::fs::write(&path, format!("author,text,label\n{rows}")).unwrap();
    let labels = ["negative", "neutral", "positive"].map(str::to_owned).to_vec();
    let settings = ClassifierTraining { data: path, labels, ..settings(folder.path(), "model") };
    let outcome = train(&settings).unwrap();
    assert!(outcome.test.macro_f1 > 0.95, "{}", outcome.test);
    let classifier = load(&settings.output).unwrap();
    for (text, label) in [("qué triste", "negative"), ("la mesa", "neutral"), ("alegre hoy", "positive")] {
        let sentiment = classifier.score(&[text]).unwrap().remove(0);
        assert_eq!(sentiment.label, label, "{text}");
        assert_eq!(sentiment.probabilities.len(), 3);
        assert!((sentiment.probabilities.values().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let card = std::fs::read_to_string(settings.output.join("README.md")).unwrap();
    assert!(card.contains("predicted neutral") && card.contains("`positive` (2)"), "{card}");
}

#[test]
fn added_rows_never_share_author_or_text_with_the_held_out_parts() {
    let folder = tempfile::tempdir().unwrap();
    let base = settings(folder.path(), "base");
    train(&base).unwrap();
    let config = load(&base.output).unwrap();
    let tweets = read_labelled(&base.data, &base.columns, &base.labels).unwrap().tweets;
    let tweets: Vec<_> = tweets.into_iter().filter(|tweet| !config.clean(&tweet.text).is_empty()).collect();
    let cleaned: Vec<String> = tweets.iter().map(|tweet| config.clean(&tweet.text)).collect();
    let rows: Vec<_> = tweets
        .iter()
        .zip(&cleaned)
        .map(|(tweet, text)| pregonero_data::split::SplitRow {
            author: &tweet.author,
            normalised: text,
            label: tweet.label,
        })
        .collect();
    let split = crate::dataset::split::split(&config.config().held_out, &rows, &vec![None; rows.len()]).unwrap();
    let held_out = &tweets[split.test[0]];
    // No two of these share enough words to be near-duplicates.
    let trained = split.train.iter().map(|&row| &tweets[row]).find(|tweet| tweet.text.contains("feliz")).unwrap();
    let more = folder.path().join("more.csv");
    let lines = [
        format!("{},palabras que nadie más dijo nunca aquí,1", held_out.author),
        format!("nueva,\"{}\",1", held_out.text),
        format!("otra,\"{}\",1", trained.text),
        "nueva2,#YoNoMeVacuno,1".to_owned(),
        "nueva3,no me vacuno jamás por nada,1".to_owned(),
        "nueva4,gracias a las enfermeras del barrio,0".to_owned(),
    ];
    std::fs::write(&more, format!("author,text,hashtag\n{}\n", lines.join("\n"))).unwrap();

    let weak = vec![format!("{}:hashtag=1:negative:0.3", more.display()).parse().unwrap()];
    let teacher = Teacher { name: "base".to_owned(), files: ModelFiles::in_folder(&base.output).unwrap() };
    let both = ClassifierTraining {
        weak,
        unlabelled: vec![more.display().to_string().parse().unwrap()],
        teachers: vec![teacher],
        epochs: 2,
        output: folder.path().join("both"),
        ..base.clone()
    };
    let outcome = train(&both).unwrap();
    let counts = &outcome.counts.added;
    let figures = |counts: &SourceCounts| (counts.read, counts.held_out, counts.repeated, counts.empty, counts.used);
    assert_eq!(figures(&counts[0]), (5, 2, 1, 1, 1));
    assert_eq!(figures(&counts[1]), (6, 2, 2, 1, 1));
    assert_eq!(outcome.counts.teachers_of_other_splits, 0);
    let card = std::fs::read_to_string(both.output.join("README.md")).unwrap();
    assert!(card.contains("`more.csv`, hashtag = \"1\": negative, weight 0.3 | 5 | 1 | 2 | 1 | 0 | 1 |"), "{card}");

    let nameless = folder.path().join("nameless.csv");
    let lines = format!("text,hashtag\n\"{}\",1\nnadie firma este texto tan largo,1\n", held_out.text);
    std::fs::write(&nameless, lines).unwrap();
    let without_authors = ClassifierTraining {
        weak: vec![format!("{}:hashtag=1:negative:0.3", nameless.display()).parse().unwrap()],
        unlabelled: vec![nameless.display().to_string().parse().unwrap()],
        output: folder.path().join("nameless"),
        ..both.clone()
    };
    let counts = train(&without_authors).unwrap().counts.added;
    let card = std::fs::read_to_string(without_authors.output.join("README.md")).unwrap();
    assert!(card.contains("4 of these rows have no author, so only their texts were compared."), "{card}");
    assert_eq!(figures(&counts[0]), (2, 1, 0, 0, 1), "a held-out text stays out though it has no author here");
    assert_eq!(figures(&counts[1]), (2, 1, 1, 0, 0));

    let unsure = Distillation { minimum_confidence: Some(1.0), ..Distillation::default() };
    let other = ClassifierTraining { distillation: unsure, seed: 2, output: folder.path().join("unsure"), ..both };
    let outcome = train(&other).unwrap();
    assert_eq!((outcome.counts.added[1].unsure, outcome.counts.added[1].used), (1, 0));
    assert_eq!(outcome.counts.teachers_of_other_splits, 1, "the teacher knows another split");
}

#[test]
fn the_exported_split_is_the_one_that_is_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("split.csv");
    let settings = ClassifierTraining {
        epochs: 1,
        export_split: Some(path.clone()),
        protocol: SplitProtocol::Random,
        ..settings(folder.path(), "model")
    };
    let outcome = train(&settings).unwrap();
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let parts = ["train", "validation", "test"].map(|part| rows.iter().filter(|row| &row[1] == part).count());
    assert_eq!(parts, outcome.counts.parts);
    assert_eq!(&rows[3], &["4", parts_of(&rows[3]), "gracias por la vacuna dia 3", "1", "positive"][..]);
    let classifier = load(&settings.output).unwrap();
    let held_out = evaluate_classifier(&classifier, &settings.data, &settings.columns, EvaluatedPart::HeldOut).unwrap();
    assert_eq!(held_out.confusion_matrix, outcome.test.confusion_matrix);

    export_split(&settings, &path).expect("the same split is not written again");
    let completed = std::fs::read_to_string(&path).unwrap() + "a row of mine\n";
    std::fs::write(&path, &completed).unwrap();
    let message = export_split(&settings, &path).unwrap_err().to_string();
    assert!(message.contains("split.csv: exists already and is not this split"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), completed);
}

fn parts_of(row: &csv::StringRecord) -> &str {
    &row[1]
}
