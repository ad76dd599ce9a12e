use super::*;

fn scored(classes: usize) -> Scored {
    let rows = 60;
    let labels: Vec<usize> = (0..rows).map(|row| (row * 7 + row / 5) % classes).collect();
    let probabilities = labels
        .iter()
        .enumerate()
        .map(|(row, &label)| {
            let mut values = vec![1.0f32; classes];
            values[if row % 5 == 0 { (label + 1) % classes } else { label }] += (row % 13) as f32;
            let sum: f32 = values.iter().sum();
            values.into_iter().map(|value| value / sum).collect()
        })
        .collect();
    let names = ["negative", "positive", "neutral"][..classes].iter().map(ToString::to_string).collect();
    Scored { rows: (1..=rows).collect(), labels, probabilities, names, skipped_empty: 0, verified: None }
}

fn content<'a>(scored: &'a Scored, report: &'a ClassificationReport, epochs: Vec<LoggedEpoch>) -> ReportContent<'a> {
    ReportContent {
        model: "models/mine".to_owned(),
        data: "60 rows".to_owned(),
        command: "pregonero evaluate classifier",
        scored,
        report,
        epochs,
        speed: Some(ScoringSpeed {
            tweets_per_second: 3210.4,
            tweets_per_core_second: 1700.0,
            milliseconds_for_16: 4.321,
        }),
        mistakes: 3,
    }
}

#[test]
fn the_page_shows_every_plot_and_every_plot_is_there() {
    for classes in [2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let scored = scored(classes);
        let report = scored.report().unwrap();
        let epoch = |epoch, loss, best| LoggedEpoch { epoch, loss, validation_loss: loss + 0.1, macro_f1: 0.7, best };
        let epochs = vec![epoch(1, 0.7, true), epoch(2, 0.5, true), epoch(3, 0.4, false)];
        write_report(folder.path(), &content(&scored, &report, epochs)).unwrap();
        let page = std::fs::read_to_string(folder.path().join(PAGE)).unwrap();
        let shown: Vec<&str> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        let expected =
            ["training_loss", "training_f1", "confusion_matrix", "reliability", "roc", "precision_recall", "scores"];
        assert_eq!(shown, expected.map(|name| format!("{name}.svg")));
        for plot in &shown {
            let svg = std::fs::read_to_string(folder.path().join(plot)).unwrap();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{plot}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), shown.len() + 2, "page, pictures and mark alone");
        let cells = ["| scoring, tweets/s | 3210 |".to_owned(), format!("| accuracy | {:.4} |", report.accuracy)];
        assert!(cells.iter().all(|cell| page.contains(cell)), "{page}");
    }
}

#[test]
fn mistakes_are_the_wrong_rows_the_surest_first() {
    let scored = scored(2);
    let mistakes = scored.mistakes();
    let wrong: usize =
        scored.report().unwrap().confusion_matrix.iter().enumerate().map(|(l, row)| row[1 - l] as usize).sum();
    assert_eq!(mistakes.len(), wrong);
    assert!(mistakes.is_sorted_by(|left, right| left.confidence >= right.confidence));
    assert_eq!((mistakes[0].row, mistakes[0].label != mistakes[0].predicted), (26, true), "{:?}", mistakes[0]);
    let report = scored.report().unwrap();
    let page = page::write(&content(&scored, &report, Vec::new()), &[]);
    assert_eq!(page.lines().filter(|line| line.starts_with("| 26 |")).count(), 1, "{page}");
}

#[test]
fn the_threshold_table_says_what_a_threshold_keeps() {
    let probabilities = [0.95f32, 0.8, 0.6, 0.3].map(|positive| vec![1.0 - positive, positive]).to_vec();
    let names = vec!["negative".to_owned(), "positive".to_owned()];
    let scored = Scored {
        rows: vec![1, 2, 3, 4],
        labels: vec![1, 1, 0, 0],
        probabilities,
        names,
        skipped_empty: 0,
        verified: None,
    };
    let report = scored.report().unwrap();
    let page = page::write(&content(&scored, &report, Vec::new()), &[]);
    assert!(page.contains("| 0.75 | 0.000 | – | 0.000 | 0.500 | 1.000 | 1.000 |"), "{page}");
    assert!(page.contains("| 0.60 | 0.250 | 1.000 | 0.500 | 0.750 | 0.667 | 1.000 |"), "{page}");
}

#[test]
fn a_training_log_is_read_line_by_line_and_a_fault_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let files = ModelFiles::in_folder(folder.path()).unwrap();
    assert_eq!(read_training_log(&files).unwrap(), []);
    let line =
        r#"{"epoch":1,"loss":0.7,"validation_loss":0.6,"accuracy":0.5,"macro_f1":0.4,"seconds":1.5,"best":true}"#;
    std::fs::write(folder.path().join(TRAINING_LOG), format!("{line}\n")).unwrap();
    let epoch = LoggedEpoch { epoch: 1, loss: 0.7, validation_loss: 0.6, macro_f1: 0.4, best: true };
    assert_eq!(read_training_log(&files).unwrap(), [epoch]);
    std::fs::write(folder.path().join(TRAINING_LOG), format!("{line}\nno\n")).unwrap();
    let message = format!("{:#}", read_training_log(&files).unwrap_err());
    assert!(message.contains("training.jsonl:2: not an epoch"), "{message}");
}

#[test]
fn a_report_replaces_its_own_files_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let files = |text: &str| [("report.md".to_owned(), text.to_owned())];
    write_files(folder.path(), files("one")).unwrap();
    write_files(folder.path(), files("two")).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("report.md")).unwrap(), "two");
    write_files(folder.path(), [("index.html".to_owned(), "words".to_owned())]).unwrap();
    check_report(folder.path(), "report.md").unwrap();
    std::fs::write(folder.path().join("report.md"), "two, and a line of mine").unwrap();
    for message in [
        check_report(folder.path(), "index.html").unwrap_err().to_string(),
        write_files(folder.path(), files("three")).unwrap_err().to_string(),
    ] {
        assert!(message.contains("report.md: exists already and is not as this program wrote it"), "{message}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("report.md")).unwrap(), "two, and a line of mine");
    // A run that was killed before it wrote the file has left a mark with two versions of it.
    std::fs::write(folder.path().join("report.md"), "two").unwrap();
    let mut lines = written_lines(folder.path()).unwrap();
    lines.insert(line_of("report.md", b"four"));
    write_mark(folder.path(), &lines).unwrap();
    write_files(folder.path(), files("four")).unwrap();
    assert_eq!(written_lines(folder.path()).unwrap().len(), 2, "one line for each file");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("report.md"), "a person's own").unwrap();
    let message = write_files(other.path(), files("three")).unwrap_err().to_string();
    assert!(message.contains("report.md: exists already"), "{message}");
    assert_eq!(std::fs::read_to_string(other.path().join("report.md")).unwrap(), "a person's own");
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1);
}
