//! A generator on a server: what is asked of each software, what its answers lead to, and what stands in while it is away.

use serde_json::{Value, json};

use crate::support::fake_engine::{FakeEngine, Fault, Kind, MODEL};
use crate::support::test_bot::{Ended, TestBot, wait_until};

/// What the tests wait for a server that does not answer.
const IMPATIENT: &str = "[engine]\ntimeout = \"2s\"\nattempts = 2\npause = \"1s\"\n[sentiment]";

/// A bot whose generator is on the server, with more lines in `[generation]` and `[engine]`.
fn bot_at(engine: &FakeEngine, generation: &str, settings: &str) -> TestBot {
    let bot = TestBot::new();
    configure(&bot, engine, generation, settings);
    bot
}

fn configure(bot: &TestBot, engine: &FakeEngine, generation: &str, settings: &str) {
    bot.configure_with("model = \"tiny\"", &format!("model = \"{}\"\n{generation}", engine.model()));
    let text = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    // The folder of the record, next to which is remembered what the server follows.
    std::fs::create_dir_all(bot.path("data")).unwrap();
    let section = IMPATIENT.replace("[sentiment]", &format!("{settings}\n[sentiment]"));
    bot.configure(&text.replace("[sentiment]", &section));
}

fn generate(bot: &TestBot, more: &[&str]) -> Ended {
    bot.run(&[&["--json", "generate", "--prompt", "La", "-n", "5", "--rng-seed", "9"], more].concat())
}

fn texts(ended: &Ended) -> Vec<String> {
    ended.json().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

/// What the round's record says of the server.
fn recorded(bot: &TestBot) -> Value {
    let shown = bot.run(&["--json", "history", "show", "1"]).json().remove(0);
    shown["round"]["generation"]["engine"].clone()
}

#[test]
fn each_software_is_recognised_and_what_it_ignores_is_on_record() {
    for (kind, software, ignored, many, likelihoods, seed) in [
        (Kind::Vllm, "vLLM", json!(["no_repeat_ngram"]), 8, "own", "yes"),
        (Kind::LlamaCpp, "llama.cpp", json!(["no_repeat_ngram"]), 4, "own", "yes"),
        (Kind::Sglang, "SGLang", json!(["the seed", "no_repeat_ngram"]), 8, "changed", "no"),
        (Kind::Tgi, "TGI", json!(["top_k", "min_p", "no_repeat_ngram"]), 1, "none", "yes"),
        (Kind::Strict, "unknown", json!(["top_k", "min_p", "no_repeat_ngram"]), 8, "own", "yes"),
    ] {
        let engine = FakeEngine::start(kind);
        let bot = bot_at(&engine, "", "");
        let once = bot.run(&["once"]);
        assert_eq!(once.code(), Some(0), "{kind:?}: {once:#?}");
        let found = recorded(&bot);
        assert_eq!(found["software"], software, "{found}");
        assert_eq!(found["ignored"], ignored, "{kind:?}: {found}");
        assert_eq!(found["texts_a_request"], many, "{kind:?}: {found}");
        assert_eq!((&found["likelihoods"], &found["seed"]), (&json!(likelihoods), &json!(seed)), "{kind:?}: {found}");
        let shown = bot.run(&["history", "show", "1"]).stdout;
        assert!(shown.contains(&engine.model()) && shown.contains("; ignored "), "{shown}");
        let candidates = bot.run(&["--json", "history", "show", "1"]).json().remove(0)["candidates"].clone();
        assert_eq!(candidates.as_array().unwrap().len(), 4);
        let has = candidates.as_array().unwrap().iter().all(|one| one["candidate"]["likelihood"].is_object());
        assert_eq!(has, likelihoods == "own", "{kind:?}");
    }
}

#[test]
fn every_sampling_setting_is_sent_under_the_name_that_the_software_has_for_it() {
    let flags = ["--top-k", "7", "--repetition-penalty", "1.2", "--temperature", "0.9", "--top-p", "0.8"];
    for (kind, penalty, texts) in [
        (Kind::Vllm, "repetition_penalty", 5),
        (Kind::LlamaCpp, "repeat_penalty", 4),
        (Kind::Sglang, "repetition_penalty", 5),
        (Kind::Tgi, "repetition_penalty", 1),
    ] {
        let engine = FakeEngine::start(kind);
        let bot = bot_at(&engine, "", "");
        assert_eq!(generate(&bot, &flags).code(), Some(0));
        let requests = engine.new_requests();
        let asked: Vec<&Value> = requests.iter().filter(|body| body["max_tokens"] == 24).collect();
        let total: u64 = asked.iter().map(|body| body["n"].as_u64().unwrap()).sum();
        let most = asked.iter().filter_map(|body| body["n"].as_u64()).max();
        assert_eq!((total, most), (5, Some(texts)), "{kind:?}: {asked:#?}");
        let body = asked[0];
        for (name, value) in
            [("top_k", json!(7)), (penalty, json!(1.2)), ("temperature", json!(0.9)), ("top_p", json!(0.8))]
        {
            assert!(body[name] == value || (kind == Kind::Tgi && name == "top_k"), "{kind:?} {name}: {body}");
        }
        assert_eq!((&body["model"], &body["prompt"]), (&json!(MODEL), &json!("La")));
    }
}

#[test]
fn the_same_seed_writes_the_same_again_however_the_texts_are_spread_over_requests() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    let first = texts(&generate(&bot, &[]));
    assert!(first.iter().collect::<std::collections::BTreeSet<_>>().len() >= 3, "{first:?}");
    engine.new_requests();
    assert_eq!(texts(&generate(&bot, &[])), first);
    engine.next(Fault::Fewer);
    let fewer = generate(&bot, &[]);
    assert_eq!(texts(&fewer), first, "those that did not come are asked for one by one");
    assert!(fewer.stderr.contains("fewer texts than asked for"), "{}", fewer.stderr);
    let llama = FakeEngine::start(Kind::LlamaCpp);
    let other = bot_at(&llama, "", "");
    assert_eq!(texts(&generate(&other, &[])), first, "4 and 1 instead of 5");
}

