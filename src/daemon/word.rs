//! How commands reach a running daemon of the same configuration: it reports where its record is, and reloads the
//! configuration on request.
//!
//! This uses a socket in the kernel's abstract namespace, named after the configuration file: nothing remains when the
//! daemon dies, every user of the machine (or of the container) can ask, and no folder has to be writable. A command
//! trusts the answer only if a daemon has locked the record that it names. A separate thread answers, so that a loop
//! that hangs does not silence it.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The question of where the record is.
const WHERE: &str = "where";

/// The request to read the configuration again.
const RELOAD: &str = "reload";

/// How long an answer that needs no work may take.
const PROMPT: Duration = Duration::from_secs(3);

/// How long a reload may take: it loads the models' files again.
const RELOAD_BOUND: Duration = Duration::from_secs(10 * 60);

/// The greatest length of a question or an answer, in bytes.
const LONGEST: u64 = 256 * 1024;

/// A running daemon and its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub pid: u32,
    pub version: String,
    /// The configuration file, without links.
    pub config: PathBuf,
    /// The record's absolute path, as the configuration names it.
    pub store: PathBuf,
    /// The same without links.
    pub real_store: PathBuf,
}

impl Word {
    /// Describes the daemon in this process.
    #[must_use]
    pub fn of(config: &Path, store: &Path) -> Self {
        Self {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: real(config),
            store: absolute(store),
            real_store: real(store),
        }
    }

    /// Returns whether the daemon works on the record at `store`.
    #[must_use]
    pub fn is_at(&self, store: &Path) -> bool {
        // A user without access to the folder cannot follow the links.
        [absolute(store), real(store)].iter().any(|place| *place == self.store || *place == self.real_store)
    }
}

/// The result of a reload. Its JSON is what `reload --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadAnswer {
    pub reloaded: bool,
    /// What changed, one sentence per key.
    pub changed: Vec<String>,
    /// Keys that take effect only after a restart.
    pub after_restart: Vec<String>,
    /// Why the old configuration stays in force.
    pub error: Option<String>,
}

impl ReloadAnswer {
    pub(super) fn refused(error: impl Into<String>) -> Self {
        Self { reloaded: false, changed: Vec::new(), after_restart: Vec::new(), error: Some(error.into()) }
    }
}

/// A caller that waits for the end of a reload.
pub(super) type Waiting = oneshot::Sender<ReloadAnswer>;

/// The thread that answers commands, until this is dropped.
#[derive(Debug)]
pub(super) struct Speaker {
    end: CancellationToken,
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Speaker {
    /// Begins to answer; requests for a reload arrive through the receiver.
    ///
    /// # Errors
    /// If this machine provides no socket or thread.
    pub(super) fn start(word: Word) -> io::Result<(Self, mpsc::Receiver<Waiting>)> {
        let name = format!("{}{:016x}", prefix(&word.config), rand::random::<u64>());
        let listener = StdListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (sender, receiver) = mpsc::channel(8);
        let end = CancellationToken::new();
        let ended = end.clone();
        let speak = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = ended.cancelled() => {}
                    () = accept(listener, &word, &sender) => {}
                }
            });
        };
        std::thread::Builder::new().name("word".to_owned()).spawn(speak)?;
        Ok((Self { end }, receiver))
    }
}

async fn accept(listener: StdListener, word: &Word, reload: &mpsc::Sender<Waiting>) {
    let Ok(listener) = UnixListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, word.clone(), reload.clone()))),
            // No file descriptors left, for example: that does not last for ever.
            Err(_) => tokio::time::sleep(PROMPT).await,
        }
    }
}

/// Reads one question and answers it. A caller that has gone meanwhile needs no answer.
async fn answer(mut stream: UnixStream, word: Word, reload: mpsc::Sender<Waiting>) {
    let Ok(Ok(question)) = tokio::time::timeout(PROMPT, read_all(&mut stream)).await else { return };
    let answer = match question.as_slice() {
        question if question == WHERE.as_bytes() => serde_json::to_vec(&word),
        question if question == RELOAD.as_bytes() => serde_json::to_vec(&reloaded(&stream, &reload).await),
        _ => return,
    };
    let Ok(answer) = answer else { return };
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

async fn reloaded(stream: &UnixStream, reload: &mpsc::Sender<Waiting>) -> ReloadAnswer {
    let asking = stream.peer_cred().map(|peer| peer.uid());
    if !asking.is_ok_and(|user| user == 0 || Some(user) == own_user()) {
        return ReloadAnswer::refused("only root and the user that the daemon runs as may reload it");
    }
    let (sender, receiver) = oneshot::channel();
    if reload.send(sender).await.is_err() {
        return ReloadAnswer::refused("the daemon is stopping");
    }
    receiver.await.unwrap_or_else(|_| ReloadAnswer::refused("the daemon stopped before the reload was done"))
}

fn own_user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|found| found.uid())
}

