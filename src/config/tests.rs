//! Tests of whole configurations, from text to settings or faults.

use std::time::Duration;

use super::*;
use pregonero_models::catalog::ModelSource;
use pregonero_models::generation::Decoding;
use pregonero_models::generation::DeviceChoice;

/// The repository's own configuration file.
const OWN_FILE: &str = include_str!("../../config.toml");

struct Case {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    overrides: Vec<Override>,
}

impl Case {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        Self { folder, variables: Vec::new(), overrides: Vec::new() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, flag: &str, key: &str, value: &str) -> Self {
        self.overrides.push(Override { flag: flag.into(), key: key.into(), value: value.into() });
        self
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        load(LoadRequest {
            explicit_file: Some(self.folder.path().join("config.toml")),
            environment: self.variables.clone(),
            overrides: self.overrides.clone(),
        })
    }

    /// Returns every fault, without the folder in the path: `config.toml:2: generation.top_k: …`.
    fn faults(&self) -> Vec<String> {
        let prefix = format!("{}/", self.folder.path().display());
        self.load().unwrap_err().to_string().lines().map(|line| line.replace(&prefix, "")).collect()
    }
}

fn the_fault_of(text: &str) -> String {
    let faults = Case::new(text).faults();
    assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    faults.into_iter().next().unwrap()
}

#[test]
fn the_repositorys_file_says_what_the_code_defaults_to() {
    let own = Case::new(OWN_FILE).load().unwrap();
    let none = Case::new("").load().unwrap();
    let values =
        |loaded: &Loaded| loaded.show().iter().map(|row| (row.key.clone(), row.value.clone())).collect::<Vec<_>>();
    // A prompt in the file has only the fields that are written; a default prompt has all fields.
    let without_prompts = |loaded: &Loaded| {
        values(loaded).into_iter().filter(|(key, _)| !key.starts_with("seed_prompts")).collect::<Vec<_>>()
    };
    assert_eq!(without_prompts(&own), without_prompts(&none));
    assert_eq!(own.settings.seed_prompts, none.settings.seed_prompts);
    assert!(own.settings.seed_prompts.iter().any(|prompt| prompt.attributes.contains_key("TEMA")));
    // Another model may not know the attributes that the built-in generator knows.
    let other = Case::new("[generation]\nmodel = \"mine\"").load().unwrap().settings.seed_prompts;
    assert!(other.iter().all(|prompt| prompt.attributes.is_empty()), "{other:?}");
    assert_eq!(own.warnings, none.warnings);
    // Both are absent by default.
    let absent = ["generation.rng_seed", "sentiment.min_score"];
    for row in own.show().iter().filter(|row| !absent.contains(&row.key.as_str())) {
        assert!(row.origin.contains("config.toml:"), "{row:?}");
    }
    assert!(none.show().iter().all(|row| row.origin == "default"));
}

#[test]
fn the_repositorys_file_names_every_key_in_its_order() {
    let mut section = String::new();
    let mut named = Vec::new();
    for line in OWN_FILE.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']).to_owned();
        } else if let Some((name, _)) = line.split_once(" = ")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            named.push(format!("{section}.{name}"));
        }
    }
    let prompt_keys = ["seed_prompts.text", "seed_prompts.weight", "seed_prompts.attributes"];
    for key in prompt_keys {
        assert!(named.iter().any(|name| name == key), "{key}");
    }
    named.retain(|name| !name.starts_with("seed_prompts."));
    let known: Vec<String> =
        keys::all().into_iter().map(|key| key.path).filter(|path| path != "seed_prompts").collect();
    assert_eq!(named, known);
}

