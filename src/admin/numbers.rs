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
    /// Returns the statistics of the last `days`, or of everything, in several groupings by the slot alone.
    pub(super) async fn by_slot<const N: usize>(
        &self,
        app: &App,
        by: [StatsBy; N],
        days: u16,
        now: Timestamp,
    ) -> Result<[Arc<Vec<StatsRow>>; N], StoreError> {
        let size = app.store.tree_head().await?.size;
        let known = by.map(|by| self.known(by, days, size, now));
        if known.iter().all(Option::is_some) {
            return Ok(known.map(Option::unwrap_or_default));
        }
        let rows = app.store.stats_by_slot(&query(app, StatsBy::Total, days, now), &by).await?;
        let mut rows = rows.into_iter();
        Ok(by.map(|by| self.keep(by, days, size, now, rows.next().unwrap_or_default())))
    }

    /// Returns the statistics of the last `days`, or of everything.
    pub(super) async fn of(
        &self,
        app: &App,
        by: StatsBy,
        days: u16,
        now: Timestamp,
    ) -> Result<Arc<Vec<StatsRow>>, StoreError> {
        let size = app.store.tree_head().await?.size;
        if let Some(rows) = self.known(by, days, size, now) {
            return Ok(rows);
        }
        let rows = app.store.stats(&query(app, by, days, now)).await?;
        Ok(self.keep(by, days, size, now, rows))
    }

    fn known(&self, by: StatsBy, days: u16, size: u64, now: Timestamp) -> Option<Arc<Vec<StatsRow>>> {
        let kept = self.kept();
        let (at, rows) = kept.get(&(by.as_str(), days, size))?;
        (now.duration_since(*at).abs() < KEPT).then(|| Arc::clone(rows))
    }

    /// Keeps the statistics for those who ask next, and returns them.
    fn keep(&self, by: StatsBy, days: u16, size: u64, now: Timestamp, rows: Vec<StatsRow>) -> Arc<Vec<StatsRow>> {
        let rows = Arc::new(rows);
        let mut kept = self.kept();
        kept.retain(|(_, _, found), _| *found == size);
        kept.insert((by.as_str(), days, size), (now, Arc::clone(&rows)));
        rows
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn query(app: &App, by: StatsBy, days: u16, now: Timestamp) -> StatsQuery {
    let back = SignedDuration::from_hours(24 * i64::from(days));
    let since = (days > 0).then(|| now.checked_sub(back).unwrap_or(Timestamp::MIN));
    StatsQuery { by, zone: app.settings.schedule.timezone.clone(), since, until: None }
}
