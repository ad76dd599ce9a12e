//! `train generator` and `train tokenizer` as an operator runs them: killed at any moment, out of disk, on bad input.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::commands::Place;
use crate::support::small_disk::SmallDisk;
use crate::support::test_bot::wait_until;

const STEPS: usize = 120;

/// A folder with invented texts and a tokenizer trained on them.
fn place() -> Place {
    let place = Place::new("");
    let words = ["hoy", "mañana", "el lunes", "la vecina", "un señor", "nadie", "la plaza", "con calma", "otra vez"];
    let text = |n: usize| format!("{} llega {} y {} número {n}\n", words[n % 9], words[n / 9 % 9], words[n / 3 % 7]);
    std::fs::write(place.path("texts.txt"), (0..200).map(text).collect::<String>()).unwrap();
    let tokenizer = ["train", "tokenizer", "--data", "texts.txt", "--vocab-size", "320", "--output", "tokenizer"];
    assert_eq!(place.run(&[&tokenizer[..], &["--special", "[TWEET]"]].concat()).code, 0);
    place
}

fn arguments<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = "train generator --data texts.txt --duplicates exact --tokenizer tokenizer --layers 2 --width 16 --heads 2 \
                 --positions 32 --block 32 --batch 4 --steps 120 --warmup-steps 10 --learning-rate 1e-3 --log-every 1 \
                 --evaluate-every 25 --save-every 7 --held-out 0.1 --output";
    fixed.split_whitespace().chain([output]).chain(more.iter().copied()).collect()
}