#[test]
fn what_a_server_follows_is_asked_once_and_again_after_it_has_changed() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let asked = engine.new_requests().len();
    assert!((8..=20).contains(&asked), "{asked} requests, the texts among them");
    assert_eq!(generate(&bot, &[]).code(), Some(0));
    assert_eq!(engine.new_requests().len(), 1, "remembered next to the record");
    engine.upgrade();
    assert_eq!(generate(&bot, &[]).code(), Some(0));
    assert!(engine.new_requests().len() > 8);
    let checks = bot.run(&["--json", "doctor", "--offline"]);
    assert!(engine.new_requests().len() > 8, "doctor always asks");
    assert!(checks.stdout.contains("generation_server"), "{}", checks.stdout);
}

#[test]
fn every_wrong_answer_is_an_error_that_says_what_is_wrong_and_nothing_is_posted() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    assert_eq!(generate(&bot, &[]).code(), Some(0));
    let said = |text: &str| json!({"error": {"message": text}});
    for (fault, code, expected) in [
        (
            Fault::Status(401, said("Unauthorized")),
            78,
            "refuses with 401: Unauthorized; check the key: GENERATION_API_KEY",
        ),
        (
            Fault::Status(404, json!({"detail": "Not Found"})),
            78,
            "404: Not Found; check the address in generation.model",
        ),
        (Fault::Status(400, json!({"message": "context length"})), 78, "refuses with 400: context length"),
        (Fault::Status(503, said("Loading model")), 75, "answers 503: Loading model"),
        (Fault::Status(500, json!({"error": "CUDA out of memory"})), 75, "answers 500: CUDA out of memory"),
        (Fault::TooMany(0), 75, "answers 429: slow down"),
        (Fault::Page, 75, "a page for people where JSON was expected"),
        (Fault::HalfJson, 75, "JSON that ends in the middle"),
        (Fault::Broken, 75, "its answer broke off"),
        (Fault::Redirect("https://elsewhere.example/v1".to_owned()), 78, "redirects to https://elsewhere.example/v1"),
        (Fault::Huge, 75, "its answer is longer than 16 MiB"),
        (Fault::Drip, 75, "no complete answer within 2 s (engine.timeout)"),
        (Fault::Hang, 75, "no complete answer within 2 s (engine.timeout)"),
        (Fault::Body("[]".to_owned()), 75, "no list of choices"),
        (Fault::Body("nonsense".to_owned()), 75, "its answer is not JSON"),
        (Fault::Body(json!({"choices": [{"text": 7}]}).to_string()), 75, "choices[0]: its text is a number"),
        (Fault::Body(json!({"choices": []}).to_string()), 75, "an empty list of choices"),
    ] {
        engine.always(Some(fault.clone()));
        let ended = generate(&bot, &[]);
        assert_eq!(ended.code(), Some(code), "{fault:?}: {ended:#?}");
        assert!(ended.stderr.contains(expected), "{fault:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("http://127.0.0.1:"), "it names the server: {}", ended.stderr);
    }
}

