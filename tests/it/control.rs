//! Attributes from the first column to the record: `dataset enrich`, `train generator --control`, `generate`, a round,
//! `evaluate obedience`.

use serde_json::Value;

use crate::commands::{Place, Ran};

const CONFIG: &str = "[generation]\nmodel = \"controlled\"\nmax_new_tokens = 24\ncandidates = 4\n";
const PROMPT: &str = "[[seed_prompts]]\ntext = \"Hoy\"\nattributes = { SENTIMIENTO = \"POSITIVE\" }\n";

/// Invented tweets for and against; each is another.
fn tweets(place: &Place) {
    let (moods, places) = (
        [
            "Hoy me vacuno feliz y con mucha alegría #YoMeVacuno",
            "Hoy no me vacuno, esa vacuna mata y mienten todos #NoMeVacuno",
        ],
        ["Cali", "Lima", "Quito", "La Paz", "Bogotá", "Medellín", "Santiago", "Managua", "San José", "Montevideo"],
    );
    let mut table = "id,text\n".to_owned();
    for row in 0..40 {
        let (mood, place) = (moods[row % 2], places[row / 2 % places.len()]);
        table += &format!("{row},\"{mood} en {place}, {} de marzo\"\n", row + 1);
    }
    std::fs::write(place.path("tweets.csv"), table).unwrap();
}

