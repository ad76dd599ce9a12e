//! HTTP with a hub: requests a file's metadata, and downloads it so that a broken connection loses nothing.
//!
//! A file grows as `ETAG.part`. The validator (the `ETag` of the answer it came from) is stored next to it and sent
//! back in `If-Range`, so that a server whose content has changed sends all of it again (RFC 9110, 13.1.5). Size and
//! checksum are verified on disk before the part gets its final name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LOCATION, RANGE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use url::Url;

use super::cache::{is_file_name, remove_if_there};
use super::progress::{Persistence, Progress, Report};
use super::{HubError, Repository};
use crate::catalog::sha256_of_file;
use crate::http;
use pregonero_system::errors::chain;
use pregonero_system::network::{back_off, is_loopback};

/// The longest silence in the middle of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Redirects that a metadata request follows on the hub itself (a renamed model, a cache).
const MOST_REDIRECTS: usize = 5;
/// An attempt that received at least this many bytes counts as progress, and the count of attempts starts again.
const HEADWAY: u64 = 1 << 20;

/// What the hub reports about one file before it is downloaded.
#[derive(Debug, Clone)]
pub(super) struct RemoteFile {
    pub name: String,
    /// The commit it belongs to.
    pub commit: String,
    /// Identifies its content, and names its blob in the cache.
    pub etag: String,
    pub size: Option<u64>,
    url: Url,
}

impl RemoteFile {
    /// Returns the content's SHA-256, which is the etag of every large file; small ones have a git hash.
    fn sha256(&self) -> Option<String> {
        let is_sha256 = self.etag.len() == 64 && self.etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_sha256.then(|| self.etag.to_ascii_lowercase())
    }
}

/// Why one attempt failed.
enum Failure {
    /// Another attempt may succeed.
    Passing { reason: String, pause: Option<Duration> },
    /// Another attempt would fail too.
    Final(HubError),
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Passing { reason: describe(error), pause: None }
    }
}

#[derive(Debug)]
pub(super) struct Client {
    endpoint: Url,
    authorization: HeaderMap,
    persistence: Persistence,
    /// For metadata: the headers that we need are on the redirect itself.
    unredirected: reqwest::Client,
    /// For content: follows redirects to it, and drops the token on the way to another host.
    redirected: reqwest::Client,
}

impl Client {
    pub(super) fn new(endpoint: &Url, authorization: HeaderMap, persistence: Persistence) -> Result<Self, HubError> {
        let build = |policy: Policy| {
            let builder = http::client(is_loopback(endpoint))
                .read_timeout(READ_TIMEOUT)
                .https_only(endpoint.scheme() == "https")
                .redirect(policy);
            builder.build().map_err(|error| HubError::NoClient { reason: describe(error) })
        };
        let (unredirected, redirected) = (build(Policy::none())?, build(Policy::limited(10))?);
        Ok(Self { endpoint: endpoint.clone(), authorization, persistence, unredirected, redirected })
    }

    /// Requests a file's metadata; returns `None` if the model has no such file.
    pub(super) async fn look(
        &self,
        repository: &Repository,
        revision: &str,
        file: &str,
        report: Report<'_>,
    ) -> Result<Option<RemoteFile>, HubError> {
        let url = self.address(repository, revision, file);
        let mut attempt = 0;
        loop {
            match self.look_once(repository, &url, file).await {
                Ok(found) => return Ok(found),
                Err(failure) => {
                    attempt += 1;
                    self.pause_or_give_up(failure, attempt, &url, file, report).await?;
                }
            }
        }
    }

    /// Downloads a file to `blob`, resuming from the part that exists.
    pub(super) async fn download(
        &self,
        repository: &Repository,
        file: &RemoteFile,
        blob: &Path,
        report: Report<'_>,
    ) -> Result<(), HubError> {
        let part = Part::beside(blob);
        let mut attempt = 0;
        loop {
            let before = part.length();
            match self.download_once(repository, file, &part, report).await {
                Ok(()) => return part.finish(file, blob).await,
                Err(failure) => {
                    let headway = part.length().saturating_sub(before) >= HEADWAY;
                    attempt = if headway { 1 } else { attempt + 1 };
                    self.pause_or_give_up(failure, attempt, &file.url, &file.name, report).await?;
                }
            }
        }
    }

    /// Returns `{HF_ENDPOINT}/OWNER/NAME/resolve/REVISION/FILE`; a slash in the revision is escaped.
    fn address(&self, repository: &Repository, revision: &str, file: &str) -> Url {
        let mut url = self.endpoint.clone();
        url.set_query(None);
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend([
            &*repository.owner,
            &*repository.name,
            "resolve",
            revision,
            file,
        ]);
        url
    }