#[test]
fn a_bad_answer_at_the_start_is_no_fault_of_the_configuration() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    for fault in [Fault::Page, Fault::Body(json!({"choices": []}).to_string())] {
        engine.always(Some(fault.clone()));
        let check = bot.run(&["config", "check"]);
        assert_eq!(check.code(), Some(0), "{fault:?}: {check:#?}");
        assert!(check.stderr.contains("AWAY"), "{fault:?}: {}", check.stderr);
    }
}

/// What the probe of a server finds out, as `doctor` says it.
fn found(bot: &TestBot) -> String {
    let doctor = bot.run(&["--json", "doctor", "--offline"]).stdout;
    doctor.lines().find(|line| line.contains("generation_server")).unwrap_or_else(|| panic!("{doctor}")).to_owned()
}

#[test]
fn a_server_that_is_busy_once_during_the_probe_is_found_as_it_is() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    let expected = found(&bot);
    let probe = engine.new_requests().iter().filter(|body| body["max_tokens"] == 8).count();
    assert!(probe > 6, "{probe}");
    for before in 0..probe {
        (0..before).for_each(|_| engine.next(Fault::Good));
        engine.next(Fault::TooMany(0));
        assert_eq!(found(&bot), expected, "after {before} requests");
    }
}

#[test]
fn a_probe_that_stayed_open_is_not_remembered() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    engine.next(Fault::Good);
    engine.always(Some(Fault::TooMany(0)));
    let check = bot.run(&["config", "check"]);
    assert_eq!(check.code(), Some(0), "{check:#?}");
    engine.always(None);
    engine.new_requests();
    assert_eq!(generate(&bot, &[]).code(), Some(0));
    let asked = engine.new_requests();
    assert!(asked.len() > 8, "it is asked again: {}", asked.len());
    assert_eq!(asked.last().unwrap()["n"], 5, "it writes several texts a request");
    engine.next(Fault::Good);
    engine.always(Some(Fault::TooMany(0)));
    let open = found(&bot);
    assert!(open.contains("are asked again") && !open.contains("one text a request"), "{open}");
}

#[test]
fn a_server_that_ignores_max_tokens_ends_no_round() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    assert_eq!(generate(&bot, &[]).code(), Some(0));
    let text = format!(" {}", "hola y ".repeat(8_000));
    engine.always(Some(Fault::Body(json!({"choices": [{"text": text}], "system_fingerprint": "1.0"}).to_string())));
    let begun = std::time::Instant::now();
    let once = bot.run(&["once"]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{once:#?}");
    assert!(once.stderr.contains("ignores max_tokens; the text is cut"), "{}", once.stderr);
}

#[test]
fn a_server_with_another_tokenizer_gets_text_and_no_attributes() {
    let bot = TestBot::new();
    let engine = FakeEngine::start(Kind::Vllm);
    // Without the tokenizer, it counts words.
    configure(&bot, &engine, "", "files = \"tiny\"");
    let said = found(&bot);
    assert!(said.contains("fewer token") && said.contains("not the files of its model"), "{said}");
    engine.new_requests();
    assert_eq!(generate(&bot, &[]).code(), Some(0));
    let asked = engine.new_requests().pop().unwrap();
    assert_eq!((&asked["prompt"], &asked["stop_token_ids"]), (&json!("La"), &json!([])), "{asked}");
}

#[test]
fn a_failure_that_passes_is_tried_again() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    let before = texts(&generate(&bot, &[]));
    for fault in [Fault::Status(503, json!({})), Fault::TooMany(0), Fault::HalfJson, Fault::Broken, Fault::Drip] {
        engine.next(fault.clone());
        engine.new_requests();
        assert_eq!(texts(&generate(&bot, &[])), before, "{fault:?}");
        assert_eq!(engine.new_requests().len(), 2, "{fault:?}");
    }
}

