use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::*;

const FOOD: [&str; 6] = ["pan", "queso", "arroz", "sopa", "fruta", "maíz"];
const HEALTH: [&str; 6] = ["vacuna", "dosis", "refuerzo", "brazo", "clínica", "turno"];
const EITHER: [&str; 3] = ["la", "de", "hoy"];

/// Returns settings for short texts, each about one of two things.
fn settings(folder: &Path, name: &str) -> VectorTraining {
    let mut rng = ChaCha12Rng::seed_from_u64(9);
    let mut texts = String::new();
    for number in 0..400 {
        let topic = if number % 2 == 0 { &FOOD } else { &HEALTH };
        for _ in 0..8 {
            let words: &[&str] = if rng.random_bool(0.3) { &EITHER } else { topic };
            write!(texts, "{} ", words.choose(&mut rng).unwrap()).unwrap();
        }
        texts.push('\n');
    }
    let data = folder.join("texts.txt");
    std::fs::write(&data, texts).unwrap();
    VectorTraining {
        width: 16,
        minimum_count: 2,
        epochs: 6,
        subsample: 1e-2,
        subwords: None,
        ..VectorTraining::new(vec![data.display().to_string().parse().unwrap()], folder.join(name))
    }
}

fn train(settings: &VectorTraining) -> Result<TrainedVectors> {
    train_vectors(settings, &AtomicBool::new(false), &mut |_| {})?;
    TrainedVectors::read(&settings.output)
}

fn bits(vectors: &TrainedVectors) -> Vec<u32> {
    vectors.words.values().iter().chain(&vectors.pieces).map(|value| value.to_bits()).collect()
}

#[test]
fn words_of_one_topic_end_near_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let hasher = SubwordHasher::new(3, 5, 500).unwrap();
    for (name, subwords, threads) in [("plain", None, 1), ("pieces", Some(hasher), 1), ("threads", None, 3)] {
        let vectors = train(&VectorTraining { subwords, threads, ..settings(folder.path(), name) }).unwrap();
        for topic in [FOOD, HEALTH] {
            let topic = topic.map(|word| Cleaning::Plain.clean(word));
            for word in &topic {
                for (near, cosine) in vectors.words.nearest(word, topic.len() - 1).unwrap() {
                    let belongs = topic.iter().any(|other| other == near) || EITHER.contains(&near);
                    assert!(belongs, "{name}: {near} is near {word} ({cosine})");
                }
            }
        }
    }
}

#[test]
fn one_thread_and_one_seed_give_the_same_vectors_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let first = VectorTraining { subwords: SubwordHasher::new(3, 4, 100).ok(), ..settings(folder.path(), "first") };
    let second = VectorTraining { output: folder.path().join("second"), ..first.clone() };
    let other = VectorTraining { output: folder.path().join("other"), seed: 2, ..first.clone() };
    let [first, second, other] = [first, second, other].map(|settings| bits(&train(&settings).unwrap()));
    assert_eq!(first, second);
    assert_ne!(first, other);
}

#[test]
fn a_word_never_seen_is_near_those_it_is_spelled_like() {
    let folder = tempfile::tempdir().unwrap();
    let subwords = SubwordHasher::new(3, 5, 2000).ok();
    let vectors = train(&VectorTraining { subwords, ..settings(folder.path(), "vectors") }).unwrap();
    assert_eq!(vectors.vector("vacuna").as_deref(), vectors.words.get("vacuna"));
    let unseen = vectors.vector("vacunarse").unwrap();
    assert_eq!(vectors.words.nearest_to(&unseen, 1)[0].0, "vacuna");
    assert!(vectors.vector("").is_none());
    let plain = train(&settings(folder.path(), "plain")).unwrap();
    assert!(plain.vector("vacunarse").is_none() && plain.pieces.is_empty());
}

#[test]
fn the_loss_falls_below_that_of_vectors_that_know_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name, epochs| {
        let settings = VectorTraining { epochs, ..settings(folder.path(), name) };
        train_vectors(&settings, &AtomicBool::new(false), &mut |_| {}).unwrap().loss
    };
    let (early, late) = (run("early", 1), run("late", 8));
    let ignorant = 6.0 * 2.0_f64.ln();
    assert!(late < early && early < ignorant + 1e-6, "{late} {early} {ignorant}");
}

