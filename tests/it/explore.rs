//! `dataset explore`: the page and the numbers of files of several kinds, and what it refuses.

use serde_json::Value;

use crate::commands::Place;

/// A place with a table of two parties over three days.
fn place() -> Place {
    let place = Place::new("");
    let mut table = "text,author,created_at,partido\n".to_owned();
    for n in 0..60 {
        let (party, word) = if n % 3 == 0 { ("Norte", "biblioteca") } else { ("Sur", "calle") };
        let line = format!(
            "\"Hoy la {word} del barrio {n} abre #Barrio{party}\",cuenta{},2021-03-0{}T{:02}:00:00Z,{party}\n",
            n % 5,
            1 + n % 3,
            n % 24
        );
        table.push_str(&line);
    }
    std::fs::write(place.path("posts.csv"), table).unwrap();
    place
}

const WITHOUT_MODELS: [&str; 4] = ["--classifier", "none", "--vectors", "none"];

fn explore(place: &Place, arguments: &[&str]) -> crate::commands::Ran {
    place.run(&[&["dataset", "explore"], arguments].concat())
}

#[test]
fn a_table_has_a_page_and_its_numbers_and_both_agree() {
    let place = place();
    let ran = explore(&place, &["posts.csv", "--timezone", "America/Bogota", "--output", "page.html"]);
    assert!(ran.code == 0 && ran.stdout.contains("60 posts by 5 accounts; 2 groups by partido"), "{ran:#?}");
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    assert!(
        page.contains("60 publicaciones de 5 cuentas") && page.contains("America/Bogota") && page.contains("@cuenta1")
    );
    assert!(page.contains("builtin") && page.contains("id=\"sentiment\""), "the sentiment is missing");
    let ran = explore(&place, &["posts.csv", "--timezone", "America/Bogota", "--json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let numbers = &json["numbers"];
    assert_eq!((&numbers["posts"], &numbers["span"]["first"]), (&60.into(), &"2021-02-28".into()));
    assert_eq!(numbers["groupings"][0]["groups"][0]["name"], "Sur");
    assert_eq!(numbers["groupings"][0]["groups"][1]["words"][0]["word"], "biblioteca");
    assert_eq!(numbers["sentiment"]["sampled"], 60);
    assert_eq!(json["read"]["files"][0]["kept"], 60);
}

#[test]
fn other_kinds_of_file_and_other_columns_give_the_same_numbers() {
    let place = place();
    let table = std::fs::read_to_string(place.path("posts.csv")).unwrap();
    std::fs::write(place.path("posts.tsv"), table.replace(",", "\t").replace("author", "quién")).unwrap();
    let lines: String = table
        .lines()
        .skip(1)
        .map(|line| {
            let (text, rest) = line.trim_start_matches('"').split_once("\",").unwrap();
            let rest: Vec<&str> = rest.split(',').collect();
            format!(
                "{{\"text\":{text:?},\"author\":{:?},\"created_at\":{:?},\"partido\":{:?}}}\n",
                rest[0], rest[1], rest[2]
            )
        })
        .collect();
    std::fs::write(place.path("posts.jsonl"), lines).unwrap();
    let numbers = |arguments: &[&str]| {
        let ran = explore(&place, &[arguments, &WITHOUT_MODELS, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{ran:#?}");
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["numbers"].clone()
    };
    let table = numbers(&["posts.csv"]);
    assert_eq!(numbers(&["posts.jsonl"]), table);
    assert_eq!(numbers(&["posts.tsv", "--author-column", "quién"]), table);
}

#[test]
fn no_names_means_no_names_and_english_means_english() {
    let place = place();
    let page = ["posts.csv", "--no-names", "--lang", "en", "--output", "page.html"];
    assert_eq!(explore(&place, &[&page[..], &WITHOUT_MODELS].concat()).code, 0);
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("60 posts by 5 accounts") && page.contains("account 1<"), "{page}");
    assert!(!page.contains("cuenta1") && !page.contains("publicaciones"));
}

#[test]
fn what_cannot_be_explored_is_refused_in_words_and_nothing_is_written() {
    let place = place();
    std::fs::write(place.path("mine.html"), "mine").unwrap();
    for (arguments, code, words) in [
        (&["posts.csv"][..], 1, "--output FILE.html, or --json"),
        (&["absent.csv", "--json"], 1, "absent.csv"),
        (&["posts.csv", "--json", "--text-column", "tweet"], 1, "\"tweet\""),
        (&["posts.csv", "--json", "--group", "region"], 1, "no row has a value in the column \"region\""),
        (&["posts.csv", "--json", "--timezone", "Bogota"], 1, "no zone \"Bogota\"; names look like America/Bogota"),
        (&["posts.csv", "--json", "--since", "2022-01-01"], 1, "no post is between --since and --until"),
        (&["posts.csv", "--json", "--since", "ayer"], 2, "--since"),
        (&["posts.csv", "--output", "mine.html"], 1, "mine.html"),
    ] {
        let ran = explore(&place, &[arguments, &WITHOUT_MODELS].concat());
        assert!(ran.code == code && ran.stderr.contains(words), "{arguments:?}: {ran:#?}");
    }
    assert_eq!(std::fs::read_to_string(place.path("mine.html")).unwrap(), "mine");
}
