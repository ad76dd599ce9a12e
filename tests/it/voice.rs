//! What the bot learns to say and what it may not say: `dataset compose`, and the gates `message` and `experience`, from the
//! command line.

use serde_json::Value;

use crate::commands::Place;

const GRAMMAR: &str = r##"{
    "origin": ["[tema:visita][hashtags:Vecinos]#frase.capitalize# \\#Vecinos", "[tema:calma]#frase.capitalize#"],
    "frase": ["hoy #quien# pasea con #quien#.", "[q:#quien#]con #q# la tarde pasa mejor: gracias, #q#."],
    "quien": ["la vecina", "tu hermano", "el abuelo"],
    "nadie": "sobra"
}"##;

fn place(grammar: &str) -> Place {
    let place = Place::new("");
    std::fs::write(place.path("g.json"), grammar).unwrap();
    place
}

const COMPOSE: [&str; 6] = ["dataset", "compose", "--grammar", "g.json", "-n", "20"];

#[test]
fn a_grammar_is_composed_into_a_file_with_a_report() {
    let place = place(GRAMMAR);
    let arguments = [&COMPOSE[..], &["--columns", "tema,hashtags", "--check", "--output", "a.jsonl"]].concat();
    let ran = place.run(&arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:#?}");
    for expected in [
        "20 texts of ",
        "the grammar can produce at most 24 texts",
        "symbols that no text reaches: nadie",
        "different six-word beginnings: ",
        "the most frequent rule is in ",
        "wrong in 0 texts",
        "written to a.jsonl",
    ] {
        assert!(ran.stderr.contains(expected), "{expected}: {ran:#?}");
    }
    let first = std::fs::read_to_string(place.path("a.jsonl")).unwrap();
    let rows: Vec<Value> = first.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 20);
    for row in &rows {
        let is_visit = row["text"].as_str().unwrap().ends_with("#Vecinos");
        let expected = if is_visit { ("visita", "Vecinos") } else { ("calma", "") };
        assert_eq!((&row["tema"], &row["hashtags"]), (&expected.0.into(), &expected.1.into()), "{row}");
    }

    let again = [&arguments[..arguments.len() - 1], &["b.jsonl"]].concat();
    assert_eq!(place.run(&again).code, 0);
    assert_eq!(std::fs::read_to_string(place.path("b.jsonl")).unwrap(), first, "a seed gives the same file");
    let report = place.run(&[&["--json"], &COMPOSE[..], &["--seed", "2", "--output", "c.csv"]].concat()).json();
    assert_eq!((&report[0]["texts"], &report[0]["grammar_can_say_at_most"]), (&20.into(), &24.into()));
    assert!(std::fs::read_to_string(place.path("c.csv")).unwrap().starts_with("text\n"));
    let trained = ["train", "tokenizer", "--data", "a.jsonl:text", "--vocab-size", "300", "--output", "tokenizer"];
    assert_eq!(place.run(&trained).code, 0, "what is composed can be trained on");
}

#[test]
fn words_that_do_not_agree_and_faulty_grammars_are_refused() {
    let wrong = place(r##"{"origin": "Hoy llega la #cosa#.", "cosa": ["vecina", "barrio"]}"##);
    let check = wrong.run(&[&COMPOSE[..], &["--check", "--output", "a.csv"]].concat());
    assert!(check.code == 1 && !wrong.path("a.csv").exists(), "{check:#?}");
    for expected in [
        "la (feminine singular) and barrio (masculine singular) do not agree, in 1 text",
        "origin, rule 1: Hoy llega la #cosa#.",
        "Hoy llega la barrio.",
        "g.json: words do not agree in 1 of 2 texts; nothing is written",
    ] {
        assert!(check.stderr.contains(expected), "{expected}: {check:#?}");
    }
    let unchecked = wrong.run(&[&COMPOSE[..], &["--output", "a.csv"]].concat());
    assert!(unchecked.code == 0 && unchecked.stderr.contains("wrong in 1 texts"), "{unchecked:#?}");
    let refused = wrong.run(&[&COMPOSE[..], &["--output", "a.csv"]].concat());
    assert!(refused.code == 1 && refused.stderr.contains("a.csv: exists already"), "{refused:#?}");

    for (grammar, arguments, code, expected) in [
        (r##"{"origin": "#a#"}"##, vec!["--check"], 1, "g.json: origin, rule 1: #a# is not defined"),
        (r#"["a"]"#, vec!["--check"], 1, "g.json: not a JSON object of symbols"),
        (GRAMMAR, vec!["--output", "a.txt"], 1, "use a name that ends in .csv or .jsonl"),
        (GRAMMAR, vec!["--check", "--columns", "humor"], 1, "no rule saves \"humor\""),
        (GRAMMAR, vec!["--check", "--origin", "frases"], 1, "frases: no such symbol"),
        (GRAMMAR, vec![], 2, "--output"),
    ] {
        let ran = place(grammar).run(&[&COMPOSE[..], &arguments].concat());
        assert!(ran.code == code && ran.stderr.contains(expected), "{expected}: {ran:#?}");
    }
}

#[test]
fn hashtags_of_the_other_side_and_a_life_of_its_own_are_caught() {
    let verdicts = |config: &str, text: &str| -> Vec<(String, String)> {
        let inspected = Place::new(config).run(&["--json", "inspect", text]).json().remove(0);
        let gates = inspected["gates"].as_array().unwrap_or_else(|| panic!("{inspected}"));
        let caught = gates.iter().filter(|gate| gate["gate"] == "message" || gate["gate"] == "experience");
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        caught.map(|gate| (word(&gate["verdict"]), word(&gate["reason"]))).collect()
    };
    let pass = || ("pass".to_owned(), String::new());
    let reject = |reason: &str| ("reject".to_owned(), reason.to_owned());
    let text = "La vacuna llega a todos los barrios. #YoNoMeVacuno";
    let stands_for = "#YoNoMeVacuno stands for negative, but sentiment.target is positive";
    assert_eq!(verdicts("", text), [reject(stands_for), pass()]);
    assert_eq!(verdicts("[sentiment]\ntarget = \"negative\"\n", text), [pass(), pass()]);
    let listed = "[gates]\nallowed_hashtags = [\"salud\"]\nforbidden_hashtags = [\"#Política\"]\n";
    let text = "La vacuna llega a todos los barrios.";
    assert_eq!(verdicts(listed, &format!("{text} #Salud")), [pass(), pass()]);
    let forbidden = reject("#politica is in gates.forbidden_hashtags");
    assert_eq!(verdicts(listed, &format!("{text} #politica")), [forbidden, pass()]);
    let own = ("review".to_owned(), "a bot has no family, home or past: “mi hija”".to_owned());
    assert_eq!(verdicts("", "Hoy mi hija llega a todos los barrios."), [pass(), own]);
    let off = "[gates]\noff = [\"message\"]\nexperience = \"allow\"\n";
    assert_eq!(verdicts(off, "Hoy mi hija va. #YoNoMeVacuno"), []);
}
