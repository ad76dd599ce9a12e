//! Pulling models from a scripted hub: two servers on free ports, the hub itself and the host it redirects large files
//! to, which answers ranges as RFC 9110 says, breaks connections when told to and writes down what it was asked.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::future::IntoFuture as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::hub::{Hub, Persistence, Progress, Pulled, Repository, resolve_hub};
use pregonero_models::catalog::{HubError, HubSettings, ModelFiles, ModelKind, open};
use sha2::{Digest as _, Sha256};

const COMMIT: &str = "5d0f3f1c3bb1e3c3a1d4f0b6a2c9e8d7f6a5b4c3";
const NAME: &str = "alguien/gpt2-chico";

/// One request as a server saw it.
#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    path: String,
    range: Option<String>,
    if_range: Option<String>,
    authorization: Option<String>,
}

#[derive(Debug, Default)]
struct Script {
    files: BTreeMap<&'static str, Vec<u8>>,
    /// Announced instead of the true SHA-256.
    wrong_sha256: Option<String>,
    /// The next content answers end after so many bytes, their connections broken.
    cuts: Vec<usize>,
    /// The entity tag of the content host; another one means another content.
    content_version: u32,
    /// Answers everything with this status.
    refuse: Option<(StatusCode, Option<&'static str>)>,
    /// Answers so many requests with 503 first.
    unavailable: u32,
    /// The content host says so often first that the address it was given has expired.
    expired: u32,
    /// The hub knows the model by another owner, and redirects there.
    renamed: bool,
    hub_requests: Vec<Seen>,
    content_requests: Vec<Seen>,
    content_address: String,
}

#[derive(Clone)]
pub(crate) struct FakeHub {
    script: Arc<Mutex<Script>>,
    pub(crate) endpoint: String,
    cache: Arc<tempfile::TempDir>,
}

impl FakeHub {
    pub(crate) async fn with(files: &[(&'static str, Vec<u8>)]) -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let content_address = serve(Router::new().fallback(answer_content).with_state(Arc::clone(&script))).await;
        let endpoint = serve(Router::new().fallback(answer_hub).with_state(Arc::clone(&script))).await;
        let fake = Self { script, endpoint, cache: Arc::new(tempfile::tempdir().unwrap()) };
        fake.script().content_address = content_address;
        fake.script().files.extend(files.iter().cloned());
        fake
    }

    /// A complete small model.
    async fn with_model() -> Self {
        Self::with(&[
            ("config.json", br#"{"model_type":"gpt2"}"#.to_vec()),
            ("tokenizer.json", b"{}".to_vec()),
            ("model.safetensors", weights(300_000)),
            ("README.md", b"# a card".to_vec()),
        ])
        .await
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn settings(&self, more: &[(&str, &str)]) -> HubSettings {
        let cache = self.cache.path().display().to_string();
        HubSettings::from_lookup(|name| match name {
            "HF_ENDPOINT" => Some(self.endpoint.clone()),
            "HF_HUB_CACHE" => Some(cache.clone()),
            _ => more.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        })
        .unwrap()
    }

    async fn pull_with(&self, attempts: u32, more: &[(&str, &str)]) -> Result<Pulled, HubError> {
        let persistence = Persistence { attempts, first_pause: Duration::from_millis(1) };
        Hub::new(self.settings(more), persistence)?.pull(&NAME.parse().unwrap(), &|_| {}).await
    }

    async fn pull(&self) -> Result<Pulled, HubError> {
        self.pull_with(3, &[]).await
    }

    fn content_requests(&self) -> Vec<Seen> {
        self.script().content_requests.clone()
    }

    /// The names of the files whose content was asked for, in that order.
    pub(crate) fn sent(&self) -> Vec<String> {
        let seen = self.script().hub_requests.clone();
        let gets = seen.into_iter().filter(|seen| seen.method == Method::GET);
        gets.filter_map(|seen| Some(seen.path.rsplit_once('/')?.1.to_owned())).collect()
    }

    fn leftovers(&self) -> Vec<String> {
        let blobs = self.cache.path().join("models--alguien--gpt2-chico/blobs");
        let names = std::fs::read_dir(blobs).into_iter().flatten().flatten();
        let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.retain(|name| name.contains(".part"));
        names
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}")
}

/// Content in which no two places look the same.
fn weights(length: usize) -> Vec<u8> {
    (0..length as u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

pub(crate) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn see(request: &Request) -> Seen {
    let text = |name: header::HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Seen {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        range: text(header::RANGE),
        if_range: text(header::IF_RANGE),
        authorization: text(header::AUTHORIZATION),
    }
}

fn empty(status: StatusCode) -> axum::http::response::Builder {
    Response::builder().status(status)
}

/// `/OWNER/NAME/resolve/REVISION/FILE`: small files are answered here, weights are redirected.
async fn answer_hub(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let mut script = script.lock().unwrap();
    script.hub_requests.push(see(&request));
    if script.unavailable > 0 {
        script.unavailable -= 1;
        return empty(StatusCode::SERVICE_UNAVAILABLE).body(Body::empty()).unwrap();
    }
    if let Some((status, code)) = script.refuse {
        return empty(status).header("X-Error-Code", code.unwrap_or("")).body(Body::empty()).unwrap();
    }
    let path = request.uri().path().to_owned();
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    if script.renamed && parts[0] == "alguien" {
        let location = path.replacen("alguien", "otra", 1);
        return empty(StatusCode::TEMPORARY_REDIRECT).header(header::LOCATION, location).body(Body::empty()).unwrap();
    }
    let [_, _, "resolve", "main" | COMMIT, name] = parts.as_slice() else {
        return empty(StatusCode::NOT_FOUND).header("X-Error-Code", "RevisionNotFound").body(Body::empty()).unwrap();
    };
    let Some(content) = script.files.get(name) else {
        return empty(StatusCode::NOT_FOUND).header("X-Error-Code", "EntryNotFound").body(Body::empty()).unwrap();
    };
    if [".safetensors", ".bin", ".h5", ".msgpack"].iter().any(|end| name.ends_with(end)) {
        let announced = script.wrong_sha256.clone().unwrap_or_else(|| sha256(content));
        return empty(StatusCode::FOUND)
            .header("X-Repo-Commit", COMMIT)
            .header("X-Linked-Etag", format!("\"{announced}\""))
            .header("X-Linked-Size", content.len())
            .header(header::LOCATION, format!("{}/{name}?signature=geheim", script.content_address))
            .body(Body::empty())
            .unwrap();
    }
    empty(StatusCode::OK)
        .header("X-Repo-Commit", COMMIT)
        .header(header::ETAG, format!("\"{}\"", &sha256(content)[..40]))
        .header(header::CONTENT_LENGTH, content.len())
        .body(if request.method() == Method::HEAD { Body::empty() } else { Body::from(content.clone()) })
        .unwrap()
}

async fn answer_content(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let mut script = script.lock().unwrap();
    script.content_requests.push(see(&request));
    if script.expired > 0 {
        script.expired -= 1;
        return empty(StatusCode::FORBIDDEN).body(Body::empty()).unwrap();
    }
    let content = script.files[request.uri().path().trim_start_matches('/')].clone();
    let etag = format!("\"content-{}\"", script.content_version);
    let from = range_that_holds(request.headers(), &etag);
    let rest = content[from..].to_vec();
    let answer = match from {
        0 => empty(StatusCode::OK),
        _ => empty(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {from}-{}/{}", content.len() - 1, content.len())),
    };
    let cut = if script.cuts.is_empty() { None } else { Some(script.cuts.remove(0)) };
    answer
        .header(header::ETAG, etag)
        .header(header::CONTENT_LENGTH, rest.len())
        .body(match cut {
            Some(length) => broken_after(rest[..length].to_vec()),
            None => Body::from(rest),
        })
        .unwrap()
}

/// Where an answer begins: a range whose `If-Range` no longer holds is ignored.
fn range_that_holds(headers: &HeaderMap, etag: &str) -> usize {
    if headers.get(header::IF_RANGE).is_none_or(|value| value != etag) {
        return 0;
    }
    let range = headers.get(header::RANGE).map(|value| value.to_str().unwrap());
    range.map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap())
}

/// The bytes, given time to leave, then a broken connection.
fn broken_after(content: Vec<u8>) -> Body {
    let pieces = futures_util::stream::unfold(Some(content), |content| async move {
        match content {
            Some(content) => Some((Ok(Bytes::from(content)), None)),
            None => {
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::other("cut")), None))
            }
        }
    });
    Body::from_stream(pieces)
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[tokio::test]
async fn a_fresh_pull_brings_every_file_and_the_config_finds_it() {
    let fake = FakeHub::with_model().await;
    let settings = fake.settings(&[]);
    let not_yet = open(&ModelSource::Hub(NAME.into()), ModelKind::Generator, &settings).unwrap_err().to_string();
    assert!(not_yet.contains("run `pregonero models pull alguien/gpt2-chico`"), "{not_yet}");

    let pulled = fake.pull().await.unwrap();

    assert_eq!(pulled.commit, COMMIT);
    assert_eq!(pulled.files, ["config.json", "tokenizer.json", "README.md", "model.safetensors"]);
    assert_eq!(read(&pulled.folder, "model.safetensors"), weights(300_000));
    assert_eq!(resolve_hub(&settings.cache_dir, NAME).unwrap(), pulled.folder);
    let files = open(&ModelSource::Hub(NAME.into()), ModelKind::Generator, &settings).unwrap();
    assert_eq!(files.sha256().unwrap(), sha256(&weights(300_000)));
    let link = std::fs::read_link(pulled.folder.join("model.safetensors")).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(sha256(&weights(300_000))), "other hub clients find it");
    assert!(fake.leftovers().is_empty());
    let requests = fake.script().hub_requests.clone();
    assert_eq!(requests[0].path, format!("/{NAME}/resolve/main/config.json"));
    assert!(requests[1..].iter().all(|seen| seen.path.contains(COMMIT) || seen.method == Method::GET));
}

#[tokio::test]
async fn what_is_there_is_not_fetched_again() {
    let fake = FakeHub::with_model().await;
    let first = fake.pull().await.unwrap();
    let gets = |fake: &FakeHub| fake.script().hub_requests.iter().filter(|seen| seen.method == Method::GET).count();
    let before = gets(&fake);
    assert_eq!(fake.pull().await.unwrap(), first);
    assert_eq!((gets(&fake), fake.content_requests().len()), (before, 1));
}

#[tokio::test]
async fn a_cut_connection_is_resumed_within_one_pull() {
    let fake = FakeHub::with_model().await;
    fake.script().cuts = vec![100_000, 50_000];
    let pulled = fake.pull().await.unwrap();
    assert_eq!(read(&pulled.folder, "model.safetensors"), weights(300_000));

    let requests = fake.content_requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].range, None);
    let starts: Vec<usize> = requests[1..]
        .iter()
        .map(|seen| seen.range.as_ref().unwrap()["bytes=".len()..].trim_end_matches('-').parse().unwrap())
        .collect();
    assert!(0 < starts[0] && starts[0] < starts[1] && starts[1] <= 150_000, "{starts:?}");
    assert!(requests[1..].iter().all(|seen| seen.if_range.as_deref() == Some("\"content-0\"")));
}

#[tokio::test]
async fn the_next_pull_goes_on_where_one_gave_up() {
    let fake = FakeHub::with_model().await;
    fake.script().cuts = vec![100_000];
    let error = fake.pull_with(1, &[]).await.unwrap_err();
    assert!(matches!(error, HubError::Unreachable { attempts: 1, .. }), "{error}");
    assert!(!error.to_string().contains("geheim"), "a signed address in the message: {error}");
    assert!(matches!(resolve_hub(fake.cache.path(), NAME), Err(HubError::NotPulled { .. })));

    let pulled = fake.pull().await.unwrap();
    assert_eq!(read(&pulled.folder, "model.safetensors"), weights(300_000));
    assert!(fake.content_requests()[1].range.is_some());
}

#[tokio::test]
async fn content_that_changed_meanwhile_is_fetched_from_its_beginning() {
    let fake = FakeHub::with_model().await;
    fake.script().cuts = vec![100_000];
    fake.pull_with(1, &[]).await.unwrap_err();
    fake.script().content_version = 1;
    let pulled = fake.pull().await.unwrap();
    assert_eq!(fake.content_requests()[1].if_range.as_deref(), Some("\"content-0\""));
    assert_eq!(read(&pulled.folder, "model.safetensors"), weights(300_000));
}

#[tokio::test]
async fn a_new_version_of_the_file_leaves_no_part_of_the_old_one() {
    let fake = FakeHub::with_model().await;
    fake.script().cuts = vec![100_000];
    fake.pull_with(1, &[]).await.unwrap_err();
    assert!(!fake.leftovers().is_empty());
    let newer: Vec<u8> = weights(200_000).into_iter().rev().collect();
    fake.script().files.insert("model.safetensors", newer.clone());
    let pulled = fake.pull().await.unwrap();
    assert_eq!(read(&pulled.folder, "model.safetensors"), newer);
    assert!(fake.leftovers().is_empty());
}

#[tokio::test]
async fn a_wrong_checksum_is_an_error_and_nothing_of_it_stays() {
    let fake = FakeHub::with_model().await;
    fake.script().wrong_sha256 = Some("0".repeat(64));
    let error = fake.pull().await.unwrap_err();
    let HubError::ChecksumMismatch { file, announced, actual } = &error else { panic!("{error}") };
    assert_eq!(file, "model.safetensors");
    assert_eq!((announced, actual), (&"0".repeat(64), &sha256(&weights(300_000))));
    assert!(fake.leftovers().is_empty());
    assert!(matches!(resolve_hub(fake.cache.path(), NAME), Err(HubError::NotPulled { .. })));
}

#[tokio::test]
async fn the_token_goes_to_the_hub_and_never_to_the_host_it_redirects_to() {
    let fake = FakeHub::with_model().await;
    fake.pull_with(3, &[("HF_TOKEN", "hf_versteckt")]).await.unwrap();
    assert!(fake.script().hub_requests.iter().all(|seen| seen.authorization.as_deref() == Some("Bearer hf_versteckt")));
    let content = fake.content_requests();
    assert_eq!(content.len(), 1);
    assert_eq!(content[0].authorization, None);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let gated: fn(&HubError) -> bool = |error| matches!(error, HubError::Gated { .. });
    let unauthorized: fn(&HubError) -> bool = |error| matches!(error, HubError::Unauthorized { .. });
    let missing: fn(&HubError) -> bool = |error| matches!(error, HubError::NotFound { .. });
    for (status, code, token, expected, said) in [
        (401, None, None, unauthorized, "give a read token in HF_TOKEN"),
        (401, None, Some("hf_versteckt"), unauthorized, "make a new token"),
        (403, Some("GatedRepo"), None, gated, "accept the model's terms at http://127.0.0.1:"),
        (404, Some("RepoNotFound"), None, missing, "no such model"),
        (404, Some("RevisionNotFound"), None, missing, "no revision main"),
        (404, None, None, missing, "no config.json in it"),
    ] {
        let fake = FakeHub::with_model().await;
        fake.script().refuse = Some((StatusCode::from_u16(status).unwrap(), code));
        let variables: Vec<_> = token.map(|token| ("HF_TOKEN", token)).into_iter().collect();
        let error = fake.pull_with(3, &variables).await.unwrap_err();
        let message = error.to_string();
        assert!(expected(&error), "{status}: {error:?}");
        assert!(message.starts_with(NAME) && message.contains(said), "{status}: {message}");
        assert!(!message.contains("hf_versteckt"), "{message}");
        assert_eq!(fake.script().hub_requests.len(), 1, "a refusal is not tried again");
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_but_not_for_ever() {
    let fake = FakeHub::with_model().await;
    fake.script().unavailable = 2;
    fake.pull().await.unwrap();

    let busy = FakeHub::with_model().await;
    busy.script().unavailable = u32::MAX;
    let error = busy.pull().await.unwrap_err();
    assert!(matches!(error, HubError::Unreachable { attempts: 3, .. }), "{error}");
    assert!(error.to_string().contains("503"), "{error}");
    assert_eq!(busy.script().hub_requests.len(), 3);
}

#[tokio::test]
async fn an_address_of_the_content_host_that_expired_is_asked_for_anew() {
    let fake = FakeHub::with_model().await;
    fake.script().expired = 1;
    let pulled = fake.pull().await.unwrap();
    assert_eq!(read(&pulled.folder, "model.safetensors"), weights(300_000));
    assert_eq!(fake.content_requests().len(), 2);
}

#[tokio::test]
async fn a_model_that_was_renamed_is_followed_with_the_token() {
    let fake = FakeHub::with_model().await;
    fake.script().renamed = true;
    fake.pull_with(3, &[("HF_TOKEN", "hf_versteckt")]).await.unwrap();
    assert!(resolve_hub(fake.cache.path(), NAME).is_ok(), "it is found by the name it was asked for");
    let requests = fake.script().hub_requests.clone();
    assert!(requests.iter().any(|seen| seen.path.starts_with("/otra/")));
    assert!(requests.iter().all(|seen| seen.authorization.is_some()));
}

#[tokio::test]
async fn offline_asks_nobody() {
    let fake = FakeHub::with_model().await;
    let error = fake.pull_with(3, &[("HF_HUB_OFFLINE", "1")]).await.unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    assert!(fake.script().hub_requests.is_empty());
}

/// One of the folders of `tests/data/gpt2/weights`.
pub(crate) fn weights_folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gpt2/weights").join(name)
}

#[tokio::test]
async fn a_pickle_is_taken_where_there_is_nothing_better_and_kept_as_safetensors() {
    let pickle = read(&weights_folder("stream"), "pytorch_model.bin");
    let files = [("config.json", b"{}".to_vec()), ("tokenizer.json", b"{}".to_vec()), ("pytorch_model.bin", pickle)];
    let fake = FakeHub::with(&files).await;
    let pulled = fake.pull().await.unwrap();
    assert_eq!(pulled.files, ["config.json", "tokenizer.json", "pytorch_model.bin"]);
    let conversion = pulled.conversion.clone().unwrap();
    assert_eq!(conversion.sources[0].sha256, sha256(&files[2].1));
    let found = open(&ModelSource::Hub(NAME.into()), ModelKind::Generator, &fake.settings(&[])).unwrap();
    assert_eq!(found.weight_files().unwrap(), ["model.safetensors"]);
    assert_eq!(found.sha256().unwrap(), sha256(&files[2].1), "the record names what was downloaded");

    let made = std::fs::metadata(pulled.folder.join("model.safetensors")).unwrap().modified().unwrap();
    assert_eq!(fake.pull().await.unwrap(), pulled);
    assert_eq!(std::fs::metadata(pulled.folder.join("model.safetensors")).unwrap().modified().unwrap(), made);
    assert_eq!(fake.content_requests().len(), 1);

    // Another program's snapshot, in which nothing was converted yet.
    std::fs::remove_file(pulled.folder.join("model.safetensors")).unwrap();
    let error = resolve_hub(fake.cache.path(), NAME).unwrap_err();
    assert!(error.to_string().contains("run `pregonero models pull alguien/gpt2-chico` again"), "{error}");
    assert_eq!(fake.pull().await.unwrap(), pulled);
    assert_eq!(fake.content_requests().len(), 1, "the pickle was there");
}

#[tokio::test]
async fn a_pickle_in_shards_is_taken_with_its_index() {
    let folder = weights_folder("sharded_zip");
    let names =
        ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
    let mut files = vec![("config.json", b"{}".to_vec()), ("tokenizer.json", b"{}".to_vec())];
    files.extend(names.map(|name| (name, read(&folder, name))));
    let fake = FakeHub::with(&files).await;
    let pulled = fake.pull().await.unwrap();
    assert_eq!(pulled.files[2..], names);
    let digests = format!("{}{}", sha256(&files[3].1), sha256(&files[4].1));
    let found = ModelFiles::in_folder(&pulled.folder).unwrap();
    assert_eq!(found.sha256().unwrap(), sha256(digests.as_bytes()));
}

#[tokio::test]
async fn safetensors_are_preferred_to_a_pickle_which_is_not_downloaded() {
    let fake = FakeHub::with_model().await;
    fake.script().files.insert("pytorch_model.bin", weights(1_000));
    let pulled = fake.pull().await.unwrap();
    assert_eq!(pulled.conversion, None);
    assert_eq!(fake.content_requests().len(), 1);
}

#[tokio::test]
async fn a_pickle_that_would_run_something_is_refused_and_the_model_is_not_there() {
    let hostile = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00exit\x85R.".to_vec();
    let files = [("config.json", b"{}".to_vec()), ("tokenizer.json", b"{}".to_vec()), ("pytorch_model.bin", hostile)];
    let fake = FakeHub::with(&files).await;
    let error = fake.pull().await.unwrap_err();
    assert!(matches!(&error, HubError::Unconvertible { reason, .. } if reason.contains("posix.system")), "{error}");
    assert!(matches!(resolve_hub(fake.cache.path(), NAME), Err(HubError::NotPulled { .. })));
}

#[tokio::test]
async fn a_model_without_weights_or_tokenizer_is_refused() {
    let fake = FakeHub::with(&[("config.json", b"{}".to_vec()), ("tokenizer.json", b"{}".to_vec())]).await;
    let error = fake.pull().await.unwrap_err();
    assert!(matches!(error, HubError::NoWeights { other: None, .. }), "{error}");
    fake.script().files.insert("tf_model.h5", weights(9));
    let error = fake.pull().await.unwrap_err();
    assert!(error.to_string().contains("tf_model.h5 is another framework's"), "{error}");
    let files = [("config.json", b"{}".to_vec()), ("vocab.json", b"{}".to_vec()), ("model.safetensors", weights(9))];
    let fake = FakeHub::with(&files).await;
    assert!(matches!(fake.pull().await, Err(HubError::NoTokenizer { .. })));
}

#[tokio::test]
async fn shards_and_the_older_tokenizer_files_are_taken() {
    let index = br#"{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}"#;
    let (one, two) = (weights(70_000), weights(50_000));
    let fake = FakeHub::with(&[
        ("config.json", b"{}".to_vec()),
        ("vocab.json", b"{}".to_vec()),
        ("merges.txt", b"#version: 0.2".to_vec()),
        ("model.safetensors.index.json", index.to_vec()),
        ("model-00001-of-00002.safetensors", one.clone()),
        ("model-00002-of-00002.safetensors", two.clone()),
    ])
    .await;
    let pulled = fake.pull().await.unwrap();
    assert_eq!(pulled.files.len(), 6);
    let files = ModelFiles::in_folder(&resolve_hub(fake.cache.path(), NAME).unwrap()).unwrap();
    assert_eq!(files.sha256().unwrap(), sha256(format!("{}{}", sha256(&one), sha256(&two)).as_bytes()));

    std::fs::remove_file(pulled.folder.join("model-00002-of-00002.safetensors")).unwrap();
    let error = resolve_hub(fake.cache.path(), NAME).unwrap_err();
    assert!(matches!(&error, HubError::Incomplete { missing, .. } if missing.contains("00002")), "{error}");
}

#[tokio::test]
async fn an_index_that_leads_out_of_the_cache_is_refused() {
    let fake = FakeHub::with(&[
        ("config.json", b"{}".to_vec()),
        ("tokenizer.json", b"{}".to_vec()),
        ("model.safetensors.index.json", br#"{"weight_map":{"a":"../../../evil.safetensors"}}"#.to_vec()),
    ])
    .await;
    let error = fake.pull().await.unwrap_err();
    assert!(matches!(error, HubError::UnreadableFile { .. }), "{error}");
}

#[tokio::test]
async fn of_two_pulls_at_once_one_downloads_and_the_other_waits() {
    let fake = FakeHub::with_model().await;
    let persistence = Persistence { attempts: 3, first_pause: Duration::from_millis(1) };
    let (one, two) =
        (Hub::new(fake.settings(&[]), persistence).unwrap(), Hub::new(fake.settings(&[]), persistence).unwrap());
    let name: Repository = NAME.parse().unwrap();
    let waited = Mutex::new(0);
    let count = |progress: Progress<'_>| {
        if progress == Progress::Waiting {
            *waited.lock().unwrap() += 1;
        }
    };
    let (first, second) = tokio::join!(one.pull(&name, &count), two.pull(&name, &count));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(*waited.lock().unwrap(), 1);
    assert_eq!(fake.content_requests().len(), 1);
}

#[tokio::test]
async fn progress_grows_to_the_announced_size_of_each_file() {
    let fake = FakeHub::with_model().await;
    let seen = Mutex::new(Vec::new());
    let note = |progress: Progress<'_>| {
        if let Progress::Receiving { file: "model.safetensors", received, size } = progress {
            seen.lock().unwrap().push((received, size));
        }
    };
    let hub = Hub::new(fake.settings(&[]), Persistence::default()).unwrap();
    hub.pull(&NAME.parse().unwrap(), &note).await.unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.first(), Some(&(0, Some(300_000))));
    assert_eq!(seen.last(), Some(&(300_000, Some(300_000))));
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn a_server_that_is_no_hub_is_named() {
    let endpoint = serve(Router::new().fallback(|| async { "hola" })).await;
    let fake = FakeHub { endpoint, ..FakeHub::with_model().await };
    let error = fake.pull().await.unwrap_err();
    assert!(matches!(error, HubError::NotAHub { header: "X-Repo-Commit", .. }), "{error}");
}
