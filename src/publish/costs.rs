//! What X charged, month by month: the calls on record at the prices of their time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use pregonero_store::{Charge, Store, StoreError};

/// One month's calls and charges, in the schedule's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MonthlyCosts {
    /// `2026-03`.
    pub month: String,
    /// Calls that posted or may have posted.
    pub posts: i64,
    pub post_micros: i64,
    /// Posts and accounts that were read.
    pub read: i64,
    pub read_micros: i64,
}

/// Returns every month with a charge, the oldest first.
///
/// # Errors
/// If the database cannot be read.
pub async fn costs(store: &Store, timezone: &TimeZone) -> Result<Vec<MonthlyCosts>, StoreError> {
    let mut months: Vec<MonthlyCosts> = Vec::new();
    for charge in store.charges(Timestamp::MIN).await? {
        let month = charge.made_at.to_zoned(timezone.clone()).strftime("%Y-%m").to_string();
        match months.last_mut().filter(|last| last.month == month) {
            Some(last) => last.add(&charge),
            None => {
                let mut first = MonthlyCosts { month, ..MonthlyCosts::default() };
                first.add(&charge);
                months.push(first);
            }
        }
    }
    Ok(months)
}

impl MonthlyCosts {
    fn add(&mut self, charge: &Charge) {
        let (count, micros) = if charge.is_post {
            (&mut self.posts, &mut self.post_micros)
        } else {
            (&mut self.read, &mut self.read_micros)
        };
        *count = count.saturating_add(charge.items);
        *micros = micros.saturating_add(charge.price_micros);
    }
}
