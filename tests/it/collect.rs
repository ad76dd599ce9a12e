//! `dataset collect` and `dataset hydrate`, the real program against `FakeX`: what it says before it reads, what it does when
//! X pages, limits, lags, repeats, drops, fails and breaks off, and what is left after a kill.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::fake_x::library::{BEARER, Library, LibraryPost, id_at};
use crate::support::fake_x::{Answer, FakeX, Moment};
use crate::support::test_bot::{Ended, TestBot};

/// A search like the slides', over four days.
const SEARCH: [&str; 17] = [
    "dataset",
    "collect",
    "--hashtag",
    "SiAlParque",
    "--hashtag",
    "NoAlParque",
    "--lang",
    "es",
    "--no-retweets",
    "--full-archive",
    "--since",
    "2021-03-01",
    "--until",
    "2021-03-04",
    "--rights",
    "a test",
    "--yes",
];

/// A post every 40 minutes from the first of March on, of three accounts; every seventh is a retweet, every fifth in English.
fn library(posts: usize) -> Library {
    let start: Timestamp = "2021-03-01T00:10:00Z".parse().unwrap();
    let post = |number: usize| {
        let created_at = start + SignedDuration::from_mins(40 * number as i64);
        let side = if number.is_multiple_of(3) { "NoAlParque" } else { "SiAlParque" };
        LibraryPost {
            id: id_at(created_at, number as u64),
            author: 17 + number as u64 % 3,
            text: format!("El parque número {number} & su fuente #{side}"),
            lang: if number % 5 == 4 { "en" } else { "es" },
            is_repost: number % 7 == 6,
            is_reply: number % 11 == 10,
            created_at,
            is_dropped: false,
            late: 0,
        }
    };
    let account = |(id, name): (u64, &str)| (id, name.to_owned(), format!("Nombre {id}"));
    Library {
        posts: (0..posts).map(post).collect(),
        accounts: [(17, "Ana"), (18, "eva"), (19, "luz")].into_iter().map(account).collect(),
        page: 10,
        ..Library::default()
    }
}

/// The posts that [`SEARCH`] finds.
fn found_by_search(library: &Library) -> Vec<u64> {
    let end: Timestamp = "2021-03-05T00:00:00Z".parse().unwrap();
    let fits = |post: &&LibraryPost| post.lang == "es" && !post.is_repost && post.created_at < end;
    library.posts.iter().filter(fits).map(|post| post.id).collect()
}

async fn bot_with(library: Library) -> (FakeX, TestBot) {
    let x = FakeX::start().await;
    x.has_library(library);
    let bot = TestBot::at(&x, false);
    (x, bot)
}

fn command(bot: &TestBot, arguments: &[&str]) -> Command {
    let mut command = bot.command(arguments);
    command.env(BEARER.0, BEARER.1).env("PREGONERO__COLLECT__PAUSE", "0s");
    command
}

fn run(bot: &TestBot, arguments: &[&str]) -> Ended {
    bot.start_command(command(bot, arguments)).wait()
}

fn search_into(bot: &TestBot, output: &str, more: &[&str]) -> Ended {
    let arguments: Vec<&str> = SEARCH.iter().chain(&["--output", output]).chain(more).copied().collect();
    run(bot, &arguments)
}