#[test]
fn the_key_goes_to_the_server_alone_and_shows_nowhere() {
    const KEY: &str = "invented-engine-key-123";
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    std::fs::write(bot.path("key"), format!("{KEY}\n")).unwrap();
    let mut command = bot.command(&["generate", "--prompt", "La", "-n", "1"]);
    command.env("GENERATION_API_KEY_FILE", bot.path("key"));
    let ended = bot.start_command(command).wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert!(engine.authorizations().iter().all(|sent| sent.as_deref() == Some(&format!("Bearer {KEY}"))));
    let said = json!({"error": {"message": format!("bad key {KEY}")}});
    let cut_in_the_key = format!("{} bad key {KEY}", "nonsense ".repeat(4));
    for fault in [Fault::Status(400, said.clone()), Fault::Body(said.to_string()), Fault::Body(cut_in_the_key)] {
        engine.always(Some(fault));
        let mut command = bot.command(&["-vv", "generate", "--prompt", "La", "-n", "1"]);
        command.env("GENERATION_API_KEY", KEY);
        let ended = bot.start_command(command).wait();
        assert!(ended.stderr.contains("bad key [secret]") && !ended.stderr.contains(KEY), "{}", ended.stderr);
    }
    bot.configure_with("model = \"tiny\"", "model = \"openai:http://example.com/v1#m\"");
    let mut command = bot.command(&["config", "check"]);
    command.env("GENERATION_API_KEY", KEY);
    let ended = bot.start_command(command).wait();
    assert_eq!(ended.code(), Some(78));
    assert!(ended.stderr.contains("would cross a public network unencrypted"), "{}", ended.stderr);
}

#[test]
fn the_fallback_writes_while_the_server_is_away_and_record_status_and_replay_say_so() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "fallback = \"tiny\"", "");
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let port = engine.port();
    drop(engine);
    let once = bot.run(&["once"]);
    assert_eq!(once.code(), Some(0), "{once:#?}");
    assert!(once.stderr.contains("the fallback writes"), "{}", once.stderr);
    let shown = bot.run(&["--json", "history", "show", "2"]).json().remove(0);
    let round = &shown["round"];
    assert!(round["generator"]["name"].as_str().unwrap().ends_with("tiny"), "{round}");
    assert_eq!(round["device"], "cpu");
    assert!(round["stand_in"]["for"].as_str().unwrap().contains(&format!("127.0.0.1:{port}/v1#{MODEL}")), "{round}");
    assert!(round["stand_in"]["reason"].as_str().unwrap().contains("cannot be reached"), "{round}");
    assert!(bot.run(&["history", "show", "2"]).stdout.contains("stood in for   openai:http://127.0.0.1:"));
    assert_eq!(bot.run(&["audit", "verify"]).code(), Some(0), "the log covers the change of the model");
    let replay = bot.run(&["replay", "2"]);
    assert_eq!(replay.code(), Some(0), "the stand-in writes it again: {replay:#?}");
    let replay = bot.run(&["replay", "2", "--weights", "f32"]);
    assert_eq!(replay.code(), Some(0), "the weights are its own too: {replay:#?}");
    let doctor = bot.run(&["doctor", "--offline"]);
    assert!(doctor.stdout.contains("stands in"), "{}", doctor.stdout);
    let engine = FakeEngine::start_at(Kind::Vllm, port);
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let shown = bot.run(&["--json", "history", "show", "3"]).json().remove(0);
    assert_eq!(shown["round"]["stand_in"], Value::Null);
    drop(engine);
}

#[test]
fn a_round_of_a_stand_in_is_replayed_with_the_weights_that_wrote_it() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "fallback = \"tiny\"\nweights = \"int8\"", "");
    drop(engine);
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let round = bot.run(&["--json", "history", "show", "1"]).json().remove(0)["round"].take();
    assert_eq!(round["generation"]["weights"], "int8", "{round}");
    assert_ne!(round["generation"]["kernels"], "server", "{round}");
    let shown = bot.run(&["history", "show", "1"]);
    assert!(shown.stdout.contains(" --weights int8 --rng-seed "), "the model that wrote is named: {shown:#?}");
    // The record says which weights wrote, whatever the configuration says by now.
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    bot.configure(&config.replace("weights = \"int8\"", "weights = \"f32\""));
    for candidate in ["1", "2", "3", "4"] {
        let same = bot.run(&["replay", "1", "--candidate", candidate]);
        assert_eq!(same.code(), Some(0), "{same:#?}");
    }
    let elsewhere = bot.run(&["replay", "1", "--model", "openai:http://127.0.0.1:9/v1#other"]);
    assert!(!elsewhere.stderr.contains("(sha256 )"), "{elsewhere:#?}");
}

