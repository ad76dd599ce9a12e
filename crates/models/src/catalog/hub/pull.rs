//! One pull: which files a model consists of, each downloaded and linked, the ref written last.
//!
//! Files that are there already are not fetched again. All files come from the commit that the first answer names, so
//! that a branch that moves meanwhile cannot mix two models.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;

use super::cache::{RepositoryCache, is_file_name};
use super::download::{Client, RemoteFile};
use super::progress::{Persistence, Progress, Report};
use super::{HubError, HubSettings, Repository};
use crate::catalog::{
    Conversion, OWN_TEXTS, PICKLE, PICKLE_INDEX, SHARD_INDEX, VERBATIM_INDEX, WEIGHTS, convert, shards_of_index,
};

/// Files that are pulled if the model has them.
const OPTIONAL_FILES: [&str; 7] = [
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "README.md",
    VERBATIM_INDEX,
    OWN_TEXTS,
];

/// The files that weights may be in, the best first.
const WEIGHT_FILES: [&str; 4] = [WEIGHTS, SHARD_INDEX, PICKLE, PICKLE_INDEX];

/// Weights of other frameworks, which are not read.
const OTHER_WEIGHTS: [&str; 2] = ["tf_model.h5", "flax_model.msgpack"];

/// How long a pull waits between two checks of a lock that another pull holds.
const LOCK_LOOK: Duration = Duration::from_millis(200);

/// What a pull left on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The folder with the model's files.
    pub folder: PathBuf,
    /// The commit that the revision pointed to.
    pub commit: String,
    /// The names of the files, in the order they were pulled.
    pub files: Vec<String>,
    /// What the weights were made from, if the hub has them only as a pickle.
    pub conversion: Option<Conversion>,
}

/// A connection to a hub.
#[derive(Debug)]
pub struct Hub {
    settings: HubSettings,
    client: Client,
}

impl Hub {
    /// Creates a connection; nothing is sent before [`Hub::pull`].
    ///
    /// # Errors
    /// [`HubError::InvalidToken`]; [`HubError::NoClient`] if the machine's TLS roots cannot be loaded.
    pub fn new(settings: HubSettings, persistence: Persistence) -> Result<Self, HubError> {
        let client = Client::new(&settings.endpoint, authorization(&settings)?, persistence)?;
        Ok(Self { settings, client })
    }

    /// Downloads the model into the cache, or completes what an earlier pull left there.
    ///
    /// # Errors
    /// See [`HubError`]: each says what to do. What was downloaded before an error is kept and used by the next pull,
    /// unless its checksum was wrong.
    pub async fn pull(
        &self,
        repository: &Repository,
        progress: &(dyn Fn(Progress<'_>) + Send + Sync),
    ) -> Result<Pulled, HubError> {
        if self.settings.offline {
            return Err(HubError::Offline { repository: repository.to_string() });
        }
        let cache = RepositoryCache::new(&self.settings.cache_dir, repository);
        let _lock = lock(&cache, progress).await?;
        let pull = Pull { hub: self, repository, cache: &cache, progress };
        pull.run().await
    }
}

fn authorization(settings: &HubSettings) -> Result<HeaderMap, HubError> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &settings.token {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| HubError::InvalidToken)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// Waits by polling, not by blocking, so that dropping the pull ends the wait.
async fn lock(cache: &RepositoryCache, progress: Report<'_>) -> Result<File, HubError> {
    let mut told = false;
    loop {
        if let Some(file) = cache.try_lock()? {
            return Ok(file);
        }
        if !std::mem::replace(&mut told, true) {
            progress(Progress::Waiting);
        }
        tokio::time::sleep(LOCK_LOOK).await;
    }
}

struct Pull<'a> {
    hub: &'a Hub,
    repository: &'a Repository,
    cache: &'a RepositoryCache,
    progress: Report<'a>,
}

impl Pull<'_> {
    async fn run(&self) -> Result<Pulled, HubError> {
        let config = self.look(self.repository.revision(), "config.json").await?;
        let config = config.ok_or_else(|| self.not_found("config.json"))?;
        let commit = config.commit.clone();
        let weights = self.weights(&commit).await?;
        let mut files = vec![config];
        files.extend(self.tokenizer(&commit).await?);
        for name in OPTIONAL_FILES {
            files.extend(self.look(&commit, name).await?);
        }

        self.cache.create_folders(&commit)?;
        let mut taken = Vec::new();
        for file in files.iter().chain([&weights]) {
            self.take(&commit, file).await?;
            taken.push(file.name.clone());
        }
        if weights.name.ends_with(".index.json") {
            taken.extend(self.shards(&commit, &weights.name).await?);
        }
        let conversion = self.converted(&commit, &weights.name).await?;
        self.cache.write_reference(self.repository.revision(), &commit)?;
        self.cache.remove_stale_parts()?;
        Ok(Pulled { folder: self.cache.snapshot(&commit), commit, files: taken, conversion })
    }

