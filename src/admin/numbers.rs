//! The statistics of the pages, kept until an act changes the record: over years of rounds each takes a tenth of a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use pregonero_store::{StatsBy, StatsQuery, StatsRow, StoreError};

/// How long a span that ends today is kept, although nothing happened.
const KEPT: SignedDuration = SignedDuration::from_mins(10);

/// What identifies numbers: the grouping, the days back (0 = everything), and the size of the audit log, which grows with
/// every act.
type Key = (&'static str, u16, u64);

/// Numbers with the time at which they were taken.
type Kept = HashMap<Key, (Timestamp, Arc<Vec<StatsRow>>)>;

/// The kept numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers(Mutex<Kept>);

impl Numbers {
    /// Returns the statistics of the last `days`, or of everything.
    pub(super) async fn of(
        &self,
        app: &App,
        by: StatsBy,
        days: u16,
        now: Timestamp,
    ) -> Result<Arc<Vec<StatsRow>>, StoreError> {
        let size = app.store.tree_head().await?.size;
        let key = (by.as_str(), days, size);
        if let Some((at, rows)) = self.kept().get(&key)
            && now.duration_since(*at).abs() < KEPT
        {
            return Ok(Arc::clone(rows));
        }
        let back = SignedDuration::from_hours(24 * i64::from(days));
        let since = (days > 0).then(|| now.checked_sub(back).unwrap_or(Timestamp::MIN));
        let zone = app.settings.schedule.timezone.clone();
        let rows = Arc::new(app.store.stats(&StatsQuery { by, zone, since, until: None }).await?);
        let mut kept = self.kept();
        kept.retain(|(_, _, found), _| *found == size);
        kept.insert(key, (now, Arc::clone(&rows)));
        Ok(rows)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
