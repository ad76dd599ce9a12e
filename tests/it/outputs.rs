//! Where commands write: nothing that the program did not make is replaced, and that is found out before the work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::commands::{Place, Ran};
use crate::support::small_disk::SmallDisk;

/// Every file below a folder with its content; links as what they point to.
fn everything(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            found.insert(path.clone(), format!("-> {}", std::fs::read_link(&path).unwrap().display()));
        } else if path.is_dir() {
            found.insert(path.clone(), "a folder".to_owned());
            found.extend(everything(&path));
        } else {
            found.insert(path.clone(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
        }
    }
    found
}

/// Makes a working folder with a small model, a labelled table, and a person's own folders. The tests tell commands to write into
/// those.
fn place() -> Place {
    let place = Place::with_tiny_model();
    let mut table = "author,text,label\n".to_owned();
    for row in 0..120 {
        let word = if row % 2 == 0 { "alegre" } else { "triste" };
        table += &format!("autor{row},hoy estoy {word} número{row},{}\n", row % 2);
    }
    std::fs::write(place.path("labelled.csv"), table).unwrap();
    for folder in ["own-data", "another-model"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    std::fs::write(place.path("own-data/notes.txt"), "mine").unwrap();
    std::fs::write(place.path("another-model/config.json"), "{\"model_type\": \"bert\"}").unwrap();
    std::fs::write(place.path("another-model/model.safetensors"), "weights").unwrap();
    std::os::unix::fs::symlink("own-data", place.path("link")).unwrap();
    place
}

const TRAIN: [&str; 7] = ["train", "classifier", "--data", "labelled.csv", "--epochs", "1", "--output"];

#[test]
fn no_command_replaces_a_folder_or_a_file_that_the_program_did_not_make() {
    let place = place();
    let before = everything(&place.path("."));
    let commands: [&[&str]; 5] = [
        &TRAIN,
        &["train", "vectors", "--data", "labelled.csv:text", "--output"],
        &["train", "critic", "--data", "labelled.csv:text", "--output"],
        &["models", "quantize", "tiny", "--output"],
        &["dataset", "import", "labelled.csv", "--output"],
    ];
    for command in commands {
        for (target, says) in [
            ("own-data", "exists already"),
            ("another-model", "exists already"),
            ("labelled.csv", "is a file"),
            ("link", "is a symbolic link to"),
            (".", "give the name of a new folder"),
            ("labelled.csv/model", "labelled.csv: is not a folder"),
        ] {
            let overwrites = command[0] == "train";
            for more in if overwrites { vec![vec![], vec!["--overwrite"]] } else { vec![vec![]] } {
                let arguments = [command, &[target], &more[..]].concat();
                let ran = place.run(&arguments);
                assert!(ran.code == 1 && ran.stderr.contains(says), "{arguments:?}: {ran:#?}");
                assert_eq!(everything(&place.path(".")), before, "{arguments:?}");
            }
        }
    }
}

/// Makes the data set `set` of `labelled.csv`.
fn with_set(place: &Place) {
    let made = place.run(&["dataset", "import", "labelled.csv", "--output", "set"]);
    assert_eq!(made.code, 0, "{made:#?}");
}

fn refused(ran: &Ran, says: &str) {
    assert!(ran.code == 1 && ran.stderr.contains(says), "{says}: {ran:#?}");
}

const GENERATOR: [&str; 10] = [
    "train",
    "generator",
    "--data",
    "labelled.csv:text",
    "--base",
    "tiny",
    "--block=32",
    "--batch=2",
    "--steps=2",
    "--verbatim-candidates=0",
];
const TOKENIZER: [&str; 6] = ["train", "tokenizer", "--data", "labelled.csv:text", "--vocab-size", "300"];

#[test]
fn a_training_that_fills_its_folder_refuses_the_places_that_other_trainings_refuse() {
    let place = place();
    with_set(&place);
    std::fs::create_dir(place.path("listed")).unwrap();
    std::fs::write(place.path("listed/data.json"), "mine").unwrap();
    let before = everything(&place.path("."));
    for (target, says) in [
        ("labelled.csv", "is a file"),
        ("link", "is a symbolic link to"),
        (".", "give the name of a new folder"),
        ("set", "set: is a data set"),
        ("listed", "listed/data.json: exists already"),
        ("-", "- does not stand for standard output"),
    ] {
        for command in [&GENERATOR[..], &TOKENIZER] {
            if command == TOKENIZER && target == "listed" {
                continue;
            }
            let ran = place.run(&[command, &["--output", target]].concat());
            refused(&ran, says);
            assert_eq!(everything(&place.path(".")), before, "{command:?} {target}");
        }
    }
}

#[test]
fn a_single_output_replaces_only_a_file_that_the_command_does_not_read() {
    let place = place();
    with_set(&place);
    std::os::unix::fs::symlink("nowhere", place.path("dangling")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path("set/croissant.json")).unwrap();
    std::os::unix::fs::symlink("../labelled.csv", place.path("set/linked.md")).unwrap();
    std::os::unix::fs::symlink("../labelled.csv", place.path("tiny/verbatim.bin")).unwrap();
    std::fs::hard_link(place.path("set/manifest.json"), place.path("same.json")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.path("pipe"), rustix::fs::Mode::RWXU).unwrap();
    std::fs::rename(place.path("pipe"), place.path("own-data/pipe")).unwrap();
    let files = || {
        let mut paths: Vec<PathBuf> = ["set", "tiny", "."].into_iter().map(|name| place.path(name)).collect();
        paths.retain(|path| path.is_dir());
        let read = |path: PathBuf| std::fs::read(&path).map(|content| (path, content)).ok();
        let names = paths.iter().flat_map(|path| std::fs::read_dir(path).unwrap()).map(|entry| entry.unwrap().path());
        names.filter(|path| path.is_symlink() || path.is_file()).filter_map(read).collect::<BTreeMap<_, _>>()
    };
    let before = files();
    let card = |more: &[&str]| place.run(&[&["dataset", "card", "set"], more].concat());
    let set_file = std::fs::read_dir(place.path("set")).unwrap().map(|entry| entry.unwrap().file_name());
    let set_file = set_file.map(|name| name.into_string().unwrap()).find(|name| name.starts_with("data.")).unwrap();
    let set_file = format!("set/{set_file}");
    for (target, says) in [
        ("set/manifest.json", "that this command reads"),
        ("same.json", "that this command reads"),
        (set_file.as_str(), "that this command reads"),
        ("set/linked.md", "is a symbolic link"),
        ("dangling", "is a symbolic link"),
        ("own-data", "is a folder"),
        ("own-data/pipe", "is a device or a pipe"),
    ] {
        for more in [&["--output", target, "--overwrite"][..], &["--output", target]] {
            refused(&card(more), says);
        }
    }
    refused(&card(&["--croissant", "--overwrite"]), "set/croissant.json: is a symbolic link");
    let verbatim = ["models", "verbatim", "tiny", "--overwrite", "--others"];
    refused(&place.run(&[&verbatim[..], &["labelled.csv:text"]].concat()), "tiny/verbatim.bin: is a symbolic link");
    refused(&place.run(&[&verbatim[..], &["missing.csv:text"]].concat()), "tiny/verbatim.bin: is a symbolic link");
    std::fs::write(place.path("grid.toml"), "batch = [8, 16]\n").unwrap();
    std::os::unix::fs::symlink("results", place.path("out.grid.jsonl")).unwrap();
    refused(&place.run(&[&TRAIN[..], &["out", "--grid", "grid.toml"]].concat()), "out.grid.jsonl: is a symbolic link");
    std::fs::remove_file(place.path("grid.toml")).unwrap();
    std::fs::remove_file(place.path("out.grid.jsonl")).unwrap();
    assert_eq!(files(), before);
    assert!(!place.path("nowhere").exists() && !place.path("results").exists() && !place.path("out").exists());
}

#[test]
fn a_dash_is_the_name_of_no_output() {
    let place = place();
    with_set(&place);
    std::fs::write(place.path("spec.toml"), "[[source]]\npath = \"labelled.csv\"\n").unwrap();
    let before = everything(&place.path("."));
    let commands: [&[&str]; 18] = [
        &["dataset", "card", "set", "--output", "-"],
        &["dataset", "card", "set", "--overwrite", "--output", "-"],
        &["dataset", "ids", "set", "--output", "-"],
        &["dataset", "explore", "labelled.csv", "--classifier", "none", "--vectors", "none", "--output", "-"],
        &["dataset", "import", "labelled.csv", "--output", "-"],
        &["dataset", "build", "--spec", "spec.toml", "--output", "-"],
        &["dataset", "enrich", "--data", "labelled.csv:text", "--columns", "hashtags", "--output", "-"],
        &["evaluate", "classifier", "--data", "labelled.csv", "--report", "-"],
        &["evaluate", "classifier", "--data", "labelled.csv", "--projector", "-"],
        &["evaluate", "generator", "--model", "tiny", "--data", "labelled.csv:text", "--output", "-"],
        &["evaluate", "generator", "--model", "tiny", "--data", "labelled.csv:text", "--blind-test", "-"],
        &["train", "classifier", "--data", "labelled.csv", "--epochs", "1", "--output", "-"],
        &["train", "classifier", "--data", "labelled.csv", "--epochs", "1", "--output", "new", "--export-split", "-"],
        &["train", "vectors", "--data", "labelled.csv:text", "--output", "-"],
        &["models", "quantize", "tiny", "--output", "-"],
        &["audit", "prove", "1", "--output", "-"],
        &["audit", "export", "--output", "-"],
        &["man", "--output", "-"],
    ];
    for arguments in commands {
        refused(&place.run(arguments), "- does not stand for standard output");
        assert_eq!(everything(&place.path(".")), before, "{arguments:?}");
    }
    assert_eq!(place.run(&["man", "--output", "./-"]).code, 0, "a folder of that name can be named");
}

#[test]
fn a_person_s_own_lines_in_a_page_or_a_card_are_not_lost() {
    let place = place();
    let explore =
        ["dataset", "explore", "labelled.csv", "--classifier", "none", "--vectors", "none", "--output", "page.html"];
    let report = ["evaluate", "classifier", "--data", "labelled.csv", "--report", "report"];
    let table = ["evaluate", "generator", "--model", "tiny", "--data", "labelled.csv:text", "--output", "table.md"];
    assert_eq!(place.run(&[&TOKENIZER[..], &["--output", "tokenizer"]].concat()).code, 0);
    let generator = "train generator --data labelled.csv:text --tokenizer tokenizer --layers 1 --width 16 --heads 2 --positions 32 \
                     --block 32 --batch 2 --verbatim-candidates 0 --output model";
    let generator: Vec<&str> = generator.split_whitespace().chain(["--steps", "2"]).collect();
    let again = [&generator[..generator.len() - 1], &["3", "--resume"]].concat();
    for (first, next, page) in [
        (&explore[..], &explore[..], "page.html"),
        (&report, &report, "report/report.md"),
        (&report, &report, "report/confusion_matrix.svg"),
        (&table, &table, "table.md"),
        (&generator, &again, "model/README.md"),
    ] {
        let made = place.run(if place.path(page).exists() { next } else { first });
        assert_eq!(made.code, 0, "{made:#?}");
        let written = std::fs::read_to_string(place.path(page)).unwrap();
        let completed = format!("{written}<!-- checked by Ana -->\n");
        std::fs::write(place.path(page), &completed).unwrap();
        refused(&place.run(next), page);
        assert_eq!(std::fs::read_to_string(place.path(page)).unwrap(), completed);
        std::fs::write(place.path(page), &written).unwrap();
        let replaced = place.run(next);
        assert_eq!(replaced.code, 0, "{page} is as it was written: {replaced:#?}");
    }
}

#[test]
fn where_nothing_can_be_written_is_found_out_before_the_work_and_named() {
    let place = place();
    with_set(&place);
    let ended = |output: std::process::Output| (output.status.code(), String::from_utf8(output.stderr).unwrap());
    let purged = |folder| ["dataset", "purge", folder, "--author", "autor1"];
    for folder in [".", "../set"] {
        let (code, said) = ended(place.command(&purged(folder)).current_dir(place.path("set")).output().unwrap());
        assert!(code == Some(1) && said.contains("run the command from another folder"), "{folder}: {said}");
    }
    let Some(disk) = SmallDisk::mount(&place.path("disk"), 4) else { return };
    disk.shell("cp -r ../set/. . && cp -r ../set inner");
    let inside = |arguments: &[&str]| ended(disk.inside(&place.command(arguments)).output().unwrap());
    let explore = [
        "dataset",
        "explore",
        "labelled.csv",
        "--classifier",
        "none",
        "--vectors",
        "none",
        "--output",
        "disk/page.html",
    ];
    let is_mounted = "disk: is a mount point";
    let mut cases = vec![(purged("disk").to_vec(), is_mounted)];
    cases.extend([&GENERATOR[..], &TOKENIZER].map(|command| ([command, &["--output", "disk"]].concat(), is_mounted)));
    for (arguments, says) in &cases {
        let (code, said) = inside(arguments);
        assert!(code == Some(1) && said.contains(says), "{arguments:?}: {said}");
    }
    disk.shell("mount -o remount,ro \"$PWD\"");
    for (arguments, says) in [
        (&purged("disk/inner")[..], "disk: nothing can be created in this folder: Read-only file system"),
        (&explore, "disk: nothing can be created in this folder: Read-only file system"),
    ] {
        let (code, said) = inside(arguments);
        assert!(code == Some(1) && said.contains(says), "{arguments:?}: {said}");
    }
    disk.shell("mount -o remount,rw \"$PWD\" && test \"$(ls -A . .. | grep -c unfinished)\" = 0");
    let (code, said) = inside(&purged("disk/inner"));
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_model_is_trained_into_an_empty_folder_and_replaced_only_when_nothing_else_is_in_it() {
    let place = place();
    std::fs::create_dir(place.path("mine")).unwrap();
    // A slash at the end names the same folder; the checkpoints stay next to it.
    let trained = place.run(&[&TRAIN[..], &["mine/"]].concat());
    assert_eq!(trained.code, 0, "{trained:#?}");
    assert!(!place.path("mine/.checkpoints").exists() && !place.path("mine.checkpoints").exists());
    let again = place.run(&[&TRAIN[..], &["mine"]].concat());
    assert!(again.code == 1 && again.stderr.contains("pass --overwrite"), "{again:#?}");
    let replaced = place.run(&[&TRAIN[..], &["mine", "--overwrite"]].concat());
    assert_eq!(replaced.code, 0, "{replaced:#?}");
    std::fs::write(place.path("mine/notes.txt"), "mine").unwrap();
    let kept = place.run(&[&TRAIN[..], &["mine", "--overwrite"]].concat());
    assert!(kept.code == 1 && kept.stderr.contains("mine/notes.txt: the command did not write this file"), "{kept:#?}");
    assert_eq!(std::fs::read_to_string(place.path("mine/notes.txt")).unwrap(), "mine");
    std::fs::create_dir_all(place.path("new.checkpoints/last")).unwrap();
    std::fs::write(place.path("new.checkpoints/own.txt"), "mine").unwrap();
    let foreign = place.run(&[&TRAIN[..], &["new", "--overwrite"]].concat());
    assert!(
        foreign.code == 1 && foreign.stderr.contains("new.checkpoints/own.txt: no training wrote it"),
        "{foreign:#?}"
    );
    assert!(place.path("new.checkpoints/own.txt").exists());
}

#[test]
fn a_training_that_fails_at_its_start_leaves_nothing() {
    let place = place();
    let before = everything(&place.path("."));
    let few = ["--base", "tiny", "--steps", "3", "--batch", "2", "--learning-rate", "1e30", "--warmup-steps", "0"];
    let broken = [&["train", "generator", "--data", "labelled.csv:text", "--output", "out"][..], &few[..]].concat();
    let ran = place.run(&broken);
    if ran.code == 1 && ran.stderr.contains("of step 1 is") {
        assert_eq!(everything(&place.path(".")), before);
    }
    std::fs::write(place.path("tiny/config.json"), "{}").unwrap();
    let ran = place.run(&["train", "generator", "--data", "labelled.csv:text", "--base", "tiny", "--output", "out"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(!place.path("out").exists());
}

#[test]
fn a_data_set_with_parts_is_trained_on_its_part_train_and_measured_on_its_part_test() {
    let place = place();
    let spec = "[[source]]\npath = \"labelled.csv\"\n[split]\nby = \"random\"\nshares = { train = 0.6, validation = 0.2, test = 0.2 }\n\
                [output]\nformat = \"jsonl\"\n";
    std::fs::write(place.path("spec.toml"), spec).unwrap();
    let built = place.run(&["dataset", "build", "--spec", "spec.toml", "--output", "set"]);
    assert_eq!(built.code, 0, "{built:#?}");
    let rows = |part: &str| std::fs::read_to_string(place.path(&format!("set/{part}.jsonl"))).unwrap().lines().count();
    let expected = serde_json::json!([rows("train"), rows("validation"), rows("test")]);
    let trained = place.run(&["--json", "train", "classifier", "--data", "set", "--epochs", "1", "--output", "model"]);
    assert_eq!(trained.json()[0]["rows"], expected, "{trained:#?}");
    assert!(trained.stderr.contains("set: the data set's own parts are used"), "{trained:#?}");
    let measured = place.run(&["--json", "evaluate", "classifier", "--model", "model", "--data", "set", "--held-out"]);
    let report = measured.json().remove(0);
    assert_eq!((&report["rows"], &report["held_out_verified"]), (&expected[2], &true.into()), "{report}");

    let tokenizer = |data: &str, output: &str| {
        place.run(&["train", "tokenizer", "--data", data, "--clean", "none", "--vocab-size", "300", "--output", output])
    };
    let read = tokenizer("set", "tokenizer");
    assert!(read.stdout.contains(&format!("from {} texts", rows("train"))), "{read:#?}");
    assert!(read.stderr.contains("set: a data set with parts; only its part train is read"), "{read:#?}");
    let part = tokenizer("set/test.jsonl:text", "tokenizer2");
    assert!(part.stdout.contains(&format!("from {} texts", rows("test"))), "a part that is named is read: {part:#?}");

    let short =
        "--tokenizer tokenizer --layers 1 --width 16 --heads 2 --steps 1 --block 32 --batch 2 --verbatim-candidates 0";
    let short: Vec<&str> = short.split(' ').collect();
    let vectors = ["train", "vectors", "--data", "set", "--epochs", "1", "--min-count", "1", "--output", "words"];
    let generator = [&["train", "generator", "--data", "set", "--output", "tuned"][..], &short].concat();
    for (command, output) in [(&vectors[..], "words"), (&generator, "tuned")] {
        let ran = place.run(command);
        assert_eq!(ran.code, 0, "{ran:#?}");
        let list = std::fs::read_to_string(place.path(output).join("data.json")).unwrap();
        assert!(list.contains("set/train.jsonl"), "{list}");
        assert!(!list.contains("validation.jsonl") && !list.contains("test.jsonl"), "they were not read: {list}");
    }
    let tested = std::fs::read_to_string(place.path("set/test.jsonl")).unwrap();
    let tested: serde_json::Value = serde_json::from_str(tested.lines().next().unwrap()).unwrap();
    let author = tested["author"].as_str().unwrap();
    let looked = place.run(&["--json", "dataset", "purge", "set", "--author", author, "--models", ".", "--dry-run"]);
    let models = looked.json().remove(0)["purged"]["models"].to_string();
    assert!(models.contains("\"./model\"") && !models.contains("tuned") && !models.contains("words"), "{models}");
}

#[test]
fn a_table_names_the_column_of_its_text_and_the_output_its_format() {
    let place = place();
    let table = std::fs::read_to_string(place.path("labelled.csv")).unwrap().replacen("text", "tweet", 1);
    std::fs::write(place.path("tweets.csv"), table).unwrap();
    let ran =
        place.run(&["dataset", "enrich", "--data", "tweets.csv:tweet", "--columns", "hashtags", "--output", "a.jsonl"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    let first = std::fs::read_to_string(place.path("a.jsonl")).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(
        first,
        "{\"author\":\"autor0\",\"tweet\":\"hoy estoy alegre número0\",\"label\":\"0\",\"HASHTAGS\":\"\"}"
    );
    let trained =
        place.run(&["train", "classifier", "--data", "tweets.csv:tweet", "--epochs", "1", "--output", "model"]);
    assert_eq!(trained.code, 0, "{trained:#?}");
    assert!(!trained.stderr.contains("{\"timestamp\""), "no JSON among the text: {trained:#?}");
    let measured =
        place.run(&["evaluate", "classifier", "--model", "model", "--data", "tweets.csv:tweet", "--held-out"]);
    assert_eq!(measured.code, 0, "{measured:#?}");
    let label =
        ["dataset", "label", "--rules", "hashtags", "--positive", "A", "--negative", "B", "--data", "tweets.csv:tweet"];
    let refused = place.run(&[&label[..], &["--output", "a2.jsonl"]].concat());
    assert!(refused.code == 1 && refused.stderr.contains("a2.jsonl: this command writes CSV"), "{refused:#?}");
    let few =
        place.run(&["train", "classifier", "--data", "tweets.csv:tweet", "--shares", "0.9,0.1,0", "--output", "x"]);
    assert!(few.code == 1 && few.stderr.contains("give more rows, or larger --shares"), "{few:#?}");
}
