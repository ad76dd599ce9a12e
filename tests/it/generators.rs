//! Generators measured from the command line, on a tiny model with random weights and invented texts.

use serde_json::Value;

use crate::commands::Place;

/// Sentences of the tiny model's words, and of others; each is another.
fn texts(place: &Place, name: &str, count: usize) {
    let (days, things) =
        (["hoy", "mañana", "esta tarde", "el lunes"], ["el mercado", "la plaza", "el tren", "la música"]);
    let text =
        |n: usize| format!("{} llega {} al barrio número {n} con mucha alegría\n", things[n % 4], days[n / 4 % 4]);
    std::fs::write(place.path(name), (0..count).map(text).collect::<String>()).unwrap();
}

fn measured(place: &Place, arguments: &[&str]) -> Vec<Value> {
    place.run(&[&["--json", "evaluate", "generator", "--model", "tiny"], arguments].concat()).json()
}

#[test]
fn perplexity_is_measured_in_blocks_and_strides_beside_a_5_gram_model() {
    let place = Place::with_tiny_model();
    texts(&place, "held-out.txt", 20);
    texts(&place, "training.txt", 60);
    let blocks = measured(&place, &["--data", "held-out.txt", "--block", "32"]).remove(0);
    let ln_2 = std::f64::consts::LN_2;
    let number = |report: &Value, name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    let nats = number(&blocks, "cross_entropy") * number(&blocks, "tokens");
    assert!((number(&blocks, "perplexity") - number(&blocks, "cross_entropy").exp()).abs() < 1e-6, "{blocks}");
    assert!((number(&blocks, "bits_per_byte") - nats / number(&blocks, "bytes") / ln_2).abs() < 1e-9, "{blocks}");
    assert!(blocks.get("baseline").is_none() && blocks.get("candidates").is_none(), "{blocks}");

    let strided = ["--data", "held-out.txt", "--block", "32", "--stride", "8", "--baseline-data", "training.txt"];
    let strided = measured(&place, &strided).remove(0);
    assert_eq!(strided["tokens"], blocks["tokens"], "every token is predicted once");
    assert_ne!(strided["cross_entropy"], blocks["cross_entropy"]);
    let baseline = &strided["baseline"];
    assert_eq!((&baseline["order"], &baseline["tokens"]), (&5.into(), &strided["tokens"]));
    // The model's weights are random, and the 5-gram model knows all sentences but their numbers.
    assert!(number(baseline, "perplexity_per_byte") < number(&strided, "perplexity_per_byte"), "{strided}");
}

#[test]
fn the_held_out_share_is_what_a_training_keeps_back() {
    let place = Place::with_tiny_model();
    // No two are alike: a training leaves near-duplicates out.
    let unlike = |n: usize| format!("voz{n} canta nota{n} sobre monte{n} y río{n}\n");
    std::fs::write(place.path("all.txt"), (0..100).map(unlike).collect::<String>()).unwrap();
    let train = ["train", "generator", "--data", "all.txt", "--tokenizer", "tiny", "--layers", "1", "--width", "8"];
    let more = [
        "--heads",
        "2",
        "--block",
        "32",
        "--steps",
        "1",
        "--held-out",
        "0.2",
        "--held-out-tokens",
        "1000000",
        "--output",
        "trained",
    ];
    let ran = place.run(&[&train[..], &more].concat());
    assert_eq!(ran.code, 0, "{ran:#?}");
    let (before, _) = ran.stderr.split_once(" held out").expect("what was held out");
    let kept_back: u64 = before.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number of tokens");

    let card = std::fs::read_to_string(place.path("trained/README.md")).unwrap();
    assert!(card.contains("Verbatim share: ") && card.contains(" of 100 texts written"), "{card}");

    let held_out =
        measured(&place, &["--data", "all.txt", "--held-out", "0.2", "--baseline-data", "all.txt"]).remove(0);
    assert_eq!(held_out["tokens"].as_u64(), Some(kept_back - 1), "the first token is not predicted");
    let all = measured(&place, &["--data", "all.txt", "--baseline-data", "all.txt"]).remove(0);
    assert!(held_out["texts"].as_u64() < all["texts"].as_u64());
    let trained_on = |report: &Value| report["baseline"]["training_tokens"].as_u64().expect("a number of tokens");
    assert!(trained_on(&held_out) + kept_back <= trained_on(&all) + 1, "{held_out} {all}");
}