fn log(place: &Place, output: &str) -> Vec<Value> {
    let content = std::fs::read_to_string(place.path(output).join("training.jsonl")).unwrap_or_default();
    // The last line may be half written yet.
    content.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What does not depend on the clock.
fn losses(entries: &[Value]) -> Vec<(u64, String)> {
    let loss = |entry: &Value| format!("{} {}", entry["loss"], entry["held_out_loss"]);
    entries.iter().map(|entry| (entry["step"].as_u64().unwrap(), loss(entry))).collect()
}

fn start(place: &Place, arguments: &[&str]) -> Child {
    place.command(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Ends a training by `signal` once `steps` are in its log.
fn end_behind(place: &Place, arguments: &[&str], output: &str, steps: usize, signal: &str) {
    let mut child = start(place, arguments);
    wait_until("the training gets on", || {
        log(place, output).last().and_then(|entry| entry["step"].as_u64()).is_some_and(|step| step >= steps as u64)
    });
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success(), "it ended before it was told to");
    let code = child.wait().unwrap().code();
    assert_eq!(code, if signal == "-TERM" { Some(0) } else { None });
}

#[test]
fn a_training_ended_at_any_moment_resumes_to_the_same_losses_and_weights() {
    let place = place();
    assert_eq!(place.run(&arguments("whole", &[])).code, 0);
    // Moments that no one chose: the process's number decides.
    let moment = |share: usize| 2 + (std::process::id() as usize * 31 + share * 17) % 30;
    end_behind(&place, &arguments("parts", &[]), "parts", moment(0), "-TERM");
    let stopped = log(&place, "parts").last().and_then(|entry| entry["step"].as_u64()).unwrap();
    assert!((stopped as usize) < STEPS, "it was stopped before its end");
    let resume = arguments("parts", &["--resume"]);
    end_behind(&place, &resume, "parts", stopped as usize + moment(1), "-KILL");
    let ended = place.run(&resume);
    assert!(ended.code == 0 && ended.stderr.contains("resumed after step"), "{ended:#?}");
    let (whole, parts) = (log(&place, "whole"), log(&place, "parts"));
    assert_eq!(whole.iter().filter(|entry| entry["loss"].is_f64()).count(), STEPS);
    assert_eq!(losses(&parts), losses(&whole));
    let weights = |output: &str| std::fs::read(place.path(output).join("model.safetensors")).unwrap();
    assert!(weights("whole") == weights("parts"), "the weights differ");

    let again = place.run(&arguments("whole", &[]));
    assert!(again.code == 1 && again.stderr.contains("--resume or another --output"), "{again:#?}");
}

#[test]
fn a_second_signal_ends_a_training_at_once_without_a_core() {
    let place = place();
    // A step that takes longer than two signals.
    let slow = "train generator --data texts.txt --duplicates exact --tokenizer tokenizer --layers 2 --width 32 --heads 2 \
                --positions 32 --block 32 --batch 8 --accumulate 8 --steps 1000 --log-every 1 --held-out 0 --output slow";
    let mut child = start(&place, &slow.split_whitespace().collect::<Vec<_>>());
    wait_until("the training gets on", || !log(&place, "slow").is_empty());
    let both = format!("kill -INT {0}; kill -TERM {0}", child.id());
    let kill = std::process::Command::new("sh").args(["-c", &both]).status().unwrap();
    assert!(kill.success(), "it ended before it was told to");
    let ended = child.wait().unwrap();
    assert!(matches!(ended.signal(), Some(2 | 15)) && !ended.core_dumped(), "{ended:?}");
}

#[test]
fn a_signal_ends_a_training_that_still_reads_its_data_at_once() {
    let place = place();
    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe.txt")).status().unwrap().success());
    let train = "train generator --data pipe.txt --tokenizer tokenizer --layers 1 --width 32 --heads 2 --positions 32 \
                 --block 32 --steps 10 --output unbegun";
    let mut child = start(&place, &train.split_whitespace().collect::<Vec<_>>());
    // Opens when the training does, and gives it nothing to read.
    let _pipe = std::fs::OpenOptions::new().write(true).open(place.path("pipe.txt")).unwrap();
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success(), "it ended before it was asked to");
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert!(!place.path("unbegun").exists(), "nothing is written before the first step");
}

#[test]
fn the_recipe_of_the_built_in_generator_goes_on_where_it_stopped_and_ends_in_a_model_with_its_attributes() {
    let place = place();
    // Words of two syllables, so many different ones that no two lines are near-duplicates.
    let syllables = ["ca", "lo", "mi", "pe", "tu", "ra", "so", "ni", "be", "du", "fla", "gri", "jo", "ve", "zu", "cha"];
    let mut number = 1_u32;
    let mut syllable = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        syllables[(number >> 24) as usize % syllables.len()]
    };
    let mut word = || format!("{}{}", syllable(), syllable());
    let lines: Vec<String> = (0..200).map(|_| (0..9).map(|_| word()).collect::<Vec<_>>().join(" ")).collect();
    std::fs::write(place.path("mixture.txt"), lines.join("\n")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/models/generator-es/train.sh");
    let sizes = [("LAYERS", "1"), ("WIDTH", "16"), ("HEADS", "2"), ("VOCABULARY", "300"), ("BATCH", "2")];
    let steps = [("BASE_STEPS", "2"), ("TUNE_STEPS", "3"), ("PRECISION", "f32")];
    let call = || {
        let mut command = std::process::Command::new("bash");
        command.arg(script).arg(place.path("")).arg(place.path("recipe")).current_dir(place.path(""));
        command.envs(sizes.into_iter().chain(steps)).env("PREGONERO", env!("CARGO_BIN_EXE_pregonero"));
        command.output().unwrap()
    };
    let called = call();
    assert!(called.status.success(), "{called:?}");
    let config = std::fs::read_to_string(place.path("recipe/tuned/config.json")).unwrap();
    assert!(config.contains("TEMA") && config.contains("HASHTAGS"), "{config}");
    // What is finished is not done again; a stage that is not goes on.
    let base = place.path("recipe/base/model.safetensors");
    let before = std::fs::metadata(&base).unwrap().modified().unwrap();
    std::fs::remove_file(place.path("recipe/tuned/finished")).unwrap();
    let again = call();
    assert!(again.status.success() && !String::from_utf8_lossy(&again.stderr).contains("starting with"), "{again:?}");
    assert_eq!(std::fs::metadata(&base).unwrap().modified().unwrap(), before);
}

#[test]
fn files_that_are_no_texts_are_refused_before_a_training() {
    let place = place();
    let train = ["train", "tokenizer", "--vocab-size", "300", "--output", "new", "--data"];
    for (name, content, spec, expected) in [
        ("like.js", "window.YTD.like.part0 = [ {} ]", "", "likes are other people's texts"),
        ("a.json", "[{\"text\": \"hola\"}]", "", "a.json: say which column holds the text, for example a.json:text"),
        ("a.csv", "<!DOCTYPE html><html></html>", ":text", "a.csv: cannot be read as texts: it is a web page"),
        ("a.txt", "{\"text\": \"hola\"}\n", ":txt", "a.txt:1: no text field \"txt\""),
        ("a.csv", "text,id\n\"a, b\",1\n\"Hola\" dijo ella,1\n", ":text", "a.csv:3: the quotes of this row do not fit"),
        ("-", "", "", "standard input can be read only once"),
    ] {
        std::fs::write(place.path(name), content).unwrap();
        let ran = place.run(&[&train[..], &[&format!("{name}{spec}")]].concat());
        assert!(ran.code > 0 && ran.stderr.contains(expected) && !place.path("new").exists(), "{name}: {ran:#?}");
    }
    std::fs::write(place.path("a.tsv"), "id\ttext\n1\tHola, vecina\n").unwrap();
    let enriched = place.run(&["dataset", "enrich", "--data", "a.tsv", "--columns", "hashtags", "--output", "b.csv"]);
    assert_eq!(enriched.code, 0, "{enriched:#?}");
    assert_eq!(std::fs::read_to_string(place.path("b.csv")).unwrap(), "id,text,HASHTAGS\n1,\"Hola, vecina\",\n");
}

#[test]
fn a_disk_that_fills_up_leaves_the_last_checkpoint_whole() {
    let place = place();
    let Some(disk) = SmallDisk::mount(&place.path("disk"), 4) else { return };
    let without_best = ["--held-out", "0"];
    let plain: Vec<&str> = arguments("disk/model", &[]).into_iter().filter(|argument| *argument != "0.1").collect();
    let plain: Vec<&str> = plain.into_iter().filter(|argument| *argument != "--held-out").chain(without_best).collect();
    // Room for one checkpoint and the log, but not for the next one beside it.
    disk.fill();
    disk.shell("truncate -s -180K filler");
    let command = place.command(&plain);
    let full = disk.inside(&command).output().unwrap();
    let said = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(1), "{said}");
    assert!(
        said.contains("checkpoint saved") && said.contains("disk/model") && said.contains("No space left"),
        "{said}"
    );

    disk.shell("rm filler");
    let resumed: Vec<&str> = plain.iter().copied().chain(["--resume"]).collect();
    let resumed = disk.inside(&place.command(&resumed)).output().unwrap();
    let said = String::from_utf8_lossy(&resumed.stderr);
    assert!(resumed.status.success() && said.contains("resumed after step 7;"), "{said}");
    disk.shell("test -z \"$(find model -name '.unfinished*' -o -name 'saving-*')\" && cp -r model ../copied");

    let whole: Vec<&str> =
        plain.iter().map(|argument| if *argument == "disk/model" { "whole" } else { *argument }).collect();
    assert_eq!(place.run(&whole).code, 0);
    assert_eq!(losses(&log(&place, "copied")), losses(&log(&place, "whole")));
}

