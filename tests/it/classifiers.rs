//! `train classifier`, `evaluate classifier` and `evaluate comparison` from the command line.

use crate::commands::Place;

#[test]
fn the_seeds_layer_table_needs_no_data() {
    let place = Place::new("");
    let summary = ["train", "classifier", "--arch", "bilstm", "--vocab-size", "17104", "--summary"];
    let ran = place.run(&summary);
    assert!(ran.code == 0 && ran.stdout.contains("total parameters: 6,260,865"), "{ran:#?}");
    assert!(ran.stdout.contains("(None, 61, 256)"), "{ran:#?}");
    let json = place.run(&[&["--json"], &summary[..]].concat()).json().remove(0);
    assert_eq!(json["parameters"], 6_260_865);
    assert_eq!(place.run(&["train", "classifier"]).code, 2);
}

#[test]
fn a_classifier_is_trained_and_measured_from_the_command_line() {
    let place = Place::new("");
    let (good, bad) = (["alegre", "feliz", "contento", "bonito"], ["triste", "furioso", "harto", "horrible"]);
    let mut table = "author,text,label\n".to_owned();
    for row in 0..160 {
        let (words, label) = if row % 2 == 0 { (good, 1) } else { (bad, 0) };
        table += &format!("autor{row},hoy estoy {} y {} número{row},{label}\n", words[row / 2 % 4], words[row / 8 % 4]);
    }
    table += "autor,#YoMeVacuno @alguien,1\n";
    std::fs::write(place.path("labelled.csv"), table).unwrap();
    let train = ["--json", "train", "classifier", "--data", "labelled.csv", "--output", "mine", "--epochs", "3"];
    let ran = place.run(&train);
    assert!(ran.stderr.contains("1 row left out: cleaning leaves nothing"), "{ran:#?}");
    let trained = ran.json().remove(0);
    assert!(trained["test"]["rows"].as_u64().unwrap() > 0, "{trained}");
    let card = std::fs::read_to_string(place.path("mine/README.md")).unwrap();
    assert!(card.contains("train classifier --data labelled.csv --output mine --epochs 3"), "{card}");
    let measure = ["--json", "evaluate", "classifier", "--model", "mine", "--data", "labelled.csv", "--held-out"];
    let report = place.run(&measure).json().remove(0);
    assert_eq!(report["rows"], trained["test"]["rows"], "the held-out part is found again");
    assert_eq!((&report["held_out_verified"], &report["skipped_empty"]), (&true.into(), &1.into()), "{report}");
    let other = place.run(&[&measure[..], &["--label-column", "etiqueta"]].concat());
    assert!(other.code == 1 && other.stderr.contains("name it with --label-column NAME"), "{other:#?}");
    let again = place.run(&[&train[..], &["--resume"]].concat());
    assert!(again.code == 1 && again.stderr.contains("no checkpoint to resume from"), "{again:#?}");
    for name in ["accuracy", "macro_f1", "auc"] {
        assert!(report[name].is_f64(), "{name}: {report}");
    }
    assert_eq!(report["confusion_matrix"].as_array().unwrap().len(), 2);
    assert!(report["classes"]["1"]["precision"].is_f64(), "{report}");

    let more = ["--report", "report", "--projector", "projector", "--errors", "2"];
    let report = place.run(&[&measure[..], &more].concat()).json().remove(0);
    assert!(report["errors"].as_array().unwrap().len() <= 2, "{report}");
    let page = std::fs::read_to_string(place.path("report/report.md")).unwrap();
    assert!(page.contains("![Training: loss by epoch](training_loss.svg)"), "the training's log is not shown: {page}");
    let metadata = std::fs::read_to_string(place.path("projector/metadata.tsv")).unwrap();
    assert!(metadata.starts_with("word\trank\tcount\tnegative\tpositive\nhoy\t1\t160\t"), "{metadata}");

    let runs = ["--json", "evaluate", "classifier", "--runs", "2", "--", "--data", "labelled.csv", "--epochs", "2"];
    let runs = place.run(&runs).json().remove(0);
    assert_eq!((&runs["runs"], runs["each"].as_array().unwrap().len()), (&2.into(), 2), "{runs}");
    assert!(runs["macro_f1"]["deviation"].is_f64(), "{runs}");
}

#[test]
fn a_comparison_trains_what_is_missing_and_writes_the_table() {
    let place = Place::new("");
    let mut table = "author,text,label\n".to_owned();
    for row in 0..120 {
        let words = if row % 2 == 0 { "gracias por la vacuna" } else { "no quiero esa vacuna" };
        table += &format!("autor{row},{words} número{row},{}\n", (row + 1) % 2);
    }
    std::fs::write(place.path("labelled.csv"), table).unwrap();
    // As every baseline, it is called with --split FILE --seed N; it answers only where the split is there.
    let baseline = r#"test -s "$2" && echo '{"rows":36,"accuracy":0.5,"macro_f1":0.25,"processor_seconds":1,"tweets_per_core_second":10}'"#;
    std::fs::write(place.path("baseline.sh"), baseline).unwrap();
    let spec = r#"
title = "Two"
introduction = "Small."
arguments = ["--data", "labelled.csv", "--epochs", "1", "--embedding", "4", "--units", "3"]
[[protocols]]
name = "random"
heading = "Random"
arguments = ["--split", "random"]
[[rows]]
name = "Network"
data = "plain"
arguments = []
[[rows]]
name = "Baseline"
data = "plain"
arguments = []
baseline = ["sh", "baseline.sh"]
"#;
    std::fs::write(place.path("spec.toml"), spec).unwrap();
    let compare = ["--json", "evaluate", "comparison", "--spec", "spec.toml", "--work", "work", "--output", "out.md"];
    let only: Vec<&str> = [&compare[..], &["--only", "network"]].concat();
    assert_eq!(place.run(&only).json().len(), 1);
    let page = std::fs::read_to_string(place.path("out.md")).unwrap();
    assert!(page.contains("| R2 | Baseline | plain | – | – |"), "{page}");

    let both = place.run(&compare);
    assert!(!both.stderr.contains("Network"), "what is done is trained again: {both:#?}");
    assert_eq!(both.json().len(), 2);
    let page = std::fs::read_to_string(place.path("out.md")).unwrap();
    assert!(page.contains("| R2 | Baseline | plain | 0.500 | 0.250 |"), "{page}");
    assert!(page.contains("sh baseline.sh --split work/split-random-plain-1.csv --seed 1"), "{page}");
    assert_eq!(std::fs::read_to_string(place.path("work/cells.jsonl")).unwrap().lines().count(), 2);
}
