//! Int8 weights, from `models quantize` to the record and back.

use serde_json::Value;

use crate::commands::Place;
use crate::support::test_bot::TestBot;

fn quantisation(place: &Place, folder: &str) -> Value {
    let config = std::fs::read(place.path(folder).join("config.json")).unwrap();
    serde_json::from_slice::<Value>(&config).unwrap()["quantization_config"].take()
}

#[test]
fn a_quantised_folder_is_whole_and_writes_what_rounding_at_start_writes() {
    let place = Place::with_tiny_model();
    let done = place.run(&["--json", "models", "quantize", "tiny", "--output", "small"]);
    let check = done.json()[0]["quantisation"]["check"].clone();
    assert!(check["perplexity_before"].as_f64().unwrap() > 1.0, "{check}");
    assert!(check["tokens"].as_u64().unwrap() > 100, "{check}");
    assert_eq!(quantisation(&place, "small")["check"], check);
    let card = std::fs::read_to_string(place.path("small").join("README.md")).unwrap();
    assert!(card.contains("| perplexity |") && card.contains("texts that the model wrote itself"), "{card}");
    for name in ["tokenizer.json", "model.safetensors"] {
        assert!(place.path("small").join(name).is_file(), "{name}");
    }
    let texts = |arguments: &[&str]| {
        let fixed = ["--json", "generate", "-n", "4", "--prompt", "La vacuna", "--rng-seed", "7"];
        let lines = place.run(&[&fixed[..], arguments].concat()).json();
        lines.iter().map(|line| line["text"].clone()).collect::<Vec<_>>()
    };
    // Whether the tiny model's check passes is no matter here: int8 is asked for.
    let mapped = texts(&["--model", "small", "--weights", "int8"]);
    assert_eq!(mapped, texts(&["--model", "tiny", "--weights", "int8"]));
    assert_eq!(mapped.len(), 4);
    // Without a card, and with the device left to the program, f32 takes the place of bf16.
    assert_eq!(texts(&["--model", "tiny", "--weights", "bf16"]), texts(&["--model", "tiny", "--weights", "f32"]));
    let shown = place.run(&["--json", "models", "show", "small"]).json();
    let before = place.run(&["--json", "models", "show", "tiny"]).json();
    assert_eq!(shown[0]["parameters"], before[0]["parameters"]);
    assert_ne!(shown[0]["sha256"], before[0]["sha256"]);
    let evaluated = |model: &str| {
        std::fs::write(place.path("texts.txt"), "La vacuna llega hoy al barrio.\n".repeat(3)).unwrap();
        let arguments = ["--json", "evaluate", "generator", "--model", model, "--data", "texts.txt", "--clean", "none"];
        place.run(&arguments).json()[0]["cross_entropy"].as_f64().unwrap()
    };
    let (exact, near) = (evaluated("tiny"), evaluated("small"));
    assert!(exact != near && (exact - near).abs() < 0.1, "{exact} and {near}");
}

#[test]
fn what_cannot_be_quantised_or_is_asked_for_in_vain_is_refused_and_nothing_is_written() {
    let place = Place::with_tiny_model();
    let done = place.run(&["models", "quantize", "tiny", "--output", "small"]);
    assert!(done.code == 0 && done.stdout.contains("(few: more texts say more)"), "{done:#?}");
    for (arguments, said) in [
        (
            &["models", "quantize", "tiny", "--output", "small"][..],
            "small: exists already and is not empty; choose another folder",
        ),
        (
            &["models", "quantize", "small", "--output", "smaller"],
            "int8 already; name the model that they were made from",
        ),
        (&["models", "quantize", "nowhere", "--output", "smaller"], "nowhere: no such folder"),
        (&["models", "quantize", "tiny", "--output", "smaller", "--data", "absent.txt"], "absent.txt"),
        (&["models", "quantize", "tiny", "--output", "smaller", "--held-out", "0.1"], "--data"),
        (&["generate", "-n", "1", "--model", "small", "--weights", "f32"], "has only int8 weights"),
        (&["generate", "-n", "1", "--weights", "int4"], "generation.weights"),
        (&["generate", "-n", "1", "--model", "small", "--weights", "f16"], "has only int8 weights"),
        (
            &["train", "generator", "--data", "config.toml", "--output", "new", "--base", "small"],
            "its weights are int8",
        ),
    ] {
        let ran = place.run(arguments);
        assert_ne!(ran.code, 0, "{arguments:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
    assert!(!place.path("smaller").exists());
    std::fs::create_dir(place.path("words")).unwrap();
    std::fs::write(place.path("words/config.json"), r#"{"vocabulary": 3}"#).unwrap();
    let ran = place.run(&["models", "quantize", "words", "--output", "smaller"]);
    assert!(ran.stderr.contains("only a GPT-2 can be rounded to int8"), "{}", ran.stderr);
    // A check that failed rules the folder out, until somebody asks for it.
    let path = place.path("small/config.json");
    let failed = std::fs::read_to_string(&path).unwrap().replace("\"passed\": true", "\"passed\": false");
    std::fs::write(&path, failed).unwrap();
    let refused = place.run(&["generate", "-n", "1", "--model", "small", "--prompt", "La"]);
    assert!(refused.stderr.contains("failed their check: perplexity"), "{}", refused.stderr);
    let taken = place.run(&["generate", "-n", "1", "--model", "small", "--prompt", "La", "--weights", "int8"]);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
}

#[test]
fn a_round_records_its_weights_and_a_replay_writes_with_them_again() {
    let bot = TestBot::new();
    bot.configure_with("model = \"tiny\"", "model = \"tiny\"\nweights = \"int8\"");
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let shown = bot.run(&["--json", "history", "show", "1"]);
    let round: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(round["round"]["generation"]["weights"], "int8", "{round}");
    assert!(round["round"]["generation"]["kernels"].as_str().is_some_and(|name| !name.is_empty()), "{round}");
    let shown = bot.run(&["history", "show", "1"]).stdout;
    assert!(shown.contains(" --weights int8 --rng-seed "), "the command that writes the candidates again: {shown}");
    assert!(shown.lines().any(|line| line.trim_start().starts_with("weights") && line.contains("int8 (")), "{shown}");
    // The configuration says something else by now, and the record is what counts.
    bot.configure_with("model = \"tiny\"", "model = \"tiny\"\nweights = \"f32\"");
    for candidate in ["1", "2", "3", "4"] {
        let same = bot.run(&["replay", "1", "--candidate", candidate]);
        assert_eq!(same.code(), Some(0), "{}{}", same.stdout, same.stderr);
    }
    let other = bot.run(&["replay", "1", "--weights", "f32"]);
    assert!(other.stdout.contains("it was written with int8 weights, and now with f32"), "{}", other.stdout);
}
