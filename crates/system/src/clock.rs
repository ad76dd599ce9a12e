//! The time, passed in from outside, so that a test controls it and no test sleeps; and how times are shown to
//! people.

use std::future::Future;
use std::pin::Pin;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The zone of [`shown`]. There is one for the whole process: errors and halts are printed far from the settings that
/// name the zone, and everything that one person reads has to be in one zone.
static SHOWN_IN: RwLock<TimeZone> = RwLock::new(TimeZone::UTC);

/// Shows times in this zone from now on: the schedule's, as soon as the settings are known.
pub fn show_times_in(zone: &TimeZone) {
    *SHOWN_IN.write().unwrap_or_else(PoisonError::into_inner) = zone.clone();
}

/// Returns the zone that times are shown in; UTC before the settings are known.
#[must_use]
pub fn zone_shown() -> TimeZone {
    SHOWN_IN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Returns an instant as the schedule's user reads it: `2026-03-01 09:00:02 -05`.
#[must_use]
pub fn shown(at: Timestamp) -> String {
    shown_in(at, &zone_shown())
}

/// Returns an instant in the given zone, in the same form.
#[must_use]
pub fn shown_in(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// Where the program gets the time from.
pub trait Clock: Send + Sync {
    /// Returns the present instant.
    fn now(&self) -> Timestamp;

    /// Waits until `instant`; returns at once if it is past. Checks the wall clock at least every minute, so that a
    /// machine that was suspended, or whose clock was set, does not oversleep.
    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The longest sleep between two checks of the wall clock: monotonic timers stop while a machine is suspended.
const LONGEST_NAP: Duration = Duration::from_secs(60);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place the program asks the machine for the time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            while let Ok(left) = Duration::try_from(instant.duration_since(self.now())) {
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_NAP)).await;
            }
        })
    }
}

/// A clock for tests, which only the test moves.
pub mod testing {
    use std::sync::{Arc, Mutex, PoisonError};

    use jiff::SignedDuration;

    use super::{Clock, Future, Pin, Timestamp};

    /// Parses an instant written in a test.
    ///
    /// # Panics
    /// If the text is not an instant.
    #[must_use]
    pub fn at(instant: &str) -> Timestamp {
        instant.parse().expect("the text is an instant")
    }

    /// A clock that does not move, except that sleeping moves it on at once.
    #[derive(Debug, Clone)]
    pub struct StillClock(Arc<Mutex<Timestamp>>);

    impl StillClock {
        /// Creates a clock that is fixed at an instant.
        #[must_use]
        pub fn new(instant: &str) -> Self {
            Self(Arc::new(Mutex::new(at(instant))))
        }

        /// Sets the clock.
        pub fn set(&self, instant: Timestamp) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = instant;
        }

        /// Moves the clock on.
        pub fn advance(&self, by: SignedDuration) {
            let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *now += by;
        }
    }

    impl Clock for StillClock {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(async move {
                let later = self.now().max(instant);
                self.set(later);
            })
        }
    }
}
