//! Stopping a training or a measurement, from the keyboard or by the system.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

/// Stops a training on SIGINT or SIGTERM. While the training is still reading its data there is nothing to save, and a
/// signal ends the process at once. From [`heed`](Self::heed) on, the first signal asks for a checkpoint and the second
/// ends the process.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    heeded: Arc<AtomicBool>,
}

impl Stop {
    /// Starts listening for the signals.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn on_signal() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stop = Self::default();
        let (asked, heeded) = (Arc::clone(&stop.asked), Arc::clone(&stop.heeded));
        let handle = tokio::runtime::Handle::try_current().context("signals need the runtime")?;
        let _guard = handle.enter();
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        handle.spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => libc::SIGINT,
                    _ = terminate.recv() => libc::SIGTERM,
                };
                if !heeded.load(Ordering::Relaxed) || asked.swap(true, Ordering::Relaxed) {
                    end_by(signal);
                }
            }
        });
        Ok(stop)
    }

    /// Declares that from now on the training checks between steps whether it was asked to stop.
    pub fn heed(&self) {
        self.heeded.store(true, Ordering::Relaxed);
    }
}

impl Deref for Stop {
    type Target = AtomicBool;

    fn deref(&self) -> &AtomicBool {
        &self.asked
    }
}

/// Ends the process as the signal does by default: at once, and without a core dump.
fn end_by(signal: libc::c_int) {
    // SAFETY: both calls take a signal's number and nothing else; the default action ends the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
