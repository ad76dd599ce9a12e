//! The real binary, started in a temporary folder with an empty environment, as an operator's shell would start it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use pregonero::review::ReviewMode;
use pregonero::review::{self, Submitted};
use pregonero_judging::selection::select;
use pregonero_store::{NewRound, PostId, PostState, SlotId, Store};
use pregonero_system::clock::{Clock as _, SystemClock};
use pregonero_tweet::{
    Candidate, Disclosure, Finish, GateVerdict, Judged, ModelIdentity, Ranking, SeedPrompt, Sentiment, Verdict,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::test_bot::TestBot;
use crate::support::tiny_model;

const TINY: &str = "[generation]\nmodel = \"tiny\"\nmax_new_tokens = 24\ncandidates = 4\n";

/// A folder with a `config.toml` in which the program is started.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Every line of standard output as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:#?}"))).collect()
    }
}

impl Place {
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        Self { folder }
    }

    pub(crate) fn with_tiny_model() -> Self {
        let place = Self::new(TINY);
        tiny_model::write(&place.path("tiny"));
        place
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pregonero"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input ends before all of it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The names of what lies in the folder.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn every_command_explains_itself() {
    let place = Place::new("");
    let commands = [
        "",
        "generate",
        "inspect",
        "review",
        "review list",
        "review show",
        "review approve",
        "review edit",
        "review pick",
        "review reject",
        "history list",
        "history show",
        "config check",
        "config show",
        "models list",
        "models show",
        "models pull",
        "models control",
        "models verbatim",
        "train tokenizer",
        "train classifier",
        "train critic",
        "train generator",
        "evaluate classifier",
        "evaluate comparison",
        "evaluate obedience",
        "dataset enrich",
        "evaluate generator",
        "completions",
        "man",
    ];
    let is_workshops = |command: &str| {
        command == "models verbatim" || ["train ", "evaluate ", "dataset "].iter().any(|name| command.starts_with(name))
    };
    for command in commands.into_iter().filter(|command| cfg!(feature = "workshop") || !is_workshops(command)) {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ran = place.run(&arguments);
        assert!(
            ran.code == 0 && ran.stdout.contains("Usage: pregonero") && ran.stderr.is_empty(),
            "{command}: {ran:#?}"
        );
    }
    assert!(place.run(&["--version"]).stdout.starts_with("pregonero "));
}

#[test]
fn wrong_usage_is_code_two_also_as_json() {
    let place = Place::new("");
    let ran = place.run(&["generat"]);
    assert!(ran.code == 2 && ran.stderr.contains("generate"), "{ran:#?}");
    let ran = place.run(&["--json", "review", "approve", "dos"]);
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert!(ran.code == 2 && error["exit_code"] == 2 && error["error"].as_str().unwrap().contains("dos"), "{ran:#?}");
    let ran = place.run(&["generate", "--top-p", "1.5"]);
    assert!(ran.code == 2 && ran.stderr.contains("--top-p: generation.top_p: expected a number above 0"), "{ran:#?}");
}

