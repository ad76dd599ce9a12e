use super::*;
use crate::folder::{Folder, Format, Manifest};
use crate::row::Row;
use std::path::{Path, PathBuf};

/// A folder with a data set `in` of invented tweets, in which specs can be written and run.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new(rows: &[&[(&str, &str)]]) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.write("in", rows);
        bench
    }

    fn write(&self, name: &str, rows: &[&[(&str, &str)]]) {
        let mut writer = Folder::create(&self.at(name), Format::JsonLines).unwrap();
        for fields in rows {
            let mut row = Row::default();
            fields.iter().for_each(|(name, value)| row.set(*name, *value));
            writer.write(&row).unwrap();
        }
        writer.finish(Manifest { rights: "with leave".to_owned(), ..Manifest::default() }).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn spec(&self, text: &str) -> anyhow::Result<SpecFile> {
        let path = self.at("spec.toml");
        std::fs::write(&path, text).unwrap();
        SpecFile::read(&path, None)
    }

    fn run(&self, text: &str, output: Option<&str>) -> anyhow::Result<BuildReport> {
        let output = output.map(|name| self.at(name));
        build(&self.spec(text)?, &request(output.as_deref()))
    }
}

fn request(output: Option<&Path>) -> Request<'_> {
    Request {
        output,
        now: "2026-01-02T03:04:05Z".parse().unwrap(),
        command: "pregonero dataset build".to_owned(),
        enricher: None,
    }
}

fn tweets(count: usize) -> Vec<Vec<(&'static str, String)>> {
    let tweet = |number: usize| {
        let tag = ["#YoVoy", "#NoVoy", ""][number % 3];
        vec![
            ("id", format!("{}", 1000 + number)),
            ("tweet", format!("mensaje {} del barrio {} con palabras {tag}", number / 2, number * 7)),
            ("user", format!("vecina{}", number % 40)),
            ("date", format!("2021-0{}-1{} 08:00:00", 1 + number % 9, number % 7)),
        ]
    };
    (0..count).map(tweet).collect()
}

const SPEC: &str = r#"
[meta]
name = "barrio"
[[source]]
path = "in"
columns = { text = "tweet", author = "user", created_at = "date" }
[filter]
min_words = 5
duplicates = "near"
near_threshold = 0.9
[label]
by = "hashtags"
labels = { positive = ["YoVoy"], negative = ["NoVoy"] }
[split]
by = "author"
[output]
format = "jsonl"
columns = ["id", "text", "label", "author", "created_at"]
"#;

fn bench_of(count: usize) -> Bench {
    let rows = tweets(count);
    let rows: Vec<Vec<(&str, &str)>> =
        rows.iter().map(|row| row.iter().map(|(name, value)| (*name, value.as_str())).collect()).collect();
    Bench::new(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn every_row_read_is_kept_or_dropped_for_a_reason() {
    let bench = bench_of(300);
    let report = bench.run(SPEC, Some("out")).unwrap();
    assert_eq!(report.rows_read, 300);
    assert_eq!(report.kept + report.dropped.total(), 300);
    assert_eq!(report.dropped.0[0], ("no label".to_owned(), 100));
    let folder = Folder::open(&bench.at("out")).unwrap();
    let manifest = folder.manifest();
    assert_eq!(manifest.rows(), report.kept);
    assert_eq!(manifest.labels.values().sum::<u64>(), report.kept);
    assert_eq!(
        manifest.splits.iter().map(|split| split.name.as_str()).collect::<Vec<_>>(),
        ["train", "validation", "test"]
    );
    let source = &manifest.sources[0];
    assert_eq!(source.rows_read, source.kept + source.dropped.values().sum::<u64>());
    assert_eq!((manifest.rights.as_str(), manifest.created_at.as_str()), ("with leave", "2026-01-02T03:04:05Z"));
    let row = folder.rows().unwrap().next().unwrap().unwrap();
    assert_eq!(row.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["id", "text", "label", "author", "created_at"]);
    assert!(row.text("created_at").unwrap().ends_with("T08:00:00Z"));
}

#[test]
fn the_same_spec_gives_the_same_bytes_however_many_threads_there_are() {
    let bench = bench_of(9000);
    let bytes = |threads: usize, name: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bench.run(SPEC, Some(name))).unwrap();
        let files = ["train.jsonl", "validation.jsonl", "test.jsonl", "manifest.json"];
        files.map(|file| std::fs::read(bench.at(name).join(file)).unwrap())
    };
    let first = bytes(1, "one");
    assert_eq!(first, bytes(4, "four"));
    assert!(first.iter().all(|file| !file.is_empty()));
}

