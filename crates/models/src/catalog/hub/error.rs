//! What can go wrong between this program, a hub and the disk; each message says what to do about it. No message
//! contains a token or a signed address.

use std::io;
use std::path::{Path, PathBuf};

use url::Url;

/// Why a model could not be pulled or found.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("HF_ENDPOINT {endpoint}: {reason}")]
    InvalidEndpoint { endpoint: String, reason: String },
    #[error("HF_TOKEN has characters that no token has: copy it again from the hub's settings page")]
    InvalidToken,
    #[error("{name}: not a model's name: expected OWNER/NAME, as in datificate/gpt2-small-spanish")]
    InvalidName { name: String },
    #[error("{repository}: HF_HUB_OFFLINE is set, so nothing is downloaded: unset it to pull")]
    Offline { repository: String },
    /// 401.
    #[error(
        "{repository}: the hub answered 401: it is private or gated, the name is wrong{}",
        if *.token_sent { ", or HF_TOKEN is no longer valid: make a new token with read access" }
        else { ", or it needs a token: give a read token in HF_TOKEN" }
    )]
    Unauthorized { repository: String, token_sent: bool },
    /// 403.
    #[error(
        "{repository}: the hub answered 403: accept the model's terms at {page} with your account, and give a token of \
         that account in HF_TOKEN{}",
        if *.token_sent { " (the one given may not read it)" } else { "" }
    )]
    Gated { repository: String, page: Url, token_sent: bool },
    /// 404.
    #[error("{repository}: the hub has no {what}: check owner, name and revision")]
    NotFound { repository: String, what: String },
    #[error(
        "{repository}: it has neither model.safetensors nor pytorch_model.bin, nor an index of shards of either{}",
        .other.map(|name| format!("; {name} is another framework's and is not read")).unwrap_or_default()
    )]
    NoWeights { repository: String, other: Option<&'static str> },
    /// The pickle is not a file of weights, or contains more than weights.
    #[error("{repository}: its weights cannot be used: {reason}")]
    Unconvertible { repository: String, reason: String },
    #[error("{repository}: it has neither tokenizer.json nor vocab.json and merges.txt")]
    NoTokenizer { repository: String },
    #[error("{repository}: {file}: {reason}")]
    UnreadableFile { repository: String, file: String, reason: String },
    /// The server's answer lacks a header that every hub sends.
    #[error("{url}: the answer has no usable {header} header: is HF_ENDPOINT a model hub?")]
    NotAHub { url: Url, header: &'static str },
    #[error("{url}: the server answered {status}")]
    UnexpectedStatus { url: Url, status: u16 },
    #[error("cannot create an HTTPS client: {reason}: are the machine's ca-certificates installed?")]
    NoClient { reason: String },
    /// The connection failed so many times in a row that we gave up; what was received is kept.
    #[error("{url}: {reason} ({attempts} attempts); run the same command again to resume where it stopped")]
    Unreachable { url: Url, attempts: u32, reason: String },
    #[error("{file}: {received} bytes arrived, but the hub announced {announced}: the part was removed, pull again")]
    SizeMismatch { file: String, announced: u64, received: u64 },
    #[error("{file}: its SHA-256 is {actual}, but the hub announced {announced}: the part was removed, pull again")]
    ChecksumMismatch { file: String, announced: String, actual: String },
    #[error("{}: the disk is full: free some space and run the same command again; it resumes where it stopped", path.display())]
    DiskFull { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
    #[error("hub:{repository} is not pulled yet: run `pregonero models pull {repository}`")]
    NotPulled { repository: String },
    #[error("hub:{repository} is incomplete, {missing} is missing: run `pregonero models pull {repository}` again")]
    Incomplete { repository: String, missing: String },
}

impl HubError {
    /// Returns the error for a failed operation on `path`; a full disk has its own.
    pub(super) fn disk(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: path.to_owned() },
            _ => Self::Disk { path: path.to_owned(), source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_faults_of_the_disk() {
        let path = Path::new("/cache/blobs/x.part");
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let error = HubError::disk(path, kind.into());
            assert!(matches!(error, HubError::DiskFull { .. }), "{error}");
            assert!(error.to_string().starts_with("/cache/blobs/x.part: the disk is full"), "{error}");
        }
        let error = HubError::disk(path, io::ErrorKind::PermissionDenied.into());
        assert!(matches!(error, HubError::Disk { .. }), "{error}");
    }
}
