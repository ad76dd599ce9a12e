//! The results of a training, used with other data or columns than its own; grids, which continue from such results.

use super::*;

#[test]
fn another_table_or_other_columns_are_not_taken_for_the_held_out_part() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = ClassifierTraining { epochs: 1, ..settings(folder.path(), "model") };
    // Three tweets per author: without the authors, the split differs.
    let table: String = (0..240)
        .map(|index| format!("autor{},\"{} día {index}\",{}\n", index / 3, GOOD[index % 4], index % 2))
        .collect();
    std::fs::write(&settings.data, format!("author,text,label\n{table}")).unwrap();
    train(&settings).unwrap();
    let score = |columns: &Columns| {
        score_labelled(&load(&settings.output).unwrap(), &settings.data, columns, EvaluatedPart::HeldOut)
    };
    assert_eq!(score(&settings.columns).unwrap().verified, Some(true));
    let refused = |columns: &Columns| {
        let message = format!("{:#}", score(columns).unwrap_err());
        assert!(message.contains("labelled.csv: this is not the held-out part of the training"), "{message}");
        assert!(message.contains("--text-column text --label-column label --author-column author"), "{message}");
    };
    refused(&Columns { author: None, ..Columns::default() });
    let whole = std::fs::read_to_string(&settings.data).unwrap();
    let without_last = whole.trim_end().rsplit_once('\n').unwrap().0;
    for other in [format!("{without_last}\n"), format!("{whole}nadie,un texto más al final,1\n")] {
        std::fs::write(&settings.data, other).unwrap();
        refused(&settings.columns);
    }
    std::fs::write(&settings.data, &whole).unwrap();
    assert_eq!(score(&settings.columns).unwrap().verified, Some(true));

    // A model of an earlier version says nothing about its test part.
    let path = settings.output.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(config.as_object_mut().unwrap().remove("test_part").is_some());
    std::fs::write(&path, config.to_string()).unwrap();
    assert_eq!(score(&settings.columns).unwrap().verified, Some(false));

    // Rows with nothing but a hashtag, a mention or a link have nothing to read.
    let nothing = "a,#YoMeVacuno,1\nb,@alguien,0\nc,https://t.co/abc,1\n";
    settings.data = folder.path().join("nothing.csv");
    std::fs::write(&settings.data, format!("author,text,label\n{nothing}")).unwrap();
    let model = load(&settings.output).unwrap();
    let message =
        score_labelled(&model, &settings.data, &settings.columns, EvaluatedPart::All).unwrap_err().to_string();
    assert!(message.contains("nothing.csv: cleaning leaves no text in any row"), "{message}");
}

#[test]
fn resuming_replaces_no_model_and_goes_on_with_no_other_rows() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ClassifierTraining { epochs: 2, resume: true, ..settings(folder.path(), "model") };
    let hear = |settings: &ClassifierTraining| {
        let mut anew = None;
        let outcome = train_classifier(settings, &AtomicBool::new(false), &mut |progress| {
            if let Progress::Started { anew: said, .. } = progress {
                anew = Some(said);
            }
        });
        (outcome, anew)
    };
    let (outcome, anew) = hear(&settings);
    assert_eq!((outcome.unwrap().epochs.len(), anew), (2, Some(true)), "nothing was there");
    let digest = || load(&settings.output).unwrap().identity().sha256.clone();
    let finished = digest();
    let (outcome, anew) = hear(&ClassifierTraining { seed: 2, ..settings.clone() });
    let message = outcome.unwrap_err().to_string();
    assert!(message.contains("model: contains a model but there is no checkpoint to resume from"), "{message}");
    assert_eq!((anew, digest()), (None, finished.clone()));
    // As the comparison does: resume if there is a checkpoint, otherwise replace.
    let (outcome, anew) = hear(&ClassifierTraining { seed: 2, overwrite: true, ..settings.clone() });
    assert!(outcome.is_ok() && anew == Some(false) && digest() != finished);

    let stopped = ClassifierTraining { output: folder.path().join("stopped"), resume: false, ..settings.clone() };
    assert!(train_until(&stopped, 2).is_err());
    let table = std::fs::read_to_string(&settings.data).unwrap();
    std::fs::write(&settings.data, table.replacen("feliz", "contento", 1)).unwrap();
    let resumed = ClassifierTraining { resume: true, ..stopped };
    let message = format!("{:#}", train(&resumed).unwrap_err());
    assert!(
        message.contains("stopped.checkpoints: the rows, the vectors or the teachers differ from those"),
        "{message}"
    );
    // A checkpoint of an earlier version says nothing about the rows.
    let state = folder.path().join("stopped.checkpoints/last/state.json");
    let mut older: serde_json::Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    let identity = older["identity"].as_object_mut().unwrap();
    ["data", "columns", "added rows"].iter().for_each(|name| assert!(identity.remove(*name).is_some(), "{name}"));
    std::fs::write(&state, older.to_string()).unwrap();
    assert!(train(&resumed).is_ok());
}