#[test]
fn texts_that_were_compared_with_the_newest_alone_are_said() {
    let rows: Vec<(String, String)> = (0..1100)
        .map(|row| (format!("{row}"), format!("a b c d e f g h i j k l m n o p q r s t u v w x y z palabra{row}")))
        .collect();
    let rows: Vec<[(&str, &str); 2]> =
        rows.iter().map(|(id, text)| [("id", id.as_str()), ("text", text.as_str())]).collect();
    let bench = Bench::new(&rows.iter().map(<[_; 2]>::as_slice).collect::<Vec<_>>());
    let spec = "[[source]]\npath = \"in\"\n[filter]\nduplicates = \"near\"\nnear_threshold = 0.99\n";
    let report = bench.run(spec, None).unwrap();
    assert_eq!(report.kept, 1100);
    assert!(report.notes[0].contains("with the newest 1000 of them only"), "{:?}", report.notes);
}

#[test]
fn parquet_files_are_the_same_bytes_however_many_threads_there_are() {
    let bench = bench_of(9000);
    let spec = SPEC.replace("jsonl", "parquet");
    let bytes = |threads: usize, name: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bench.run(&spec, Some(name))).unwrap();
        let files = ["train.parquet", "validation.parquet", "test.parquet", "manifest.json"];
        files.map(|file| std::fs::read(bench.at(name).join(file)).unwrap())
    };
    let first = bytes(1, "one");
    assert_eq!(first, bytes(2, "two"));
    assert!(first.iter().all(|file| !file.is_empty()));
}

#[test]
fn the_leakage_of_a_random_split_stands_beside_the_one_by_author() {
    let bench = bench_of(900);
    let leakage = bench.run(SPEC, None).unwrap().leakage.unwrap();
    assert_eq!((leakage.split.author_in_training, leakage.split.text_in_training), (0, 0));
    assert!(leakage.random.author_in_training > leakage.random.rows / 2);
    assert_eq!(leakage.split.rows, leakage.random.rows);
}

#[test]
fn a_dry_run_counts_the_same_and_writes_nothing() {
    let bench = bench_of(300);
    let dry = bench.run(SPEC, None).unwrap();
    assert_eq!(std::fs::read_dir(bench.0.path()).unwrap().count(), 2);
    let wet = bench.run(SPEC, Some("out")).unwrap();
    assert_eq!(wet.digest.as_ref().unwrap().len(), 64);
    assert_eq!(dry, BuildReport { output: None, digest: None, ..wet });
}

