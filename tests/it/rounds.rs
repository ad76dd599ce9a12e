//! One round through the real binary, for every way it can end.

use serde_json::{Value, json};

use crate::support::fake_x::{Answer, FakeX};
use crate::support::test_bot::{Ended, TestBot};

/// The line of the history that `once --json` prints, and how the program ended.
fn once(bot: &TestBot) -> (Value, Ended) {
    let ended = bot.run(&["--json", "once"]);
    let entry = ended.stdout.lines().next().unwrap_or_else(|| panic!("{ended:#?}"));
    (serde_json::from_str(entry).unwrap(), ended)
}

fn unauthorized() -> Answer {
    Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized")
}

#[tokio::test]
async fn a_post_goes_out_once_and_the_history_tells_its_whole_story() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    let (entry, ended) = once(&bot);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert_eq!((&entry["state"], &entry["tweet_id"]), (&json!("sent"), &json!("1900000000000000001")), "{ended:#?}");
    let text = entry["text"].as_str().unwrap();
    assert_eq!(x.posted(), [text]);
    assert_eq!(x.rejected(), [""; 0], "every signature was right");
    assert!(text.starts_with("🤖 IA: "), "{text}");
    assert!(ended.log().iter().any(|line| line["message"] == "LIVE: chosen posts go out to X"), "{ended:#?}");

    assert_eq!(bot.history(), std::slice::from_ref(&entry));
    let record = bot.run(&["--json", "history", "show", "1"]).json().remove(0);
    assert_eq!(record["candidates"].as_array().unwrap().len(), 4);
    let chosen = record["candidates"].as_array().unwrap().iter().filter(|one| one["chosen"] == true);
    assert_eq!(chosen.map(|one| one["text"].as_str().unwrap()).collect::<Vec<_>>(), [text]);
    assert_eq!(record["attempts"][0]["outcome"], "sent");
    assert_eq!(record["round"]["generation"]["top_k"], 50);
    assert_eq!(entry["model"]["name"], "tiny");
    let body = text.strip_prefix("🤖 IA: ").unwrap();
    assert!(body.starts_with(entry["seed_prompt"].as_str().unwrap().trim()), "{entry}");
}

#[tokio::test]
async fn a_dry_run_never_speaks_to_x_though_it_holds_the_keys() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, false);
    let (entry, ended) = once(&bot);
    assert_eq!((ended.code(), &entry["state"]), (Some(0), &json!("dry_run")), "{ended:#?}");
    assert_eq!(x.calls().len(), 0);
    let told = ended.log().into_iter().find(|line| line["message"].as_str().unwrap().starts_with("DRY RUN")).unwrap();
    assert!(told["message"].as_str().unwrap().contains("set publish.live = true"), "{told}");
}

#[test]
fn without_keys_a_dry_run_names_the_four_variables_and_going_live_is_refused_before_anything_is_written() {
    let bot = TestBot::new();
    let bare = |live: &str| {
        let mut command = bot.command(&["once"]);
        command.env_clear().env("PREGONERO__PUBLISH__LIVE", live);
        bot.start_command(command).wait()
    };
    let refused = bare("true");
    assert_eq!(refused.code(), Some(78), "{refused:#?}");
    let said = refused.log().pop().unwrap()["message"].as_str().unwrap().to_owned();
    assert!(
        said.starts_with("publish.live is true, but there are no X credentials: set TWITTER_CONSUMER_KEY"),
        "{said}"
    );
    assert!(!bot.path("data").exists());

    let dry = bare("false");
    assert_eq!(dry.code(), Some(0), "{dry:#?}");
    assert!(dry.stderr.contains("to go live, set TWITTER_CONSUMER_KEY, TWITTER_CONSUMER_SECRET"), "{dry:#?}");
}

#[test]
fn the_prompt_and_the_seed_decide_the_texts() {
    let bot = TestBot::new();
    bot.configure_with("candidates = 4", "candidates = 3\nrng_seed = 7");
    let run = || bot.run(&["--json", "once", "--prompt", "La plaza"]).json().remove(0);
    let (first, second) = (run(), run());
    assert!(first["text"].as_str().unwrap().starts_with("🤖 IA: La plaza"), "{first}");
    for key in ["text", "rng_seed", "seed_prompt"] {
        assert_eq!(first[key], second[key]);
    }
    assert_eq!((&first["id"], &second["id"]), (&json!(1), &json!(2)));
}