async fn read_all(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    stream.take(LONGEST).read_to_end(&mut text).await?;
    Ok(text)
}

/// Returns the daemons of the configuration file `config` that answer.
pub async fn daemons_of(config: &Path) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for name in names(&prefix(&real(config))) {
        words.extend(ask(&name, WHERE, PROMPT).await.ok());
    }
    words
}

/// Makes the daemon of `config` that works on `store` read the configuration again, and returns the result.
///
/// # Errors
/// If no such daemon answers.
pub async fn reload(config: &Path, store: &Path) -> Result<ReloadAnswer> {
    for name in names(&prefix(&real(config))) {
        let word: Result<Word> = ask(&name, WHERE, PROMPT).await;
        if word.is_ok_and(|word| word.is_at(store)) {
            return ask(&name, RELOAD, RELOAD_BOUND).await;
        }
    }
    bail!("{}: no daemon of this configuration is running, so there is nothing to reload", config.display())
}

async fn ask<T: DeserializeOwned>(name: &str, question: &str, bound: Duration) -> Result<T> {
    let stream = StdStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    let conversation = async {
        stream.write_all(question.as_bytes()).await?;
        stream.shutdown().await?;
        read_all(&mut stream).await
    };
    let answer = tokio::time::timeout(bound, conversation).await.context("the daemon does not answer")??;
    serde_json::from_slice(&answer).context("the daemon's answer cannot be read")
}

/// Returns the prefix of the socket names for one configuration's daemons; a number follows it in each name.
fn prefix(config: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let digest = format!("{:x}", Sha256::digest(config.as_os_str().as_bytes()));
    format!("pregonero/{}/", &digest[..16])
}

/// Returns the sockets in the kernel's table (`unix(7)`), where an abstract name begins with `@`.
fn names(prefix: &str) -> Vec<String> {
    let table = std::fs::read_to_string("/proc/self/net/unix").unwrap_or_default();
    let named = table.lines().filter_map(|line| line.split_once('@').map(|(_, name)| name.to_owned()));
    let mut names: Vec<String> = named.filter(|name| name.starts_with(prefix)).collect();
    // An open connection is listed under the same name.
    names.sort();
    names.dedup();
    names
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| absolute(path))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_daemon_says_where_it_works_to_whoever_has_its_configuration_and_is_silent_after_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (config, store) = (folder.path().join("config.toml"), folder.path().join("data/pregonero.db"));
        std::fs::write(&config, "").unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&config, &link).unwrap();
        assert_eq!(daemons_of(&config).await, []);

        let (speaker, _reload) = Speaker::start(Word::of(&config, &store)).unwrap();
        let (second, _reload) = Speaker::start(Word::of(&config, &folder.path().join("other.db"))).unwrap();
        let mut found = daemons_of(&link).await;
        found.sort_by(|one, other| one.store.cmp(&other.store));
        assert_eq!(found, [Word::of(&config, &store), Word::of(&config, &folder.path().join("other.db"))]);
        assert!(found[0].is_at(&folder.path().join("data/pregonero.db")) && !found[1].is_at(&store));
        assert_eq!(daemons_of(&folder.path().join("another.toml")).await, []);

        drop((speaker, second));
        let since = std::time::Instant::now();
        while !daemons_of(&config).await.is_empty() {
            assert!(since.elapsed() < Duration::from_secs(60), "the word outlives its daemon");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_reload_is_asked_for_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (config, store) = (folder.path().join("config.toml"), folder.path().join("pregonero.db"));
        let (_speaker, mut asked) = Speaker::start(Word::of(&config, &store)).unwrap();
        let done = ReloadAnswer {
            reloaded: true,
            changed: vec!["publish.live: false -> true".to_owned()],
            after_restart: Vec::new(),
            error: None,
        };
        let answer = done.clone();
        tokio::spawn(async move {
            for _ in 0..2 {
                let waiting: Waiting = asked.recv().await.unwrap();
                waiting.send(answer.clone()).unwrap();
            }
        });
        assert_eq!(reload(&config, &store).await.unwrap(), done);
        let elsewhere = reload(&config, &folder.path().join("other.db")).await.unwrap_err().to_string();
        assert!(elsewhere.contains("no daemon of this configuration is running"), "{elsewhere}");
        assert!(reload(&config, &store).await.unwrap().reloaded);
        let gone = reload(&config, &store).await.unwrap();
        assert!(!gone.reloaded && gone.error.unwrap().starts_with("the daemon "), "nobody is left to reload");
    }
}
