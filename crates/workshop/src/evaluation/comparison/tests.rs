use super::*;

const SPEC: &str = r#"
title = "Networks"
introduction = "Why."
arguments = ["--data", "my data.csv"]
[[protocols]]
name = "random"
heading = "Random split"
arguments = ["--split", "random"]
[[protocols]]
name = "groups"
heading = "Honest split"
arguments = []
[[rows]]
name = "LSTM"
data = "plain"
arguments = ["--arch", "lstm"]
reported = { protocol = "random", accuracy = 0.76, macro_f1 = 0.73 }
[[rows]]
name = "SVM"
data = "plain"
arguments = []
baseline = ["python3", "svm.py"]
"#;

fn spec() -> Spec {
    toml::from_str(SPEC).unwrap()
}

fn measured(accuracy: f64) -> Measured {
    Measured {
        rows: 100,
        accuracy,
        macro_f1: accuracy - 0.01,
        auc: None,
        calibration_error: Some(0.031),
        parameters: Some(1234),
        epochs: Some([9, 2]),
        processor_seconds: 125.0,
        tweets_per_core_second: 2345.6,
    }
}

#[test]
fn jobs_are_rows_times_protocols_times_seeds_with_a_command_each() {
    let jobs = jobs(&spec(), 1..3, Path::new("w"));
    assert_eq!(jobs.len(), 2 * 2 * 2);
    let commands: Vec<String> = jobs.iter().map(Job::command).collect();
    let network = "pregonero train classifier --data 'my data.csv' --split random --arch lstm --seed 1 \
                   --output w/model-random-lstm-plain-1";
    assert_eq!(commands[0], network);
    assert_eq!(commands[1], "python3 svm.py --split w/split-random-plain-1.csv --seed 1");
    assert_eq!(commands[7], "python3 svm.py --split w/split-groups-plain-2.csv --seed 2");
    assert_eq!(quoted(&["it's".to_owned(), String::new()]), r"'it'\''s' ''");
}

#[test]
fn finished_jobs_are_found_again_and_a_line_cut_off_is_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cells.jsonl");
    let jobs = jobs(&spec(), 1..2, Path::new("w"));
    let mut cells = Cells::open(&path).unwrap();
    assert!(cells.find(&jobs[0]).is_none());
    cells.add(&jobs[0], measured(0.8)).unwrap();
    cells.add(&jobs[1], measured(0.7)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 5]).unwrap();
    let mut cells = Cells::open(&path).unwrap();
    assert_eq!(cells.find(&jobs[0]).unwrap().measured, measured(0.8));
    assert!(cells.find(&jobs[1]).is_none());
    cells.add(&jobs[1], measured(0.6)).unwrap();
    assert_eq!(Cells::open(&path).unwrap().find(&jobs[1]).unwrap().measured, measured(0.6));
    std::fs::write(&path, "no\n").unwrap();
    assert!(Cells::open(&path).unwrap_err().to_string().contains("cells.jsonl:1: not a cell"));
}

#[test]
fn the_page_holds_means_reported_figures_and_commands() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&spec(), 1..3, Path::new("w"));
    let mut cells = Cells::open(&folder.path().join("cells.jsonl")).unwrap();
    cells.add(&jobs[0], measured(0.8)).unwrap();
    cells.add(&jobs[4], measured(0.9)).unwrap();
    let page = page::write(&spec(), &jobs, &cells, "pregonero evaluate comparison");
    let line = "| R1 | LSTM | plain | 0.850 ± 0.071 | 0.840 ± 0.071 | – | 0.031 ± 0.000 | 0.76 | 0.73 | 1234 | 9 (2), 9 (2) \
                | 2 min 05 s | 2346 |";
    assert!(page.contains(line), "{page}");
    assert!(page.contains("| G1 | LSTM | plain | – | – | – | – | – | – | – | – | – | – |"), "{page}");
    assert!(page.contains("# R1, seed 2\npregonero train classifier --data 'my data.csv'"), "{page}");
}

#[test]
fn a_spec_with_a_fault_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.toml");
    for (from, to, expected) in [
        ("name = \"groups\"", "name = \"random\"", "two protocols are named \"random\""),
        ("name = \"SVM\"", "name = \"LSTM\"", "two rows are named \"LSTM\" on \"plain\""),
        ("protocol = \"random\"", "protocol = \"other\"", "no protocol \"other\""),
        ("heading = \"Honest split\"", "", "missing field `heading`"),
    ] {
        std::fs::write(&path, SPEC.replace(from, to)).unwrap();
        let message = format!("{:#}", Spec::read(&path).unwrap_err());
        assert!(message.contains("spec.toml") && message.contains(expected), "{message}");
    }
}
