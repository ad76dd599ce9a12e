//! Leaves a server alone for a while after it failed, so that a round does not wait for it again and again.

use std::time::Duration;

use tokio::time::Instant;

use super::super::server_error::ServerError;
use pregonero_system::network::back_off;

/// However often a server fails, it is asked again after this long.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// A server's own word on how long to wait is followed up to this.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// What is remembered of a server's failures.
#[derive(Debug)]
pub(super) struct Breaker {
    pause: Duration,
    failures: u32,
    /// Until when it is left alone.
    until: Option<Instant>,
    reason: String,
}

impl Breaker {
    /// Returns a breaker that waits `pause` after the first failure, and twice as long after each further one.
    pub fn new(pause: Duration) -> Self {
        Self { pause, failures: 0, until: None, reason: String::new() }
    }

    /// Refuses if the server is to be left alone.
    ///
    /// # Errors
    /// [`ServerError::Resting`].
    pub fn check(&self, server: String) -> Result<(), ServerError> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default();
        if left.is_zero() {
            return Ok(());
        }
        Err(ServerError::Resting { server, left, failures: self.failures, reason: self.reason.clone() })
    }

    /// Remembers a failure. A server that says how long to wait is left alone at least that long.
    pub fn failed(&mut self, error: &ServerError) {
        let own = back_off(self.pause, LONGEST.max(self.pause), self.failures);
        let asked = error.retry_after().unwrap_or_default().min(LONGEST_ASKED);
        self.until = Some(Instant::now() + own.max(asked));
        self.failures += 1;
        self.reason = error.to_string();
    }

    /// Forgets all failures.
    pub fn worked(&mut self) {
        *self = Self::new(self.pause);
    }

    /// Returns why the server counts as away; `None` if its last answer was good.
    pub fn away(&self) -> Option<&str> {
        (self.failures > 0).then_some(self.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_is_left_alone_longer_after_each_failure_and_at_once_asked_after_a_success() {
        let seconds = Duration::from_secs;
        let mut breaker = Breaker::new(seconds(60));
        let error = ServerError::Slow { server: "s".to_owned(), after: seconds(1) };
        for (failure, wait) in [60, 120, 240, 480, 960, 1800, 1800].into_iter().enumerate() {
            assert!(breaker.check("s".to_owned()).is_ok(), "{failure}");
            breaker.failed(&error);
            tokio::time::advance(seconds(wait) - Duration::from_millis(1)).await;
            let message = breaker.check("s".to_owned()).unwrap_err().to_string();
            assert!(message.contains("alone for 1 s") && message.contains("no complete answer"), "{message}");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        breaker.failed(&error);
        breaker.worked();
        assert!(breaker.check("s".to_owned()).is_ok() && breaker.away().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_left_alone_as_long_as_it_asks_for_up_to_an_hour() {
        for (asked, wait) in [(5, 60), (600, 600), (86_400, 3_600)] {
            let mut breaker = Breaker::new(Duration::from_secs(60));
            let retry_after = Some(Duration::from_secs(asked));
            let (server, message) = ("s".to_owned(), "slow down".to_owned());
            breaker.failed(&ServerError::Busy { server, status: 429, message, retry_after });
            tokio::time::advance(Duration::from_secs(wait) - Duration::from_millis(1)).await;
            assert!(breaker.check("s".to_owned()).is_err(), "{asked}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(breaker.check("s".to_owned()).is_ok(), "{asked}");
        }
    }
}