fn rows(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("data.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(folder: &Path) -> Vec<u64> {
    rows(folder).iter().map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn has_ended(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code(), Some(code), "{ended:#?}");
    assert!(ended.stderr.contains(words), "{words:?} is not in {}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_counted_priced_read_once_and_compared_with_the_counts() {
    let library = library(140);
    let expected = found_by_search(&library);
    let (x, bot) = bot_with(library).await;
    let ended = search_into(&bot, "posts", &[]);
    let posts = expected.len();
    let price = format!("${:.3}", posts as f64 * 0.005).trim_end_matches('0').to_owned();
    has_ended(&ended, 0, "query: (#SiAlParque OR #NoAlParque) lang:es -is:retweet");
    has_ended(&ended, 0, "Finding out how much there is costs $0.01 at most");
    has_ended(&ended, 0, &format!("X counts {posts} posts: {price}"));
    has_ended(&ended, 0, "https://docs.x.com/developer-terms/agreement, section III.A");
    assert_eq!(ids(&bot.path("posts")), expected);
    x.with_library(|library| {
        assert!(library.given.values().all(|times| *times == 1), "{:?}", library.given);
        assert_eq!((library.given.len(), library.counts_asked), (posts, 1));
    });
    let (row, manifest) = (&rows(&bot.path("posts"))[0], manifest(&bot.path("posts")));
    assert_eq!(row["text"], "El parque número 0 & su fuente #NoAlParque");
    assert_eq!((&row["hashtags"], &row["created_at"]), (&"NoAlParque".into(), &"2021-03-01T00:10:00Z".into()));
    assert_eq!(row["author"], Value::Null, "a name would cost more than the post");
    assert_eq!((&manifest["rights"], &manifest["collection"]["complete"]), (&"a test".into(), &true.into()));
    assert_eq!(manifest["sources"][0]["path_or_query"], "(#SiAlParque OR #NoAlParque) lang:es -is:retweet");
    let paid = manifest["sources"][0]["cost_usd"].as_f64().unwrap();
    assert!((paid - (0.01 + posts as f64 * 0.005)).abs() < 1e-9, "{paid}");
    assert!(!bot.path("posts.journal").exists(), "a complete collection needs no journal");
    has_ended(&search_into(&bot, "posts", &[]), 1, "posts: exists already; choose another name");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_before_somebody_agrees_to_the_price() {
    let (x, bot) = bot_with(library(140)).await;
    let without_yes: Vec<&str> = SEARCH[..16].iter().chain(&["--output", "posts"]).copied().collect();
    has_ended(&run(&bot, &without_yes), 2, "add --yes to agree to the price");
    let ended = search_into(&bot, "posts", &["--max-cost", "0.25"]);
    has_ended(&ended, 1, "more than --max-cost $0.25");
    let ended = search_into(&bot, "posts", &["--count-only", "--json"]);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let estimate: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(estimate["posts"], 96);
    x.with_library(|library| {
        assert!(library.given.is_empty());
        assert_eq!(library.counts_asked, 1, "the counts of the first run are kept");
        library.usage = 2_999_950;
    });
    has_ended(&search_into(&bot, "posts", &[]), 1, "X lets this app read 50 more posts in this month, and this is 96");
    let other: Vec<&str> =
        SEARCH.iter().map(|part| if *part == "es" { "en" } else { part }).chain(["--output", "posts"]).collect();
    has_ended(&run(&bot, &other), 1, "a collection with another request was begun here (what.search.queries was");
    x.with_library(|library| library.usage = 0);
    has_ended(&search_into(&bot, "posts", &[]), 0, "X counts 96 posts");
    assert!(!bot.path("posts.journal").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_cost_nothing_come_before_the_question_all_the_same() {
    let (x, bot) = bot_with(library(140)).await;
    let without_yes: Vec<&str> = SEARCH[..16].iter().chain(&["--output", "posts"]).copied().collect();
    let mut free = command(&bot, &without_yes);
    free.env("PREGONERO__COLLECT__USD_PER_ARCHIVE_COUNT", "0.0");
    let ended = bot.start_command(free).wait();
    has_ended(&ended, 2, "X counts 96 posts");
    has_ended(&ended, 2, "add --yes to agree to the price");
    x.with_library(|library| assert!(library.given.is_empty() && library.counts_asked == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_not_looked_up_without_a_yes_where_they_posted_nothing() {
    let (x, bot) = bot_with(library(0)).await;
    std::fs::write(bot.path("accounts.csv"), "screen_name\nana\n").unwrap();
    let arguments = ["dataset", "collect", "--accounts", "accounts.csv", "--rights", "a test", "--output", "posts"];
    let span = ["--full-archive", "--since", "2021-03-01", "--until", "2021-03-02"];
    let ended = run(&bot, &[&arguments[..], &span].concat());
    has_ended(&ended, 2, "X counts 0 posts");
    has_ended(&ended, 2, "add --yes to agree to the price");
    assert!(x.calls().iter().all(|call| call.bare_path() != "/2/users/by"), "each account would cost a cent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_on_the_terminal_and_only_yes_is_an_agreement() {
    let mut one_page = library(20);
    one_page.page = 0;
    let (x, bot) = bot_with(one_page).await;
    let token = bot.path("data/tokens/twitter_bearer_token");
    std::fs::create_dir_all(token.parent().unwrap()).unwrap();
    std::fs::write(&token, BEARER.1).unwrap();
    let arguments = [
        "dataset",
        "collect",
        "--hashtag",
        "SiAlParque",
        "--full-archive",
        "--since",
        "2021-03-01",
        "--until",
        "2021-03-01",
        "--output",
        "posts",
        "--rights",
        "consent",
    ];
    for answer in ["n\n", "\n", "", "maybe\n"] {
        let ended = bot.on_a_terminal(&arguments, answer);
        assert_eq!(ended.code(), Some(1), "{answer:?}: {ended:#?}");
        assert!(ended.stdout.contains("Read 13 posts for $0.065? [y/N]"), "{}", ended.stdout);
        assert!(ended.stdout.contains("nothing was read; the counts are kept"), "{}", ended.stdout);
    }
    x.with_library(|library| assert!(library.given.is_empty() && library.counts_asked == 1));
    let ended = bot.on_a_terminal(&arguments, "y\n");
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert_eq!(ids(&bot.path("posts")).len(), 13);
    std::fs::remove_file(token).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_collected_is_refused_with_what_to_do() {
    let (x, bot) = bot_with(library(10)).await;
    let base = ["dataset", "collect", "--output", "posts", "--rights", "a test", "--yes"];
    let with = |more: &[&str]| run(&bot, &base.iter().chain(more).copied().collect::<Vec<_>>());
    has_ended(&with(&["--lang", "es"]), 1, "nothing to search for");
    has_ended(&with(&["--hashtag", "a", "--full-archive"]), 2, "--since");
    has_ended(&with(&["--hashtag", "a", "--since", "mañana"]), 2, "expected a day such as 2021-03-01 (in UTC)");
    has_ended(&with(&["--timelines"]), 1, "--timelines needs --from or --accounts");
    has_ended(&with(&["--timelines", "--from", "ana", "--lang", "es"]), 2, "cannot be used with");
    has_ended(&with(&["--query", &"a ".repeat(300)]), 1, "X takes 512; with --full-archive it is 1024");
    has_ended(
        &with(&["--hashtag", "a", "--full-archive", "--since", "2021-03-02", "--until", "2021-03-01"]),
        1,
        "the span is empty",
    );
    std::fs::write(bot.path("accounts.csv"), "name\nana\n").unwrap();
    has_ended(&with(&["--accounts", "accounts.csv"]), 1, "accounts.csv:2: no `screen_name`; the row has: name");
    has_ended(&run(&bot, &base[..4]), 2, "--rights");
    let dash = [&base[..3], &["-"], &base[4..], &["--hashtag", "a"]].concat();
    has_ended(&run(&bot, &dash), 1, "- does not stand for standard output");
    let without_token = bot.run(&[&base[..], &["--hashtag", "a"]].concat());
    has_ended(&without_token, 1, "set TWITTER_BEARER_TOKEN");
    std::fs::write(bot.path("posts.journal"), "my notes\n").unwrap();
    has_ended(&with(&["--hashtag", "a"]), 1, "posts.journal:1: not a line of a collection's journal");
    std::fs::remove_file(bot.path("posts.journal")).unwrap();
    std::fs::create_dir(bot.path("posts")).unwrap();
    has_ended(&with(&["--hashtag", "a"]), 1, "posts: exists already");
    assert_eq!(x.calls().len(), 0, "X was never asked");
    let mut wrong = command(&bot, &[&base[..3], &["other"], &base[4..], &["--hashtag", "a"]].concat());
    let ended = bot.start_command({
        wrong.env(BEARER.0, "another-token");
        wrong
    });
    has_ended(&ended.wait(), 69, "check the app's bearer token");
    assert_eq!(x.rejected().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_without_a_configuration_uses_x_s_prices() {
    let (_x, bot) = bot_with(library(10)).await;
    std::fs::remove_file(bot.path("config.toml")).unwrap();
    let mut command = command(&bot, &["dataset", "hydrate", "ids.txt", "--output", "posts", "--rights", "a test"]);
    command.env_remove("PREGONERO__PUBLISH__BASE_URL");
    std::fs::write(bot.path("ids.txt"), "1\n2\n2\n").unwrap();
    let ended = bot.start_command(command).wait();
    has_ended(&ended, 2, "ids.txt: 2 ids (1 repeated ones left out)");
    has_ended(&ended, 2, "At most 2 posts: $0.01 (2 x $0.005)");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_failures_cuts_and_expired_tokens_change_nothing_in_the_result() {
    let reference = {
        let (_x, bot) = bot_with(library(140)).await;
        search_into(&bot, "posts", &[]);
        std::fs::read(bot.path("posts/data.jsonl")).unwrap()
    };
    let unavailable = || Answer::problem(503, "about:blank", "Service Unavailable", "Service Unavailable");
    let page = || Answer::json(200, &serde_json::json!({"data": [{"id": "1", "text": "Hola"}]}));
    type Fault = (&'static str, Box<dyn Fn(&mut Library)>);
    let faults: [Fault; 7] = [
        ("503", Box::new(move |library| drop(library.interruptions.insert(3, unavailable())))),
        ("cut", Box::new(move |library| drop(library.interruptions.insert(4, page().truncated(20))))),
        ("torn", Box::new(move |library| drop(library.interruptions.insert(2, page().torn(9))))),
        ("closed", Box::new(|library| drop(library.interruptions.insert(5, Answer::close())))),
        ("limited", Box::new(|library| library.pages_a_window = Some(6))),
        ("expired", Box::new(|library| library.tokens_expire_at = Some(6))),
        ("renamed", Box::new(|library| library.field_name = Some("post.fields"))),
    ];
    for (name, fault) in faults {
        let mut library = library(140);
        fault(&mut library);
        let (x, bot) = bot_with(library).await;
        let ended = search_into(&bot, "posts", &[]);
        assert_eq!(ended.code(), Some(0), "{name}: {ended:#?}");
        assert_eq!(std::fs::read(bot.path("posts/data.jsonl")).unwrap(), reference, "{name}");
        x.with_library(|library| {
            assert!(library.given.values().all(|times| *times == 1), "{name}: {:?}", library.given);
        });
        let words = match name {
            "limited" => "limit is used up: waiting until",
            "expired" | "renamed" => "",
            _ => "trying again in 1 s",
        };
        assert!(ended.stderr.contains(words), "{name}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_repeats_posts_is_counted_and_each_post_stays_once() {
    let mut library = library(140);
    library.repeats = true;
    let expected = found_by_search(&library);
    let (_x, bot) = bot_with(library).await;
    let ended = search_into(&bot, "posts", &["--json"]);
    let report = &ended.json()[0];
    assert_eq!(ids(&bot.path("posts")), expected);
    let repeated = report["repeated"].as_u64().unwrap();
    assert!(repeated > 4 && report["posts_read"] == expected.len() as u64 + repeated, "{report}");
    assert_eq!(manifest(&bot.path("posts"))["sources"][0]["dropped"]["repeated"], repeated);
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_x_counts_and_does_not_show_are_named_by_window_and_late_ones_are_found_again() {
    let mut library = library(140);
    let expected = found_by_search(&library);
    let late = library.posts.iter_mut().find(|post| post.id == expected[30]).unwrap();
    late.late = 1;
    let dropped = library.posts.iter_mut().find(|post| post.id == expected[60]).unwrap();
    dropped.is_dropped = true;
    let (x, bot) = bot_with(library).await;
    let ended = search_into(&bot, "posts", &[]);
    has_ended(&ended, 1, "2 posts are missing in 2 windows");
    assert!(ended.stdout.contains("2021-03-02T00:00:00Z to 2021-03-03T00:00:00Z: "), "{}", ended.stdout);
    let collection = &manifest(&bot.path("posts"))["collection"];
    assert_eq!((&collection["complete"], collection["missing"].as_array().unwrap().len()), (&false.into(), 2));
    has_ended(&search_into(&bot, "posts", &[]), 1, "--again reads the windows that lack posts once more");
    has_ended(&search_into(&bot, "posts", &["--again", "--max-cost", "0.5"]), 1, "more than --max-cost");
    let ended = search_into(&bot, "posts", &["--again"]);
    has_ended(&ended, 1, "1 post is missing in 1 window");
    assert_eq!(ids(&bot.path("posts")), expected.iter().copied().filter(|id| *id != expected[60]).collect::<Vec<_>>());
    x.with_library(|library| library.posts.iter_mut().for_each(|post| post.is_dropped = false));
    has_ended(&search_into(&bot, "posts", &["--again"]), 0, "1 window lacks posts");
    assert_eq!(ids(&bot.path("posts")), expected);
    assert_eq!(manifest(&bot.path("posts"))["collection"]["complete"], true);
    assert!(!bot.path("posts.journal").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_posts_ends_it_early_and_a_higher_one_goes_on() {
    let library = library(140);
    let expected = found_by_search(&library);
    let (x, bot) = bot_with(library).await;
    let ended = search_into(&bot, "posts", &["--max-posts", "25"]);
    has_ended(&ended, 1, "the folder is marked incomplete; the same command with a higher limit goes on");
    let first = ids(&bot.path("posts"));
    assert!(first.len() > 15 && first.len() <= 25, "{}", first.len());
    assert_eq!(manifest(&bot.path("posts"))["collection"]["limited"], true);
    std::fs::write(bot.path("posts/README.md"), "a person's own").unwrap();
    let more: Vec<&str> = SEARCH[..16].iter().chain(&["--output", "posts"]).copied().collect();
    has_ended(&run(&bot, &more), 2, "add --yes to agree to the price");
    has_ended(&search_into(&bot, "posts", &[]), 0, "that are not read yet: $");
    assert_eq!(ids(&bot.path("posts")), expected);
    assert_eq!(std::fs::read_to_string(bot.path("posts/README.md")).unwrap(), "a person's own");
    x.with_library(|library| assert!(library.given.values().all(|times| *times == 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_bring_their_names_and_attributes_by_search_and_by_timeline() {
    let (x, bot) = bot_with(library(140)).await;
    std::fs::write(bot.path("accounts.csv"), "screen_name;partido\n@ana;Azul\neva;Verde\nnadie;Rojo\n").unwrap();
    let base = ["dataset", "collect", "--accounts", "accounts.csv", "--no-retweets", "--rights", "a test", "--yes"];
    let search =
        [&base[..], &["--full-archive", "--since", "2021-03-01", "--until", "2021-03-02", "--output", "search"]]
            .concat();
    let ended = run(&bot, &search);
    has_ended(&ended, 0, "and 3 accounts looked up: $0.03 (3 x $0.01)");
    assert!(ended.stdout.contains("no such account for X: @nadie (resource-not-found)"), "{}", ended.stdout);
    let parties: BTreeMap<String, String> = rows(&bot.path("search"))
        .iter()
        .map(|row| (row["author"].as_str().unwrap().to_owned(), row["partido"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(parties, BTreeMap::from([("Ana".into(), "Azul".into()), ("eva".into(), "Verde".into())]));

    let timelines = [&base[..], &["--timelines", "--output", "timelines"]].concat();
    let ended = run(&bot, &timelines);
    has_ended(&ended, 0, "At most 94 posts");
    let expected =
        x.with_library(|library| library.posts.iter().filter(|post| post.author != 19 && !post.is_repost).count());
    let found = rows(&bot.path("timelines"));
    assert_eq!(found.len(), expected);
    assert!(found.iter().all(|row| row["partido"].is_string() && row["retweet"] == false));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_authors_are_looked_up_once_each_if_asked_for() {
    let (x, bot) = bot_with(library(140)).await;
    x.with_library(|library| library.accounts.retain(|account| account.0 != 19));
    let ended = search_into(&bot, "posts", &["--author-names"]);
    has_ended(&ended, 0, "and 96 accounts looked up: $0.96");
    let found = rows(&bot.path("posts"));
    assert!(
        found.iter().all(|row| row["author"].is_string() != (row["author_id"] == "19")),
        "X does not show one of them"
    );
    let lookups = x.calls().iter().filter(|call| call.bare_path() == "/2/users").count();
    assert_eq!(lookups, 1);
    let paid = manifest(&bot.path("posts"))["collection"]["cost_usd"].as_f64().unwrap();
    assert!((paid - (0.01 + 96.0 * 0.005 + 2.0 * 0.01)).abs() < 1e-9, "{paid}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hydrate_reads_posts_in_the_order_of_the_file_and_lists_what_x_does_not_show() {
    let mut library = library(250);
    library.posts[3].is_dropped = true;
    let mut asked: Vec<u64> = library.posts.iter().map(|post| post.id).collect();
    asked.reverse();
    asked.insert(100, 12345);
    let (x, bot) = bot_with(library).await;
    let lines: Vec<String> = asked.iter().map(u64::to_string).collect();
    std::fs::write(bot.path("ids.csv"), format!("tweet_id\n{}\n", lines.join("\n"))).unwrap();
    let ended = run(&bot, &["dataset", "hydrate", "ids.csv", "--output", "posts", "--rights", "a test", "--yes"]);
    has_ended(&ended, 0, "At most 251 posts: $1.255 (251 x $0.005)");
    assert!(ended.stdout.contains("not shown by X: 2 (resource-not-found)"), "{}", ended.stdout);
    let dropped = asked[asked.len() - 4];
    let shown: Vec<u64> = asked.iter().copied().filter(|id| *id != 12345 && *id != dropped).collect();
    assert_eq!(ids(&bot.path("posts")), shown);
    let list = std::fs::read_to_string(bot.path("posts/not-shown.csv")).unwrap();
    assert_eq!(list, format!("id,reason\n12345,resource-not-found\n{dropped},resource-not-found\n"));
    assert_eq!(x.calls().iter().filter(|call| call.bare_path() == "/2/tweets").count(), 3);
    let again =
        ["dataset", "hydrate", "ids.csv", "--format", "parquet", "--output", "table", "--rights", "a test", "--yes"];
    has_ended(&run(&bot, &again), 0, "");
    let table = pregonero_data::folder::Folder::open(&bot.path("table")).unwrap();
    let found: Vec<String> = table.rows().unwrap().map(|row| row.unwrap().text("id").unwrap().into_owned()).collect();
    assert_eq!(found, shown.iter().map(u64::to_string).collect::<Vec<_>>());
    let wrong = run(&bot, &["dataset", "hydrate", "nothing.txt", "--output", "b", "--rights", "a test", "--yes"]);
    has_ended(&wrong, 1, "cannot read nothing.txt");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_between_two_requests_and_the_same_command_goes_on() {
    let mut slow = library(140);
    slow.pages_a_window = Some(4);
    let (x, bot) = bot_with(slow).await;
    let arguments: Vec<&str> = SEARCH.iter().chain(&["--output", "posts"]).copied().collect();
    let mut running = bot.start_command(command(&bot, &arguments));
    running.wait_for("is used up: waiting until", 1);
    running.signal("INT");
    let ended = running.wait();
    has_ended(&ended, 75, "stopped; everything that was read is kept");
    assert!(
        ended.stderr.contains("to go on, run the same command: ") && !bot.path("posts").exists(),
        "{}",
        ended.stderr
    );
    x.with_library(|library| library.pages_a_window = None);
    has_ended(&search_into(&bot, "posts", &[]), 0, "going on where it was stopped");
    x.with_library(|library| assert!(library.given.values().all(|times| *times == 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_s_token_is_got_with_its_keys_written_for_its_owner_and_known_to_doctor() {
    use std::os::unix::fs::PermissionsExt as _;
    let (x, bot) = bot_with(library(140)).await;
    let ended = bot.run(&["auth", "login", "--app"]);
    has_ended(&ended, 0, "");
    assert!(ended.stdout.contains("the app's bearer token is in"), "{}", ended.stdout);
    let file = bot.path("data/tokens/twitter_bearer_token");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), BEARER.1);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let search: Vec<&str> = SEARCH.iter().chain(&["--count-only", "--output", "posts"]).copied().collect();
    has_ended(&bot.run(&search), 0, "");
    let check = |bot: &TestBot| {
        let checks = bot.run(&["--json", "doctor"]).stdout;
        let mut checks = checks.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        checks.find(|check| check["check"] == "app_token").unwrap()
    };
    let found = check(&bot);
    assert_eq!((&found["status"], &found["code"]), (&"ok".into(), &"ok".into()));
    std::fs::write(&file, "revoked-token").unwrap();
    let found = check(&bot);
    assert_eq!((&found["status"], &found["code"]), (&"warn".into(), &"unauthorized".into()));
    assert_eq!(found["fix"], "pregonero auth login --app");
    assert_eq!(x.rejected().len(), 1);
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pause_is_kept_between_two_windows_too() {
    let mut one_page_a_window = library(140);
    one_page_a_window.page = 0;
    let (x, bot) = bot_with(one_page_a_window).await;
    let arguments: Vec<&str> = SEARCH.iter().chain(&["--output", "posts"]).copied().collect();
    let mut slow = command(&bot, &arguments);
    slow.env("PREGONERO__COLLECT__PAUSE", "1s");
    let begun = Instant::now();
    has_ended(&bot.start_command(slow).wait(), 0, "X counts 96 posts");
    let (pages, seconds) = (x.with_library(|library| library.pages_asked), begun.elapsed().as_secs());
    assert!(pages == 4 && seconds >= 3, "{pages} pages in {seconds} seconds");
}

/// A process that the server's thread may kill.
#[derive(Clone, Default)]
struct Target(Arc<Mutex<Option<Child>>>);

impl Target {
    /// Runs to its end, by itself or killed; returns whether it was killed.
    fn run(&self, mut command: Command) -> bool {
        *self.0.lock().unwrap() = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        loop {
            if let Some(status) = self.0.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
                assert!(status.code().is_none_or(|code| code == 0), "{status}");
                return status.code().is_none();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn kill(&self) {
        if let Some(child) = self.0.lock().unwrap().as_mut() {
            let _ = child.kill();
        }
    }
}

/// Kills at every request and every moment of it, and at other times; what is on its way at a kill is the only thing that X is
/// asked for twice.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step_the_result_is_the_same_bytes_and_only_the_answer_on_its_way_is_read_again() {
    let (x, bot) = bot_with(library(140)).await;
    let ended = search_into(&bot, "unbroken", &["--author-names"]);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let reference = std::fs::read(bot.path("unbroken/data.jsonl")).unwrap();
    let requests = x.calls().len();
    let (target, countdown) = (Target::default(), Arc::new(AtomicUsize::new(0)));
    let wanted = Arc::new(Mutex::new(Moment::Received));
    let (victim, count, moment_wanted) = (target.clone(), Arc::clone(&countdown), Arc::clone(&wanted));
    x.watch(move |_, moment| {
        if moment == *moment_wanted.lock().unwrap() && count.load(Ordering::SeqCst) > 0 {
            let left = count.fetch_sub(1, Ordering::SeqCst) - 1;
            if left == 0 {
                victim.kill();
            }
        }
    });
    let mut kills = 0;
    for (number, moment) in
        (1..=requests).flat_map(|n| [Moment::Received, Moment::Decided, Moment::Answered].map(|m| (n, m)))
    {
        let output = format!("killed-{number}-{moment:?}");
        let arguments: Vec<&str> = SEARCH.iter().chain(&["--author-names", "--output", &output]).copied().collect();
        x.with_library(|library| library.given.clear());
        *wanted.lock().unwrap() = moment;
        countdown.store(number, Ordering::SeqCst);
        let was_killed = target.run(command(&bot, &arguments));
        countdown.store(0, Ordering::SeqCst);
        kills += usize::from(was_killed);
        if was_killed {
            assert!(!target.run(command(&bot, &arguments)), "the second run ends by itself");
        }
        assert_eq!(std::fs::read(bot.path(&output).join("data.jsonl")).unwrap(), reference, "{output}");
        assert!(!bot.path(&format!("{output}.journal")).exists(), "{output}");
        x.with_library(|library| {
            let twice = library.given.values().filter(|times| **times > 1).count();
            assert!(library.given.values().all(|times| *times <= 2) && twice <= 10, "{output}: {twice} posts twice");
        });
    }
    assert!(kills >= requests * 3 - 4, "{kills} kills of {requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_at_any_time_a_collection_still_ends_with_the_same_bytes() {
    let (x, bot) = bot_with(library(140)).await;
    let ended = search_into(&bot, "unbroken", &[]);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let reference = std::fs::read(bot.path("unbroken/data.jsonl")).unwrap();
    let target = Target::default();
    for round in 0..4 {
        let output = format!("round-{round}");
        let arguments: Vec<&str> = SEARCH.iter().chain(&["--output", &output]).copied().collect();
        x.with_library(|library| library.given.clear());
        let mut kills = 0;
        loop {
            // Longer lives again and again, so that some are long enough.
            let (victim, wait) = (target.clone(), Duration::from_millis(10 + (kills as u64 * 37 + round * 11) % 700));
            let killer = std::thread::spawn(move || {
                std::thread::sleep(wait);
                victim.kill();
            });
            target.run(command(&bot, &arguments));
            killer.join().unwrap();
            let journal = bot.path(&format!("{output}.journal"));
            if !journal.exists() && bot.path(&output).join("manifest.json").exists() {
                break;
            }
            kills += 1;
            assert!(kills < 200, "it never ends");
        }
        assert_eq!(std::fs::read(bot.path(&output).join("data.jsonl")).unwrap(), reference);
        x.with_library(|library| {
            let extra: usize = library.given.values().map(|times| times - 1).sum();
            assert!(extra <= 10 * kills, "{extra} posts more than once after {kills} kills");
        });
    }
}