    async fn look(&self, revision: &str, file: &str) -> Result<Option<RemoteFile>, HubError> {
        self.hub.client.look(self.repository, revision, file, self.progress).await
    }

    async fn weights(&self, commit: &str) -> Result<RemoteFile, HubError> {
        for name in WEIGHT_FILES {
            if let Some(file) = self.look(commit, name).await? {
                return Ok(file);
            }
        }
        let mut other = None;
        for name in OTHER_WEIGHTS {
            if other.is_none() && self.look(commit, name).await?.is_some() {
                other = Some(name);
            }
        }
        Err(HubError::NoWeights { repository: self.repository.to_string(), other })
    }

    /// Converts the weights to safetensors if they are a pickle.
    async fn converted(&self, commit: &str, weights: &str) -> Result<Option<Conversion>, HubError> {
        if ![PICKLE, PICKLE_INDEX].contains(&weights) {
            return Ok(None);
        }
        (self.progress)(Progress::Converting { file: weights });
        let folder = self.cache.snapshot(commit);
        let converted =
            tokio::task::spawn_blocking(move || convert(&folder)).await.expect("a conversion does not panic");
        let unconvertible = |error: anyhow::Error| HubError::Unconvertible {
            repository: self.repository.to_string(),
            reason: format!("{error:#}"),
        };
        Ok(Some(converted.map_err(unconvertible)?.conversion))
    }

    /// Pulls `tokenizer.json`, or else the two files it can be made from; `vocabulary.json` is a classifier's.
    async fn tokenizer(&self, commit: &str) -> Result<Vec<RemoteFile>, HubError> {
        for names in [&["tokenizer.json"][..], &["vocab.json", "merges.txt"], &["vocabulary.json"]] {
            let mut files = Vec::new();
            for name in names {
                files.extend(self.look(commit, name).await?);
            }
            if files.len() == names.len() {
                return Ok(files);
            }
        }
        Err(HubError::NoTokenizer { repository: self.repository.to_string() })
    }

    /// Pulls every shard that the given index lists.
    async fn shards(&self, commit: &str, index: &str) -> Result<BTreeSet<String>, HubError> {
        let path = self.cache.snapshot(commit).join(index);
        let content = std::fs::read(&path).map_err(|error| HubError::disk(&path, error))?;
        let shards = shards_of_index(&content).map_err(|error| self.unreadable(index, format!("{error:#}")))?;
        for name in &shards {
            if !is_file_name(name) {
                return Err(self.unreadable(index, format!("{name:?} is not a file name")));
            }
            let shard = self.look(commit, name).await?.ok_or_else(|| self.not_found(name))?;
            self.take(commit, &shard).await?;
        }
        Ok(shards)
    }

    async fn take(&self, commit: &str, file: &RemoteFile) -> Result<(), HubError> {
        let blob = self.cache.blob(&file.etag);
        let present = blob.metadata().is_ok_and(|metadata| file.size.is_none_or(|size| size == metadata.len()));
        if !present {
            self.hub.client.download(self.repository, file, &blob, self.progress).await?;
        }
        self.cache.link(commit, &file.name, &file.etag)?;
        (self.progress)(Progress::Complete { file: &file.name, fetched: !present });
        Ok(())
    }

    fn not_found(&self, file: &str) -> HubError {
        HubError::NotFound { repository: self.repository.to_string(), what: format!("{file} in it") }
    }

    fn unreadable(&self, file: &str, reason: String) -> HubError {
        HubError::UnreadableFile { repository: self.repository.to_string(), file: file.to_owned(), reason }
    }
}