#[test]
fn the_built_in_generator_is_a_base_and_what_cannot_be_trained_is_refused_in_words() {
    let place = place();
    let tune = ["train", "generator", "--data", "texts.txt", "--steps", "2", "--batch", "1", "--block", "16"];
    let tuned = place.run(&[&tune[..], &["--base", "builtin", "--output", "tuned", "--warmup-steps", "0"]].concat());
    assert!(tuned.code == 0 && place.path("tuned/model.safetensors").is_file(), "{tuned:#?}");
    let card = std::fs::read_to_string(place.path("tuned/README.md")).unwrap();
    assert!(card.contains("--base builtin --output tuned") && card.contains("Verbatim share"), "{card}");

    std::fs::write(place.path("empty.txt"), "\n\n").unwrap();
    std::fs::write(place.path("tiny.txt"), "Hoy llega la vecina\n").unwrap();
    let scratch = ["--tokenizer", "tokenizer", "--width", "16", "--layers", "1", "--output", "new"];
    let cases: [(&[&str], i32, &str); 7] = [
        (&["--base", "nowhere", "--output", "new"], 1, "nowhere"),
        (&["--base", "hub:a/b", "--output", "new"], 78, "a/b"),
        (&["--output", "new"], 1, "give --base MODEL"),
        (&["--base", "builtin", "--layers", "3", "--output", "new"], 2, "--layers"),
        (&[&scratch[..], &["--device", "cuda"]].concat(), 1, "CUDA"),
        (&[&scratch[..], &["--accumulate", "0"]].concat(), 1, "--accumulate must be at least 1"),
        (&[&scratch[..], &["--heads", "5"]].concat(), 1, "not a multiple of --heads 5"),
    ];
    for (more, code, expected) in cases {
        let ran = place.run(&[&tune[..], more].concat());
        assert!(ran.code == code && ran.stderr.contains(expected), "{more:?}: {ran:#?}");
        let _ = std::fs::remove_dir_all(place.path("new"));
    }
    for (data, expected) in [("empty.txt", "empty.txt: no text"), ("tiny.txt", "fewer than one block of 128")] {
        let ran = place.run(&[&["train", "generator", "--data", data, "--held-out", "0"], &scratch[..]].concat());
        assert!(ran.code == 1 && ran.stderr.contains(expected), "{data}: {ran:#?}");
        assert!(!place.path("new").exists(), "{data}: something was written");
    }
}

#[test]
fn a_tokenizer_is_written_in_both_forms_with_real_ids() {
    let place = place();
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(place.path("tokenizer").join(name)).unwrap()).unwrap()
    };
    assert_eq!(read("vocab.json")["[TWEET]"], 1);
    assert_eq!(read("tokenizer.json")["model"]["vocab"]["<|endoftext|>"], 0);
    let merges = std::fs::read_to_string(place.path("tokenizer/merges.txt")).unwrap();
    assert!(merges.lines().count() > 20, "{merges}");
    let small = ["train", "tokenizer", "--data", "texts.txt", "--vocab-size", "200", "--output", "small"];
    let small = place.run(&small);
    assert!(small.code == 1 && small.stderr.contains("need 257"), "{small:#?}");
    assert!(!place.path("small").exists());
}
