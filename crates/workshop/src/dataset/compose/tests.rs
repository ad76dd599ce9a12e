use super::*;

const GRAMMAR: &str = r##"{
    "origin": ["[tema:refuerzo][hashtags:Refuerzo]#frase.capitalize#  \\#Refuerzo", "[tema:plano]#frase.capitalize#"],
    "frase": ["hoy #quien# pasea  con #quien#.", "[q:#quien#]con #q# llega la calma a casa, y que viva #q#."],
    "quien": ["la vecina", "el abuelo", "tu familia"],
    "suelto": "nadie me usa"
}"##;

struct Place(tempfile::TempDir);

impl Place {
    fn with(grammar: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("g.json"), grammar).unwrap();
        Self(folder)
    }

    fn composition(&self, count: usize) -> Composition {
        Composition {
            grammar: self.0.path().join("g.json"),
            origin: "origin".to_owned(),
            count,
            seed: 1,
            columns: vec!["tema".to_owned(), "hashtags".to_owned()],
            longest: 280,
        }
    }

    fn compose(&self, count: usize) -> Composed {
        compose(&self.composition(count)).unwrap()
    }

    fn plain(&self, count: usize) -> Composed {
        compose(&Composition { columns: Vec::new(), ..self.composition(count) }).unwrap()
    }
}

fn texts(composed: &Composed) -> Vec<&str> {
    composed.rows.iter().map(|row| row.text.as_str()).collect()
}

#[test]
fn a_grammar_says_each_of_its_texts_once_with_its_columns() {
    let composed = Place::with(GRAMMAR).compose(1_000);
    let report = &composed.report;
    assert_eq!(report.texts, 24, "{:?}", texts(&composed));
    assert_eq!(report.grammar_can_say_at_most, TextCount::AtMost(24));
    assert_eq!(report.texts + report.duplicates, report.tries);
    assert!(report.tries < tries_for(24), "it stops at the number of texts that there are: {report:?}");
    assert_eq!(report.unused_symbols, ["suelto"]);
    assert_eq!((report.texts_that_disagree, report.too_long), (0, 0));
    for row in &composed.rows {
        let with_hashtag = row.text.ends_with(" #Refuerzo");
        let expected = if with_hashtag { ["refuerzo", "Refuerzo"] } else { ["plano", ""] };
        assert_eq!(row.values, expected, "{}", row.text);
        assert!(!row.text.contains("  ") && row.text.starts_with(['H', 'C']), "{}", row.text);
        if let Some(rest) = row.text.strip_prefix("Con ") {
            let who = rest.split(" llega").next().unwrap();
            assert!(rest.contains(&format!("y que viva {who}.")), "a saved symbol stays the same: {}", row.text);
        }
    }
}

#[test]
fn a_seed_gives_the_same_texts_and_another_gives_others() {
    let place = Place::with(GRAMMAR);
    let first = place.compose(10);
    assert_eq!(first.rows, place.compose(10).rows);
    let other = compose(&Composition { seed: 2, ..place.composition(10) }).unwrap();
    assert_ne!(first.rows, other.rows);
    assert_eq!(first.report.texts, 10);
}

