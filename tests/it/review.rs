//! The review of posts from the command line: edits, picks, what was checked, and hostile input.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};

use crate::support::fake_x::FakeX;
use crate::support::page::{ADMIN, Page, add_user, form};
use crate::support::test_bot::{Ended, TestBot, wait_until};

/// A text that every gate passes.
const EDITED: &str = "Mañana abre el mercado del barrio.";

/// A bot whose posts all wait for a person, with these gates off besides those of the quiet configuration.
fn reviewed(bot: TestBot) -> TestBot {
    bot.configure_with("[gates]", "[review]\nmode = \"all\"\n[gates]");
    bot
}

fn held(bot: &TestBot) {
    let ended = bot.run(&["--json", "once"]);
    assert_eq!((ended.code(), bot.newest_state()), (Some(0), "held".to_owned()), "{ended:#?}");
}

fn review(bot: &TestBot, arguments: &[&str]) -> Ended {
    bot.run(&[&["--json", "review"], arguments].concat())
}

fn shown(bot: &TestBot) -> Value {
    review(bot, &["show", "1"]).json().remove(0)
}

/// The error of a command that failed with code 1.
fn refusal(ended: &Ended) -> String {
    assert_eq!(ended.code(), Some(1), "{ended:#?}");
    let line = ended.stderr.lines().last().unwrap();
    serde_json::from_str::<Value>(line).unwrap()["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_edited_text_passes_every_gate_again_and_goes_out_as_it_reads() {
    let x = FakeX::start().await;
    let bot = reviewed(TestBot::at(&x, true));
    held(&bot);
    let before = shown(&bot)["text"].as_str().unwrap().to_owned();
    let error = refusal(&review(&bot, &["edit", "1", "--by", "ana", "--text", "Hola, @alguien: mira esto."]));
    assert!(error.starts_with("post 1 keeps its text, because the gates reject the new one: mentions: "), "{error}");
    let error = refusal(&review(&bot, &["edit", "1", "--by", "ana", "--text", &"palabra ".repeat(40)]));
    assert!(error.contains("length: "), "{error}");
    assert_eq!((&shown(&bot)["text"], &shown(&bot)["reviews"]), (&json!(before), &json!([])));

    // The disclosure is added again, also where the person typed it.
    let text = format!("🤖 IA: {EDITED}");
    let edited = review(&bot, &["edit", "1", "--by", "ana", "--role", "editora", "--text", &text, "--note", "clearer"]);
    let edited = edited.json().remove(0);
    assert_eq!((&edited["state"], &edited["text"]), (&json!("held"), &json!(text)));
    let review_record = &edited["review"];
    assert_eq!(
        (&review_record["act"], &review_record["reviewer"], &review_record["role"], &review_record["note"]),
        (&json!("edit"), &json!("ana"), &json!("editora"), &json!("clearer"))
    );
    assert_eq!((&review_record["text_before"], &review_record["text_after"]), (&json!(before), &json!(text)));
    let error = refusal(&review(&bot, &["edit", "1", "--by", "ana", "--text", EDITED]));
    assert_eq!(error, "post 1 has this text already: nothing was changed");

    let approved =
        review(&bot, &["approve", "1", "--by", "berta", "--facts-checked", "--source", "https://example.org"]);
    let approved = approved.json().remove(0);
    assert_eq!((&approved["state"], &approved["review"]["facts_checked"]), (&json!("approved"), &json!(true)));
    let mut running = bot.start(&["run"]);
    wait_until("the post", || x.posted().len() == 1);
    running.wait_for("\"posted\"", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(x.posted(), [text.as_str()]);
    let late = ["edit", "1", "--by", "ana", "--text", "Otra cosa."];
    for command in [
        &late[..],
        &["approve", "1", "--by", "ana"],
        &["reject", "1", "--by", "ana"],
        &["pick", "1", "2", "--by", "ana"],
    ] {
        let error = refusal(&review(&bot, command));
        assert_eq!(error, "post 1 is `sent`: it was sent, so it is too late to decide; delete the tweet on X");
    }
    let told = bot.run(&["review", "show", "1"]).stdout;
    for expected in [
        "edited by ana (editora)",
        "note: clearer",
        "approved, facts checked by berta (reviewer)",
        "sources: https://example.org",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    let verified = bot.run(&["--json", "audit", "verify"]);
    assert_eq!(verified.code(), Some(0), "{verified:#?}");
}

#[test]
fn another_candidate_of_the_round_takes_the_place_of_the_chosen_one() {
    let bot = reviewed(TestBot::new());
    held(&bot);
    let post = shown(&bot);
    let candidates = post["candidates"].as_array().unwrap();
    let chosen = post["candidate_position"].as_u64().unwrap();
    let other = candidates.iter().find(|one| one["position"] != chosen && one["text"] != post["text"]).unwrap();
    let number = (other["position"].as_u64().unwrap() + 1).to_string();
    let picked = review(&bot, &["pick", "1", &number, "--by", "ana"]).json().remove(0);
    assert_eq!((&picked["state"], &picked["text"]), (&json!("held"), &other["text"]));
    assert_eq!(picked["candidate"].to_string(), number);
    let record = &picked["review"];
    assert_eq!((&record["candidate_before"], &record["candidate_after"]), (&json!(chosen), &other["position"]));
    assert_eq!(bot.newest("text"), other["text"], "the history tells the text that waits");
    let error = refusal(&review(&bot, &["pick", "1", &number, "--by", "ana"]));
    assert_eq!(error, "post 1 has this text already: nothing was changed");
    for none in ["0", "5"] {
        let error = refusal(&review(&bot, &["pick", "1", none, "--by", "ana"]));
        assert_eq!(error, format!("post 1: there is no candidate {none}; its round has 4 candidates, numbered from 1"));
    }
}

#[test]
fn an_edit_after_an_approval_voids_it_and_the_post_waits_again() {
    let bot = reviewed(TestBot::new());
    held(&bot);
    assert_eq!(review(&bot, &["approve", "1", "--by", "ana"]).code(), Some(0));
    assert_eq!(bot.newest_state(), "approved");
    assert_eq!(review(&bot, &["edit", "1", "--by", "berta", "--text", EDITED]).code(), Some(0));
    let post = shown(&bot);
    assert_eq!((&post["state"], &post["decided_by"], &post["edited"]), (&json!("held"), &Value::Null, &json!(true)));
    let reviews = post["reviews"].as_array().unwrap();
    assert_eq!((&reviews[0]["act"], &reviews[0]["voided_by"]), (&json!("approve"), &json!("berta")));
    assert_eq!((&reviews[1]["act"], &reviews[1]["voided_by"]), (&json!("edit"), &Value::Null));
    assert!(bot.run(&["review", "show", "1"]).stdout.contains("void since berta changed the text"));
    assert_eq!(review(&bot, &["approve", "1", "--by", "berta"]).json()[0]["review"]["facts_checked"], json!(false));
    let verified = bot.run(&["--json", "audit", "verify"]);
    assert_eq!(verified.code(), Some(0), "{verified:#?}");
}

#[test]
fn a_claim_that_a_person_writes_stays_on_the_post_and_wants_its_facts_checked() {
    let bot = reviewed(TestBot::new());
    held(&bot);
    let text = "Hoy llegan 300 libros a la escuela del barrio.";
    bot.configure_with(
        "off = [\"language\", \"cut_sentence\", \"repetition\", \"claims\", \"verbatim\", \"near_duplicate\"]",
        "off = [\"language\", \"cut_sentence\", \"repetition\", \"verbatim\"]\n[review]\nmode = \"all\"",
    );
    let edited = review(&bot, &["edit", "1", "--by", "ana", "--text", text]).json().remove(0);
    let claims = edited["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "claims").unwrap();
    assert_eq!(claims["verdict"], "review");
    let error = refusal(&review(&bot, &["approve", "1", "--by", "ana"]));
    assert!(
        error.contains("review.require is \"fact_check\"") && error.contains("approve 1 --facts-checked"),
        "{error}"
    );
    assert!(bot.run(&["review", "list"]).stdout.contains("claims"));
    let mut command = bot.command(&["--json", "review", "approve", "1", "--by", "ana"]);
    command.env("PREGONERO__REVIEW__REQUIRE", "approval");
    let approved = bot.start_command(command).wait().json().remove(0);
    assert_eq!((&approved["state"], &approved["review"]["facts_checked"]), (&json!("approved"), &json!(false)));
    let told = bot.run(&["review", "show", "1"]).stdout;
    assert!(told.contains("approved without fact check by ana"), "{told}");
}

#[test]
fn hostile_names_notes_and_texts_are_refused_or_shown_as_what_they_are() {
    let bot = reviewed(TestBot::new());
    held(&bot);
    for hidden in ["\u{202e}", "\u{200b}", "\u{1b}[2J", "\u{7}", "\u{2066}", "\u{feff}"] {
        let (name, text) = (format!("ana{hidden}x"), format!("Mañana abre{hidden} el mercado del barrio."));
        for arguments in [
            &["approve", "1", "--by", &name][..],
            &["approve", "1", "--by", "ana", "--role", &name],
            &["approve", "1", "--by", "ana", "--note", &text],
            &["approve", "1", "--by", "ana", "--source", &text],
            &["reject", "1", "--by", "ana", "--reason", &text],
            &["edit", "1", "--by", "ana", "--text", &text],
        ] {
            let error = refusal(&review(&bot, arguments));
            assert!(error.contains("a character that cannot be seen"), "{arguments:?}: {error}");
            let told = bot.run(&[&["review"], arguments].concat()).stderr;
            assert!(!told.contains(hidden), "{told:?}");
        }
    }
    assert_eq!(shown(&bot)["reviews"], json!([]), "nothing of it is on record");
    let name = "<script>alert(1)</script> Zoë 𝔞 👩\u{200d}👧";
    let note = "=cmd|' /C calc'!A0\nsecond line \"quoted\" 𓂀";
    let rejected = review(&bot, &["reject", "1", "--by", name, "--reason", note]).json().remove(0);
    assert_eq!((&rejected["decided_by"], &rejected["reason"]), (&json!(name), &json!(note)), "kept letter by letter");
    let told = bot.run(&["review", "show", "1"]).stdout;
    assert!(told.contains(name) && told.contains("A0 second line"), "{told}");
}

#[test]
fn what_is_given_for_the_record_without_words_is_refused() {
    let bot = reviewed(TestBot::new());
    held(&bot);
    for blank in ["", " ", "\n\t "] {
        for (arguments, cause) in [
            (&["reject", "1", "--by", "ana", "--reason", blank][..], "the reason: it is empty: say why"),
            (&["edit", "1", "--by", "ana", "--text", blank], "the text: it is empty: to stop the post, reject it"),
            (&["approve", "1", "--by", "ana", "--note", blank], "--note: it is empty"),
            (&["approve", "1", "--by", "ana", "--source", blank], "--source: it is empty"),
            (&["approve", "1", "--by", "ana", "--role", blank], "--role: it is empty"),
            (&["approve", "1", "--by", blank], "--by: the name is empty"),
        ] {
            let error = refusal(&review(&bot, arguments));
            assert!(error.contains(cause), "{arguments:?}: {error}");
        }
    }
    assert_eq!((&shown(&bot)["state"], &shown(&bot)["reviews"]), (&json!("held"), &json!([])));
    let stopped = review(&bot, &["reject", "1", "--by", "ana"]).json().remove(0);
    assert_eq!(
        (&stopped["state"], &stopped["reason"]),
        (&json!("rejected"), &Value::Null),
        "in a hurry, no reason is needed"
    );
}

#[test]
fn without_a_terminal_review_asks_nothing_and_names_the_subcommands() {
    let bot = reviewed(TestBot::new());
    let ended = bot.run(&["review"]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""), "{ended:#?}");
    assert!(ended.stderr.contains("use `review list`"), "{ended:#?}");
    let error = refusal(&{
        held(&bot);
        bot.configure_with("target = \"any\"", "target = \"any\"\n[review]\nmode = \"off\"");
        bot.run(&["--json", "review", "reject", "88", "--by", "ana"])
    });
    assert!(error.contains("there is no round or post with this number"), "{error}");
}

/// Runs `review` on a terminal with these answers.
fn on_a_terminal(bot: &TestBot, answers: &str) -> String {
    let editor = bot.path("editor");
    std::fs::write(&editor, format!("#!/bin/sh\necho '{EDITED}' > \"$1\"\n")).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ended = bot.on_a_terminal(&["review", "--by", "ana"], answers);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    ended.stdout
}

#[test]
fn on_a_terminal_review_walks_through_the_queue_with_the_editor_of_the_person() {
    let bot = reviewed(TestBot::new());
    held(&bot);
    held(&bot);
    let heard = on_a_terminal(&bot, "e\na\ny\nhttps://example.org\n\n\nr\ndull\n");
    for expected in [
        "post 1, until",
        "(2 posts wait)",
        "other candidates",
        "is approved, facts checked by ana",
        "post 2 is rejected by ana",
    ] {
        assert!(heard.contains(expected), "{expected}\n{heard}");
    }
    let history = bot.history();
    assert_eq!((&history[1]["state"], &history[1]["text"]), (&json!("approved"), &json!(format!("🤖 IA: {EDITED}"))));
    assert_eq!((&history[0]["state"], &history[0]["error"]), (&json!("rejected"), &json!("dull")));
    assert!(on_a_terminal(&bot, "").contains("no post waits for a person"));
}

type Inbox = Arc<Mutex<Vec<Value>>>;

/// A server of ntfy that keeps what it is sent. Returns its address.
async fn ntfy(inbox: &Inbox) -> String {
    async fn receive(State(inbox): State<Inbox>, body: String) {
        inbox.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", post(receive)).with_state(Arc::clone(inbox));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

// The server of ntfy answers while the test waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_post_is_decided_on_by_phone_with_a_confirming_press_and_goes_out() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    let inbox = Inbox::default();
    let server = ntfy(&inbox).await;
    let alerts = format!("[alerts]\nwebhook = \"{server}/pregon\"\nformat = \"ntfy\"\n");
    let sections = format!("{ADMIN}public_url = \"https://bot.example\"\n{alerts}[review]\nmode = \"all\"\n[gates]");
    bot.configure_with("[gates]", &sections);
    held(&bot);
    add_user(&bot, "ana", "reviewer");
    let mut running = bot.start(&["run"]);
    let page = Page::of(&mut running);
    wait_until("the announcement", || !inbox.lock().unwrap().is_empty());
    let message = inbox.lock().unwrap()[0].clone();
    assert_eq!((&message["topic"], &message["click"]), (&json!("pregon"), &json!("https://bot.example/queue/1")));
    let link = |place: usize| {
        let action = &message["actions"][place];
        assert_eq!(action["action"], "view", "{message}");
        action["url"].as_str().unwrap().strip_prefix("https://bot.example").unwrap().to_owned()
    };
    let (approve, reject) = (link(0), link(1));
    let text = shown(&bot)["text"].as_str().unwrap().to_owned();
    for path in [&approve, &reject, &approve] {
        let looked = page.get(path, "");
        assert!(looked.status == 200 && looked.body.contains(&text), "{looked:#?}");
    }
    let foreign =
        [("Host", &*page.address.to_string()), ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://x.example")];
    assert_eq!(page.send("POST", &approve, &foreign, "").status, 403);
    assert_eq!((bot.newest_state(), x.posted().len()), ("held".to_owned(), 0), "looking decides nothing");

    let pressed =
        page.post(&approve, "", &form(&[("name", "Ana"), ("facts", "1"), ("sources", "https://example.org")]));
    assert!(pressed.status < 400, "{pressed:#?}");
    wait_until("the post", || x.posted().len() == 1);
    assert_eq!(x.posted(), [text.as_str()]);
    let review = shown(&bot)["reviews"][0].clone();
    assert_eq!((&review["reviewer"], &review["role"]), (&json!("Ana (link 1)"), &json!("link")));
    assert_eq!((&review["facts_checked"], &review["sources"]), (&json!(true), &json!(["https://example.org"])));
    for path in [&approve, &reject] {
        assert!(page.post(path, "", "").status >= 400, "used, or out of date");
    }
    wait_until("what came of it", || inbox.lock().unwrap().len() == 2);
    let end = inbox.lock().unwrap()[1].clone();
    assert!(end.get("actions").is_none() && end["title"].as_str().unwrap().ends_with(" over"), "{end}");
    for path in [approve, reject] {
        let secret = path.split_once('.').unwrap().1.to_owned();
        assert!(!running.log_so_far().contains(&secret), "the log holds no link");
    }
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn a_decision_without_a_name_is_refused() {
    let bot = reviewed(TestBot::new());
    held(&bot);
    for name in ["", "  "] {
        let refused = bot.run(&["review", "approve", "1", "--by", name]);
        assert!(refused.code() == Some(1) && refused.stderr.contains("--by: the name is empty"), "{refused:#?}");
    }
    assert_eq!(bot.newest_state(), "held");
}