#[test]
fn candidates_of_several_models_stand_in_one_table() {
    let place = Place::with_tiny_model();
    texts(&place, "real.txt", 30);
    let generate =
        ["evaluate", "generator", "--model", "tiny", "--model", "./tiny", "--generate", "6", "--prompt", "La"];
    let more = ["--references", "real.txt", "--output", "out/table.md", "--rng-seed", "5"];
    let ran = place.run(&[&generate[..], &more].concat());
    assert_eq!(ran.code, 0, "{ran:#?}");
    for name in ["tiny", "./tiny", "distinct-2", "self-BLEU", "pass cut_sentence", "BLEU against the references"] {
        assert!(ran.stdout.contains(name), "{name}: {ran:#?}");
    }
    let page = std::fs::read_to_string(place.path("out/table.md")).unwrap();
    assert!(page.contains("| | `tiny` | `./tiny` |") && page.contains("evaluate generator --model tiny"), "{page}");
    let reports = place.run(&[&["--json"], &generate[..], &more].concat()).json();
    assert_eq!(reports.len(), 2);
    let candidates = &reports[0]["candidates"];
    assert_eq!(candidates["candidates"], 6);
    assert!(candidates["distinct_1"].is_f64() && candidates["bleu"].is_f64(), "{candidates}");
    assert_eq!(candidates["verbatim"], Value::Null, "the tiny model ships no index");
    assert_eq!(candidates["distinct_1"], reports[1]["candidates"]["distinct_1"], "the seed decides them");
}

#[test]
fn attributes_that_a_measured_model_does_not_know_are_left_out_with_the_words_of_generate() {
    let place = Place::with_tiny_model();
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    let prompt = "\n[[seed_prompts]]\ntext = \"La plaza\"\nattributes = { TEMA = \"mayores\" }\n";
    std::fs::write(place.path("config.toml"), config + prompt).unwrap();
    let generate = place.run(&["generate", "--model", "tiny", "-n", "1", "--rng-seed", "3"]);
    let evaluate = place.run(&["evaluate", "generator", "--model", "tiny", "--generate", "2", "--rng-seed", "3"]);
    for ran in [generate, evaluate] {
        let note = "tiny cannot write from TEMA: left out of the configured seed prompts";
        assert!(ran.code == 0 && ran.stderr.contains(note), "{ran:#?}");
    }
}

#[test]
fn a_discriminator_tells_random_words_from_sentences() {
    let place = Place::with_tiny_model();
    texts(&place, "real.txt", 150);
    let report = measured(&place, &["--data", "real.txt", "--discriminator=150"]).remove(0);
    let discriminator = &report["discriminator"];
    let number = |name: &str| discriminator[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert!(number("auc") > 0.9 && number("low") <= number("auc") && number("high") >= number("auc"), "{report}");
    assert!(number("held_out") >= 20.0, "{report}");
}

#[test]
fn a_blind_test_is_one_page_with_both_kinds_of_text() {
    let place = Place::with_tiny_model();
    texts(&place, "real.txt", 40);
    let ran = place.run(&[
        "evaluate",
        "generator",
        "--model",
        "tiny",
        "--data",
        "real.txt",
        "--blind-test",
        "test.html",
        "--blind-items",
        "4",
    ]);
    assert!(ran.code == 0 && ran.stderr.contains("wrote test.html"), "{ran:#?}");
    let page = std::fs::read_to_string(place.path("test.html")).unwrap();
    assert!(page.contains("<!doctype html>") && !page.contains("barrio número"), "the texts can be read");
}

#[test]
fn a_sweep_compares_settings_on_one_prompt() {
    let place = Place::with_tiny_model();
    let sweep =
        ["generate", "--prompt", "La", "-n", "3", "--rng-seed", "4", "--sweep", "temperature=0.5,1.5;typical_p=0.9,1"];
    let rows = place.run(&[&["--json"], &sweep[..]].concat()).json();
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[1]["settings"]["temperature"], &rows[1]["settings"]["typical_p"]), (&0.5.into(), &1.into()));
    for row in &rows {
        assert_eq!((&row["candidates"], row["texts"].as_array().unwrap().len()), (&3.into(), 3), "{row}");
        assert!(row["accepted"].is_f64() && row["score"].is_f64() && row["seconds"].is_f64(), "{row}");
    }
    assert_ne!(rows[0]["texts"], rows[2]["texts"]);
    let plain = ["--json", "generate", "--prompt", "La", "-n", "3", "--rng-seed", "4", "--temperature", "0.5"];
    let plain = place.run(&plain).json();
    assert_eq!(rows[1]["texts"][0]["text"], plain[0]["text"], "a sweep writes what generate would");
    let shown = place.run(&sweep);
    assert!(
        shown.stdout.contains("temperature=1.5 typical_p=0.9") && shown.stdout.contains("DISTINCT-1"),
        "{shown:#?}"
    );
}

