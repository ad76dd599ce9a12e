//! How far a pull has come, and how persistent it is.

use std::time::Duration;

/// How persistently a broken connection is retried.
#[derive(Debug, Clone, Copy)]
pub struct Persistence {
    /// Attempts in a row without progress before a pull gives up; at least 1.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each further one, up to 30 s.
    pub first_pause: Duration,
}

impl Default for Persistence {
    fn default() -> Self {
        Self { attempts: 5, first_pause: Duration::from_millis(500) }
    }
}

/// How far a pull has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another pull of the same model is under way; this one waits for it.
    Waiting,
    /// Bytes of a file that are on disk, of `size` if the hub announced it.
    Receiving { file: &'a str, received: u64, size: Option<u64> },
    /// The connection broke; the next attempt begins after `pause`.
    Retrying { file: &'a str, attempt: u32, pause: Duration },
    /// The file is complete and verified; `fetched` is false if it was there before.
    Complete { file: &'a str, fetched: bool },
    /// The weights are a pickle, which is now read and written as safetensors.
    Converting { file: &'a str },
}

/// The callback that receives [`Progress`].
pub(super) type Report<'a> = &'a (dyn Fn(Progress<'_>) + Send + Sync);