#[test]
fn the_defaults_are_those_of_the_design() {
    let settings = Case::new("").load().unwrap().settings;
    assert_eq!((settings.account.handle.as_str(), settings.account.operator.as_str()), ("uisbot", "someone"));
    assert_eq!(settings.schedule.cron[0].to_string(), "0 9,13,18 * * *");
    assert_eq!(settings.schedule.timezone.iana_name(), Some("America/Bogota"));
    assert_eq!(
        (settings.schedule.jitter, settings.schedule.grace),
        (Duration::from_secs(600), Duration::from_secs(300))
    );
    assert_eq!(settings.publish.stale_after, crate::publish::DEFAULT_STALE_AFTER);
    let prompts = settings.seed_prompts.iter();
    let prompts: Vec<_> =
        prompts.map(|prompt| (prompt.text.as_str(), prompt.attributes.get("TEMA").map(String::as_str))).collect();
    let themes = [
        ("Me parece", "mayores"),
        ("En el día de hoy, ", "refuerzo"),
        ("El covid", "prevencion"),
        ("La vacuna", "personal de salud"),
        ("En Colombia", "infancia"),
    ];
    let themed = themes.into_iter().flat_map(|(text, theme)| [(text, None), (text, Some(theme))]);
    let others = ["Cuando", "Gracias a", "Para cuidar", "Quien", "Si", "Las vacunas"].map(|text| (text, None));
    let expected: Vec<_> = themed.chain(others).collect();
    assert_eq!(prompts, expected);
    assert_eq!(
        (settings.generation.candidates, settings.generation.decoding.top_k, settings.generation.rng_seed),
        (96, 50, None)
    );
    assert_eq!(settings.gates.banned_words_file, None);
    assert_eq!(settings.review.expires_after, Duration::from_secs(48 * 3600));
    assert!(!settings.publish.live);
    assert_eq!(settings.publish.base_url.as_str(), "https://api.x.com/");
    assert_eq!(settings.admin.listen, Some("127.0.0.1:8787".parse().unwrap()));
}

