//! The signals that the daemon receives. SIGTERM or SIGINT once: finish and stop; twice: quit now; SIGHUP: read the
//! configuration again. Signals become tokens, so that the loop and its tests need not handle them.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// The signals received so far. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Cancelled by the first SIGTERM or SIGINT: take no new work, finish the post in flight.
    pub stop: CancellationToken,
    /// Cancelled by the second: quit at once.
    pub quit: CancellationToken,
    /// Notified by each SIGHUP; several before the loop checks count as one.
    pub reload: Arc<Notify>,
}

/// One signal received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Stop,
    Reload,
}

impl Signals {
    /// Installs handlers: from here on these signals no longer kill the process. They are received on a separate
    /// thread, so that a call that blocks the program's runtime cannot keep the second signal from ending it.
    ///
    /// # Errors
    /// If a handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        let signals = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let streams = {
            let _inside = runtime.enter();
            let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
            kinds.into_iter().collect::<io::Result<Vec<_>>>()
        };
        match streams {
            Ok(streams) => {
                let told = signals.clone();
                let listen = move || runtime.block_on(told.hear(streams));
                std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
                Ok(signals)
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// `streams` are those of SIGTERM, SIGINT and SIGHUP.
    async fn hear(self, mut streams: Vec<Signal>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let heard = async move {
            let [terminate, interrupt, hangup] = streams.as_mut_slice() else { return };
            loop {
                let told = tokio::select! {
                    Some(()) = terminate.recv() => Told::Stop,
                    Some(()) = interrupt.recv() => Told::Stop,
                    Some(()) = hangup.recv() => Told::Reload,
                    else => return,
                };
                if sender.send(told).is_err() {
                    return;
                }
            }
        };
        tokio::join!(heard, self.follow(receiver));
    }

    /// Returns at the second stop: nothing that comes later matters.
    async fn follow(self, mut told: mpsc::UnboundedReceiver<Told>) {
        while let Some(told) = told.recv().await {
            match told {
                Told::Reload => self.reload.notify_one(),
                Told::Stop if !self.stop.is_cancelled() => self.stop.cancel(),
                Told::Stop => return self.quit.cancel(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    fn send(signal: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", std::process::id())]).status().unwrap();
        assert!(sent.success());
    }

    async fn soon(event: impl Future<Output = ()>) {
        tokio::time::timeout(Duration::from_secs(10), event).await.expect("the signal arrives within 10 s");
    }

    #[tokio::test]
    async fn hangup_reloads_the_first_stop_stops_and_the_second_quits() {
        let signals = Signals::listen().unwrap();
        send("HUP");
        soon(signals.reload.notified()).await;
        assert!(!signals.stop.is_cancelled());

        send("TERM");
        soon(signals.stop.cancelled()).await;
        assert!(!signals.quit.is_cancelled());

        send("INT");
        soon(signals.quit.cancelled()).await;
    }

    #[tokio::test]
    async fn a_reload_between_two_stops_counts_as_neither() {
        let signals = Signals::default();
        let (sender, receiver) = mpsc::unbounded_channel();
        for told in [Told::Reload, Told::Stop, Told::Reload] {
            sender.send(told).unwrap();
        }
        drop(sender);
        signals.clone().follow(receiver).await;
        assert!(signals.stop.is_cancelled());
        assert!(!signals.quit.is_cancelled());
        soon(signals.reload.notified()).await;
    }
}