/// A place with a small model trained on enriched tweets.
fn with_controlled_model() -> Place {
    let place = Place::new(CONFIG);
    tweets(&place);
    let ran = place.run(&["dataset", "enrich", "--data", "tweets.csv", "--output", "enriched.csv"]);
    assert!(ran.code == 0 && ran.stdout.contains("40 rows: "), "{ran:#?}");
    let table = std::fs::read_to_string(place.path("enriched.csv")).unwrap();
    assert!(table.starts_with("id,text,SENTIMIENTO,HASHTAGS,ENTIDADES,FRASES\n"), "{table}");
    assert!(table.contains(",POSITIVE,YoMeVacuno,Cali,") && table.contains(",NEGATIVE,NoMeVacuno,"), "{table}");
    for arguments in [
        "train tokenizer --data enriched.csv:text --clean none --vocab-size 400 --output tokenizer",
        "train generator --data enriched.csv:text --tokenizer tokenizer --layers 1 --width 16 --heads 2 --positions 96 \
         --block 96 --control SENTIMIENTO,ETIQUETAS=HASHTAGS,ENTIDADES --duplicates exact --steps 30 --warmup-steps 2 \
         --learning-rate 1e-2 --output controlled",
    ] {
        let ran = place.run(&arguments.split_whitespace().collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{ran:#?}");
    }
    place
}

fn refused(ran: &Ran, code: i32, expected: &str) {
    assert!(ran.code == code && ran.stderr.contains(expected), "{expected}: {ran:#?}");
}

#[test]
fn attributes_go_from_the_columns_to_the_record() {
    let place = with_controlled_model();
    let attributes = ["--attribute", "SENTIMIENTO=positive", "--attribute", "ETIQUETAS=#YoMeVacuno"];
    let generate = [&["--json", "generate", "--prompt", "", "-n", "3", "--rng-seed", "4"], &attributes[..]].concat();
    let lines = place.run(&generate).json();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(line["attributes"]["SENTIMIENTO"], "positive");
        let text = line["text"].as_str().unwrap();
        assert!(!text.contains('[') && !text.contains("POSITIVE"), "{line}");
    }
    let shown = place.run(&["models", "show", "controlled"]);
    assert!(shown.stdout.contains("\"token\": \"[ETIQUETAS]\""), "{shown:#?}");
    assert!(shown.stdout.contains("attribute   SENTIMIENTO: "), "{shown:#?}");

    declare_for_a_copy_without_layout(&place);
    std::fs::write(place.path("config.toml"), format!("{CONFIG}{PROMPT}")).unwrap();
    assert_eq!(place.run(&["config", "check"]).code, 0);
    let ran = place.run(&["once"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    let record = place.run(&["history", "show", "1"]);
    assert!(record.stdout.contains("attribute      SENTIMIENTO=POSITIVE"), "{record:#?}");
    let record = place.run(&["--json", "history", "show", "1"]).json().remove(0);
    assert!(record.to_string().contains("\"seed_attributes\":{\"SENTIMIENTO\":\"POSITIVE\"}"), "{record}");

    let measured =
        ["--json", "evaluate", "obedience", "--model", "controlled", "-n", "21", "--hashtags", "YoMeVacuno,Otro"];
    let report = place.run(&[&measured[1..], &["--hashtag-attribute", "ETIQUETAS"]].concat());
    refused(&report, 1, "ETIQUETAS knows no value \"Otro\"; the model was trained with NoMeVacuno, YoMeVacuno");
    let measured = [&measured[..8], &["YoMeVacuno", "--hashtag-attribute", "ETIQUETAS"]].concat();
    let report = place.run(&measured).json().remove(0);
    let demanded = report["polarity"]["demanded"].as_array().unwrap();
    assert_eq!((&demanded[0]["value"], &demanded[1]["value"]), (&"NEGATIVE".into(), &"POSITIVE".into()));
    assert_eq!((&demanded[0]["texts"], &demanded[1]["texts"]), (&11.into(), &10.into()), "{report}");
    for one in demanded {
        let read: u64 = one["read"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(one["texts"], read, "{report}");
    }
    let obeyed = |one: &Value| one["obeyed"].as_u64().unwrap();
    assert_eq!(obeyed(&report["polarity"]), demanded.iter().map(obeyed).sum::<u64>());
    assert_eq!(report["hashtags"]["texts"], 21);
}

/// The model as another program would have written it: its `config.json` holds no layout, until one is declared.
fn declare_for_a_copy_without_layout(place: &Place) {
    let (from, to) = (place.path("controlled"), place.path("foreign"));
    std::fs::create_dir(&to).unwrap();
    for name in ["model.safetensors", "tokenizer.json", "generation_config.json"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let mut config: Value = serde_json::from_slice(&std::fs::read(from.join("config.json")).unwrap()).unwrap();
    let layout = config.as_object_mut().unwrap().remove("pregonero_control").unwrap();
    std::fs::write(to.join("config.json"), config.to_string()).unwrap();
    let generate = |model: &str| {
        let words = "--json generate --rng-seed 4 -n 2 --attribute SENTIMIENTO=POSITIVE --model";
        place.run(&words.split(' ').chain([model, "--prompt", ""]).collect::<Vec<_>>())
    };
    refused(&generate("foreign"), 1, "or declare the control tokens of one trained elsewhere with `models control`");
    std::fs::write(place.path("layout.json"), layout.to_string()).unwrap();
    let declared = place.run(&["models", "control", "foreign", "--layout", "layout.json"]);
    let expected = "foreign/pregonero.json: foreign writes from SENTIMIENTO, ETIQUETAS, ENTIDADES";
    assert!(declared.code == 0 && declared.stdout.contains(expected), "{declared:#?}");
    assert_eq!(generate("foreign").json(), generate("controlled").json());
    let shown = place.run(&["models", "show", "foreign"]);
    assert!(shown.stdout.contains("attribute   SENTIMIENTO: "), "{shown:#?}");
    let builtin = place.run(&["models", "control", "builtin", "--layout", "layout.json"]);
    refused(&builtin, 1, "builtin: a built-in model has its own layout");
}

#[test]
fn what_a_model_does_not_know_is_refused_before_anything_is_written() {
    let place = with_controlled_model();
    let generate = |attribute: &str| place.run(&["generate", "--prompt", "", "--attribute", attribute]);
    let known = "it was trained with SENTIMIENTO, ETIQUETAS, ENTIDADES";
    refused(&generate("HASHTAGS=x"), 1, known);
    refused(
        &generate("SENTIMIENTO=triste"),
        1,
        "knows no value \"triste\"; the model was trained with NEGATIVE, POSITIVE",
    );
    refused(&generate("ENTIDADES=[TWEET]"), 1, "attribute ENTIDADES contains [TWEET]");
    for (prompt, expected) in [
        ("TONO = \"x\"", "seed_prompts.attributes: the prompt \"Hoy\": the model knows no attribute \"TONO\""),
        ("SENTIMIENTO = \"x\"", "seed_prompts.attributes: the prompt \"Hoy\": SENTIMIENTO knows no value \"x\""),
    ] {
        let prompt = PROMPT.replace("SENTIMIENTO = \"POSITIVE\"", prompt);
        std::fs::write(place.path("config.toml"), format!("{CONFIG}{prompt}")).unwrap();
        refused(&place.run(&["config", "check"]), 78, expected);
        // The service's log is JSON, in which the quotation marks are escaped.
        refused(&place.run(&["once"]), 78, "seed_prompts.attributes: the prompt ");
    }
    let plain = Place::with_tiny_model();
    let ran = plain.run(&["generate", "--prompt", "Hoy", "--attribute", "SENTIMIENTO=POSITIVE"]);
    refused(&ran, 1, "attribute \"SENTIMIENTO\" is given, but the model was trained without attributes");
    refused(&plain.run(&["evaluate", "obedience", "--model", "tiny"]), 1, "tiny: the model has no control tokens");
}

#[test]
fn a_training_that_cannot_be_is_refused_with_file_and_column() {
    let place = Place::with_tiny_model();
    tweets(&place);
    let train = |arguments: &str| {
        let fixed = "train generator --base tiny --output out --block 64 --data";
        place.run(&fixed.split(' ').chain(arguments.split(' ')).collect::<Vec<_>>())
    };
    for (arguments, code, expected) in [
        ("tweets.csv:text --control TONO", 1, "tweets.csv: no column \"TONO\"; the file has id, text"),
        ("tweets.csv:text --control TONO=", 2, "expected NAME or NAME=COLUMN"),
        ("tweets.csv:text --control id,id", 1, "--control: attribute \"id\" is named twice"),
        ("tweets.csv:text --control id --truncate TONO", 1, "\"TONO\" cannot be shortened"),
        ("tweets.csv:text --control id --samples blocks", 1, "--control needs one text per sample"),
        ("tweets.csv:text --control id --muon-learning-rate 0.1", 1, "--muon-learning-rate needs --optimizer muon"),
        ("tweets.csv:text --truncate id", 2, "--control"),
    ] {
        refused(&train(arguments), code, expected);
        assert!(!place.path("out").exists(), "{arguments}");
    }
}