#[test]
fn where_no_candidate_passes_every_reason_is_on_record() {
    let bot = TestBot::new();
    bot.configure_with("target = \"any\"", "target = \"positive\"\nmin_score = 1.0");
    let (entry, ended) = once(&bot);
    assert_eq!((ended.code(), &entry["state"]), (Some(0), &json!("no_candidate")), "{ended:#?}");
    assert_eq!(entry["error"], "none of 4 candidates passed; stopped by sentiment 4");
    let record = bot.run(&["--json", "history", "show", "1"]).json().remove(0);
    for candidate in record["candidates"].as_array().unwrap() {
        let gates = candidate["gates"].as_array().unwrap();
        let reason = gates.iter().find(|gate| gate["gate"] == "sentiment").unwrap()["reason"].as_str().unwrap();
        assert!(reason.contains("is below sentiment.min_score 1.00"), "{reason}");
    }
}

#[test]
fn a_round_that_cannot_write_is_recorded_as_failed_with_the_reason() {
    let bot = TestBot::new();
    let ended = bot.run(&["--json", "once", "--prompt", &"La plaza del pueblo ".repeat(50)]);
    assert_eq!(ended.code(), Some(1), "{ended:#?}");
    let entry = bot.history().remove(0);
    assert_eq!(entry["state"], "failed");
    assert!(entry["error"].as_str().unwrap().starts_with("no candidates: prompt and attributes take"), "{entry}");
}