#[test]
fn a_fault_of_the_configuration_is_told_with_file_line_and_key_and_nothing_is_written() {
    let cases = [
        ("[generation]\ntopp_k = 5", "config.toml:2: generation.topp_k: unknown key; the nearest known one is"),
        ("[generation]\ntop_k = \"many\"", "config.toml:2: generation.top_k: expected a whole number"),
        ("[schedule]\ncron = [\"0 25 * * *\"]", "config.toml:2: schedule.cron[0]: "),
        ("[gates]\noff = [\"lenght\"]", "config.toml:2: gates.off[0]: there is no gate \"lenght\" (nearest: length)"),
        ("[gates]\nbanned_words_file = \"nowhere.txt\"", "nowhere.txt"),
        ("[generation]\nmodel = \"nowhere\"", "generation.model: nowhere: no such folder"),
        ("[sentiment]\nmodel = \"nowhere\"", "sentiment.model: nowhere: no such folder"),
        ("[generation]\nmodel = \"hub:owner/name\"", "models pull owner/name"),
        ("[publish]\nlive = true", "publish.live is true, but there are no X credentials"),
        (
            "[[seed_prompts]]\ntext = \"Hola @ana\"",
            "seed_prompts.text: the prompt \"Hola @ana\" can lead to no post: gate mentions",
        ),
        ("[[seed_prompts]]\ntext = \"Mira https://example.com \"", "can lead to no post: gate urls"),
        (
            "[[seed_prompts]]\ntext = \"Hola @ana\"\n[[seed_prompts]]\ntext = \"Mira https://example.com \"",
            "“@ana”; the prompt \"Mira https://example.com \" can lead to no post: gate urls",
        ),
        ("[[seed_prompts]]\ntext = \"<|endoftext|>Hoy\"", "can lead to no post: gate broken_text"),
        ("[[seed_prompts]]\ntext = \"Hoy\u{e000} llueve\"", "can lead to no post: gate broken_text"),
        ("[schedule]\ncron = [\"0 23 * * *\"]", "schedule.quiet_hours: every slot of schedule.cron falls into them"),
    ];
    for (config, expected) in cases {
        let place = Place::new(config);
        let ran = place.run(&["config", "check"]);
        assert!(ran.code == 78 && ran.stderr.contains(expected), "{config}: {ran:#?}");
        assert!(ran.stdout.is_empty(), "{config}: {ran:#?}");
        assert_eq!(place.names(), ["config.toml"], "{config}");
    }
    let two = Place::new("[generation]\ntop_k = -1\ntop_p = 7\n").run(&["--json", "generate"]);
    let error: Value = serde_json::from_str(&two.stderr).unwrap();
    assert!(two.code == 78 && error["faults"].as_array().unwrap().len() == 2, "{two:#?}");
    let empty = tempfile::tempdir().unwrap();
    let place = Place { folder: empty };
    let ran = place.run(&["--config", "mine.toml", "config", "show"]);
    assert!(ran.code == 78 && ran.stderr.contains("error: mine.toml: cannot read the configuration"), "{ran:#?}");
}

