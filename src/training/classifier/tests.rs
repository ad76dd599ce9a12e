//! A whole training on invented tweets: fit, folder, load, score, evaluate.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::catalog::ModelFiles;
use crate::evaluation::classification::{EvaluatedPart, evaluate_classifier};
use crate::sentiment::network::DenseSettings;
use crate::sentiment::{Classifier, VOCABULARY_FILE, WEIGHTS_FILE};

const GOOD: [&str; 4] = ["me vacuno feliz", "gracias por la vacuna", "dosis lista hoy", "salud para todos"];
const BAD: [&str; 4] = ["no me vacuno nunca", "no quiero esa vacuna", "libertad sin dosis", "miedo para todos"];

/// 240 tweets whose words tell their label, of 240 authors.
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
    let outcome = train_classifier(&settings, &AtomicBool::new(false), &mut |epoch| heard.push(*epoch)).unwrap();
    assert_eq!(heard, outcome.epochs);
    assert_eq!((outcome.skipped_empty, outcome.rows.iter().sum::<usize>()), (1, 240));
    assert!(outcome.test.accuracy > 0.95, "{}", outcome.test);

    let classifier = load(&settings.output).unwrap();
    let held_out = evaluate_classifier(&classifier, &settings.data, &settings.columns, EvaluatedPart::HeldOut).unwrap();
    assert_eq!(held_out, outcome.test, "the evaluation found another split or other scores than the training");
    let all = evaluate_classifier(&classifier, &settings.data, &settings.columns, EvaluatedPart::All).unwrap();
    assert_eq!(all.rows, 241);

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
fn a_score_does_not_depend_on_the_batch_it_stands_in() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ClassifierTraining { epochs: 1, ..settings(folder.path(), "model") };
    train(&settings).unwrap();
    let classifier = load(&settings.output).unwrap();
    let texts: Vec<String> = (0..37).map(|index| format!("{} día {index}", GOOD[index % 4])).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).chain(["", "😀"]).collect();
    let together = classifier.probabilities(&texts).unwrap();
    for (text, &in_batch) in texts.iter().zip(&together) {
        let alone = classifier.probabilities(&[text]).unwrap()[0];
        assert!((alone - in_batch).abs() < 1e-6, "{text}: {alone} alone, {in_batch} in company");
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
    for (full, half) in scores(&full).into_iter().zip(scores(&half)) {
        assert!((full - half).abs() < 0.01, "{full} became {half}");
    }
    let size = |run: &ClassifierTraining| std::fs::metadata(run.output.join(WEIGHTS_FILE)).unwrap().len();
    assert!(size(&half) < size(&full) * 7 / 10);
}

#[test]
fn training_that_cannot_end_well_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "model");
    let interrupted = AtomicBool::new(true);
    let message = train_classifier(&settings, &interrupted, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("interrupted before the first epoch ended"), "{message}");

    let wild = ClassifierTraining { learning_rate: 1e38, clip_norm: 0.0, ..settings.clone() };
    let message = train(&wild).unwrap_err().to_string();
    assert!(message.contains("smaller learning rate"), "{message}");

    let one_class = folder.path().join("one.csv");
    let rows: String = (0..20).map(|index| format!("a{index},texto {index},1\n")).collect();
    std::fs::write(&one_class, format!("author,text,label\n{rows}")).unwrap();
    let message = format!("{:#}", train(&ClassifierTraining { data: one_class, ..settings.clone() }).unwrap_err());
    assert!(message.contains("no row of label 0 to train on"), "{message}");
    assert!(!settings.output.exists());

    std::fs::create_dir(&settings.output).unwrap();
    assert!(train(&settings).unwrap_err().to_string().contains("exists already"));
}

#[test]
fn an_interrupted_training_keeps_its_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "model");
    let interrupted = AtomicBool::new(false);
    let outcome = train_classifier(&settings, &interrupted, &mut |epoch| {
        if epoch.epoch == 2 {
            interrupted.store(true, Ordering::Relaxed);
        }
    });
    let outcome = outcome.unwrap();
    assert!(outcome.interrupted && outcome.epochs.len() == 2);
    assert!(load(&settings.output).is_ok());
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
    check(WEIGHTS_FILE, &|bytes| bytes[..bytes.len() - 100].to_vec(), &["not a whole safetensors file"]);
    check("config.json", &replace("\"embedding\": 8", "\"embedding\": 0"), &["network.embedding: must be at least 1"]);
    check("config.json", &|bytes| bytes[..40].to_vec(), &["EOF"]);
    check(VOCABULARY_FILE, &replace("[\"", "[\"nueva\",\""), &["need an embedding of", "config.json says"]);
    let config = settings.output.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap().replace("\"embedding\": 8", "\"embedding\": 9");
    std::fs::write(&config, text).unwrap();
    let message = format!("{:#}", load(&settings.output).unwrap_err());
    assert!(message.contains(WEIGHTS_FILE) && message.contains("embedding.weight has shape"), "{message}");
}

#[test]
fn the_shipped_classifier_loads_and_its_card_tells_the_truth() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("models/classifier-vacunas-es");
    let classifier = load(&folder).unwrap();
    let sentiment =
        classifier.score(&["Hoy me vacuné, gracias a la ciencia", "No me vacuno, es un experimento"]).unwrap();
    assert_eq!([&sentiment[0].label, &sentiment[1].label], ["positive", "negative"]);

    // The table is not part of the project; where it lies beside the checkout, the card's numbers are measured again.
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
