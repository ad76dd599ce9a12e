//! Trainings that start from word vectors.

use super::*;
use crate::training::vectors::{TrainedVectors, VectorCard, WordVectors};
use pregonero_data::trained_on::TrainedOn;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::subwords::SubwordHasher;
use pregonero_system::files::Existing;

#[test]
fn vectors_begin_the_embedding_and_stay_where_they_are_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wiki.vec");
    let row = |word: &str, value: f32| format!("{word} {}\n", vec![value.to_string(); 8].join(" "));
    // Ready-made tables have capitals and accents, which no classifier reads; more frequent words come first.
    let table =
        [row("VACUNO", 0.5), row("vacuno", 0.125), row("Jamás", 0.25), row("día", -0.5), row("dos palabras", 1.0)];
    std::fs::write(&path, format!("5 8\n{}", table.concat())).unwrap();
    let base = ClassifierTraining { epochs: 2, ..settings(folder.path(), "model") };
    for frozen in [true, false] {
        let vectors = Some(PretrainedVectors { path: path.clone(), frozen });
        let settings = ClassifierTraining { vectors, augment: 0.5, ..base.clone() };
        let trained = fit_classifier(&settings, &AtomicBool::new(false), &mut |_| {}).unwrap();
        for (word, value) in [("vacuno", 0.5), ("dia", -0.5), ("jamas", 0.25)] {
            let id = trained.vocabulary.words().iter().position(|known| known == word).unwrap() + 1;
            let vector: Vec<f32> = trained.weights["embedding.weight"].get(id).unwrap().to_vec1().unwrap();
            assert_eq!(vector == [value; 8], frozen, "{word}: {vector:?}");
        }
        let counts = trained.outcome.counts.vectors.clone().unwrap();
        assert_eq!((counts.found, counts.composed, counts.added), (2, 0, 1));
        assert_eq!(counts.words + counts.added, trained.vocabulary.words().len());
        let card = card::write(&settings, &trained.config, &trained.outcome);
        assert!(
            card.contains(&format!("found 2 of {} words in `wiki.vec`; 1 of its words joined", counts.words)),
            "{card}"
        );
    }
    let wrong = Architecture { embedding: 9, ..base.architecture.clone() };
    let vectors = Some(PretrainedVectors { path: path.clone(), frozen: true });
    let message =
        format!("{:#}", train(&ClassifierTraining { vectors, architecture: wrong, ..base.clone() }).unwrap_err());
    assert!(message.contains("wiki.vec: its vectors have 8 values") && message.contains("--embedding 8"), "{message}");

    std::fs::write(&path, row("maison", 0.5) + &row("rue", 0.5)).unwrap();
    let vectors = Some(PretrainedVectors { path, frozen: true });
    let message = train(&ClassifierTraining { vectors, ..base.clone() }).unwrap_err().to_string();
    assert!(message.contains("wiki.vec: found 0 of"), "{message}");
    let vectors = Some(PretrainedVectors { path: folder.path().join("none.vec"), frozen: true });
    let message = train(&ClassifierTraining { vectors, ..base }).unwrap_err().to_string();
    assert!(message.contains("none.vec: no such file or folder"), "{message}");
}

#[test]
fn a_folder_of_vectors_spells_the_words_that_its_table_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let subwords = SubwordHasher::new(3, 4, 50).unwrap();
    let card = VectorCard {
        pipeline: Cleaning::Plain,
        width: 8,
        subwords: Some(subwords),
        words: 1,
        running_words: 1,
        seed: 1,
        threads: 1,
        command: "train vectors".to_owned(),
    };
    let pieces: Vec<f32> = (0..50u8).flat_map(|bucket| [f32::from(bucket) / 50.0; 8]).collect();
    let words = WordVectors::new(vec!["vacuno".to_owned()], 8, vec![0.5; 8]).unwrap();
    let path = folder.path().join("vectors");
    let trained_on = TrainedOn::of::<&Path>([]).unwrap();
    TrainedVectors { card, words, pieces }.write(&path, Existing::Refuse, &trained_on).unwrap();
    let base = settings(folder.path(), "model");
    let train = |path: &Path| {
        let vectors = Some(PretrainedVectors { path: path.to_owned(), frozen: true });
        let settings = ClassifierTraining { vectors, epochs: 1, ..base.clone() };
        fit_classifier(&settings, &AtomicBool::new(false), &mut |_| {}).unwrap()
    };
    let trained = train(&path);
    let vector = |trained: &Trained, word: &str| -> Vec<f32> {
        let id = trained.vocabulary.words().iter().position(|known| known == word).unwrap() + 1;
        trained.weights["embedding.weight"].get(id).unwrap().to_vec1().unwrap()
    };
    assert_eq!(vector(&trained, "vacuno"), [0.5; 8]);
    // The mean of its n-grams' rows, as fastText does it.
    let numbers = subwords.pieces("nunca");
    let mean = numbers.iter().map(|&bucket| bucket as f32 / 50.0).sum::<f32>() / numbers.len() as f32;
    assert!(vector(&trained, "nunca").iter().all(|value| (value - mean).abs() < 1e-6), "{mean}");
    let counts = trained.outcome.counts.vectors.unwrap();
    assert_eq!((counts.found, counts.composed), (1, counts.words - 1));
    // The table alone cannot compose words.
    let alone = train(&path.join("vectors.txt"));
    let counts = alone.outcome.counts.vectors.clone().unwrap();
    assert_eq!((counts.found, counts.composed), (1, 0));
    assert!(vector(&alone, "nunca").iter().any(|value| (value - mean).abs() > 1e-3));
}