#[test]
fn a_damaged_model_is_told_with_its_file_and_key() {
    let broken = |damage: &dyn Fn(&Path)| {
        let place = Place::with_tiny_model();
        damage(&place.path("tiny"));
        let ran = place.run(&["generate", "--prompt", "La plaza"]);
        assert!(ran.code == 78 && ran.stdout.is_empty(), "{ran:#?}");
        assert_eq!(place.names(), ["config.toml", "tiny"]);
        ran.stderr
    };
    let truncated = broken(&|model| {
        let file = std::fs::File::options().write(true).open(model.join("model.safetensors")).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    assert!(truncated.contains("generation.model: tiny/model.safetensors: "), "{truncated}");
    let misfit = broken(&|model| {
        let path = model.join("tokenizer.json");
        let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let size = tokenizer["model"]["vocab"].as_object().unwrap().len();
        let mut extra = tokenizer["added_tokens"][0].clone();
        extra["id"] = size.into();
        extra["content"] = "<|extra|>".into();
        tokenizer["added_tokens"].as_array_mut().unwrap().push(extra);
        std::fs::write(&path, tokenizer.to_string()).unwrap();
    });
    assert!(misfit.contains("generation.model: tiny/tokenizer.json: gives ids up to"), "{misfit}");
    let missing = broken(&|model| std::fs::remove_file(model.join("config.json")).unwrap());
    assert!(missing.contains("tiny/config.json"), "{missing}");
}

#[test]
fn a_weight_that_is_no_number_is_named_by_every_command_that_loads_it() {
    let place = Place::with_tiny_model();
    let path = place.path("tiny").join("model.safetensors");
    let mut content = std::fs::read(&path).unwrap();
    let last = content.len() - 4;
    content[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, content).unwrap();
    for command in ["generate", "config check", "doctor --offline", "once", "run"] {
        let ran = place.run(&command.split(' ').collect::<Vec<_>>());
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 78 && told.contains("generation.model: tiny/model.safetensors: "), "{command}: {ran:#?}");
        assert!(
            told.contains(".weight: 1 of ") && told.contains(" values are not finite numbers (the first, at "),
            "{ran:#?}"
        );
    }
}

#[test]
fn a_sound_configuration_is_checked_and_shown_with_its_origins() {
    let place = Place::with_tiny_model();
    let ran = place.run(&["config", "check"]);
    assert!(ran.code == 0 && ran.stdout == "config.toml: sound\n", "{ran:#?}");
    let mut command = place.command(&["--json", "config", "show"]);
    command.env("TWITTER_CONSUMER_KEY", "invented-consumer-key").env("PREGONERO__GENERATION__TOP_K", "9");
    let shown = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(!shown.contains("invented-consumer-key"), "{shown}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let row = |key: &str| shown["settings"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(row("generation.top_k")["origin"], "PREGONERO__GENERATION__TOP_K");
    assert_eq!(row("generation.model")["origin"], "config.toml:2");
    assert_eq!(shown["credentials"][0]["origin"], "TWITTER_CONSUMER_KEY");
    let table = place.run(&["config", "show"]).stdout;
    assert!(
        table.lines().any(|line| line.contains("generation.candidates") && line.contains("config.toml:4")),
        "{table}"
    );
}

#[test]
fn candidates_are_told_in_the_contracts_shape_and_the_seed_decides_them() {
    let place = Place::with_tiny_model();
    let generate = |n: &str| place.run(&["--json", "generate", "--prompt", "La plaza", "-n", n, "--rng-seed", "7"]);
    let four = generate("4");
    let lines = four.json();
    assert_eq!(lines.len(), 4);
    assert_eq!(four.stdout, generate("4").stdout, "the same seed gives the same lines");
    let eight = generate("8").stdout;
    assert!(eight.starts_with(&four.stdout) && eight.lines().count() == 8, "{eight}");
    for line in &lines {
        assert_eq!(line["prompt"], "La plaza");
        assert!(line["text"].as_str().unwrap().starts_with("🤖 IA: "), "{line}");
        assert!(line["token_ids"].as_array().unwrap().iter().all(Value::is_u64), "{line}");
        assert!(line["weighted_length"].as_u64().unwrap() <= 280, "{line}");
        assert!(line["sentiment"]["label"].is_string() && line["sentiment"]["score"].is_f64(), "{line}");
        let gates = line["gates"].as_array().unwrap();
        assert!(gates.iter().all(|gate| gate["gate"].is_string() && gate["reason"].is_string()), "{line}");
        let accepted = gates.iter().all(|gate| gate["verdict"] == "pass");
        assert_eq!(line["accepted"], accepted, "{line}");
    }
    assert_ne!(lines[0]["rng_seed"], lines[1]["rng_seed"]);
    assert_eq!(place.names(), ["config.toml", "tiny"], "nothing is recorded");
    let text = place.run(&["generate", "--prompt", "La plaza", "-n", "2", "--rng-seed", "7"]).stdout;
    assert!(text.contains(lines[0]["text"].as_str().unwrap()), "{text}");
}

#[test]
fn another_model_is_tried_without_touching_the_configuration() {
    let place = Place::new(
        "[generation]\ncandidates = 2\nmax_new_tokens = 12\n\
         [[seed_prompts]]\ntext = \"La plaza\"\nattributes = { SENTIMIENTO = \"POSITIVE\" }\n",
    );
    tiny_model::write(&place.path("tiny"));
    let ran = place.run(&["--json", "generate", "--model", "tiny", "--rng-seed", "3"]);
    assert!(ran.stderr.contains("tiny cannot write from SENTIMIENTO: left out"), "{ran:#?}");
    let lines = ran.json();
    assert!(lines.iter().all(|line| line["prompt"] == "La plaza" && line["attributes"].get("SENTIMIENTO").is_none()));
    let ran = place.run(&["generate", "--model", "tiny", "--attribute", "SENTIMIENTO=POSITIVE"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("attribute \"SENTIMIENTO\" is given"),
        "what was typed stays: {ran:#?}"
    );
    place.run(&["once", "--model", "tiny"]);
    let record = place.run(&["--json", "history", "show", "1"]).json().remove(0);
    assert!(record.to_string().contains("\"tiny\""), "{record}");
    let examined = place.run(&["doctor", "--offline", "--model", "tiny"]);
    assert!(examined.stdout.contains("tiny works on cpu"), "{examined:#?}");
    let seen = place.run(&["--json", "inspect", "--model", "tiny", "La plaza canta."]).json().remove(0);
    assert_eq!(seen["text"], "La plaza canta.");
    for command in ["generate", "once", "doctor", "inspect Hola"] {
        let arguments: Vec<&str> = command.split(' ').chain(["--model", "nowhere"]).collect();
        let ran = place.run(&arguments);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 78 && told.contains("generation.model: nowhere: no such folder"), "{ran:#?}");
        let ran = place.run(&command.split(' ').chain(["--model", "hub:owner"]).collect::<Vec<_>>());
        assert!(ran.code == 2 && ran.stderr.contains("--model: generation.model: expected hub:OWNER/NAME"), "{ran:#?}");
    }
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    assert!(!config.contains("tiny"), "{config}");
}

#[test]
fn a_prompt_loses_what_nobody_sees_and_the_check_says_so() {
    let place = Place::with_tiny_model();
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    let typed = "\u{feff}Man\u{303}ana\u{200b}";
    std::fs::write(place.path("config.toml"), format!("{config}[[seed_prompts]]\ntext = \"{typed}\"\n")).unwrap();
    let checked = place.run(&["config", "check"]);
    let expected = "config.toml:6: seed_prompts[0].text: \"\\u{feff}Man\\u{303}ana\\u{200b}\" is read as \"Mañana\"";
    assert!(checked.code == 0 && checked.stderr.contains(expected), "{checked:#?}");
    let generate = |prompt: &[&str]| {
        let fixed = ["--json", "generate", "-n", "2", "--rng-seed", "5"];
        place.run(&[&fixed[..], prompt].concat()).json()
    };
    let plain = generate(&["--prompt", "Mañana"]);
    assert_eq!(plain[0]["prompt"], "Mañana");
    assert_eq!(generate(&["--prompt", typed]), plain);
    assert_eq!(generate(&[]), plain);
}

#[test]
fn raw_is_the_continuation_alone() {
    let place = Place::with_tiny_model();
    let run = |raw: &[&str]| {
        let base = ["--json", "generate", "--prompt", "La plaza", "-n", "1", "--strategy", "greedy"];
        place.run(&[&base[..], raw].concat()).json().remove(0)
    };
    let (whole, raw) = (run(&[]), run(&["--raw"]));
    let continuation = raw["text"].as_str().unwrap();
    assert!(continuation.starts_with(' ') && !continuation.contains('🤖'), "{raw}");
    let (all, new) = (whole["token_ids"].as_array().unwrap(), raw["token_ids"].as_array().unwrap());
    assert!(new.len() < all.len() && all.ends_with(new), "{all:?} {new:?}");
}

#[test]
fn odd_prompts_are_written_from_or_refused_in_words() {
    let place = Place::with_tiny_model();
    let long = "La plaza del pueblo ".repeat(50);
    let ran = place.run(&["generate", "--prompt", &long]);
    assert!(
        ran.code == 1 && ran.stderr.contains(&format!("the model reads at most {}", tiny_model::CONTEXT)),
        "{ran:#?}"
    );
    for prompt in ["", "🎉 ¡Qué día! 👨‍👩‍👧", "   "] {
        let lines = place.run(&["--json", "generate", "--prompt", prompt, "-n", "2", "--rng-seed", "3"]).json();
        assert_eq!(lines.len(), 2, "{prompt:?}");
        let begins = format!("🤖 IA: {}", prompt.trim());
        assert!(lines.iter().all(|line| line["text"].as_str().unwrap().starts_with(&begins)), "{lines:?}");
    }
    let ran = place.run(&["generate", "--prompt", "Hoy", "--attribute", "TONO=ALEGRE"]);
    assert!(ran.code == 1 && ran.stderr.contains("\"TONO\""), "{ran:#?}");
    let drawn = place.run(&["--json", "generate", "-n", "1", "--rng-seed", "5"]).json();
    let prompts = ["Me parece", "En el día de hoy, ", "El covid", "La vacuna", "En Colombia"];
    let others = ["Cuando", "Gracias a", "Para cuidar", "Quien", "Si", "Las vacunas"];
    assert!(prompts.iter().chain(&others).any(|prompt| drawn[0]["prompt"] == *prompt), "{drawn:?}");
}

#[test]
fn a_text_is_inspected_with_its_entities_and_every_gate() {
    let place = Place::new("[gates]\noff = [\"language\"]\n");
    let text = "Hola @ana, mira ejemplo.co y #Feria $ACME hoy.";
    let seen = place.run(&["--json", "inspect", text]).json().remove(0);
    assert_eq!(seen["text"], text);
    assert_eq!(seen["weighted_length"], 59);
    assert_eq!(seen["valid"], true);
    for (kind, found) in [("urls", "ejemplo.co"), ("mentions", "@ana"), ("hashtags", "#Feria"), ("cashtags", "$ACME")] {
        assert_eq!(seen[kind], serde_json::json!([found]), "{seen}");
    }
    assert!(!seen["cleaned"].as_str().unwrap().contains("ana"), "{seen}");
    let verdict = |name: &str| {
        seen["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == name).map(|gate| gate["verdict"].clone())
    };
    assert_eq!(verdict("mentions").unwrap(), "reject");
    assert_eq!(verdict("length").unwrap(), "pass");
    assert_eq!(verdict("language"), None, "it is switched off");
    assert!(verdict("sentiment").is_some());

    let lines = "{\"text\": \"El mercado abre temprano.\"}\n\n{\"text\": \"\", \"id\": 4}\n";
    assert_eq!(place.run_with_input(&["--json", "inspect", "-"], lines).json().len(), 2);
    let of_x = r#"{"id": "1445000000000000001", "text": "Pan &amp; vino.", "author_id": "11"}"#;
    assert_eq!(place.run_with_input(&["--json", "inspect", "-"], of_x).json()[0]["text"], "Pan & vino.");
    let ran = place.run_with_input(&["--json", "inspect", "-"], "{\"text\": \"Hola.\"}\nno\n");
    assert!(ran.code == 1 && ran.stdout.lines().count() == 1, "{ran:#?}");
    assert!(ran.stderr.contains("standard input:2: expected a JSON object"), "{ran:#?}");
}

#[test]
fn a_place_where_nothing_happened_says_what_to_do() {
    let place = Place::new("");
    for command in [&["history", "list"][..], &["review", "list"], &["review", "approve", "1", "--by", "ana"]] {
        let ran = place.run(command);
        assert!(ran.code == 1 && ran.stderr.contains("no database yet: run `pregonero once`"), "{ran:#?}");
    }
    assert_eq!(place.names(), ["config.toml"]);
}

/// A post that waits for a person, put on record through the library.
async fn hold(store: &Store, text: &str, now: Timestamp) -> PostId {
    let identity = || ModelIdentity { name: "builtin".to_owned(), sha256: "aa".repeat(32) };
    let round = NewRound {
        slot: SlotId::Manual(now),
        seed_prompt: SeedPrompt { text: "Hoy".to_owned(), weight: 1, attributes: [].into() },
        rng_seed: 7,
        generation: serde_json::json!({}),
        generator: identity(),
        classifier: identity(),
        device: "cpu".to_owned(),
        program_version: "0.1.0".to_owned(),
        settings: serde_json::json!({}),
        config_sha256: "cc".repeat(32),
    };
    let round = store.begin_round(&round, now).await.unwrap();
    let judged = [Judged {
        candidate: Candidate {
            text: text.to_owned(),
            continuation: text.to_owned(),
            token_ids: vec![1, 2],
            prompt_tokens: 1,
            rng_seed: 11,
            finish: Finish::EndOfText,
            likelihood: None,
        },
        text: text.to_owned(),
        weighted_length: text.chars().count(),
        sentiment: Sentiment { label: "positive".to_owned(), score: 0.9, probabilities: [].into() },
        score: 0.9,
        ranking: Ranking::default(),
        gates: vec![GateVerdict::new("claims", Verdict::Review, "it names a figure")],
    }];
    store.record_candidates(round, &judged, Some(0), now).await.unwrap();
    let chosen = select(&judged, true).unwrap();
    let terms = review::Terms {
        mode: ReviewMode::Flagged,
        expires_after: std::time::Duration::from_secs(48 * 3600),
        stale_after: std::time::Duration::from_secs(12 * 3600),
        live: true,
        account: "uisbot".to_owned(),
        require: review::Requirement::FactCheck,
        keep_disclosure: review::KeepDisclosure::Always,
        disclosure: Disclosure::default(),
        near_duplicate: 0.6,
        near_duplicate_days: 90,
    };
    match review::submit(store, round, &chosen, &terms, now).await.unwrap() {
        Submitted::Held(post) => post,
        Submitted::Approved(_) | Submitted::TooAlike { .. } => panic!("a claim is held"),
    }
}

#[tokio::test]
async fn held_posts_are_settled_from_the_command_line_and_stand_in_the_history() {
    let place = Place::new("[store]\npath = \"record.db\"\n");
    let store = Store::open(&place.path("record.db")).await.unwrap();
    let now = SystemClock.now();
    let first = hold(&store, "Hoy llegan 300 libros a la escuela.", now).await;
    let second = hold(&store, "Hoy abren 12 panaderías.", now).await;

    let listed = place.run(&["--json", "review", "list"]).json();
    assert_eq!(listed.iter().map(|post| post["id"].as_i64().unwrap()).collect::<Vec<_>>(), [first.get(), second.get()]);
    let shown = place.run(&["review", "show", &first.to_string()]).stdout;
    assert!(shown.contains("claims (review): it names a figure"), "{shown}");

    let refused = place.run(&["review", "approve", &first.to_string(), "--by", "berta"]);
    assert!(refused.code == 1 && refused.stderr.contains("--facts-checked"), "{refused:#?}");
    let mut command = place.command(&["--json", "review", "approve", &first.to_string(), "--facts-checked"]);
    assert!(command.env("USER", "berta").output().unwrap().status.success());
    let rejected = place.run(&["review", "reject", &second.to_string(), "--by", "ana", "--reason", "old figure"]);
    assert_eq!(rejected.code, 0, "{rejected:#?}");
    let (one, two) = (store.post(first).await.unwrap(), store.post(second).await.unwrap());
    assert_eq!((one.state, one.decided_by.as_deref()), (PostState::Approved, Some("berta")));
    assert_eq!((two.state, two.decision_reason.as_deref()), (PostState::Rejected, Some("old figure")));
    let again = place.run(&["review", "approve", &second.to_string(), "--by", "ana"]);
    assert!(again.code == 1 && again.stderr.contains("is `rejected`: there is nothing to decide"), "{again:#?}");

    let history = place.run(&["--json", "history", "list"]).json();
    assert_eq!((&history[0]["state"], &history[1]["state"]), (&"rejected".into(), &"approved".into()));
    assert_eq!(place.run(&["--json", "history", "list", "--limit", "1"]).json().len(), 1);
    let record = place.run(&["--json", "history", "show", "1"]).json().remove(0);
    assert_eq!(record["candidates"][0]["gates"][0]["gate"], "claims");
    let shown = place.run(&["history", "show", "1"]).stdout;
    assert!(shown.contains("Hoy llegan 300 libros a la escuela.") && shown.contains("berta"), "{shown}");
    let unknown = place.run(&["history", "show", "99"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("there is no round or post with this number"), "{unknown:#?}");
}

#[test]
fn the_built_in_models_are_listed_and_shown() {
    let place = Place::new("");
    let listed = place.run(&["--json", "models", "list"]).json();
    let kinds: Vec<&str> = listed.iter().map(|model| model["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["generator", "classifier", "classifier", "critic"]);
    let shown = place.run(&["--json", "models", "show", "builtin", "--kind", "classifier"]).json().remove(0);
    assert_eq!(shown["sha256"].as_str().unwrap().len(), 64);
    let ran = place.run(&["models", "pull", "no-owner"]);
    assert!(ran.code == 2 && ran.stderr.contains("expected OWNER/NAME"), "{ran:#?}");
    let mut offline = place.command(&["models", "pull", "owner/name"]);
    let output = offline.env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("HF_HUB_OFFLINE is set"));
}

#[test]
fn the_shell_gets_completions_and_manual_pages() {
    let place = Place::new("");
    for shell in ["bash", "zsh", "fish"] {
        let ran = place.run(&["completions", shell]);
        assert!(ran.code == 0 && ran.stdout.contains("generate") && ran.stdout.contains("history"), "{shell}");
    }
    assert!(place.run(&["man"]).stdout.contains(".TH pregonero"));
    assert_eq!(place.run(&["man", "--output", "pages"]).code, 0);
    for page in ["pregonero.1", "pregonero-generate.1", "pregonero-review-approve.1"] {
        assert!(place.path("pages").join(page).metadata().unwrap().len() > 200, "{page}");
    }
}

#[test]
fn manual_pages_replace_their_own_and_no_other_file() {
    let place = Place::new("");
    let write = || place.run(&["man", "--output", "pages"]);
    assert_eq!(write().code, 0);
    assert_eq!(write().code, 0, "its own pages are replaced");
    let pages = || std::fs::read_dir(place.path("pages")).unwrap().count();
    let all = pages();
    let page = |name: &str| std::fs::read_to_string(place.path("pages").join(name)).unwrap();
    assert!(page("pregonero-db-backup.1").contains("replaces an earlier backup, but no other file"));

    // One that a person wrote, beside one that is missing: nothing is written.
    std::fs::write(place.path("pages/pregonero-run.1"), "a person's own").unwrap();
    std::fs::remove_file(place.path("pages/pregonero-alerts.1")).unwrap();
    let ran = write();
    assert!(ran.code == 1 && ran.stderr.contains("pages/pregonero-run.1: exists already"), "{ran:#?}");
    assert_eq!((page("pregonero-run.1").as_str(), pages()), ("a person's own", all - 1));
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::new("");
    let mut child =
        place.command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn on_a_terminal_init_asks_again_until_an_answer_can_be_used() {
    let bot = TestBot::new();
    let typed = "a b\nmi_bot\nana\nMars/Olympus\nAmerica/Bogota\n";
    let asked = bot.on_a_terminal(&["--config", "new.toml", "init"], typed);
    assert_eq!(asked.code(), Some(0), "{asked:#?}");
    assert_eq!(asked.stdout.matches("; try again").count(), 2, "{asked:#?}");
    let written = std::fs::read_to_string(bot.path("new.toml")).unwrap();
    for line in ["handle = \"mi_bot\"", "operator = \"ana\"", "timezone = \"America/Bogota\""] {
        assert!(written.contains(line), "{line}\n{written}");
    }
    let silent = bot.run(&["--config", "silent.toml", "init", "--handle", "mi_bot"]);
    assert_eq!(silent.code(), Some(0), "{silent:#?}");
    let note =
        "these keys have the values of an example: account.operator, schedule.timezone; change them in silent.toml";
    assert!(silent.stderr.contains(note), "{silent:#?}");
}

#[test]
fn on_a_terminal_inspect_says_what_it_reads() {
    let bot = TestBot::new();
    let read = bot.on_a_terminal(&["inspect", "-"], "{\"text\": \"El mercado abre temprano.\"}\n");
    assert_eq!(read.code(), Some(0), "{read:#?}");
    assert!(read.stdout.contains("reading JSON lines") && read.stdout.contains("sentiment"), "{read:#?}");
}

#[test]
fn a_prompt_that_ends_in_a_hashtag_is_warned_about() {
    let bot = TestBot::new();
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    let prompts = "[[seed_prompts]]\ntext = \"Hoy en la #feria\"\n[[seed_prompts]]\ntext = \"La #feria abre \"\n";
    bot.configure(&format!("{config}{prompts}"));
    let checked = bot.run(&["config", "check"]);
    let expected = "seed_prompts[0].text: it ends in a hashtag, \"#feria\", which the model may make longer";
    assert!(checked.stderr.contains(expected) && !checked.stderr.contains("seed_prompts[1]"), "{checked:#?}");
}

#[test]
fn help_is_never_wider_than_the_terminal_and_has_no_torn_paragraphs() {
    let bot = TestBot::new();
    for command in
        [&["history", "erase", "--help"][..], &["audit", "verify", "--help"], &["evaluate", "voice", "--help"]]
    {
        let mut plain = bot.command(command);
        plain.env("COLUMNS", "80");
        let shown = bot.start_command(plain).wait();
        let lines: Vec<&str> = shown.stdout.lines().collect();
        let prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
        for pair in lines.windows(2).filter(|pair| prose(pair[0]) && prose(pair[1])) {
            let next = pair[1].split(' ').next().unwrap();
            let would_fit = pair[0].chars().count() + 1 + next.chars().count() <= 80;
            assert!(!would_fit, "torn: {pair:?}");
        }
        for line in &lines {
            assert!(line.chars().count() <= 80, "too wide: {line:?}");
        }
    }
}

#[test]
fn what_nobody_sees_in_a_text_reaches_no_terminal() {
    let place = Place::with_tiny_model();
    let ran = place.run(&["inspect", "Hola\u{202e} #Plaza \u{1b}[2Jmundo"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.contains("text        Hola\\u{202e} #Plaza \\u{1b}[2Jmundo"), "{ran:#?}");
    let ran = place.run(&["generate", "--prompt", "Hoy\u{202e}\u{1b}]0;x\u{7}", "-n", "2"]);
    assert!(ran.stdout.contains("Hoy"), "{ran:#?}");
    for shown in [&ran.stdout, &ran.stderr] {
        assert!(!shown.contains(['\u{202e}', '\u{1b}', '\u{7}']), "{ran:#?}");
    }
    #[cfg(feature = "workshop")]
    {
        std::fs::write(place.path("a.csv"), "te\u{202e}xt,id\nuno\u{2066} dos,1\n").unwrap();
        let ran = place.run(&["dataset", "import", "--dry-run", "a.csv"]);
        assert!(
            ran.code == 0 && !format!("{}{}", ran.stdout, ran.stderr).contains(['\u{202e}', '\u{2066}']),
            "{ran:#?}"
        );
    }
}
