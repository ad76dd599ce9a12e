//! The walk of `docs/walks/vacunabot.sh` from nothing to a tweet: the very script, small, against `FakeX`.

use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::fake_x::library::{BEARER, Library, LibraryPost, id_at};
use crate::support::fake_x::{FakeX, USER};
use crate::support::test_bot::TestBot;

/// How many accounts there are, and posts of each.
const ACCOUNTS: u64 = 24;
const POSTS: u64 = 10;

/// Posts for and against by two dozen accounts, each of one opinion, on two days.
fn library() -> Library {
    let start: Timestamp = "2021-03-01T00:10:00Z".parse().unwrap();
    let openings = ["Hoy", "Ayer", "Esta mañana", "El lunes", "Por fin", "En la plaza", "Con mi abuela", "Sin miedo"];
    let places = ["el barrio", "la biblioteca", "el estadio", "la escuela", "el parque", "el mercado", "la vereda"];
    let post = |number: u64| {
        let (account, turn) = (number % ACCOUNTS, number / ACCOUNTS);
        let created_at = start + SignedDuration::from_mins(11 * number as i64);
        let opening = openings[(number * 5 % 8) as usize];
        let place = places[(account + 3 * turn) as usize % 7];
        let text = if account % 3 == 0 {
            format!("{opening} dije que no me la pongo en {place}, turno {turn} de {account} #YoNoMeVacuno")
        } else {
            format!("{opening} llegó mi dosis a {place} y salí contenta, turno {turn} de {account} #YoMeVacuno")
        };
        LibraryPost {
            id: id_at(created_at, number),
            author: 100 + account,
            text,
            lang: "es",
            is_repost: false,
            is_reply: false,
            created_at,
            is_dropped: false,
            late: 0,
        }
    };
    Library {
        posts: (0..ACCOUNTS * POSTS).map(post).collect(),
        accounts: (0..ACCOUNTS)
            .map(|place| (100 + place, format!("cuenta{place}"), format!("Cuenta {place}")))
            .collect(),
        page: 100,
        ..Library::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_walk_leads_from_nothing_to_a_tweet() {
    let x = FakeX::start().await;
    x.has_library(library());
    let bot = TestBot::at(&x, true);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_pregonero")).parent().unwrap();
    let keys = bot.command(&[]);
    let keys = keys.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/walks/vacunabot.sh");
    let mut walk = Command::new("bash");
    walk.args([script, "walk"]).current_dir(bot.path("")).env_clear().envs(keys);
    walk.env("PATH", format!("{}:/usr/bin:/bin", program.display())).env(BEARER.0, BEARER.1);
    walk.envs([
        ("WALK_SIZE", "small"),
        ("WALK_HANDLE", USER.1),
        ("WALK_SINCE", "2021-03-01"),
        ("WALK_UNTIL", "2021-03-03"),
    ]);
    walk.envs([("WALK_CRON", "*/20 * * * * *"), ("PREGONERO__COLLECT__PAUSE", "0s")]);
    walk.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = walk.output().unwrap();
    assert!(
        ended.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
    assert!(!x.posted().is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));

    let folder = bot.path("walk");
    let manifest = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(folder.join(name).join("manifest.json")).unwrap()).unwrap()
    };
    assert_eq!(manifest("collected")["collection"]["complete"], true);
    let splits = manifest("stance")["splits"].as_array().unwrap().len();
    assert_eq!(splits, 3, "{}", manifest("stance"));
    let page = std::fs::read_to_string(folder.join("stance.html")).unwrap();
    assert!(page.contains("Exploración de stance") && !page.contains("@cuenta"));
    for model in ["classifier", "generator"] {
        assert!(folder.join(model).join("config.json").exists(), "{model}");
    }
}
