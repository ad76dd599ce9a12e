//! Which candidate is chosen: a critic from its training to the record, ranks, openings, and what `[selection]` refuses.

use serde_json::{Value, json};

use crate::commands::Place;
use crate::support::test_bot::TestBot;

/// What lets the tiny model's words through.
const OFF: &str = r#"
[sentiment]
target = "any"
[gates]
off = ["language", "cut_sentence", "repetition", "claims", "verbatim", "near_duplicate"]
"#;

/// Copies a folder of the repository's models.
fn copy_model(name: &str, to: &std::path::Path) {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
    std::fs::create_dir_all(to).unwrap();
    for file in ["config.json", "vocabulary.json", "model.safetensors"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// Sentences of eight words that the tiny model does not know, in an order that a number decides; invented.
fn written() -> String {
    const WORDS: [&str; 40] = [
        "vecina",
        "hermano",
        "panadero",
        "abuela",
        "amiga",
        "maestro",
        "riega",
        "barre",
        "prepara",
        "saluda",
        "flores",
        "patio",
        "cuento",
        "sopa",
        "barrio",
        "escuela",
        "parque",
        "casa",
        "azul",
        "calma",
        "jardín",
        "libro",
        "paseo",
        "abrazo",
        "receta",
        "taller",
        "huerta",
        "guitarra",
        "bicicleta",
        "cuaderno",
        "ventana",
        "sombrero",
        "camino",
        "puente",
        "mercader",
        "carta",
        "farol",
        "banco",
        "árbol",
        "semilla",
    ];
    let mut number = 12_345_u64;
    let mut next = || {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(number >> 33) as usize % WORDS.len()]
    };
    (0..400).map(|_| (0..8).map(|_| next()).collect::<Vec<_>>().join(" ") + ".\n").collect()
}

/// A number as the program has it, in single precision: printed, it is the shortest one that reads as the same.
fn number(value: &Value) -> f64 {
    f64::from(value.as_f64().unwrap_or_else(|| panic!("{value} is no number")) as f32)
}

/// Returns whether a candidate's rank is its reading, or half of it, as for a text that says a word of content twice.
fn ranks_by_reading(one: &Value) -> bool {
    [1.0, 0.5].iter().any(|weight| (number(&one["rank"]) - weight * number(&one["reading"])).abs() < 1e-5)
}

#[test]
fn a_critic_learns_from_texts_that_people_judged() {
    let place = Place::new("");
    // As `generate --json` prints candidates, with an answer: texts that name the vecina are good.
    let texts = written().lines().map(|text| text.trim_end_matches('.').to_owned()).collect::<Vec<_>>();
    let line = |at: usize, text: &str| {
        let good = at.is_multiple_of(2);
        let subject = if good { "vecina" } else { "puente" };
        let mean = -0.5 - at as f64 / 1000.0;
        json!({
            "text": format!("🤖 IA: La {subject} {text}."), "likelihood": {"mean": mean, "weakest": 2.0 * mean},
            "accepted": true, "good": good
        })
    };
    let mut lines: Vec<String> = texts.iter().enumerate().map(|(at, text)| line(at, text).to_string()).collect();
    lines.push(
        json!({"text": "Nadie juzgó este texto todavía.", "likelihood": {"mean": -1, "weakest": -2}}).to_string(),
    );
    let write = |lines: &[String]| std::fs::write(place.path("judged.jsonl"), lines.join("\n")).unwrap();
    write(&lines);
    let train =
        ["train", "critic", "--judged", "judged.jsonl", "--about", "Judged by an editor.", "--output", "critic"];
    let trained = place.run(&[&["--json"], &train[..]].concat());
    let report = trained.json().remove(0);
    assert_eq!((&report["good"], &report["poor"]), (&json!(200), &json!(200)), "{report}");
    assert!(number(&report["critic"]["auc"]) > 0.9 && number(&report["both"]["auc"]) > 0.9, "{report}");
    assert!(trained.stderr.contains("1 text without an answer left out"), "{trained:#?}");
    let card = std::fs::read_to_string(place.path("critic/README.md")).unwrap();
    assert!(card.contains("Judged by an editor.") && card.contains("train critic --judged judged.jsonl"), "{card}");

    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    std::fs::write(place.path("config.toml"), format!("{config}[selection]\ncritic = \"critic\"\n{OFF}")).unwrap();
    assert!(place.run(&["inspect", "La vecina riega flores."]).stdout.contains("probability that it is good"));
    let candidates = place.run(&["--json", "generate", "--prompt", "La vacuna", "--rng-seed", "5"]).json();
    assert!(candidates.iter().all(|one| one["critic"].is_number() && one["reading"].is_number()), "{candidates:?}");
    assert!(place.run(&["doctor", "--offline"]).stdout.contains("takes part in the choice between candidates"));

    let output = ["train", "critic", "--judged", "judged.jsonl", "--output", "other"];
    let refused = |changed: &str, expected: &str| {
        write(&[lines[0].clone(), changed.to_owned()]);
        let run = place.run(&output);
        assert!(run.code == 1 && run.stderr.contains(expected), "{run:#?}");
        assert!(!place.path("other").exists());
    };
    refused(r#"{"text": "Hola a todos los vecinos.", "good": "maybe"}"#, "judged.jsonl:2: good: \"maybe\"");
    refused(r#"{"text": "Hola a todos los vecinos.", "good": 1}"#, "judged.jsonl:2: no likelihood.mean");
    refused(&lines[1], "1 were judged to be good and 1 not");
    write(&lines[400..]);
    let unanswered = place.run(&output);
    assert!(unanswered.stderr.contains("judged.jsonl: no line has a field \"good\""), "{unanswered:#?}");
}

#[test]
fn a_critic_is_trained_takes_part_in_a_choice_and_stands_in_the_record() {
    let place = Place::new("");
    std::fs::write(place.path("written.txt"), written()).unwrap();
    let train = ["train", "critic", "--data", "written.txt", "-n", "150", "--output", "critic", "--about", "Invented."];
    let trained = place.run(&[&["--json"], &train[..]].concat());
    let report = trained.json().remove(0);
    assert!(number(&report["auc"]) > 0.8 && report["interrupted"] == json!(false), "{report}");
    assert_eq!(report["generator"]["name"], "builtin");
    assert!(trained.stderr.contains("150 of 150 candidates written"), "{trained:#?}");
    let card = std::fs::read_to_string(place.path("critic/README.md")).unwrap();
    assert!(card.contains("Invented.") && card.contains("train critic --data written.txt"), "{card}");
    assert!(place.path("critic/training.jsonl").exists());
    let openings = ["train", "critic", "--data", "written.txt", "-n", "150", "--openings", "2", "--output", "other"];
    let other = place.run(&[&["--json"], &openings[..]].concat()).json().remove(0);
    assert!(number(&other["auc"]) > 0.6, "{other}");
    let card = std::fs::read_to_string(place.path("other/README.md")).unwrap();
    assert!(card.contains("from the first 2 words of written texts"), "{card}");
    let again = place.run(&train);
    assert!(again.code == 1 && again.stderr.contains("critic: exists already"), "{again:#?}");

    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    std::fs::write(place.path("config.toml"), format!("{config}[selection]\ncritic = \"critic\"\n{OFF}")).unwrap();
    assert!(place.run(&["config", "check"]).stdout.ends_with("sound\n"));
    let person =
        place.run(&["--json", "inspect", "vecina barre patio barrio calma jardín cuaderno farol."]).json().remove(0);
    let model =
        place.run(&["--json", "inspect", "La vacuna ayuda a cuidar a los mayores de la casa."]).json().remove(0);
    assert!(number(&person["critic"]) > number(&model["critic"]), "{person} {model}");
    assert!(place.run(&["inspect", "Hola a todos."]).stdout.contains("probability that a person wrote it"));

    let written = place.run(&["--json", "generate", "--prompt", "La vacuna", "--rng-seed", "5"]).json();
    let table = place.run(&["generate", "--prompt", "La vacuna", "--rng-seed", "5"]).stdout;
    assert_eq!(table.matches("reading ").count(), written.len(), "{table}");
    let reading: Value = serde_json::from_str::<Value>(
        &std::fs::read_to_string(place.path("critic/config.json")).unwrap(),
    )
    .unwrap()["reading"]
        .clone();
    for one in &written {
        let p = number(&one["critic"]).clamp(1e-6, 1.0 - 1e-6);
        let sum = number(&reading["bias"])
            + number(&reading["critic"]) * (p / (1.0 - p)).ln()
            + number(&reading["mean"]) * number(&one["likelihood"]["mean"])
            + number(&reading["weakest"]) * number(&one["likelihood"]["weakest"]);
        let expected = 1.0 / (1.0 + (-sum).exp());
        assert!((number(&one["reading"]) - expected).abs() < 1e-3, "{expected} {one}");
        assert!(ranks_by_reading(one), "{one}");
    }

    let entry = place.run(&["--json", "once", "--prompt", "La vacuna"]).json().remove(0);
    assert_eq!(entry["state"], "dry_run", "{entry}");
    let record = place.run(&["--json", "history", "show", "1"]).json().remove(0);
    let selection = &record["round"]["settings"]["selection"];
    assert_eq!((&selection["rank"], &selection["fresh_openings"]), (&json!("critic"), &json!(60)));
    assert!(selection["critic"]["name"].as_str().unwrap().ends_with("critic"), "{selection}");
    let candidates = record["candidates"].as_array().unwrap();
    let passed =
        candidates.iter().filter(|one| one["gates"].as_array().unwrap().iter().all(|gate| gate["verdict"] == "pass"));
    let best = passed.max_by(|a, b| number(&a["rank"]).total_cmp(&number(&b["rank"]))).unwrap();
    // Of several with the highest rank, such as one text written twice, the first is chosen.
    let chosen = candidates.iter().find(|one| one["chosen"] == true).unwrap();
    assert_eq!(chosen["rank"], best["rank"], "{record}");
    let shown = place.run(&["history", "show", "1"]).stdout;
    assert!(shown.contains("ranked by      critic, critic ") && shown.contains("rank 0."), "{shown}");
    let doctor = place.run(&["--json", "doctor", "--offline"]).stdout;
    let critic = doctor.lines().find(|line| line.contains("\"check\":\"critic\"")).unwrap();
    assert!(critic.contains("\"status\":\"ok\""), "{critic}");
}

#[test]
fn what_cannot_be_a_critic_or_train_one_is_refused_in_words() {
    let place = Place::with_tiny_model();
    copy_model("classifier-vacunas-es", &place.path("reader"));
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    let configure = |selection: &str| {
        std::fs::write(place.path("config.toml"), format!("{config}[selection]\n{selection}\n{OFF}")).unwrap();
    };
    for (selection, expected) in [
        (
            "critic = \"reader\"",
            "reader: its labels are negative and positive, but a critic's are generated and written",
        ),
        ("critic = \"nowhere\"", "selection.critic: "),
        ("critic = \"tiny\"", "config.json: this is a generator (gpt2), not a classifier or critic"),
        ("rank = \"best\"", "selection.rank: expected both | critic | sentiment, found \"best\""),
        ("critic = \"builtin:xx\"", "there is no built-in critic \"xx\"; there are builtin:es"),
        ("fresh_openings = 20000", "selection.fresh_openings: expected a whole number from 0 to 10000"),
    ] {
        configure(selection);
        let ran = place.run(&["config", "check"]);
        assert!(ran.code == 78 && ran.stderr.contains(expected), "{expected}: {ran:#?}");
    }
    configure("rank = \"critic\"");
    let checked = place.run(&["config", "check"]);
    assert!(checked.code == 0 && !checked.stderr.contains("critic"), "likelihood alone will do: {checked:#?}");

    configure("");
    std::fs::write(place.path("few.txt"), "La vecina riega las flores del patio.\n").unwrap();
    std::fs::write(place.path("rows.csv"), "text,tema\nLa vecina riega las flores del patio.,barrio\n").unwrap();
    for (arguments, code, expected) in [
        (
            vec!["--data", "few.txt", "-n", "100"],
            1,
            "a critic needs at least 50 different texts, but --data has 1: give more",
        ),
        (vec!["--data", "gone.txt"], 1, "gone.txt"),
        (vec!["--data", "few.txt", "--openings", "9"], 1, "--openings 9: no text of --data has more than 9 words"),
        (vec!["--data", "few.txt", "--control", "TEMA"], 2, "--openings <WORDS>"),
        (
            vec!["--data", "rows.csv:text", "--openings", "2", "--control", "TEMA=tema"],
            1,
            "rows.csv:2: attribute \"TEMA\" is given, but the model was trained without",
        ),
        (vec!["--data", "few.txt", "--model", "nowhere"], 78, "generation.model: "),
        (vec!["--data", "few.txt", "-n", "5"], 2, "5 is not in 100"),
        (vec![], 2, "--data"),
    ] {
        let ran = place.run(&[&["train", "critic", "--output", "critic"], &arguments[..]].concat());
        assert!(ran.code == code && ran.stderr.contains(expected), "{expected}: {ran:#?}");
        assert!(!place.path("critic").exists());
    }
}

#[test]
fn the_daemon_works_with_a_critic_in_a_folder_and_says_whose_texts_it_knows() {
    let bot = TestBot::new();
    copy_model("critic-es", &bot.path("critic"));
    bot.configure_with("fresh_openings = 0", "fresh_openings = 0\nrank = \"critic\"\ncritic = \"critic\"");
    let mut running = bot.start(&["run", "--now"]);
    running.wait_for("critic loaded", 1);
    running.wait_for("waiting for the next slot", 1);
    crate::support::test_bot::wait_until("the round is over", || {
        bot.history().first().is_some_and(|entry| entry["state"] == "dry_run")
    });
    let record = bot.run(&["--json", "history", "show", "1"]).json().remove(0);
    assert_eq!(record["round"]["settings"]["selection"]["rank"], "critic");
    for one in record["candidates"].as_array().unwrap() {
        assert!((0.0..=1.0).contains(&number(&one["critic"])), "{one}");
        assert!(ranks_by_reading(one), "{one}");
        assert_eq!(one["fresh_opening"], Value::Null);
    }
    let doctor = bot.run(&["--json", "doctor", "--offline"]).stdout;
    let critic = doctor.lines().find(|line| line.contains("\"check\":\"critic\"")).unwrap();
    assert!(critic.contains("other_generator"), "{critic}");
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn without_a_critic_the_sentiment_or_the_likelihood_decides() {
    let bot = TestBot::new();
    for (selection, round) in [("rank = \"sentiment\"", 1), ("rank = \"critic\"\ncritic = \"none\"", 2)] {
        bot.configure_with("fresh_openings = 0", &format!("fresh_openings = 0\n{selection}"));
        assert_eq!(bot.run(&["--json", "once"]).code(), Some(0));
        let record = bot.run(&["--json", "history", "show", &round.to_string()]).json().remove(0);
        let candidates = record["candidates"].as_array().unwrap();
        for one in candidates {
            assert_eq!(one["critic"], Value::Null);
            let likelihood = &one["candidate"]["likelihood"];
            let sum = 2.8 + 1.5 * number(&likelihood["mean"]) + number(&likelihood["weakest"]);
            assert!((number(&one["reading"]) - 1.0 / (1.0 + (-sum).exp())).abs() < 1e-4, "{one}");
            assert!(if round == 1 { one["rank"] == one["score"] } else { ranks_by_reading(one) }, "{one}");
        }
        let chosen = candidates.iter().find(|one| one["chosen"] == true).unwrap();
        let passes = |one: &&Value| one["gates"].as_array().unwrap().iter().all(|gate| gate["verdict"] == "pass");
        let ranks = candidates.iter().filter(passes).map(|one| number(&one["rank"]));
        assert_eq!(number(&chosen["rank"]), ranks.fold(0.0, f64::max), "{record}");
    }
}

#[test]
fn a_post_s_opening_is_not_taken_again_while_there_is_another() {
    let bot = TestBot::new();
    bot.configure_with("candidates = 4", "candidates = 8\nrng_seed = 7");
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    bot.configure(&config.replace("fresh_openings = 0", "fresh_openings = 60"));
    let once = || bot.run(&["--json", "once", "--prompt", "La plaza"]).json().remove(0);
    let texts: Vec<String> = (0..2).map(|_| once()["text"].as_str().unwrap().to_owned()).collect();
    assert_ne!(texts[0], texts[1], "the same seed, and yet another choice");
    let record = bot.run(&["--json", "history", "show", "2"]).json().remove(0);
    let fresh = |text: &str| {
        let all = record["candidates"].as_array().unwrap();
        all.iter().find(|one| one["text"] == text).unwrap_or_else(|| panic!("{record}"))["fresh_opening"].clone()
    };
    assert_eq!((fresh(&texts[0]), fresh(&texts[1])), (json!(false), json!(true)));
    let shown = bot.run(&["history", "show", "2"]).stdout;
    assert!(shown.contains("begins like a recent post"), "{shown}");
}

#[test]
fn evaluate_voice_chooses_as_the_rounds_of_the_daemon_do() {
    let bot = TestBot::new();
    bot.configure_with("candidates = 4", "candidates = 8\nrng_seed = 7");
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    let config =
        config.replace("fresh_openings = 0", "fresh_openings = 60") + "[[seed_prompts]]\ntext = \"La plaza\"\n";
    bot.configure(&config);
    let report = bot.run(&["--json", "evaluate", "voice", "--rounds", "3"]).json().remove(0)["rounds"].clone();
    assert!(report["unlike_sentiment"].is_u64() && report["repeated_openings"] == json!(0), "{report}");
    let chosen = report["chosen"].as_array().unwrap();
    assert_eq!(chosen.len(), 3, "{report}");
    for (place, one) in chosen.iter().enumerate() {
        bot.configure(&config.replace("rng_seed = 7", &format!("rng_seed = {}", 7 + place)));
        let entry = bot.run(&["--json", "once"]).json().remove(0);
        assert_eq!(
            entry["text"].as_str().unwrap(),
            format!("🤖 IA: {}", one["text"].as_str().unwrap()),
            "round {place}"
        );
        assert_eq!(one["fresh_opening"], json!(true), "{one}");
        assert!(number(&one["rank"]) > 0.0 && one["likelihood"]["mean"].is_f64(), "{one}");
    }
}
