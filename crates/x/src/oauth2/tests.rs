//! Renewals against a token endpoint as strict as X's: a refresh token works once, and using one twice ends the login.

use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use url::Url;

use super::*;
use crate::transport::Timeouts;
use pregonero_system::clock::testing::{StillClock, at};

#[derive(Clone, Copy)]
enum Mood {
    /// The token is used up, and the answer is lost.
    UsesUpAndFails,
    /// Nothing happens.
    Fails,
    /// The token is used up at once, and the answer takes its time.
    IsSlow,
    /// Something in front of X answers.
    Page,
    /// The disk goes away while X answers.
    TakesTheFolder,
}

#[derive(Default)]
struct Authority {
    /// The number in the name of the refresh token that works: the number of renewals.
    renewals: usize,
    ended: bool,
    script: VecDeque<Mood>,
    /// Authorization header and form of each call.
    calls: Vec<(String, Vec<(String, String)>)>,
    folder: PathBuf,
}

type Server = Arc<StdMutex<Authority>>;

async fn answer(Shared(server): Shared<Server>, headers: HeaderMap, body: String) -> Response {
    let is_slow = matches!(server.lock().unwrap().script.front(), Some(Mood::IsSlow));
    let answer = decide(&server, &headers, &body);
    if is_slow {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    answer
}

fn decide(server: &Server, headers: &HeaderMap, body: &str) -> Response {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut server = server.lock().unwrap();
    let header = headers.get("authorization").map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
    let given = form.iter().find(|(name, _)| name == "refresh_token").unwrap().1.clone();
    server.calls.push((header, form));
    let mood = server.script.pop_front();
    match mood {
        Some(Mood::Fails) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Mood::Page) => {
            return (StatusCode::BAD_REQUEST, axum::response::Html("<title>No</title>")).into_response();
        }
        _ => {}
    }
    if server.ended || given != format!("refresh-{}", server.renewals) {
        server.ended = true;
        let body = r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#;
        return (StatusCode::BAD_REQUEST, [("content-type", "application/json")], body).into_response();
    }
    server.renewals += 1;
    match mood {
        Some(Mood::UsesUpAndFails) => return StatusCode::BAD_GATEWAY.into_response(),
        Some(Mood::TakesTheFolder) => {
            std::fs::rename(&server.folder, server.folder.with_extension("away")).unwrap();
            // A folder of this name must not reappear by itself.
            std::fs::write(&server.folder, "").unwrap();
        }
        _ => {}
    }
    let number = server.renewals;
    let body = format!(
        r#"{{"token_type":"bearer","expires_in":7200,"access_token":"access-{number}","scope":"tweet.write","refresh_token":"refresh-{number}"}}"#
    );
    ([("content-type", "application/json")], body).into_response()
}