#[test]
fn without_a_fallback_a_server_that_is_away_fails_the_round_and_not_the_start() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    drop(engine);
    let check = bot.run(&["config", "check"]);
    assert_eq!(check.code(), Some(0), "no fault of the configuration: {check:#?}");
    assert!(check.stderr.contains("AWAY, and no generation.fallback stands in"), "{}", check.stderr);
    let once = bot.run(&["once"]);
    assert_eq!(once.code(), Some(75), "{once:#?}");
    assert!(bot.newest("error").as_str().unwrap().contains("cannot be reached"), "{:?}", bot.history());
    let doctor = bot.run(&["doctor", "--offline"]);
    assert_ne!(doctor.code(), Some(0));
    assert!(doctor.stdout.contains("set generation.fallback"), "{}", doctor.stdout);
}

#[test]
fn a_daemon_starts_while_the_server_is_away_and_status_shows_it() {
    let engine = FakeEngine::start(Kind::LlamaCpp);
    let port = engine.port();
    let bot = bot_at(&engine, "fallback = \"tiny\"", "");
    drop(engine);
    let mut daemon = bot.start(&["run", "--now"]);
    daemon.wait_for("the fallback writes", 1);
    daemon.wait_for("waiting for the next slot", 1);
    let status = bot.run(&["status"]).stdout;
    assert!(status.contains("generator  openai:http://127.0.0.1:") && status.contains("tiny stands in"), "{status}");
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
    let engine = FakeEngine::start_at(Kind::LlamaCpp, port);
    let mut daemon = bot.start(&["run"]);
    daemon.wait_for("waiting for the next slot", 1);
    let status = bot.run(&["status"]).stdout;
    assert!(status.contains("(llama.cpp 1.0); ignores no_repeat_ngram"), "{status}");
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
    drop(engine);
}

#[test]
fn while_the_server_is_away_and_nothing_stands_in_the_daemon_is_not_ready() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    let port = engine.port();
    drop(engine);
    let mut daemon = bot.start(&["run"]);
    daemon.wait_for("waiting for the next slot", 1);
    daemon.wait_for("nothing is posted for now: the generation server is away", 1);
    wait_until("the status", || bot.run(&["--json", "healthcheck"]).stdout.contains("generator_away"));
    let health = bot.run(&["--json", "healthcheck"]);
    let said: Value = serde_json::from_str(health.stdout.trim()).unwrap();
    assert_eq!(
        (&said["code"], &said["ready"], &said["healthy"]),
        (&json!("generator_away"), &json!(false), &json!(false))
    );
    assert!(health.code() == Some(1) && said["reason"].as_str().unwrap().contains("cannot be reached"), "{health:#?}");
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
    let _engine = FakeEngine::start_at(Kind::Vllm, port);
    let mut daemon = bot.start(&["run"]);
    daemon.wait_for("waiting for the next slot", 1);
    wait_until("the status", || bot.run(&["healthcheck"]).code() == Some(0));
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_replay_compares_where_the_server_can_repeat_itself_and_says_where_it_cannot() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let same = bot.run(&["replay", "1", "--candidate", "3"]);
    assert_eq!(same.code(), Some(0), "{same:#?}");
    engine.next(Fault::Body(
        json!({"choices": [{"text": " otra cosa.", "finish_reason": "stop"}], "system_fingerprint": "1.0"}).to_string(),
    ));
    let other = bot.run(&["replay", "1", "--candidate", "3"]);
    assert_eq!(other.code(), Some(1), "{other:#?}");
    assert!(other.stdout.contains("a server does not promise the same text"), "{}", other.stdout);
    engine.upgrade();
    engine.next(Fault::Status(503, json!({})));
    let port = engine.port();
    drop(engine);
    let away = bot.run(&["replay", "1"]);
    assert_eq!(away.code(), Some(75), "{away:#?}");
    let _forgetful = FakeEngine::start_at(Kind::Sglang, port);
    let cannot = bot.run(&["replay", "1"]);
    assert_eq!(cannot.code(), Some(78), "{cannot:#?}");
    assert!(cannot.stderr.contains("ignores the seed: it cannot write the same text again"), "{}", cannot.stderr);
}