#[test]
fn the_built_in_critic_belongs_to_the_built_in_generator() {
    let load = |text: &str| Case::new(text).load().unwrap();
    let critic = |text: &str| load(text).settings.critic().map(ToString::to_string);
    assert_eq!(critic("").as_deref(), Some("builtin"));
    assert_eq!(critic("[generation]\nmodel = \"builtin:es\"").as_deref(), Some("builtin"));
    assert_eq!(critic("[generation]\nmodel = \"mine\""), None);
    assert_eq!(critic("[generation]\nmodel = \"hub:a/b\"\n[selection]\ncritic = \"builtin:es\""), None);
    assert_eq!(critic("[selection]\ncritic = \"none\""), None);
    let own = "[generation]\nmodel = \"mine\"\n[selection]\ncritic = \"hub:a/critic\"";
    assert_eq!(critic(own).as_deref(), Some("hub:a/critic"));

    // Without a critic, the likelihood alone says how a text reads, so there is nothing to warn about.
    let warnings = load("[generation]\nmodel = \"mine\"").warnings;
    assert!(!warnings.iter().any(|warning| warning.contains("critic")), "{warnings:?}");

    for (text, expected) in [
        ("[selection]\nrank = \"reading\"", "selection.rank: expected both | critic | sentiment"),
        ("[selection]\ncritic = \"\"", "selection.critic: expected builtin"),
        ("[selection]\ncritic = \"builtin:x\"", "selection.critic: there is no built-in critic \"x\""),
        ("[selection]\nfresh_openings = 10001", "selection.fresh_openings: expected a whole number"),
        ("[selection]\nranks = \"both\"", "selection.rank"),
    ] {
        let fault = the_fault_of(text);
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let case = Case::new("[generation]\ncandidates = 4\ntop_k = 5\ntop_p = 0.5\n")
        .variable("PREGONERO__GENERATION__TOP_K", "6")
        .variable("PREGONERO__GENERATION__TOP_P", "0.6")
        .variable("HOME", "/nowhere")
        .variable("PREGONERO_LOG", "not ours: one underscore")
        .flag("--top-p", "generation.top_p", "0.7");
    let loaded = case.load().unwrap();
    let generation = &loaded.settings.generation;
    let Decoding { top_k, top_p, max_new_tokens, .. } = generation.decoding;
    assert_eq!((generation.candidates, top_k, top_p, max_new_tokens), (4, 6, 0.7, 64));
    let origin = |key: &str| loaded.show().iter().find(|row| row.key == key).unwrap().origin.clone();
    assert!(origin("generation.candidates").ends_with("config.toml:2"));
    assert_eq!(origin("generation.top_k"), "PREGONERO__GENERATION__TOP_K");
    assert_eq!(origin("generation.top_p"), "--top-p");
    assert_eq!(origin("generation.max_new_tokens"), "default");
    let shown = loaded.show_json();
    assert_eq!(shown["settings"][0], json!({ "key": "account.handle", "value": "uisbot", "origin": "default" }));
}

#[test]
fn variables_and_flags_set_every_kind_of_value() {
    let loaded = Case::new("")
        .variable("PREGONERO__PUBLISH__LIVE", "true")
        .variable("PREGONERO__SCHEDULE__CRON", "0 9,13 * * *; 30 20 * * FRI")
        .variable("PREGONERO__SCHEDULE__QUIET_HOURS", "[]")
        .variable("PREGONERO__SEED_PROMPTS", r#"[{ text = "Hoy, ", weight = 3, attributes = { TEMA = "Lluvia" } }]"#)
        .variable("PREGONERO__ACCOUNT__HANDLE", "123")
        .flag("--rng-seed", "generation.rng_seed", "18446744073709551615")
        .load()
        .unwrap();
    let settings = loaded.settings;
    assert!(settings.publish.live);
    assert_eq!(
        settings.schedule.cron.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["0 9,13 * * *", "30 20 * * FRI"]
    );
    assert!(settings.schedule.quiet_hours.is_empty());
    assert_eq!((settings.seed_prompts.len(), settings.seed_prompts[0].weight), (1, 3));
    // The names of attributes belong to the model, so their case is kept.
    assert_eq!(settings.seed_prompts[0].attributes["TEMA"], "Lluvia");
    assert_eq!(settings.account.handle, "123");
    assert_eq!(settings.generation.rng_seed, Some(u64::MAX));
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
}

#[test]
fn a_page_behind_a_proxy_that_is_not_named_is_warned_of() {
    let warned = |text: &str| {
        let warnings = Case::new(text).load().unwrap().warnings;
        warnings.iter().any(|warning| warning.contains("admin.trusted_proxies"))
    };
    assert!(!warned(""));
    assert!(warned("[admin]\npublic_url = \"https://bot.example.org\"\n"));
    assert!(!warned("[admin]\npublic_url = \"https://bot.example.org\"\ntrusted_proxies = [\"127.0.0.1\"]\n"));
}

#[test]
fn the_files_seed_prompts_replace_the_list() {
    let text = "[[seed_prompts]]\ntext = \"Hoy\"\nweight = 2\nattributes = { SENTIMIENTO = \"POSITIVE\" }\n[[seed_prompts]]\ntext = \"\"\n";
    let loaded = Case::new(text).load().unwrap();
    let prompts = loaded.settings.seed_prompts;
    assert_eq!(prompts.len(), 2);
    assert_eq!(
        (prompts[0].text.as_str(), prompts[0].weight, prompts[0].attributes["SENTIMIENTO"].as_str()),
        ("Hoy", 2, "POSITIVE")
    );
    assert_eq!((prompts[1].text.as_str(), prompts[1].weight), ("", 1));
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let text = "\
[generation]
candidates = \"many\"
temprature = 1
top_p = 0.0

[schedule]
cron = [
  \"0 9 * * *\",
  \"0 99 * * *\",
]
timezone = \"America/Bogata\"

[[seed_prompts]]
text = \"Hoy\"
weight = 1000001

[pubish]
live = true
";
    let faults = Case::new(text)
        .variable("PREGONERO__GENERATION__TOP_KK", "5")
        .variable("PREGONERO__BUDGET__POSTS_PER_DAY", "a few")
        .flag("--temperature", "generation.temperature", "0")
        .faults();
    let mut expected = vec![
        "config.toml:2: generation.candidates: expected a whole number, found \"many\"",
        "config.toml:3: generation.temprature: unknown key; the nearest known one is generation.temperature",
        "config.toml:17: pubish: unknown section; the nearest known one is [publish]",
        "PREGONERO__BUDGET__POSTS_PER_DAY: budget.posts_per_day: expected a whole number, found \"a few\"",
        "PREGONERO__GENERATION__TOP_KK: generation.top_kk: unknown key; the nearest known one is generation.top_k",
        "config.toml:9: schedule.cron[1]: cron expression \"0 99 * * *\": hour \"99\"; allowed: 0-23, lists, ranges, steps like */6",
        "config.toml:11: schedule.timezone: unknown time zone \"America/Bogata\"; the nearest known one is America/Bogota",
        "config.toml:15: seed_prompts[0].weight: expected a whole number from 0 to 1000000, found 1000001",
        "--temperature: generation.temperature: expected a number above 0, at most 100, found 0",
        "config.toml:4: generation.top_p: expected a number above 0, at most 1, found 0",
    ];
    let mut found: Vec<&str> = faults.iter().map(String::as_str).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn every_key_refuses_what_does_not_fit() {
    let table = [
        ("account", "handle = \"a b\"", "expected a handle of 1 to 15 letters"),
        ("account", "operator = \"@\"", "expected a handle"),
        ("account", "disclosure = \"a\\nb\"", "control character"),
        ("account", "disclosure_position = \"middle\"", "start"),
        ("review", "require = \"nothing\"", "fact_check"),
        ("review", "disclosure = \"never\"", "unless_checked"),
        ("alerts", "format = \"slack\"", "ntfy"),
        ("schedule", "cron = []", "at least one cron expression"),
        ("schedule", "cron = \"0 9 * * *\"", "expected a list of texts"),
        ("schedule", "cron = [\"0 9 31 2 *\"]", "never due"),
        ("schedule", "jitter = \"10\"", "expected a duration such as \"90s\""),
        ("schedule", "jitter = \"2d\"", "from 0s to 1d, found \"2d\""),
        ("schedule", "grace = 5", "expected a text in quotes, found 5"),
        ("schedule", "misfire = \"one\"", "expected skip | once, found \"one\" (nearest: once)"),
        ("schedule", "quiet_hours = [\"22-7\"]", "such as \"22:00-07:00\", found \"22-7\""),
        ("schedule", "quiet_hours = [\"22:00-25:00\"]", "such as \"22:00-07:00\""),
        ("schedule", "quiet_hours = [\"07:00-07:00\"]", "whose end differs"),
        ("schedule", "quiet_hours = [\"00:00-13:00\", \"12:00-24:00\"]", "cover the whole day"),
        ("generation", "model = \"hub:only\"", "expected hub:OWNER/NAME, found \"hub:only\""),
        ("generation", "model = \"hub:../..\"", "expected hub:OWNER/NAME"),
        ("generation", "model = \"\"", "expected builtin, builtin:NAME, a folder, hub:OWNER/NAME or openai:URL#MODEL"),
        ("generation", "device = \"gpu\"", "expected auto | cpu | cuda | cuda:1, found \"gpu\""),
        ("generation", "device = \"cuda:-1\"", "expected auto | cpu"),
        ("generation", "candidates = 0", "from 1 to 256, found 0"),
        ("generation", "candidates = -3", "expected a whole number, 0 or more, found -3"),
        ("generation", "candidates = 2.5", "expected a whole number, found 2.5"),
        ("generation", "strategy = \"smaple\"", "(nearest: sample)"),
        ("generation", "temperature = nan", "above 0"),
        ("generation", "top_p = 1.01", "above 0, at most 1, found 1.01"),
        ("generation", "min_p = 1.5", "from 0 (off) to 1, found 1.5"),
        ("generation", "typical_p = 0.0", "above 0, at most 1, found 0"),
        ("generation", "repetition_penalty = 0.9", "from 1 (off) to 100"),
        ("generation", "max_new_tokens = 0", "from 1 to 4096"),
        ("generation", "rng_seed = \"x\"", "expected a whole number, found \"x\""),
        ("sentiment", "min_score = 60", "from 0 to 1, found 60"),
        ("sentiment", "target = \"\"", "expected a label of the model"),
        ("sentiment", "model = \"builtin:klingon\"", "there are builtin:vacunas-es, builtin:general-es"),
        ("generation", "model = \"builtin:vacunas-es\"", "there are builtin:es"),
        ("gates", "mentions = true", "expected a text in quotes, found true"),
        ("gates", "near_duplicate = -0.1", "from 0 (off) to 1"),
        ("gates", "own_texts = 1.5", "from 0 (off) to 1"),
        ("gates", "experience = \"strip\"", "expected allow | review | reject"),
        (
            "gates",
            "allowed_hashtags = [\"dos palabras\"]",
            "expected a hashtag such as \"YoMeVacuno\", found \"dos palabras\"",
        ),
        ("gates", "forbidden_hashtags = [\"#\"]", "expected a hashtag such as"),
        ("gates", "claims = \"strip\"", "expected allow | review | reject"),
        ("gates", "off = [\"langauge\"]", "there is no gate \"langauge\" (nearest: language)"),
        ("review", "expires_after = \"0s\"", "from 1m to 365d"),
        ("publish", "live = \"yes\"", "expected true or false, found \"yes\""),
        ("publish", "base_url = \"http://api.x.com\"", "expected https (plain http only to this machine)"),
        ("publish", "base_url = \"api.x.com\"", "expected an address"),
        ("publish", "min_gap = \"2d\"", "from 0s to 1d"),
        ("publish", "reconcile_waits = []", "at least one duration"),
        ("publish", "reconcile_waits = [\"0s\"]", "from 1s to 1d, found \"0s\""),
        ("publish", "reconcile_for = \"8d\"", "from 1s to 7d"),
        ("publish", "when_absent = \"retry\"", "expected repost | refuse, found \"retry\""),
        ("budget", "usd_per_month = -1", "of 0 or more, found -1"),
        ("budget", "usd_per_read = inf", "of 0 or more"),
        ("budget", "posts_per_day = 1e3", "expected a whole number"),
        ("store", "path = \" \"", "expected a path"),
        ("store", "path = \"~/pregonero.db\"", "expected a path without ~"),
        ("publish", "tokens = \"~ana/tokens\"", "expected a path without ~"),
        ("gates", "banned_words_file = \"~/words\"", "expected a path without ~"),
        ("generation", "model = \"~/models/mine\"", "expected a path without ~"),
        ("admin", "listen = \"8787\"", "such as \"127.0.0.1:8787\""),
        ("log", "format = \"xml\"", "expected auto | text | json"),
    ];
    for (section, line, expected) in table {
        let fault = the_fault_of(&format!("[{section}]\n{line}\n"));
        let name = line.split(' ').next().unwrap();
        assert!(fault.starts_with(&format!("config.toml:2: {section}.{name}")), "{line}: {fault}");
        assert!(fault.contains(expected), "{line}: {fault}");
    }
}

#[test]
fn a_hashtag_cannot_be_allowed_and_forbidden() {
    let fault = the_fault_of("[gates]\nallowed_hashtags = [\"#Salud\"]\nforbidden_hashtags = [\"salúd\"]\n");
    assert_eq!(fault, "config.toml:3: gates.forbidden_hashtags: #Salud is also in gates.allowed_hashtags");
}

#[test]
fn the_disclosure_leaves_room_for_the_tweet() {
    assert!(Case::new(&format!("[account]\ndisclosure = \"{}\"", "é".repeat(70))).load().is_ok());
    let fault = the_fault_of(&format!("[account]\ndisclosure = \"{}\"", "é".repeat(71)));
    assert_eq!(
        fault,
        "config.toml:2: account.disclosure: expected at most 70 characters, to leave room in the 280 of a tweet, found 71"
    );
}

#[test]
fn faults_in_the_shape_of_the_file_name_their_line() {
    let table = [
        ("temperature = 1", "config.toml:1: temperature: unknown key; the nearest known one is generation.temperature"),
        ("\nschedule = 5", "config.toml:2: schedule: expected a section [schedule], found 5"),
        (
            "seed_prompts = []",
            "config.toml:1: seed_prompts: expected at least one [[seed_prompts]], found an empty list",
        ),
        (
            "[seed_prompts]\ntext = \"a\"",
            "config.toml:1: seed_prompts: expected a list of tables, each under [[seed_prompts]] with its text, found a table",
        ),
        (
            "[[seed_prompts]]\nwheight = 2\ntext = \"a\"",
            "config.toml:2: seed_prompts[0].wheight: unknown key; the nearest known one is weight",
        ),
        ("[[seed_prompts]]\nweight = 2", "config.toml:1: seed_prompts[0].text: missing: a seed prompt needs its text"),
        ("[generation]\ntop_k = 5\ntop_p = = 1", "config.toml:3:"),
        ("[generation]\ntop_k = 5\ntop_k = 6", "config.toml:3:1: not valid TOML: duplicate key"),
    ];
    for (text, expected) in table {
        let fault = the_fault_of(text);
        assert!(fault.starts_with(expected), "{fault}");
    }
}

#[test]
fn gates_are_switched_off_by_name_and_the_repositorys_file_names_them_all() {
    let case = Case::new("[gates]\noff = [\"cut_sentence\", \"claims\"]");
    assert_eq!(case.load().unwrap().settings.gates.off, ["cut_sentence", "claims"]);
    let line = OWN_FILE.split("off = []").next().unwrap().rsplit("Gates to switch off").next().unwrap();
    for gate in pregonero_judging::gates::Gates::names() {
        assert!(line.contains(gate), "{gate}");
    }
}

#[test]
fn blanks_that_no_tweet_begins_with_are_refused_and_one_at_the_end_is_kept() {
    let prompt = |text: &str| format!("[[seed_prompts]]\ntext = \"{text}\"\n");
    let fault = |text: &str| the_fault_of(&prompt(text));
    assert!(fault("   ").starts_with("config.toml:2: seed_prompts[0].text: expected words, found blanks alone"));
    assert!(fault(" Hoy").contains("expected no blank at the beginning"));
    assert!(fault("Hoy  llueve").contains("expected single blanks between words"));
    assert!(fault("Hoy\u{a0} llueve").contains("expected single blanks between words"));
    for text in ["", "Hoy, ", "Hoy,\\nayer"] {
        assert!(Case::new(&prompt(text)).load().is_ok(), "{text:?}");
    }
}

#[test]
fn a_prompt_is_switched_off_by_its_weight_and_not_all_of_them() {
    let prompts = |weights: [u32; 2]| {
        weights.map(|weight| format!("[[seed_prompts]]\ntext = \"Hoy\"\nweight = {weight}\n")).concat()
    };
    assert_eq!(Case::new(&prompts([0, 1])).load().unwrap().settings.seed_prompts[0].weight, 0);
    let fault = the_fault_of(&prompts([0, 0]));
    assert!(fault.contains("every prompt has weight = 0"), "{fault}");
}

#[test]
fn relative_paths_are_relative_to_the_file_and_a_flags_to_the_shell() {
    let text =
        "[store]\npath = \"record.db\"\n[gates]\nbanned_words_file = \"words\"\n[generation]\nmodel = \"mine\"\n";
    let case = Case::new(text).variable("PREGONERO__PUBLISH__TOKENS", "keys").flag(
        "--sentiment-model",
        "sentiment.model",
        "yours",
    );
    let (folder, settings) = (case.folder.path(), case.load().unwrap().settings);
    assert_eq!(settings.store.path, folder.join("record.db"));
    assert_eq!(settings.publish.tokens, folder.join("keys"));
    assert_eq!(settings.gates.banned_words_file, Some(folder.join("words")));
    assert_eq!(settings.generation.model, ModelSource::Folder(folder.join("mine")));
    assert_eq!(settings.sentiment.model, ModelSource::Folder("yours".into()));
}

#[test]
fn the_records_place_is_found_in_a_file_that_is_broken_elsewhere() {
    let place = |case: &Case| {
        let explicit_file = Some(case.folder.path().join("config.toml"));
        let request = LoadRequest { explicit_file, environment: case.variables.clone(), overrides: Vec::new() };
        store_place(request).unwrap()
    };
    let named = "[store]\npath = \"record.db\"\n";
    for (text, path, certain) in [
        ("", "data/pregonero.db", true),
        (named, "record.db", true),
        ("[store]\npath = \"record.db\"\n[review]\nexpires_after = \"20s\"\n", "record.db", true),
        ("[store]\npath = \"record.db\"\n[generation]\ntop_k = = 5\n", "record.db", true),
        ("[generation]\ntop_k = = 5\n[store]\npath = \"record.db\"\n", "record.db", true),
        ("[generation]\ntop_k = = 5\n", "data/pregonero.db", false),
        ("[store]\npath = 5\n", "data/pregonero.db", false),
        ("[store]\npath = \"~/record.db\"\n", "data/pregonero.db", false),
    ] {
        let case = Case::new(text);
        let found = place(&case);
        assert_eq!((found.path, found.is_certain), (case.folder.path().join(path), certain), "{text}");
        assert!(!found.origin.starts_with("PREGONERO"), "{text}");
    }
    let by_variable = Case::new("[store]\npath = 5\n").variable("PREGONERO__STORE__PATH", "/srv/record.db");
    let misnamed = Case::new("").variable("PREGONERO_STORE_PATH", "/srv/record.db");
    assert!(!place(&misnamed).is_certain, "another record was meant");
    assert!(place(&Case::new("").variable("PREGONERO_GENERATION_TOP_K", "5")).is_certain);
    let found = place(&by_variable);
    assert!(found.is_from_environment() && found.is_certain, "{found:?}");
    assert_eq!(found.path, std::path::Path::new("/srv/record.db"));
    assert_eq!(found.sha256, sha256("[store]\npath = 5\n"));
}

#[test]
fn a_variable_with_one_underscore_is_refused_with_its_right_name() {
    for name in ["PREGONERO_GENERATION__TOP_K", "PREGONERO__GENERATION_TOP_K", "PREGONERO_GENERATION_TOP_K"] {
        let faults = Case::new("").variable(name, "5").faults();
        let expected = format!(
            "{name}: generation.top_k: this variable is not read; the right name is PREGONERO__GENERATION__TOP_K, with two underscores"
        );
        assert_eq!(faults, [expected]);
    }
    let others = Case::new("").variable("PREGONERO_LOG", "debug").variable("PREGONERO_TEST_KILLS", "5");
    assert!(others.load().is_ok());
}

#[test]
fn a_secret_in_the_file_is_refused_without_being_repeated() {
    let fault = the_fault_of("[account]\nconsumer_secret = \"hush-hush\"");
    assert!(fault.contains("secrets do not belong in the configuration") && !fault.contains("hush"), "{fault}");
    let fault = the_fault_of("[publish]\nbase_url = \"https://me:hush-hush@api.x.com\"");
    assert!(fault.contains("without user and password") && !fault.contains("hush"), "{fault}");
}

#[test]
fn keys_without_a_default_take_what_they_are_documented_to() {
    let file = "[sentiment]\nmin_score = 0.75\n[generation]\nrng_seed = 7\n";
    let settings = Case::new(file).load().unwrap().settings;
    assert_eq!((settings.sentiment.min_score, settings.generation.rng_seed), (Some(0.75), Some(7)));
    let variable = Case::new("").variable("PREGONERO__SENTIMENT__MIN_SCORE", "0.5").load().unwrap().settings;
    assert_eq!(variable.sentiment.min_score, Some(0.5));
    let whole = Case::new("[sentiment]\nmin_score = 1").load().unwrap().settings;
    assert_eq!(whole.sentiment.min_score, Some(1.0));
}

#[test]
fn texts_become_what_the_program_needs() {
    let text = "\
[account]
handle = \"@pregonero_bot\"
[schedule]
jitter = \"1h30m\"
quiet_hours = [\"22:30-7:05\", \"13:00-24:00\"]
[generation]
model = \"hub:datificate/gpt2-small-spanish\"
device = \"cuda:1\"
temperature = 1
[sentiment]
model = \"models/mine\"
[publish]
base_url = \"http://127.0.0.1:4000/\"
";
    let case = Case::new(text);
    let settings = case.load().unwrap().settings;
    assert_eq!(settings.account.handle, "pregonero_bot");
    assert_eq!(settings.schedule.jitter, Duration::from_secs(5400));
    let spans: Vec<String> =
        settings.schedule.quiet_hours.iter().map(|span| format!("{}-{}", span.from, span.to)).collect();
    assert_eq!(spans, ["22:30:00-07:05:00", "13:00:00-00:00:00"]);
    assert_eq!(settings.generation.model, ModelSource::Hub("datificate/gpt2-small-spanish".into()));
    assert_eq!((settings.generation.device, settings.generation.decoding.temperature), (DeviceChoice::Cuda(1), 1.0));
    assert_eq!(settings.sentiment.model, ModelSource::Folder(case.folder.path().join("models/mine")));
    assert_eq!(settings.publish.base_url.as_str(), "http://127.0.0.1:4000/");
}

#[test]
fn a_named_file_must_exist_and_a_search_says_where_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    let request = |explicit_file| LoadRequest { explicit_file, environment: Vec::new(), overrides: Vec::new() };
    let error = load(request(Some(first.clone()))).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: cannot read the configuration", first.display())), "{error}");
    let searched = [first.as_path(), second.as_path()];
    let error = load_from(request(None), &searched).unwrap_err();
    let expected = format!(
        "no configuration file: searched for {}, then {}; name one with --config FILE",
        first.display(),
        second.display()
    );
    assert_eq!(error.to_string(), expected);
    std::fs::write(&second, "[generation]\ntop_k = 7").unwrap();
    let loaded = load_from(request(None), &searched).unwrap();
    assert_eq!((loaded.file.clone(), loaded.settings.generation.decoding.top_k), (second.clone(), 7));
    std::fs::write(&first, "").unwrap();
    assert_eq!(load_from(request(None), &searched).unwrap().file, first);
}

#[test]
fn a_repost_that_would_be_stale_is_warned_of() {
    for (stale_after, warned) in [("6h", true), ("7h", false)] {
        let text = format!("[publish]\nwhen_absent = \"repost\"\nstale_after = \"{stale_after}\"\n");
        let warnings = Case::new(&text).load().unwrap().warnings;
        assert_eq!(warnings.iter().any(|warning| warning.contains("publish.stale_after")), warned, "{warnings:?}");
    }
}