#[test]
fn what_cannot_be_built_says_why_and_leaves_nothing() {
    let bench = bench_of(30);
    bench.write("parties", &[&[("name", "vecina1"), ("party", "verde")]]);
    let source = "[[source]]\npath = \"in\"\n";
    let named = "[[source]]\npath = \"in\"\ncolumns = { text = \"tweet\" }\n";
    for (spec, expected) in [
        (source.to_owned(), "no row has a column \"text\"; the first row has id, tweet, user, date"),
        (
            format!("{source}columns = {{ text = \"full_text\" }}\n"),
            "no row has the column \"full_text\" that source.columns names",
        ),
        (
            format!("{named}[filter]\nmin_words = 50\n"),
            "no row is left\n30 rows read, dropped:\n  30 fewer than 50 words",
        ),
        (
            format!("{named}[filter]\nsince = 2021-01-01\n"),
            "no row has a column \"created_at\", which the spec's dates need",
        ),
        (
            format!("{named}[output]\ncolumns = [\"lang\"]\n"),
            "output.columns: no row has the column \"lang\"; they have id, text, user, date",
        ),
        ("[[source]]\npath = \"nowhere\"\n".to_owned(), "nowhere"),
        (
            format!(
                "{named}[[join]]\npath = \"parties\"\non = \"user\"\nkey = \"name\"\ncolumns = {{ date = \"party\" }}\n"
            ),
            "has a column \"date\" already",
        ),
        (
            format!("{named}[split]\nby = \"random\"\nshares = {{ train = 0.99, test = 0.01 }}\n"),
            "the test part would have no row of 30",
        ),
    ] {
        let message = format!("{:#}", bench.run(&spec, Some("out")).unwrap_err());
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        let left: Vec<String> = std::fs::read_dir(bench.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
    bench.run(named, Some("out")).unwrap();
    assert!(bench.run(named, Some("out")).unwrap_err().to_string().contains("exists already"));
}

#[test]
fn attributes_are_joined_and_decide() {
    let bench = bench_of(80);
    bench.write("parties", &[&[("name", "@VECINA1"), ("party", "verde")], &[("name", "vecina2"), ("party", "azul")]]);
    let spec = |rest: &str| {
        format!(
            "[[source]]\npath = \"in\"\ncolumns = {{ text = \"tweet\" }}\n\
             [[join]]\npath = \"parties\"\non = \"user\"\nkey = \"name\"\ncolumns = [\"party\"]\n{rest}"
        )
    };
    let report = bench.run(&spec("missing = \"drop\"\n"), None).unwrap();
    assert_eq!((report.kept, report.joins[0].matched, report.joins[0].unmatched), (4, 4, 76));
    assert_eq!(report.dropped.0, [("not in parties".to_owned(), 76)]);
    let report = bench.run(&spec("[filter]\nonly = { party = [\"azul\"] }\n"), None).unwrap();
    assert_eq!(report.kept, 2);
}

#[test]
fn columns_are_derived_by_whoever_can() {
    let bench = bench_of(20);
    let file = bench.spec("[[source]]\npath = \"in\"\ncolumns = { text = \"tweet\" }\n[enrich]\ncolumns = [\"sentiment=TONO\"]\n[output]\nformat = \"jsonl\"\n").unwrap();
    let fill = |texts: &[&str]| {
        let filled = |text: &&str| Filled {
            text: text.to_uppercase(),
            values: vec![if text.contains("#NoVoy") { "NEGATIVE" } else { "" }.to_owned()],
        };
        Ok(texts.iter().map(filled).collect())
    };
    let output = bench.at("out");
    let enricher = || Some(Enricher { columns: vec!["TONO".to_owned()], fill: &fill });
    build(&file, &Request { enricher: enricher(), ..request(Some(&output)) }).unwrap();
    let rows: Vec<Row> = Folder::open(&output).unwrap().rows().unwrap().map(Result::unwrap).collect();
    assert!(rows[0].text("text").unwrap().starts_with("MENSAJE") && rows[0].get("TONO").is_none());
    assert_eq!(rows[1].text("TONO").as_deref(), Some("NEGATIVE"));
    for (column, fits) in [("TONO", true), ("TONOS", false)] {
        let chosen = bench.spec(&format!("{}columns = [\"text\", \"{column}\"]\n", file.text)).unwrap();
        let built = build(&chosen, &Request { enricher: enricher(), ..request(None) });
        assert_eq!(built.is_ok(), fits, "{built:?}");
    }
}

#[test]
fn a_column_that_no_row_has_is_refused_with_spec_key_and_columns() {
    let bench = Bench::new(&[&[("text", "hola a todos"), ("author", "ana"), ("lado", "a")]]);
    bench.write("table", &[&[("name", "ana"), ("party", "verde")]]);
    let error = |rest: &str| bench.run(&format!("[[source]]\npath = \"in\"\n{rest}"), None).unwrap_err().to_string();
    for (rest, key) in [
        ("[filter]\nwithout = { side = [\"a\"] }\n", "filter.without"),
        ("[filter]\nonly = { side = [\"a\"] }\n", "filter.only"),
        ("[label]\nby = \"column\"\nfrom = \"side\"\n", "label.from"),
        ("[label]\nby = \"emoji\"\nfrom = \"side\"\n", "label.from"),
        ("[[join]]\npath = \"table\"\non = \"side\"\nkey = \"name\"\ncolumns = [\"party\"]\n", "join.on"),
    ] {
        let message = error(rest);
        let expected = format!("spec.toml: {key}: no row has a column \"side\"; there are text, author, lado");
        assert!(message.contains(&expected), "{rest}: {message}");
    }
    // A column of a join, of `set` or of the label is there, and one that is only in the header too.
    std::fs::write(bench.at("a.csv"), "text,author,empty\nhola a todos,ana,\n").unwrap();
    let built = bench.run(
        "[[source]]\npath = \"a.csv\"\nset = { side = \"a\" }\n[filter]\nonly = { party = [\"verde\"], side = [\"a\"] }\n\
         without = { empty = [\"x\"] }\n[[join]]\npath = \"table\"\non = \"author\"\nkey = \"name\"\ncolumns = [\"party\"]\n",
        None,
    );
    assert_eq!(built.unwrap().kept, 1);
}

#[test]
fn a_label_that_the_spec_does_not_list_is_called_so_and_shown() {
    let bench = Bench::new(&[
        &[("text", "uno dos"), ("tono", "bien")],
        &[("text", "tres cuatro"), ("tono", "Bien")],
        &[("text", "cinco seis"), ("tono", "")],
    ]);
    let spec = "[[source]]\npath = \"in\"\n[label]\nby = \"column\"\nfrom = \"tono\"\nlabels = { si = [\"bien\"] }\n";
    let report = bench.run(spec, None).unwrap();
    assert_eq!(report.dropped.0, [("no label".to_owned(), 1), ("label that label.labels does not list".to_owned(), 1)]);
    assert!(
        report.hints[0].contains("values of label.from that label.labels does not list: \"Bien\" (1)"),
        "{:?}",
        report.hints
    );
    let none = bench.run(&spec.replace("bien", "otro"), None).unwrap_err().to_string();
    assert!(none.contains("no row is left") && none.contains("\"Bien\" (1), \"bien\" (1)"), "{none}");
}

#[test]
fn what_is_asked_of_authors_in_vain_is_said() {
    let bench = Bench::new(&[&[("text", "uno dos")], &[("text", "tres cuatro")]]);
    std::fs::write(bench.at("out.txt"), "@ana\n").unwrap();
    let spec = "[[source]]\npath = \"in\"\n[filter]\nleave_out = [\"out.txt\"]\nmax_per_author = 1\n";
    let report = bench.run(spec, None).unwrap();
    assert!(
        report.notes[0].contains("no row says who wrote it") && report.notes[0].contains("max_per_author"),
        "{report:?}"
    );
}