#[test]
fn what_is_said_of_the_data_is_true_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "vectors");
    let mut heard = Vec::new();
    let outcome = train_vectors(&settings, &AtomicBool::new(false), &mut |progress| heard.push(progress)).unwrap();
    assert_eq!(heard[0], VectorProgress::Data(outcome.size.clone()));
    assert_eq!(outcome.size.words, FOOD.len() + HEALTH.len() + EITHER.len());
    assert_eq!(outcome.size.running_words, 8 * outcome.size.texts.kept as u64);
    let card = TrainedVectors::read(&settings.output).unwrap().card;
    assert_eq!((card.words, card.running_words), (outcome.size.words, outcome.size.running_words));
    assert!(std::fs::read_to_string(settings.output.join(VECTORS_FILE)).unwrap().starts_with("15 16\n"));
}

#[test]
fn a_training_that_cannot_end_well_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "vectors");
    let stopped = train_vectors(&settings, &AtomicBool::new(true), &mut |_| {}).unwrap_err().to_string();
    assert!(stopped.contains("interrupted; nothing was written"), "{stopped}");
    for (wrong, expected) in [
        (VectorTraining { learning_rate: 1e30, ..settings.clone() }, "smaller learning rate"),
        (VectorTraining { minimum_count: 100_000, ..settings.clone() }, "0 words occur at least 100000 times"),
        (VectorTraining { width: 0, ..settings.clone() }, "width: must be 1"),
        (VectorTraining { negatives: 31, ..settings.clone() }, "negatives: must be 1 to 30"),
        (VectorTraining { threads: 0, ..settings.clone() }, "threads: must be"),
        (VectorTraining { subsample: f64::NAN, ..settings.clone() }, "subsampling: must not"),
    ] {
        let message = format!("{:#}", train(&wrong).unwrap_err());
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the texts are there");
    std::fs::create_dir(&settings.output).unwrap();
    std::fs::write(settings.output.join("notes.txt"), "mine").unwrap();
    assert!(train(&settings).unwrap_err().to_string().contains("exists already"));
}

#[test]
fn stopping_in_the_middle_ends_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let settings = VectorTraining { epochs: 1_000_000, ..settings(folder.path(), "vectors") };
    let stop = AtomicBool::new(false);
    let error = train_vectors(&settings, &stop, &mut |progress| {
        if matches!(progress, VectorProgress::Training { .. }) {
            stop.store(true, Ordering::Relaxed);
        }
    });
    assert!(error.unwrap_err().to_string().contains("interrupted"));
    assert!(!settings.output.exists());
}

#[test]
fn a_broken_folder_is_refused_by_the_file_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let subwords = SubwordHasher::new(3, 4, 50).ok();
    let settings = VectorTraining { subwords, epochs: 1, ..settings(folder.path(), "vectors") };
    train(&settings).unwrap();
    for (file, from, to, expected) in [
        (CARD_FILE, "\"width\": 16", "\"width\": 17", "vectors of width 16, but vectors.json says 17"),
        (CARD_FILE, "\"buckets\": 50", "\"buckets\": 51", "\"pieces\" is F32 of shape [50, 16]"),
        (CARD_FILE, "\"pipeline\"", "\"pipe\"", "unknown field `pipe`"),
        (SUBWORDS_FILE, "pieces", "others", "contains no tensor \"pieces\""),
        (VECTORS_FILE, "15 16", "16 16", "promises 16"),
    ] {
        let path = settings.output.join(file);
        let original = std::fs::read(&path).unwrap();
        let place = original.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let changed = [&original[..place], to.as_bytes(), &original[place + from.len()..]].concat();
        std::fs::write(&path, changed).unwrap();
        let message = format!("{:#}", TrainedVectors::read(&settings.output).unwrap_err());
        assert!(message.contains(expected), "{message}");
        std::fs::write(&path, original).unwrap();
    }
    assert!(TrainedVectors::read(&settings.output).is_ok());
}