#[test]
fn what_cannot_be_measured_is_refused_in_words() {
    let place = Place::with_tiny_model();
    texts(&place, "real.txt", 3);
    std::fs::write(place.path("empty.txt"), "\n\n").unwrap();
    std::fs::create_dir(place.path("broken")).unwrap();
    let evaluate = ["evaluate", "generator", "--model"];
    let cases: [(&[&str], i32, &str); 13] = [
        (&["tiny"], 2, "--data"),
        (&["tiny", "--data", "empty.txt"], 1, "empty.txt: no text"),
        (&["tiny", "--data", "nowhere.txt"], 1, "cannot read nowhere.txt"),
        (&["broken", "--data", "real.txt"], 1, "broken"),
        (&["tiny", "--data", "real.txt", "--block", "65"], 1, "does not fit the model's context of 64"),
        (&["tiny", "--data", "real.txt", "--block", "8", "--stride", "9"], 1, "a stride of 9 tokens"),
        (&["tiny", "--data", "real.txt", "--discriminator=50"], 1, "50 different texts of each side"),
        (&["tiny", "--data", "real.txt", "--discriminator=20"], 2, "20 is not in 50"),
        (&["tiny", "--data", "real.txt", "--blind-test", "a.html"], 1, "needs 10 of each side"),
        (&["tiny", "--model", "tiny", "--data", "real.txt", "--blind-test", "a.html"], 1, "give --model once"),
        (&["tiny", "--data", "real.txt", "--held-out", "0.9"], 2, "at most 0.5"),
        (
            &["tiny", "--data", "real.txt", "--held-out", "0.0001"],
            1,
            "real.txt: none of the texts is in a held-out share",
        ),
        (&["tiny", "--generate", "2", "--top-p", "7"], 2, "generation.top_p: expected a number above 0"),
    ];
    for (arguments, code, expected) in cases {
        let ran = place.run(&[&evaluate[..], arguments].concat());
        assert!(ran.code == code && ran.stderr.contains(expected), "{arguments:?}: {ran:#?}");
    }
    for (sweep, code, expected) in [
        ("temprature=1", 2, "\"temprature\" cannot be swept"),
        ("temperature=0.7,-1", 2, "--sweep: generation.temperature: expected a number above 0"),
    ] {
        let ran = place.run(&["generate", "--prompt", "La", "--sweep", sweep]);
        assert!(ran.code == code && ran.stderr.contains(expected), "{sweep}: {ran:#?}");
    }
    assert!(!place.path("a.html").exists());
}

