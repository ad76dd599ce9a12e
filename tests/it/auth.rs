//! `auth login` through the real binary, and posts by what it wrote.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use pregonero_x::oauth2::Tokens;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::support::process::Victim;
use crate::support::test_bot::{TestBot, wait_until};

const HANDLE: &str = "pregonero_test";
const PIN: &str = "1234567";

/// X's login endpoints and as much of its API as a login needs.
#[derive(Default)]
struct Desk {
    account: String,
    /// The challenge of the page that was opened.
    challenge: String,
    bearer: Vec<String>,
    renewals: usize,
    /// How often the token endpoint was asked.
    asked: usize,
    posted: Vec<Value>,
    /// How long the token endpoint takes to answer, after it has used the old token up.
    slow: Duration,
    /// Whether posts are answered with 503 and not taken.
    fails: bool,
    /// Whose last renewal it is to be.
    victim: Option<(Victim, Death)>,
}

/// When a process dies that renews its login.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// X has used the refresh token up, no byte of its answer is out.
    BeforeTheAnswer,
    /// So long after the answer.
    After(Duration),
}

type Shared = Arc<Mutex<Desk>>;

fn authorization(headers: &HeaderMap) -> String {
    headers.get("authorization").map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

async fn request_token(headers: HeaderMap) -> Response {
    if !authorization(&headers).contains("oauth_callback=\"oob\"") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    "oauth_token=request-token&oauth_token_secret=request-secret&oauth_callback_confirmed=true".into_response()
}

async fn access_token(State(desk): State<Shared>, headers: HeaderMap) -> Response {
    let header = authorization(&headers);
    if !header.contains(&format!("oauth_verifier=\"{PIN}\"")) || !header.contains("oauth_token=\"request-token\"") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let account = desk.lock().unwrap().account.clone();
    format!("oauth_token=1700-given&oauth_token_secret=given-secret&user_id=1700&screen_name={account}").into_response()
}

async fn token(State(desk): State<Shared>, body: String) -> Response {
    let answer = give_tokens(&desk, &body);
    let slow = desk.lock().unwrap().slow;
    tokio::time::sleep(slow).await;
    answer
}

fn give_tokens(desk: &Shared, body: &str) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut desk = desk.lock().unwrap();
    desk.asked += 1;
    let fits = match form["grant_type"].as_str() {
        "authorization_code" => {
            let digest = Sha256::digest(&form["code_verifier"]);
            let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
            form["code"] == "the-code" && challenge == desk.challenge
        }
        _ => form["refresh_token"] == format!("invented-refresh-{}", desk.renewals),
    };
    if !fits || form["client_id"] != "invented-app" {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    }
    desk.renewals += 1;
    match desk.victim.take() {
        Some((victim, Death::BeforeTheAnswer)) => victim.kill(),
        Some((victim, Death::After(time))) => drop(std::thread::spawn(move || {
            std::thread::sleep(time);
            victim.kill();
        })),
        None => {}
    }
    let number = desk.renewals;
    let access = format!("invented-access-{number}");
    desk.bearer.push(format!("Bearer {access}"));
    Json(json!({"token_type": "bearer", "expires_in": 7200, "access_token": access, "scope": "tweet.write",
        "refresh_token": format!("invented-refresh-{number}")}))
    .into_response()
}

async fn me(State(desk): State<Shared>, headers: HeaderMap) -> Response {
    let desk = desk.lock().unwrap();
    if desk.bearer.last() != Some(&authorization(&headers)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let me = Json(json!({"data": {"id": "1700", "name": "x", "username": desk.account}}));
    ([("x-access-level", "read-write")], me).into_response()
}

async fn tweets(State(desk): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let mut desk = desk.lock().unwrap();
    if desk.bearer.last() != Some(&authorization(&headers)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if desk.fails {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    desk.posted.push(body);
    let id = (1_900_000_000_000_000_000 + desk.posted.len()).to_string();
    (StatusCode::CREATED, Json(json!({"data": {"id": id, "text": "x"}}))).into_response()
}

/// Nothing was ever posted that the answer to the post does not say.
async fn timeline(State(desk): State<Shared>, headers: HeaderMap) -> Response {
    if desk.lock().unwrap().bearer.last() != Some(&authorization(&headers)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({"meta": {"result_count": 0}})).into_response()
}

fn desk(account: &str) -> (Shared, String) {
    let desk = Arc::new(Mutex::new(Desk { account: account.to_owned(), ..Desk::default() }));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/oauth/request_token", post(request_token))
        .route("/oauth/access_token", post(access_token))
        .route("/2/oauth2/token", post(token))
        .route("/2/users/me", get(me))
        .route("/2/tweets", post(tweets))
        .route("/2/users/1700/tweets", get(timeline))
        .with_state(Arc::clone(&desk));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
        });
    });
    (desk, format!("http://{address}"))
}