#[test]
fn a_card_says_that_the_data_sets_own_parts_were_used() {
    use crate::dataset::parts::tests::data_set;
    let folder = tempfile::tempdir().unwrap();
    let row = |part, index: usize| {
        let phrase = if index % 2 == 1 { GOOD[index / 2 % 4] } else { BAD[index / 2 % 4] };
        (part, format!("{phrase}, día {index}"), index % 2, format!("autor{index}"))
    };
    for (name, lacking, protocol) in [("all", "", SplitProtocol::Given), ("two", "validation", SplitProtocol::Random)] {
        let data = folder.path().join(format!("{name}-set"));
        let part = |index: usize| ["test", "validation", "train", "train"][index % 8 / 2];
        let rows: Vec<_> =
            (0..240).filter(|&index| part(index) != lacking).map(|index| row(part(index), index)).collect();
        data_set(&data, &rows);
        let settings = ClassifierTraining {
            data,
            protocol: SplitProtocol::Random,
            shares: Shares { train: 0.8, validation: 0.1, test: 0.1 },
            epochs: 1,
            ..settings(folder.path(), name)
        };
        train(&settings).unwrap();
        let card = std::fs::read_to_string(settings.output.join("README.md")).unwrap();
        assert!(card.contains("The data set's own parts are used"), "{card}");
        assert!(!card.contains("by groups") && card.contains("at random") != lacking.is_empty(), "{card}");
        assert_eq!(
            card.contains("It has no validation part: train was split at random"),
            !lacking.is_empty(),
            "{card}"
        );
        let classifier = load(&settings.output).unwrap();
        assert_eq!(classifier.config().held_out.protocol, protocol);
        let score = |data: &Path| score_labelled(&classifier, data, &settings.columns, EvaluatedPart::HeldOut);
        assert_eq!(score(&settings.data).unwrap().verified, Some(true));
        let error = format!("{:#}", score(&settings.data.join("train.jsonl")).unwrap_err());
        let expected = if lacking.is_empty() { "give the folder of that data set" } else { "not the held-out part" };
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_grid_keeps_the_best_and_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let base = settings(folder.path(), "model");
    let combination = |rate: f64| grid::Combination::from([("learning-rate".to_owned(), toml::Value::Float(rate))]);
    let trainings: Vec<_> = [1e-9, 0.02]
        .map(|rate| (combination(rate), ClassifierTraining { learning_rate: rate, epochs: 6, ..base.clone() }))
        .to_vec();
    let run = |trainings: &[_]| {
        let mut heard = Vec::new();
        let mut started = |number: usize, _: &grid::Combination| heard.push(number);
        let results = grid::train_grid(trainings, "train", &AtomicBool::new(false), &mut started, &mut |_| {}).unwrap();
        (results, heard)
    };
    assert_eq!(run(&trainings[..1]).1, [1]);
    let (results, heard) = run(&trainings);
    assert_eq!(heard, [2], "a finished combination was trained again");
    assert_eq!(results[0].combination, combination(0.02));
    assert!(results[0].validation_macro_f1 > results[1].validation_macro_f1);
    let report = evaluate_classifier(&load(&base.output).unwrap(), &base.data, &base.columns, EvaluatedPart::HeldOut);
    assert_eq!(report.unwrap().macro_f1, results[0].test_macro_f1, "the folder is not the best one's");
    assert_eq!(run(&trainings).1, Vec::<usize>::new());

    // Other rows: results measured on the old ones no longer count.
    let table = std::fs::read_to_string(&base.data).unwrap();
    std::fs::write(&base.data, table.replacen("feliz", "contento", 1)).unwrap();
    assert_eq!(run(&trainings).1, [1, 2]);
    assert_eq!(run(&trainings).1, Vec::<usize>::new());
    let lines = std::fs::read_to_string(grid::results_file(&base.output)).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    // A line of an earlier version says nothing about its rows.
    let without = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("data");
        line.to_string() + "\n"
    };
    std::fs::write(grid::results_file(&base.output), lines.lines().map(without).collect::<String>()).unwrap();
    assert_eq!(run(&trainings).1, Vec::<usize>::new());
}

#[test]
fn a_grid_is_checked_as_a_whole_before_it_trains_anything() {
    let folder = tempfile::tempdir().unwrap();
    let base = settings(folder.path(), "model");
    let combination = |size: i64| grid::Combination::from([("batch".to_owned(), toml::Value::Integer(size))]);
    let path = folder.path().join("wide.vec");
    std::fs::write(&path, "vacuno 1 2 3\n").unwrap();
    let vectors = Some(PretrainedVectors { path, frozen: true });
    for (wrong, expected) in [
        (ClassifierTraining { batch_size: 0, ..base.clone() }, "batch = 0: batch size: must be at least 1"),
        (ClassifierTraining { vectors, ..base.clone() }, "batch = 0: FOLDER/wide.vec: its vectors have 3 values"),
    ] {
        let mut heard = 0;
        let mut started = |_: usize, _: &grid::Combination| heard += 1;
        let trainings = [(combination(32), base.clone()), (combination(0), wrong)];
        let result = grid::train_grid(&trainings, "train", &AtomicBool::new(false), &mut started, &mut |_| {});
        let message = format!("{:#}", result.unwrap_err());
        let expected = expected.replace("FOLDER", &folder.path().display().to_string());
        assert!(message.contains(&expected), "{message}");
        assert!(heard == 0 && !grid::results_file(&base.output).exists());
    }
}