struct World {
    server: Server,
    clock: StillClock,
    base_url: Url,
    grant: Grant,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("tokens");
        let server = Arc::new(StdMutex::new(Authority { folder: place.clone(), ..Authority::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().route(TOKEN_PATH, post(answer)).with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let tokens = Tokens {
            client_id: "app".to_owned(),
            login: "first".to_owned(),
            access_token: "access-0".into(),
            refresh_token: Some("refresh-0".into()),
            expires_at: at("2026-03-01T14:00:00Z"),
            scope: "tweet.write".to_owned(),
            renewing_since: None,
        };
        let grant = Grant { file: place.join(FILE_NAME), tokens, client_secret: None };
        grant.tokens.write(&grant.file).unwrap();
        let clock = StillClock::new("2026-03-01T12:00:00Z");
        Self { server, clock, base_url, grant, _folder: folder }
    }

    /// Returns a session as a process that starts now would have it.
    fn session(&self) -> Arc<Session> {
        let clock = Arc::new(self.clock.clone());
        let transport = Arc::new(Transport::new(&self.base_url, clock, Timeouts::default()).unwrap());
        let tokens = Tokens::read(&self.grant.file).unwrap().unwrap();
        Arc::new(Session::new(transport, Grant { tokens, ..self.grant.clone() }))
    }

    fn expire(&self) {
        self.clock.set(at("2026-03-01T13:58:30Z"));
    }

    fn script(&self, mood: Mood) {
        self.server.lock().unwrap().script.push_back(mood);
    }

    fn calls(&self) -> usize {
        self.server.lock().unwrap().calls.len()
    }

    fn on_disk(&self) -> Tokens {
        Tokens::read(&self.grant.file).unwrap().unwrap()
    }
}

async fn token(session: &Arc<Session>) -> Result<String, TwitterError> {
    let token = session.access_token(SignedDuration::ZERO).await?;
    Ok(token.expose_secret().to_owned())
}

#[tokio::test]
async fn a_token_is_used_until_it_is_about_to_expire_and_then_renewed_on_disk_first() {
    let world = World::new().await;
    let session = world.session();
    assert_eq!((token(&session).await.unwrap().as_str(), world.calls()), ("access-0", 0));
    world.expire();
    assert_eq!(token(&session).await.unwrap(), "access-1");
    let kept = world.on_disk();
    assert_eq!(kept.refresh_token.unwrap().expose_secret(), "refresh-1");
    assert_eq!((kept.expires_at, kept.renewing_since), (at("2026-03-01T15:58:30Z"), None));
    assert_eq!((kept.login.as_str(), session.fingerprint("salt")), ("first", world.session().fingerprint("salt")));
    assert_eq!(session.redactor().redact("access-0 refresh-0 access-1 refresh-1"), ["[secret]"; 4].join(" "));
    let (header, form) = world.server.lock().unwrap().calls[0].clone();
    assert!(header.is_empty() && form.contains(&("client_id".to_owned(), "app".to_owned())), "{form:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_and_two_processes_renew_once() {
    let world = World::new().await;
    world.expire();
    let sessions = [world.session(), world.session()];
    let asking: Vec<_> = (0..40)
        .map(|place| {
            let session = Arc::clone(&sessions[place % 2]);
            tokio::spawn(async move { token(&session).await.unwrap() })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), "access-1");
    }
    assert_eq!(world.calls(), 1);

    let refused = SecretString::from("access-1");
    for session in &sessions {
        let token = session.after_refusal(&refused, SignedDuration::ZERO).await.unwrap();
        assert_eq!(token.expose_secret(), "access-2", "the second process takes what the first one got");
    }
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn a_renewal_goes_on_when_its_caller_is_given_up_and_can_be_waited_for() {
    let world = World::new().await;
    world.expire();
    world.script(Mood::IsSlow);
    let session = world.session();
    let asking = {
        let session = Arc::clone(&session);
        tokio::spawn(async move { token(&session).await })
    };
    while world.calls() == 0 {
        tokio::task::yield_now().await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    renewals_finished().await;
    assert_eq!(world.on_disk().refresh_token.unwrap().expose_secret(), "refresh-1");
    assert_eq!((token(&session).await.unwrap().as_str(), world.calls()), ("access-1", 1));
}

#[tokio::test]
async fn a_pair_that_is_not_on_disk_is_not_used_and_not_asked_for_twice() {
    let world = World::new().await;
    world.expire();
    world.script(Mood::TakesTheFolder);
    let session = world.session();
    let error = token(&session).await.unwrap_err();
    let TwitterError::NotSent { reason } = error else { panic!("{error:?}") };
    assert!(reason.contains("cannot write the tokens"), "{reason}");
    let folder = world.grant.file.parent().unwrap();
    std::fs::remove_file(folder).unwrap();
    std::fs::rename(folder.with_extension("away"), folder).unwrap();
    assert_eq!(world.on_disk().refresh_token.unwrap().expose_secret(), "refresh-0");
    assert_eq!(token(&session).await.unwrap(), "access-1");
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_costs_the_login_and_says_so() {
    let world = World::new().await;
    world.expire();
    world.script(Mood::UsesUpAndFails);
    let session = world.session();
    assert!(matches!(token(&session).await, Err(TwitterError::NotSent { .. })));
    assert_eq!(world.on_disk().renewing_since, Some(at("2026-03-01T13:58:30Z")));
    // The same after a restart.
    let error = token(&world.session()).await.unwrap_err();
    let TwitterError::Refused { kind: RefusalKind::Unauthorized, answer } = &error else { panic!("{error:?}") };
    assert!(answer.detail.contains("a renewal that began at 2026-03-01 13:58:30 UTC was cut off"), "{answer:?}");
    assert!(answer.detail.contains("pregonero auth login --oauth2"), "{answer:?}");

    // A person logs in again: the running process adopts the new login from the file.
    let anew = Tokens { login: "second".to_owned(), access_token: "access-7".into(), ..world.grant.tokens.clone() };
    Tokens { expires_at: at("2026-03-01T16:00:00Z"), ..anew }.write(&world.grant.file).unwrap();
    assert_eq!(token(&session).await.unwrap(), "access-7");
}

#[tokio::test]
async fn trouble_that_is_not_x_s_word_leaves_the_login_as_it_was() {
    let world = World::new().await;
    world.expire();
    let session = world.session();
    for mood in [Mood::Fails, Mood::Page] {
        world.script(mood);
        let error = token(&session).await.unwrap_err();
        assert!(matches!(error, TwitterError::NotSent { .. }), "{error:?}");
    }
    assert_eq!(token(&session).await.unwrap(), "access-1");

    let gone = World { base_url: Url::parse("http://127.0.0.1:9").unwrap(), ..World::new().await };
    gone.expire();
    assert!(matches!(token(&gone.session()).await, Err(TwitterError::NotSent { .. })));
    assert_eq!(gone.on_disk().renewing_since, None, "nothing was sent, so nothing was used up");
}

#[tokio::test]
async fn a_confidential_app_shows_its_secret_in_the_header_and_a_login_without_renewal_ends() {
    let world = World::new().await;
    world.expire();
    let confidential =
        World { grant: Grant { client_secret: Some("app-secret".into()), ..world.grant.clone() }, ..world };
    assert_eq!(token(&confidential.session()).await.unwrap(), "access-1");
    let (header, form) = confidential.server.lock().unwrap().calls[0].clone();
    // base64 of app:app-secret
    assert_eq!(header, "Basic YXBwOmFwcC1zZWNyZXQ=");
    assert!(form.iter().all(|(name, _)| name != "client_id"), "{form:?}");

    let short = World::new().await;
    Tokens { refresh_token: None, ..short.grant.tokens.clone() }.write(&short.grant.file).unwrap();
    short.expire();
    let error = token(&short.session()).await.unwrap_err();
    assert!(matches!(error, TwitterError::Refused { kind: RefusalKind::Unauthorized, .. }), "{error:?}");
    assert_eq!(short.calls(), 0);
}