fn bot(method: &str) -> TestBot {
    let bot = TestBot::new();
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    let config = config.replace("[publish]\n", &format!("[publish]\nauth = {method:?}\n"));
    bot.configure(&format!("{config}[account]\nhandle = {HANDLE:?}\noperator = \"ana\"\n"));
    bot
}

fn command(bot: &TestBot, base_url: &str, arguments: &[&str]) -> Command {
    let mut command = bot.command(arguments);
    command.env("PREGONERO__PUBLISH__BASE_URL", base_url).env("TWITTER_CLIENT_ID", "invented-app");
    command
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_pin_gives_the_account_s_tokens_to_their_files_and_not_to_another_account() {
    for (account, code) in [(HANDLE, 0), ("una_persona", 1)] {
        let (_desk, base_url) = desk(account);
        let bot = bot("oauth1");
        let mut command = command(&bot, &base_url, &["auth", "login"]);
        command.env_remove("TWITTER_ACCESS_TOKEN").env_remove("TWITTER_ACCESS_TOKEN_SECRET");
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!(" {PIN}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("/oauth/authorize?oauth_token=request-token"), "{said}");
        let (token, secret) =
            (bot.path("data/tokens/twitter_access_token"), bot.path("data/tokens/twitter_access_token_secret"));
        if code == 1 {
            assert!(
                said.contains("@una_persona, but account.handle is @pregonero_test: nothing was written"),
                "{said}"
            );
            assert!(!token.exists() && !secret.exists());
            continue;
        }
        assert_eq!(std::fs::read_to_string(&token).unwrap(), "1700-given");
        assert_eq!((std::fs::read_to_string(&secret).unwrap().as_str(), mode(&secret)), ("given-secret", 0o600));
        assert!(!said.contains("given-secret"), "{said}");
        let mut command = bot.command(&["--json", "config", "show"]);
        command.env_remove("TWITTER_ACCESS_TOKEN").env_remove("TWITTER_ACCESS_TOKEN_SECRET");
        let shown = bot.start_command(command).wait();
        assert!(
            shown.stdout.contains("data/tokens/twitter_access_token") && !shown.stdout.contains("given"),
            "{shown:#?}"
        );
    }
}

/// What the program asks the person to open.
fn page(said: &str) -> Option<Url> {
    let line = said.lines().find(|line| line.trim_start().starts_with("https://x.com/"))?;
    Some(Url::parse(line.trim()).unwrap())
}

/// The browser's last step; gives the status line.
fn come_back(redirect: &Url, state: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", redirect.port().unwrap())).unwrap();
    let request =
        format!("GET /callback?state={state}&code=the-code HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // A page that breaks off because the program has ended is an answer too.
    let _ = stream.read_to_string(&mut answer);
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_login_by_browser_posts_by_bearer_and_renews_itself() {
    let (desk, base_url) = desk(HANDLE);
    let bot = bot("oauth2");
    let refused = bot.start_command(live(&bot, &base_url, &["once"])).wait();
    assert!(refused.code() == Some(78) && refused.stderr.contains("auth login --oauth2"), "{refused:#?}");

    let running = bot.start_command(command(&bot, &base_url, &["auth", "login", "--oauth2", "--port", "0"]));
    wait_until("the page", || page(&running.log_so_far()).is_some());
    let page = page(&running.log_so_far()).unwrap();
    let asked: HashMap<_, _> = page.query_pairs().into_owned().collect();
    desk.lock().unwrap().challenge = asked["code_challenge"].clone();
    let redirect = Url::parse(&asked["redirect_uri"]).unwrap();
    assert!(come_back(&redirect, "somebody-else").contains("400"));
    come_back(&redirect, &asked["state"]);
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("logged in as @pregonero_test"), "{ended:#?}");
    let file = bot.path("data/tokens/oauth2.json");
    assert_eq!(mode(&file), 0o600);
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("invented-access"));

    let once = || bot.start_command(live(&bot, &base_url, &["once"])).wait();
    let posted = once();
    assert_eq!((posted.code(), desk.lock().unwrap().posted.len()), (Some(0), 1), "{posted:#?}");
    assert_eq!(desk.lock().unwrap().renewals, 1, "the token was fresh");

    // X ends the token before its time: the refusal costs one renewal, and the post goes out once.
    desk.lock().unwrap().bearer.push("Bearer of somebody else".to_owned());
    let again = once();
    assert_eq!((again.code(), desk.lock().unwrap().posted.len()), (Some(0), 2), "{again:#?}");
    assert_eq!(desk.lock().unwrap().renewals, 2);
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((&kept["refresh_token"], &kept["renewing_since"]), (&json!("invented-refresh-2"), &Value::Null));
    let doctor = bot.start_command(live(&bot, &base_url, &["doctor"])).wait();
    assert!(doctor.code() == Some(0) && doctor.stdout.contains("an OAuth 2.0 login"), "{doctor:#?}");
}

/// A login that a person makes, due to be renewed before its first call.
fn log_in(desk: &Shared, bot: &TestBot, login: &str) {
    let desk = desk.lock().unwrap();
    let tokens = Tokens {
        client_id: "invented-app".to_owned(),
        login: login.to_owned(),
        access_token: "invented-access-old".into(),
        refresh_token: Some(format!("invented-refresh-{}", desk.renewals).into()),
        expires_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        scope: "tweet.read tweet.write users.read offline.access".to_owned(),
        renewing_since: None,
    };
    tokens.write(&bot.path("data/tokens/oauth2.json")).unwrap();
}

fn live(bot: &TestBot, base_url: &str, arguments: &[&str]) -> Command {
    let mut command = command(bot, base_url, arguments);
    command.env("PREGONERO__PUBLISH__LIVE", "true");
    command
}

fn asked_and_posted(desk: &Shared) -> (usize, usize) {
    let desk = desk.lock().unwrap();
    (desk.asked, desk.posted.len())
}

/// A daemon whose first call renews the login, and its death.
fn die_renewing(desk: &Shared, bot: &TestBot, base_url: &str, death: Death) -> Tokens {
    let victim = Victim::default();
    desk.lock().unwrap().victim = Some((victim.clone(), death));
    victim.begin(live(bot, base_url, &["run", "--now"]).stdout(Stdio::null()).stderr(Stdio::null()));
    wait_until("the death", || !victim.is_alive());
    victim.reap(&format!("{death:?}"));
    Tokens::read(&bot.path("data/tokens/oauth2.json")).unwrap().unwrap()
}

#[test]
fn a_kill_between_x_s_answer_and_the_disk_costs_the_login_and_no_post() {
    let (desk, base_url) = desk(HANDLE);
    let bot = bot("oauth2");
    log_in(&desk, &bot, "first");
    let kept = die_renewing(&desk, &bot, &base_url, Death::BeforeTheAnswer);
    assert!(kept.renewing_since.is_some(), "that it began is on disk");
    assert_eq!(asked_and_posted(&desk), (1, 0));

    // The next start does not know better, asks once, and stops.
    let mut running = bot.start_command(live(&bot, &base_url, &["run"]));
    running.wait_for("the login is lost: a renewal that began at", 1);
    wait_until("the stop", || bot.run(&["--json", "healthcheck"]).stdout.contains("stopped_by_x"));
    assert_eq!((asked_and_posted(&desk), bot.newest_state().as_str()), ((2, 0), "approved"));

    // A person logs in anew: the post that was never sent goes out.
    log_in(&desk, &bot, "second");
    running.signal("HUP");
    wait_until("the post", || bot.newest_state() == "sent");
    assert_eq!(asked_and_posted(&desk), (3, 1));
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn whenever_a_renewal_is_killed_nothing_was_posted_by_a_pair_that_is_not_on_disk() {
    let (desk, base_url) = desk(HANDLE);
    let bot = bot("oauth2");
    for (number, micros) in [0, 200, 400, 800, 1_600, 3_200, 6_400, 12_800].into_iter().enumerate() {
        log_in(&desk, &bot, &format!("login {number}"));
        let posted_before = desk.lock().unwrap().posted.len();
        let kept = die_renewing(&desk, &bot, &base_url, Death::After(Duration::from_micros(micros)));
        let desk = desk.lock().unwrap();
        let is_new = kept.refresh_token.unwrap().expose_secret() == format!("invented-refresh-{}", desk.renewals);
        assert_ne!(is_new, kept.renewing_since.is_some(), "after {micros} us");
        assert!(is_new || desk.posted.len() == posted_before, "after {micros} us");
    }
}

#[test]
fn a_stop_during_a_search_waits_for_the_renewal_that_it_began() {
    let (desk, base_url) = desk(HANDLE);
    let bot = bot("oauth2");
    log_in(&desk, &bot, "first");
    desk.lock().unwrap().fails = true;
    let mut running = bot.start_command(live(&bot, &base_url, &["run", "--now"]));
    running.wait_for("the account's timeline will show", 1);
    {
        // X ends the token before its time: the search has to renew it, and X takes long to answer.
        let mut desk = desk.lock().unwrap();
        desk.slow = Duration::from_secs(3);
        desk.bearer.push("Bearer of somebody else".to_owned());
    }
    wait_until("the renewal", || desk.lock().unwrap().asked == 2);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let kept = Tokens::read(&bot.path("data/tokens/oauth2.json")).unwrap().unwrap();
    assert_eq!(kept.refresh_token.unwrap().expose_secret(), "invented-refresh-2", "what X gave is on disk");
    assert_eq!(kept.renewing_since, None);
}
