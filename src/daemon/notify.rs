//! Notifications to systemd: ready, reloading, stopping, a line of status, and that the loop is still running.
//!
//! The messages are `sd_notify(3)`'s, taken from the `sd-notify` crate; the datagram is sent here, because that crate
//! reads the environment itself and does not support abstract sockets. A notification that cannot be sent is logged and
//! never stops a post. Without systemd everything here does nothing.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior};

/// The connection to the service manager, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    address: Option<SocketAddr>,
}

impl Notifier {
    /// Creates a notifier. `notify_socket` is the value of `NOTIFY_SOCKET`: a path, or `@NAME` for an abstract socket.
    ///
    /// # Errors
    /// If the value cannot be a socket's name.
    pub fn new(notify_socket: Option<&OsStr>) -> io::Result<Self> {
        let address = notify_socket.filter(|name| !name.is_empty()).map(socket_address).transpose()?;
        Ok(Self { address })
    }

    /// Reports that start-up is done: the models are loaded and the next slot is known.
    pub fn ready(&self, status: &str) {
        self.send(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
    }

    /// Reports that the configuration is being reloaded; [`Notifier::ready`] ends that state.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the service manager could not be notified of the reload"),
        }
    }

    /// Reports that shutdown has begun.
    pub fn stopping(&self, status: &str) {
        self.send(&[NotifyState::Stopping, NotifyState::Status(&one_line(status))]);
    }

    /// Sets the line that `systemctl status` shows.
    pub fn status(&self, status: &str) {
        self.send(&[NotifyState::Status(&one_line(status))]);
    }

    fn send(&self, states: &[NotifyState<'_>]) {
        let Some(address) = &self.address else { return };
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        let sent = UnixDatagram::unbound().and_then(|socket| {
            // A full queue must not hold up the loop.
            socket.set_nonblocking(true)?;
            socket.send_to_addr(message.as_bytes(), address)
        });
        if let Err(error) = sent {
            tracing::warn!(%error, "the service manager could not be notified");
        }
    }
}

fn socket_address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "NOTIFY_SOCKET: neither a path nor an abstract socket")),
    }
}

/// Replaces line ends: in a status, one would begin a new assignment.
fn one_line(status: &str) -> String {
    status.replace(['\n', '\r'], " ")
}

/// The sign of life that systemd's `WatchdogSec` waits for.
///
/// The loop itself feeds it, as one branch among the others: a separate task would keep feeding it while the loop
/// hangs.
#[derive(Debug)]
pub struct Watchdog {
    notifier: Notifier,
    /// Absent if nothing expects a sign of life.
    interval: Option<Interval>,
}

impl Watchdog {
    /// Creates the watchdog. `watchdog_usec` and `watchdog_pid` are the values of `WATCHDOG_USEC` and `WATCHDOG_PID`,
    /// `process` is our own id. It feeds twice as often as systemd requires. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn new(notifier: Notifier, watchdog_usec: Option<&str>, watchdog_pid: Option<&str>, process: u32) -> Self {
        let interval = feeding_interval(watchdog_usec, watchdog_pid, process).map(|period| {
            let mut interval = tokio::time::interval(period);
            // After a long branch of the loop one feeding is enough; a burst would add nothing.
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        Self { notifier, interval }
    }

    /// Waits until the next feeding is due; never returns if there is no watchdog. Safe to drop and call again in a
    /// `select!`.
    pub async fn due(&mut self) {
        match &mut self.interval {
            Some(interval) => {
                interval.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Reports that the loop is running.
    pub fn feed(&self) {
        if self.interval.is_some() {
            self.notifier.send(&[NotifyState::Watchdog]);
        }
    }
}

fn feeding_interval(watchdog_usec: Option<&str>, watchdog_pid: Option<&str>, process: u32) -> Option<Duration> {
    if watchdog_pid.is_some_and(|pid| pid.trim().parse() != Ok(process)) {
        return None;
    }
    let period = Duration::from_micros(watchdog_usec?.trim().parse().ok()?) / 2;
    (!period.is_zero()).then_some(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> (tempfile::TempDir, UnixDatagram, Notifier) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let notifier = Notifier::new(Some(path.as_os_str())).unwrap();
        (folder, socket, notifier)
    }

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn each_event_is_one_datagram_in_the_manual_s_words() {
        let (_folder, socket, notifier) = listener();
        notifier.ready("next slot 13:00");
        assert_eq!(received(&socket), "READY=1\nSTATUS=next slot 13:00\n");
        notifier.status("writing\nREADY=1");
        assert_eq!(received(&socket), "STATUS=writing READY=1\n");
        notifier.stopping("finishing the post in flight");
        assert_eq!(received(&socket), "STOPPING=1\nSTATUS=finishing the post in flight\n");
    }

    #[test]
    fn a_reload_carries_the_monotonic_time() {
        let (_folder, socket, notifier) = listener();
        notifier.reloading();
        let message = received(&socket);
        let time = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
        assert!(time.parse::<u64>().unwrap() > 0, "{message}");
    }

    #[test]
    fn an_abstract_socket_is_reached_too() {
        let name = format!("pregonero-test-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Notifier::new(Some(OsStr::new(&format!("@{name}")))).unwrap().status("here");
        assert_eq!(received(&socket), "STATUS=here\n");
    }

    #[test]
    fn without_a_manager_or_with_one_that_is_gone_nothing_happens() {
        Notifier::new(None).unwrap().ready("");
        Notifier::new(Some(OsStr::new(""))).unwrap().ready("");
        Notifier::new(Some(OsStr::new("/nowhere/notify"))).unwrap().ready("");
        assert!(Notifier::new(Some(OsStr::new("vsock:2:1234"))).is_err());
    }

    #[test]
    fn feeding_is_due_twice_as_often_as_asked_and_only_by_the_process_that_is_meant() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (usec, pid, expected) in [
            (Some("120000000"), None, seconds(60)),
            (Some("120000000"), Some("7"), seconds(60)),
            (Some("120000000"), Some("8"), None),
            (Some("120000000"), Some("many"), None),
            (Some("0"), None, None),
            (Some("soon"), None, None),
            (None, Some("7"), None),
        ] {
            assert_eq!(feeding_interval(usec, pid, 7), expected, "{usec:?} {pid:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watchdog_is_due_at_once_and_then_every_half_period() {
        let (_folder, socket, notifier) = listener();
        let mut watchdog = Watchdog::new(notifier, Some("120000000"), None, 7);
        let start = tokio::time::Instant::now();
        for expected in [0, 60, 120] {
            watchdog.due().await;
            watchdog.feed();
            assert_eq!(start.elapsed().as_secs(), expected);
            assert_eq!(received(&socket), "WATCHDOG=1\n");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_watchdog_no_feeding_is_ever_due() {
        let (_folder, socket, notifier) = listener();
        let mut watchdog = Watchdog::new(notifier, None, None, 7);
        assert!(tokio::time::timeout(Duration::from_secs(86_400), watchdog.due()).await.is_err());
        watchdog.feed();
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