#[test]
fn the_ending_decides_between_a_table_and_json_lines() {
    let place = Place::with(r##"{"origin": "[tema:x, y]Dijo \"hola\", vecina"}"##);
    let composition = Composition { columns: vec!["tema".to_owned()], ..place.composition(1) };
    let composed = compose(&composition).unwrap();
    for (name, expected) in [
        ("a.csv", "text,tema\n\"Dijo \"\"hola\"\", vecina\",\"x, y\"\n"),
        ("a.jsonl", "{\"text\":\"Dijo \\\"hola\\\", vecina\",\"tema\":\"x, y\"}\n"),
    ] {
        let path = place.0.path().join(name);
        composed.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        assert!(composed.write(&path).unwrap_err().to_string().contains("exists already"));
    }
    let message = check_output(Path::new("a.txt")).unwrap_err().to_string();
    assert_eq!(message, "a.txt: the extension decides the format: use a name that ends in .csv or .jsonl");
}

#[test]
fn texts_longer_than_a_tweet_are_left_out_and_counted() {
    let long = "muy ".repeat(80);
    let place = Place::with(&format!(r#"{{"origin": ["{long}largo", "corto"]}}"#));
    let composed = place.plain(5);
    assert_eq!(texts(&composed), ["corto"]);
    assert!(composed.report.too_long > 100 && composed.report.duplicates > 100, "{:?}", composed.report);
    let place = Place::with(&format!(r#"{{"origin": "{long}"}}"#));
    let none = compose(&Composition { columns: Vec::new(), ..place.composition(5) }).unwrap_err().to_string();
    let expected =
        "none of 1000 expansions gave a text: 1000 were empty or longer than 280 characters, and in 0 the symbols";
    assert!(none.contains(expected), "{none}");
}

#[test]
fn any_number_of_texts_may_be_wanted_and_it_ends() {
    // Both rules give the same text, so there is one where two are counted.
    let twins = r##"{"origin": ["#a#", "#b#"], "a": "sol", "b": "sol"}"##;
    for (grammar, texts, most) in [
        (GRAMMAR, 24, TextCount::AtMost(24)),
        (twins, 1, TextCount::AtMost(2)),
        (r##"{"origin": ["sol", "#origin#"]}"##, 1, TextCount::Endless),
    ] {
        let report = Place::with(grammar).plain(99_999_999_999_999_999).report;
        assert_eq!((report.texts, report.grammar_can_say_at_most), (texts, most));
        assert!(report.tries < 2 * tries_for(texts), "{report:?}");
    }
}

#[test]
fn a_grammar_that_is_too_deep_is_refused_for_its_depth() {
    let mut symbols: Vec<String> = (0..300).map(|at| format!(r##""s{at}": "#s{}#""##, at + 1)).collect();
    symbols.push(r##""s300": "fin", "origin": "#s0#""##.to_owned());
    let place = Place::with(&format!("{{{}}}", symbols.join(", ")));
    let message = compose(&Composition { columns: Vec::new(), ..place.composition(5) }).unwrap_err().to_string();
    let expected = "0 were empty or longer than 280 characters, and in 1000 the symbols were nested more than 100 deep";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn a_text_that_is_too_long_is_weighed_once_however_often_it_comes() {
    // X's rules are slow on a text full of what may be addresses.
    let place = Place::with(&format!(r#"{{"origin": ["{}", "corto"]}}"#, "a.".repeat(150)));
    let composition = Composition { columns: Vec::new(), ..place.composition(5) };
    let grammar = Grammar::open(&composition.grammar, "origin").unwrap();
    let mut composer = Composer::new(&grammar, &composition);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..300).for_each(|_| composer.take(expansion::expand(&grammar, &mut rng).unwrap()));
    assert!(composer.too_long > 100 && composer.duplicates > 100, "{} {}", composer.too_long, composer.duplicates);
    assert_eq!((composer.longer.len(), composer.rows.len(), composer.tries), (1, 1, 300));
}

#[test]
fn a_symbol_within_itself_ends_or_is_given_up() {
    let place = Place::with(r##"{"origin": ["sol", "#origin# #origin# #origin#"]}"##);
    let composed = place.plain(20);
    assert!(
        composed.report.texts > 1 && composed.report.too_long + composed.report.too_deep > 0,
        "{:?}",
        composed.report
    );
    assert_eq!(composed.report.grammar_can_say_at_most, TextCount::Endless);
}

#[test]
fn what_would_grow_without_end_is_given_up() {
    let doubling = "[a:#a##a#]".repeat(60);
    for origin in [format!("[a:x]{doubling}#a#"), format!("[a:#e#]{doubling}#a#"), "#o#".to_owned()] {
        let grammar = format!(r##"{{"origin": ["sol", "{origin}"], "e": "", "o": ["", "#o##o##o#"]}}"##);
        let report = Place::with(&grammar).plain(2).report;
        assert!(report.texts == 1 && report.too_long + report.too_deep > 0, "{origin}: {report:?}");
    }
}

#[test]
fn a_tag_forgets_what_it_saved_and_the_column_still_shows_it() {
    let place = Place::with(r##"{"origin": "[tema:fuera]#[tema:dentro]frase# #tema#", "frase": "#tema#"}"##);
    let composed = compose(&Composition { columns: vec!["tema".to_owned()], ..place.composition(1) }).unwrap();
    assert_eq!(composed.rows, [Row { text: "dentro fuera".into(), values: vec!["fuera".into()] }]);
    let place = Place::with(r##"{"origin": "#[tema:dentro]frase#", "frase": "#tema#"}"##);
    let composed = compose(&Composition { columns: vec!["tema".to_owned()], ..place.composition(1) }).unwrap();
    assert_eq!(composed.rows, [Row { text: "dentro".into(), values: vec!["dentro".into()] }]);
    let place = Place::with(r##"{"origin": "[t:a][t:b]#t# [t:POP]#t#"}"##);
    assert_eq!(texts(&place.plain(1)), ["b a"]);
}

#[test]
fn a_saved_symbol_that_is_not_there_yet_is_named_with_its_rule() {
    let place = Place::with(r##"{"origin": "#frase# [q:ana]", "frase": ["hola #q#"]}"##);
    let error = compose(&Composition { columns: Vec::new(), ..place.composition(1) }).unwrap_err().to_string();
    assert!(
        error.ends_with("g.json: frase, rule 1: #q# is used before anything is saved under it: \"hola #q#\""),
        "{error}"
    );
}

#[test]
fn words_that_do_not_agree_are_reported_with_the_rule_that_joined_them() {
    let place = Place::with(
        r##"{"origin": ["Hoy llega la #cosa#.", "El #lugar.capitalize# abre."],
             "cosa": ["vecina", "barrio"], "lugar": ["puesto"]}"##,
    );
    let report = place.plain(10).report;
    assert_eq!((report.texts, report.texts_that_disagree), (3, 1));
    let [found] = report.disagreements.as_slice() else { panic!("{:?}", report.disagreements) };
    assert_eq!((found.first.as_str(), found.second.as_str()), ("la", "barrio"));
    assert_eq!((found.first_is.as_str(), found.second_is.as_str()), ("feminine singular", "masculine singular"));
    assert_eq!((found.rule.as_str(), found.source.as_str()), ("origin, rule 1", "Hoy llega la #cosa#."));
    assert_eq!((found.texts, found.example.as_str()), (1, "Hoy llega la barrio."));
    let share = report.most_frequent_rule.unwrap();
    assert_eq!((share.rule.as_str(), share.share), ("origin, rule 1", 2.0 / 3.0));
}

#[test]
fn columns_that_cannot_be_filled_are_refused() {
    let place = Place::with(GRAMMAR);
    for (columns, expected) in [
        (vec!["text"], "text is the column of the text itself"),
        (vec!["tema", "tema"], "tema is named twice"),
        (vec!["humor"], "no rule saves \"humor\""),
    ] {
        let columns = columns.into_iter().map(str::to_owned).collect();
        let message = compose(&Composition { columns, ..place.composition(1) }).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
