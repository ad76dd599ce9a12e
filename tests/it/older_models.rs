//! Models laid out as in 2020: the weights are a pickle, `n_ctx` is next to `n_positions`, the tokenizer is vocab.json
//! and merges.txt. From a hub or a folder to texts, a training and a round of the daemon.

use std::path::Path;

use serde_json::{Value, json};

use crate::hub::{FakeHub, sha256, weights_folder};
use crate::support::test_bot::{Ended, TestBot};

const SPANISH: &str = "datificate/gpt2-small-spanish";

/// The files of that repository, as its page lists them; the content is the small model's of `tests/data/gpt2/weights`.
fn repository() -> Vec<(&'static str, Vec<u8>)> {
    let folder = weights_folder("old_stream");
    let file = |name: &'static str| (name, std::fs::read(folder.join(name)).unwrap());
    let special = r#"{"bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","unk_token":"<|endoftext|>"}"#;
    vec![
        (".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n".to_vec()),
        ("README.md", b"---\nlanguage: es\nlicense: apache-2.0\n---\n# GPT-2 small, Spanish\n".to_vec()),
        file("config.json"),
        ("flax_model.msgpack", b"not read".to_vec()),
        file("merges.txt"),
        file("pytorch_model.bin"),
        ("special_tokens_map.json", special.into()),
        ("tf_model.h5", b"not read".to_vec()),
        ("tokenizer_config.json", br#"{"model_max_length":64}"#.to_vec()),
        file("vocab.json"),
    ]
}

fn pull(bot: &TestBot, fake: &FakeHub, name: &str) -> Ended {
    let mut command = bot.command(&["models", "pull", name]);
    command.env("HF_ENDPOINT", &fake.endpoint);
    bot.start_command(command).wait()
}

fn use_model(bot: &TestBot, name: &str) {
    // With a seed, so that the same candidates pass each time.
    bot.configure_with("model = \"tiny\"", &format!("model = \"{name}\"\nrng_seed = 7"));
}

/// Texts, a training that starts from the model, and one round of the daemon.
fn assert_it_works(bot: &TestBot, model: &str, sha256: &str) {
    let written = bot.run(&["--json", "generate", "--prompt", "La plaza", "-n", "2"]).json();
    let text = written[0]["text"].as_str().unwrap();
    assert!(text.starts_with("🤖 IA: La plaza"), "{written:#?}");

    if cfg!(feature = "workshop") {
        assert_a_training_starts_from(bot, model);
    }

    let mut running = bot.start(&["run", "--now"]);
    running.wait_for("dry run: this would have been posted", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let entry = bot.history().remove(0);
    assert_eq!(entry["state"], "dry_run", "{entry:#}");
    assert_eq!(entry["model"], json!({"name": model, "sha256": sha256}), "the record names what was downloaded");
}

fn assert_a_training_starts_from(bot: &TestBot, model: &str) {
    std::fs::write(bot.path("texts.txt"), "La vacuna llega hoy al barrio.\nEl tren sale del norte.\n".repeat(40))
        .unwrap();
    let arguments = "train generator --data texts.txt --duplicates keep --held-out 0 --block 32 --batch 2 --steps 2 \
                     --warmup-steps 0 --output tuned --base";
    let ended = bot.run(&arguments.split_whitespace().chain([model]).collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert!(bot.path("tuned/model.safetensors").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spanish_model_of_2020_is_pulled_by_its_own_list_of_files_and_posts() {
    let files = repository();
    let fake = FakeHub::with(&files).await;
    let bot = TestBot::new();
    let pulled = pull(&bot, &fake, SPANISH);
    assert_eq!(pulled.code(), Some(0), "{pulled:#?}");
    assert!(pulled.stdout.contains("made from pytorch_model.bin (PyTorch's format before 1.6"), "{pulled:#?}");
    let mut sent = fake.sent();
    sent.sort();
    let read: Vec<&str> = files.iter().map(|(name, _)| *name).filter(|name| !is_left(name)).collect();
    assert_eq!(sent, read);

    let pickle = sha256(&files[5].1);
    let name = format!("hub:{SPANISH}");
    let listed = bot.run(&["--json", "models", "list"]).json().pop().unwrap();
    let facts = ["name", "kind", "usable", "why_not"].map(|key| listed[key].clone());
    assert_eq!(facts, [json!(name), json!("generator"), json!(true), Value::Null], "{listed:#}");
    assert_eq!(listed["memory_bytes"], json!(4 * listed["parameters"].as_u64().unwrap()));
    let shown = bot.run(&["models", "show", &name]);
    for words in [
        "read from   model.safetensors (f32)",
        "made from   pytorch_model.bin",
        pickle.as_str(),
        "4 constant masks left out",
    ] {
        assert!(shown.stdout.contains(words), "{words}: {shown:#?}");
    }

    use_model(&bot, &name);
    assert_it_works(&bot, &name, &pickle);
}

/// Files of the repository that are for others.
fn is_left(name: &str) -> bool {
    [".gitattributes", "flax_model.msgpack", "tf_model.h5"].contains(&name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_folder_with_a_pickle_is_refused_with_the_command_that_converts_it_and_then_works() {
    for form in ["old_zip", "old_stream"] {
        let bot = TestBot::new();
        copy(&weights_folder(form), &bot.path("old"));
        use_model(&bot, "old");
        for arguments in [&["run"][..], &["once"], &["generate", "--prompt", "La plaza"]] {
            let refused = bot.run(arguments);
            assert_eq!(refused.code(), Some(78), "{refused:#?}");
            assert!(refused.stderr.contains("run `pregonero models convert "), "{refused:#?}");
        }
        let converted = bot.run(&["models", "convert", "old"]);
        assert_eq!(converted.code(), Some(0), "{converted:#?}");
        assert!(
            converted.stdout.starts_with("old/model.safetensors was written, made from pytorch_model.bin"),
            "{converted:#?}"
        );
        let again = bot.run(&["--json", "models", "convert", "old"]).json().remove(0);
        assert_eq!(again["was_there"], true);
        let pickle = std::fs::read(weights_folder(form).join("pytorch_model.bin")).unwrap();
        assert_it_works(&bot, "old", &sha256(&pickle));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_formats_of_a_pickle_come_from_the_hub() {
    for form in ["old_zip", "old_stream"] {
        let names = ["config.json", "merges.txt", "pytorch_model.bin", "vocab.json"];
        let files = names.map(|name| (name, std::fs::read(weights_folder(form).join(name)).unwrap()));
        let fake = FakeHub::with(&files).await;
        let bot = TestBot::new();
        assert_eq!(pull(&bot, &fake, "alguien/viejo").code(), Some(0));
        use_model(&bot, "hub:alguien/viejo");
        assert_it_works(&bot, "hub:alguien/viejo", &sha256(&files[2].1));
    }
}

#[test]
fn a_cached_model_that_cannot_be_used_is_listed_with_the_reason() {
    let bot = TestBot::new();
    let snapshot = bot.path(".cache/huggingface/hub/models--alguien--bert/snapshots/abc");
    std::fs::create_dir_all(&snapshot).unwrap();
    copy(&weights_folder("safetensors_twin"), &snapshot.join("x"));
    std::fs::rename(snapshot.join("x/model.safetensors"), snapshot.join("model.safetensors")).unwrap();
    std::fs::write(snapshot.join("config.json"), r#"{"model_type":"bert"}"#).unwrap();
    let listed = bot.run(&["models", "list"]);
    assert_eq!(listed.code(), Some(0), "{listed:#?}");
    let line = listed.stdout.lines().find(|line| line.contains("hub:alguien/bert@abc")).unwrap();
    assert!(line.contains("no: ") && line.contains("neither a GPT-2's nor a classifier's"), "{line}");
    let first = listed.stdout.lines().nth(1).unwrap();
    assert!(first.contains(" yes ") && first.contains(" per text"), "{listed:#?}");
}

#[test]
fn a_head_of_its_own_under_a_tied_configuration_is_used_and_a_line_says_so() {
    let bot = TestBot::new();
    copy(&weights_folder("old_zip"), &bot.path("old"));
    use_model(&bot, "old");
    assert_eq!(bot.run(&["models", "convert", "old"]).code(), Some(0));
    let write = || bot.run(&["--json", "generate", "--prompt", "La plaza", "-n", "1", "--rng-seed", "7"]);
    let tied = write();
    assert!(!tied.stderr.contains("differs from"), "{tied:#?}");

    let path = bot.path("old/model.safetensors");
    let mut tensors = candle_core::safetensors::load(&path, &candle_core::Device::Cpu).unwrap();
    let embedding = &tensors["transformer.wte.weight"];
    let turned = candle_core::Tensor::stack(
        &(0..embedding.dims()[0]).rev().map(|row| embedding.get(row).unwrap()).collect::<Vec<_>>(),
        0,
    );
    tensors.insert("lm_head.weight".to_owned(), turned.unwrap());
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let untied = write();
    assert!(untied.stderr.contains("lm_head.weight differs from wte.weight"), "{untied:#?}");
    assert_ne!(untied.json()[0]["text"], tied.json()[0]["text"]);
}