#[tokio::test]
async fn what_x_says_decides_state_and_exit_code() {
    let forbidden = Answer::problem(403, "about:blank", "Forbidden", "You are not permitted to perform this action.");
    let limited = Answer::problem(429, "about:blank", "Too Many Requests", "Too Many Requests");
    for (answer, state, code) in [
        (unauthorized(), "refused", 69),
        (forbidden, "refused", 1),
        (limited, "approved", 75),
        (Answer::close(), "unknown", 1),
    ] {
        let x = FakeX::start().await;
        x.expect(answer.clone());
        let bot = TestBot::at(&x, true);
        let (entry, ended) = once(&bot);
        assert_eq!((entry["state"].as_str(), ended.code()), (Some(state), Some(code)), "{answer:?}: {ended:#?}");
        assert_eq!(x.posts_asked(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn once_says_what_keeps_posts_back_before_it_writes_one() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    x.expect(unauthorized());
    assert_eq!(once(&bot).1.code(), Some(69));
    let stopped = bot.run(&["once"]);
    assert_eq!(stopped.code(), Some(69), "{stopped:#?}");
    assert!(
        stopped.stderr.contains("stopped by X since ") && stopped.stderr.contains("`pregonero resume`"),
        "{stopped:#?}"
    );
    assert_eq!((x.posts_asked(), bot.history().len()), (1, 1), "neither a call nor a round");

    assert_eq!(bot.run(&["resume", "--by", "ana"]).code(), Some(0));
    assert_eq!(bot.run(&["pause", "--by", "ana", "--reason", "a holiday"]).code(), Some(0));
    let paused = bot.run(&["once"]);
    assert_eq!(paused.code(), Some(75), "{paused:#?}");
    assert!(paused.stderr.contains("paused by ana since ") && paused.stderr.contains("a holiday"), "{paused:#?}");
    let status = bot.run(&["--json", "status"]).json().remove(0);
    assert_eq!(status["outlook"]["halts"][0]["cause"], "paused", "{status}");
    assert_eq!(status["outlook"]["posts_left_today"], 8, "{status}");
    let words = bot.run(&["status"]).stdout;
    assert!(words.contains("left       8 posts today") && words.contains("stopped    paused by ana"), "{words}");
    assert_eq!(bot.run(&["--json", "resume", "--by", "ana"]).json()[0]["ended"][0]["reason"], "a holiday");
    assert_eq!(once(&bot).1.code(), Some(0));
}

#[tokio::test]
async fn a_post_of_unknown_outcome_is_never_sent_again() {
    let x = FakeX::start().await;
    x.expect(Answer::close().but_taken());
    let bot = TestBot::at(&x, true);
    let (lost, ended) = once(&bot);
    assert_eq!((&lost["state"], ended.code()), (&json!("unknown"), Some(1)), "{ended:#?}");
    let mut running = bot.start(&["run"]);
    running.wait_for("found on the timeline", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!((bot.newest("state"), bot.newest("tweet_id")), (json!("sent"), json!("1900000000000000001")));
    let (second, _) = once(&bot);
    assert_eq!(second["state"], "sent");
    assert_eq!(x.posted(), [lost["text"].as_str().unwrap(), second["text"].as_str().unwrap()]);
    let record = bot.run(&["--json", "history", "show", "1"]).json().remove(0);
    let reads: Vec<_> =
        record["reads"].as_array().unwrap().iter().map(|read| (&read["what"], &read["outcome"])).collect();
    assert_eq!(reads, [(&json!("account"), &json!("found")), (&json!("timeline"), &json!("found"))]);
}

#[test]
fn what_a_gate_wants_a_person_to_see_is_held() {
    let bot = TestBot::new();
    bot.configure_with("[gates]", "[review]\nmode = \"all\"\n[gates]");
    let (entry, ended) = once(&bot);
    assert_eq!((ended.code(), &entry["state"]), (Some(0), &json!("held")), "{ended:#?}");
    assert!(ended.stderr.contains("pregonero review show 1"), "{ended:#?}");
}

#[test]
fn the_built_in_models_serve_a_round_in_an_empty_folder() {
    let bot = TestBot::new();
    bot.configure("[generation]\ncandidates = 4\n");
    let (entry, ended) = once(&bot);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert!(["dry_run", "no_candidate", "held"].contains(&entry["state"].as_str().unwrap()), "{entry}");
    assert_eq!(entry["model"]["name"], "builtin");
}

#[tokio::test]
async fn a_post_approved_in_a_dry_run_never_goes_out_live() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, false);
    bot.configure_with("[gates]", "[review]\nmode = \"all\"\n[gates]");
    assert_eq!(once(&bot).0["state"], "held");
    let approved = bot.run(&["review", "approve", "1", "--by", "ana"]);
    assert!(approved.stdout.contains("it was made in a dry run"), "{approved:#?}");
    let mut command = bot.command(&["run"]);
    command.env("PREGONERO__PUBLISH__LIVE", "true");
    let mut running = bot.start_command(command);
    running.wait_for("post cancelled", 1);
    running.wait_for("waiting for the next slot", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let entry = bot.history().remove(0);
    assert_eq!((&entry["state"], x.calls().len()), (&json!("cancelled"), 0));
    assert_eq!(entry["error"], "it was made in a dry run, but posts now go out");
}

#[tokio::test]
async fn credentials_of_another_account_post_nothing_and_say_whose_they_are() {
    let x = FakeX::start().await;
    x.expect(Answer::json(200, &json!({"data": {"id": "1700", "username": "una_persona"}})).for_me());
    let bot = TestBot::at(&x, true);
    let (entry, ended) = once(&bot);
    assert_eq!((ended.code(), &entry["state"]), (Some(78), &json!("approved")), "{ended:#?}");
    assert!(ended.stderr.contains("belong to @una_persona, but account.handle is @pregonero_test"), "{ended:#?}");
    assert_eq!((x.accounts_asked(), x.posts_asked()), (1, 0));
    assert_eq!(bot.run(&["once"]).code(), Some(78), "nor the next time");
    assert_eq!((x.accounts_asked(), x.posts_asked()), (1, 0));
}

#[tokio::test]
async fn a_tweet_is_found_by_its_id_and_its_address_and_costs_are_shown_by_month() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    let (entry, ended) = once(&bot);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let id = entry["tweet_id"].as_str().unwrap();
    let url = entry["url"].as_str().unwrap();
    assert_eq!(url, format!("https://x.com/i/status/{id}"));
    for which in ["1", id, url, &format!("https://twitter.com/pregonero_test/status/{id}?s=20")] {
        let record = bot.run(&["--json", "history", "show", which]).json().remove(0);
        assert_eq!((&record["id"], record["tweet_id"].as_str()), (&json!(1), Some(id)), "{which}");
    }
    let shown = bot.run(&["history", "show", id]).stdout;
    for words in [url, "1 at ", ": sent (201), $0.015", "account at ", "found, 1 returned, $0.01", "target         any"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains('{'), "nothing is left in a machine's words: {shown}");
    for (which, words) in [
        ("https://x.com/a/status/5", "has no post with the tweet id 5"),
        ("once", "expected a number that `pregonero history list` shows"),
        ("1900000000000000009", "there is no round or post with this number"),
    ] {
        let missing = bot.run(&["history", "show", which]);
        assert!(missing.code() == Some(1) && missing.stderr.contains(words), "{missing:#?}");
    }
    let costs = bot.run(&["--json", "history", "costs"]).json().remove(0);
    assert_eq!((&costs["posts"], &costs["usd_for_posts"], &costs["read"]), (&json!(1), &json!(0.015), &json!(1)));
    assert_eq!((&costs["usd_for_reading"], &costs["usd"]), (&json!(0.01), &json!(0.025)));

    let record = bot.run(&["--json", "history", "show", "1"]).json().remove(0);
    let settings = &record["round"]["settings"];
    assert_eq!((&settings["account"], &settings["live"]), (&json!("pregonero_test"), &json!(true)));
    assert_eq!((&settings["sentiment"]["target"], &settings["review_mode"]), (&json!("any"), &json!("flagged")));
    assert_eq!(record["round"]["config_sha256"].as_str().unwrap().len(), 64);
    assert_eq!((&record["post"]["live"], &record["post"]["account"]), (&json!(true), &json!("pregonero_test")));
}

#[test]
fn the_seed_in_the_history_gives_the_rounds_candidates_again() {
    let bot = TestBot::new();
    let (entry, ended) = once(&bot);
    assert_eq!((ended.code(), &entry["state"]), (Some(0), &json!("dry_run")), "{ended:#?}");
    let (prompt, seed) =
        (format!("--prompt={}", entry["seed_prompt"].as_str().unwrap()), entry["rng_seed"].to_string());
    let again = bot.run(&["--json", "generate", &prompt, "--rng-seed", &seed]).json();
    let number = usize::try_from(entry["candidate"].as_u64().unwrap()).unwrap();
    assert_eq!(again[number - 1]["text"], entry["text"]);
    assert_eq!(again[number - 1]["rng_seed"], entry["candidate_rng_seed"]);
}

#[test]
fn all_prompts_are_compared_by_what_passes_and_what_stops_the_others() {
    let bot = TestBot::new();
    bot.configure_with(
        "[publish]",
        "[[seed_prompts]]\ntext = \"La plaza\"\n[[seed_prompts]]\ntext = \"El puerto\"\n[publish]",
    );
    let rows = bot.run(&["--json", "generate", "--all-prompts", "-n", "6", "--rng-seed", "7"]).json();
    assert_eq!(rows.iter().map(|row| row["prompt"].as_str().unwrap()).collect::<Vec<_>>(), ["La plaza", "El puerto"]);
    for row in &rows {
        let rate = row["pass_rate"].as_f64().unwrap() + row["review_rate"].as_f64().unwrap();
        assert_eq!(row["candidates"], 6);
        assert!((0.0..=1.0).contains(&rate) && (0.0..=1.0).contains(&row["mean_score"].as_f64().unwrap()), "{row}");
        assert_eq!(rate < 1.0, !row["stopped_by"].as_array().unwrap().is_empty(), "{row}");
    }
    let table = bot.run(&["generate", "--all-prompts", "-n", "6", "--rng-seed", "7"]);
    assert!(table.stdout.contains("STOPPED BY") && table.stdout.contains("\"El puerto\""), "{table:#?}");
}