#[test]
fn with_the_model_s_files_prompts_are_ids_and_the_record_has_the_tokens() {
    let bot = TestBot::new();
    let engine = FakeEngine::start(Kind::Vllm).with_tokenizer(&bot.path("tiny"));
    configure(&bot, &engine, "", "files = \"tiny\"");
    let ended = generate(&bot, &[]);
    let asked = engine.new_requests().pop().unwrap();
    assert!(asked["prompt"].as_array().is_some_and(|ids| !ids.is_empty()), "{asked}");
    assert_eq!(asked["stop_token_ids"], json!([0]));
    for one in ended.json() {
        assert!(one["token_ids"].as_array().unwrap().len() > 3, "{one}");
        assert!(one["text"].as_str().unwrap().contains("La "), "{one}");
    }
    let tgi = FakeEngine::start(Kind::Tgi).with_tokenizer(&bot.path("tiny"));
    configure(&bot, &tgi, "", "files = \"tiny\"");
    assert_eq!(generate(&bot, &[]).code(), Some(0));
    assert_eq!(tgi.new_requests().pop().unwrap()["prompt"], "La", "no ids where the server takes none");
    let doctor = bot.run(&["--json", "doctor", "--offline"]).stdout;
    assert!(doctor.contains("it takes no token ids"), "{doctor}");
    let busy = FakeEngine::start(Kind::Vllm).with_tokenizer(&bot.path("tiny"));
    busy.busy_with_ids();
    configure(&bot, &busy, "", "files = \"tiny\"");
    let doctor = bot.run(&["--json", "doctor", "--offline"]).stdout;
    assert!(doctor.contains("generation_server") && !doctor.contains("it takes no token ids"), "{doctor}");
    std::fs::write(bot.path("tiny/verbatim.bin"), "damaged").unwrap();
    let damaged = generate(&bot, &[]);
    assert_eq!(damaged.code(), Some(78), "{damaged:#?}");
    assert!(damaged.stderr.contains("engine.files: ") && damaged.stderr.contains("verbatim.bin"), "{damaged:#?}");
}

#[test]
fn what_a_server_cannot_do_is_refused_before_anything_is_written() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    let unknown = engine.model().replace(MODEL, "another");
    for (arguments, code, expected) in [
        (&["generate", "--strategy", "beam"][..], 2, "beam needs a model on this machine"),
        (&["generate", "--model", &unknown], 78, "has no model \"another\"; it has palabras"),
        (&["generate", "--attribute", "TEMA=x", "--prompt", "La"], 1, "TEMA"),
        (&["generate", "--model", "http://127.0.0.1:1/v1"], 2, "write openai: before it"),
        (&["models", "show", &engine.model()], 78, "is on a server, and its files are not here"),
    ] {
        let ended = bot.run(arguments);
        assert_eq!(ended.code(), Some(code), "{arguments:?}: {ended:#?}");
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
    let written =
        bot.run(&["generate", "--model", &engine.model().replace("#palabras", ""), "--prompt", "La", "-n", "1"]);
    assert_eq!(written.code(), Some(0), "the only model need not be named: {written:#?}");
}

#[test]
#[cfg(feature = "workshop")]
fn training_and_measuring_need_a_model_on_this_machine() {
    let engine = FakeEngine::start(Kind::Vllm);
    let bot = bot_at(&engine, "", "");
    std::fs::write(bot.path("texts.csv"), "text\nHoy llueve en la plaza.\n").unwrap();
    for arguments in [
        &["evaluate", "obedience", "--model", &engine.model()][..],
        &["train", "generator", "--data", "texts.csv", "--base", &engine.model(), "--output", "out"],
    ] {
        let ended = bot.run(arguments);
        assert_ne!(ended.code(), Some(0), "{arguments:?}");
        assert!(ended.stderr.contains("is on a server"), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(engine.requests().len(), 0);
}