#[test]
fn what_a_model_must_not_repeat_is_written_into_its_folder_shown_and_rejected() {
    let place = Place::with_tiny_model();
    let (own, others) = (
        "En la vereda el puesto de salud es de todos los vecinos y de quienes llegan.",
        "El lunes abre la biblioteca del barrio con un taller de cuentos para quienes quieran venir con sus vecinos.",
    );
    std::fs::write(place.path("own.txt"), own).unwrap();
    std::fs::write(place.path("all.txt"), [own, others].join("\n")).unwrap();
    let ran = place.run(&["models", "verbatim", "tiny", "--own", "own.txt", "--others", "all.txt"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    let compared = "12 runs of 8 words (verbatim.bin), 1 own text (own_texts.zst)";
    assert!(ran.stdout.contains(&format!("tiny: the verbatim gate compares with {compared}")), "{ran:#?}");
    let shown = place.run(&["models", "show", "tiny"]);
    assert!(shown.stdout.contains(&format!("verbatim    {compared}")), "{shown:#?}");

    let reason = |text: &str| {
        let inspected = place.run(&["--json", "inspect", text]).json().remove(0);
        let gates = inspected["gates"].as_array().unwrap();
        let gate = gates.iter().find(|gate| gate["gate"] == "verbatim").unwrap_or_else(|| panic!("{inspected}"));
        gate["reason"].as_str().unwrap().to_owned()
    };
    let near = reason("En la vereda el puesto de salud es de todos los abuelos y de quienes llegan.");
    assert!(near.contains("% like a whole text that the model was trained on: “en la vereda"), "{near}");
    let copied =
        reason("Dicen que el lunes abre la biblioteca del barrio con un taller de cuentos para quienes saben leer.");
    assert!(copied.starts_with("14 words in a row from a text that the model was trained on: “el lunes"), "{copied}");
    assert_eq!(reason("En la vereda el puesto de salud abre los lunes."), "");

    let file = place.path("tiny/own_texts.zst");
    let mut content = std::fs::read(&file).unwrap();
    *content.last_mut().unwrap() ^= 1;
    std::fs::write(&file, content).unwrap();
    for command in [&["inspect", "Hola."][..], &["generate"], &["models", "show", "tiny"], &["doctor", "--offline"]] {
        let ran = place.run(command);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code != 0 && said.contains("tiny/own_texts.zst: the file of own texts is damaged"), "{ran:#?}");
    }
    let ran = place.run(&["models", "verbatim", "tiny"]);
    assert!(ran.code == 2 && ran.stderr.contains("give --others FILE, --own FILE or both"), "{ran:#?}");
    std::fs::create_dir(place.path("empty")).unwrap();
    let ran = place.run(&["models", "verbatim", "empty", "--own", "own.txt"]);
    assert!(ran.stderr.contains("empty: no config.json, so this is not a model's folder"), "{ran:#?}");
}

#[test]
fn the_texts_that_a_model_is_compared_with_are_not_replaced_by_the_way() {
    let place = Place::with_tiny_model();
    std::fs::write(place.path("a.txt"), "uno dos tres cuatro cinco seis siete ocho nueve diez\n").unwrap();
    std::fs::write(place.path("b.txt"), "diez nueve ocho siete seis cinco cuatro tres dos uno\n").unwrap();
    let write =
        |texts: &str, more: &[&str]| place.run(&[&["models", "verbatim", "tiny", "--others", texts], more].concat());
    assert_eq!(write("a.txt", &[]).code, 0);
    let before = std::fs::read(place.path("tiny/verbatim.bin")).unwrap();
    let refused = write("b.txt", &[]);
    assert!(refused.code == 1 && refused.stderr.contains("tiny/verbatim.bin: exists already"), "{refused:#?}");
    assert!(refused.stderr.contains("pass --overwrite"), "{refused:#?}");
    assert_eq!(std::fs::read(place.path("tiny/verbatim.bin")).unwrap(), before);
    assert_eq!(write("b.txt", &["--overwrite"]).code, 0);
    assert_ne!(std::fs::read(place.path("tiny/verbatim.bin")).unwrap(), before);
    let builtin = place.run(&["models", "verbatim", "builtin", "--others", "a.txt"]);
    assert!(builtin.code == 1 && builtin.stderr.contains("a built-in model has its own"), "{builtin:#?}");
}