    async fn look_once(&self, repository: &Repository, url: &Url, file: &str) -> Result<Option<RemoteFile>, Failure> {
        let mut at = url.clone();
        for _ in 0..MOST_REDIRECTS {
            let response = self.unredirected.head(at.clone()).headers(self.authorization.clone()).send().await?;
            let target = redirect_target(&response);
            if let Some(target) = target.filter(|target| target.origin() == url.origin() && !is_linked(&response)) {
                at = target;
                continue;
            }
            return self.read_metadata(repository, url, file, &response);
        }
        Err(HubError::UnexpectedStatus { url: url.clone(), status: StatusCode::LOOP_DETECTED.as_u16() }.into())
    }

    fn read_metadata(
        &self,
        repository: &Repository,
        url: &Url,
        name: &str,
        response: &Response,
    ) -> Result<Option<RemoteFile>, Failure> {
        let status = response.status();
        let headers = response.headers();
        if status == StatusCode::NOT_FOUND {
            return match absent(repository, headers) {
                Some(error) => Err(error.into()),
                None => Ok(None),
            };
        }
        if !status.is_success() && !status.is_redirection() {
            return Err(self.refusal(repository, url, response));
        }
        let usable = |header: &'static str, text: Option<&str>| {
            let text = text.filter(|text| is_file_name(text)).map(str::to_owned);
            text.ok_or_else(|| HubError::NotAHub { url: url.clone(), header })
        };
        let etag = header(headers, "x-linked-etag").or_else(|| header(headers, ETAG.as_str())).map(strip_etag);
        let size = header(headers, "x-linked-size")
            .or_else(|| header(headers, CONTENT_LENGTH.as_str()).filter(|_| status.is_success()))
            .and_then(|size| size.parse().ok());
        Ok(Some(RemoteFile {
            name: name.to_owned(),
            commit: usable("X-Repo-Commit", header(headers, "x-repo-commit"))?,
            etag: usable("ETag", etag)?,
            size,
            url: url.clone(),
        }))
    }

    async fn download_once(
        &self,
        repository: &Repository,
        file: &RemoteFile,
        part: &Part,
        report: Report<'_>,
    ) -> Result<(), Failure> {
        let held = part.resumable(file.size)?;
        if held.length() > 0 && file.size == Some(held.length()) {
            return Ok(());
        }
        let mut request = self.redirected.get(file.url.clone()).headers(self.authorization.clone());
        if let Some((length, validator)) = held.resume() {
            request = request.header(RANGE, format!("bytes={length}-")).header(IF_RANGE, validator);
        }
        let response = request.send().await?;
        let from = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if range_start(&response) == Some(held.length()) => held.length(),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                part.remove()?;
                return Err(Failure::Passing {
                    reason: "the server sent a different part from the one requested".into(),
                    pause: None,
                });
            }
            _ => return Err(self.refusal(repository, &file.url, &response)),
        };
        if from == 0 {
            part.begin(header(response.headers(), ETAG.as_str()))?;
        }
        receive(response, file, part, from, report).await
    }

    /// Returns the failure that an answer with neither content nor metadata means.
    fn refusal(&self, repository: &Repository, url: &Url, response: &Response) -> Failure {
        let status = response.status();
        let token_sent = !self.authorization.is_empty();
        let name = repository.to_string();
        if response.url().origin() != self.endpoint.origin() {
            // The host that the hub redirected to; its addresses expire, and the next attempt gets a new one.
            return passing(status, response.headers());
        }
        match status {
            StatusCode::UNAUTHORIZED => HubError::Unauthorized { repository: name, token_sent }.into(),
            StatusCode::FORBIDDEN => {
                HubError::Gated { repository: name, page: self.page(repository), token_sent }.into()
            }
            StatusCode::NOT_FOUND => HubError::NotFound { repository: name, what: "such file".into() }.into(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => passing(status, response.headers()),
            _ if status.is_server_error() => passing(status, response.headers()),
            _ => HubError::UnexpectedStatus { url: url.clone(), status: status.as_u16() }.into(),
        }
    }

    fn page(&self, repository: &Repository) -> Url {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .expect("an http address has a path")
            .pop_if_empty()
            .extend([&repository.owner, &repository.name]);
        url
    }

    async fn pause_or_give_up(
        &self,
        failure: Failure,
        attempt: u32,
        url: &Url,
        file: &str,
        report: Report<'_>,
    ) -> Result<(), HubError> {
        let (reason, asked) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing { reason, pause } => (reason, pause),
        };
        if attempt >= self.persistence.attempts {
            return Err(HubError::Unreachable { url: url.clone(), attempts: attempt, reason });
        }
        let waited = back_off(self.persistence.first_pause, LONGEST_PAUSE, attempt - 1);
        let pause = asked.unwrap_or(waited).min(LONGEST_PAUSE);
        tracing::debug!(
            file,
            attempt,
            reason,
            pause_ms = pause.as_millis(),
            "the download was interrupted; trying again"
        );
        report(Progress::Retrying { file, attempt, pause });
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Writes an answer's content to the part, starting at the byte with which the content begins.
async fn receive(
    mut response: Response,
    file: &RemoteFile,
    part: &Part,
    from: u64,
    report: Report<'_>,
) -> Result<(), Failure> {
    let disk = |error| HubError::disk(&part.path, error);
    let mut output = tokio::fs::OpenOptions::new().append(true).open(&part.path).await.map_err(disk)?;
    let mut received = from;
    loop {
        report(Progress::Receiving { file: &file.name, received, size: file.size });
        match response.chunk().await {
            Ok(Some(chunk)) => {
                output.write_all(&chunk).await.map_err(disk)?;
                received += chunk.len() as u64;
            }
            Ok(None) => break,
            Err(error) => {
                output.flush().await.map_err(disk)?;
                return Err(error.into());
            }
        }
    }
    output.flush().await.map_err(disk)?;
    output.sync_all().await.map_err(disk)?;
    match file.size {
        Some(size) if received < size => {
            Err(Failure::Passing { reason: format!("the answer ended after {received} of {size} bytes"), pause: None })
        }
        _ => Ok(()),
    }
}

/// A partly downloaded file, and the validator that identifies its content.
struct Part {
    path: PathBuf,
    validator: PathBuf,
}

/// How much of a part can be resumed, with its validator; `None` if nothing can.
struct Held(Option<(u64, String)>);

impl Held {
    fn length(&self) -> u64 {
        self.0.as_ref().map_or(0, |(length, _)| *length)
    }

    fn resume(&self) -> Option<(u64, &str)> {
        self.0.as_ref().map(|(length, validator)| (*length, validator.as_str()))
    }
}

impl Part {
    fn beside(blob: &Path) -> Self {
        let path = blob.with_added_extension("part");
        let validator = path.with_added_extension("validator");
        Self { path, validator }
    }

    fn length(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Returns what can be resumed. Removes a part that has no validator or is longer than the file, because it is
    /// useless.
    fn resumable(&self, size: Option<u64>) -> Result<Held, HubError> {
        let length = self.length();
        let validator = fs::read_to_string(&self.validator).ok();
        match validator {
            Some(validator) if length > 0 && size.is_none_or(|size| length <= size) => {
                Ok(Held(Some((length, validator))))
            }
            _ => {
                self.remove()?;
                Ok(Held(None))
            }
        }
    }

    /// Creates an empty part. A range request requires a strong validator, so a weak one is not kept.
    fn begin(&self, etag: Option<&str>) -> Result<(), HubError> {
        self.remove()?;
        fs::write(&self.path, []).map_err(|error| HubError::disk(&self.path, error))?;
        if let Some(etag) = etag.filter(|etag| !etag.starts_with("W/")) {
            fs::write(&self.validator, etag).map_err(|error| HubError::disk(&self.validator, error))?;
        }
        Ok(())
    }

    fn remove(&self) -> Result<(), HubError> {
        remove_if_there(&self.validator)?;
        remove_if_there(&self.path)
    }

    /// Verifies the part and gives it its final name.
    async fn finish(&self, file: &RemoteFile, blob: &Path) -> Result<(), HubError> {
        let received = self.length();
        if let Some(announced) = file.size.filter(|size| *size != received) {
            self.remove()?;
            return Err(HubError::SizeMismatch { file: file.name.clone(), announced, received });
        }
        if let Some(announced) = file.sha256() {
            let path = self.path.clone();
            let hashed = tokio::task::spawn_blocking(move || sha256_of_file(&path)).await;
            let actual = hashed.expect("hashing does not panic").map_err(|error| HubError::disk(&self.path, error))?;
            if actual != announced {
                self.remove()?;
                return Err(HubError::ChecksumMismatch { file: file.name.clone(), announced, actual });
            }
        }
        fs::rename(&self.path, blob).map_err(|error| HubError::disk(blob, error))?;
        remove_if_there(&self.validator)
    }
}

/// Returns the error for a 404 that is about more than the file: no such model, or no such revision.
fn absent(repository: &Repository, headers: &HeaderMap) -> Option<HubError> {
    let what = match header(headers, "x-error-code")? {
        "RepoNotFound" => "such model".to_owned(),
        "RevisionNotFound" => format!("revision {} of it", repository.revision()),
        _ => return None,
    };
    Some(HubError::NotFound { repository: repository.to_string(), what })
}

fn passing(status: StatusCode, headers: &HeaderMap) -> Failure {
    let pause = header(headers, RETRY_AFTER.as_str()).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    Failure::Passing { reason: format!("the server answered {}", status.as_u16()), pause }
}

fn redirect_target(response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    response.url().join(header(response.headers(), LOCATION.as_str())?).ok()
}

/// Returns whether a redirect is the hub's own answer about a large file; the address that it leads to knows less.
fn is_linked(response: &Response) -> bool {
    response.headers().contains_key("x-linked-etag")
}

fn range_start(response: &Response) -> Option<u64> {
    let range = header(response.headers(), CONTENT_RANGE.as_str())?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn strip_etag(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}

/// Returns the error with its causes but without the address, which is a signed one after a redirect.
fn describe(error: reqwest::Error) -> String {
    chain(&error.without_url())
}
