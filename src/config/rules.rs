//! Converts the settings into the rules of the queue, the publisher and the alerts, so that these need not know the settings
//! themselves.

use super::Settings;
use crate::alerts::Watched;
use crate::publish::{self, Rules};
use crate::review::Terms;
use crate::schedule::Quiet;

impl From<&Settings> for Terms {
    fn from(settings: &Settings) -> Self {
        let gates = &settings.gates;
        Self {
            mode: settings.review.mode,
            expires_after: settings.review.expires_after,
            stale_after: settings.publish.stale_after,
            live: settings.publish.live,
            account: settings.account.handle.clone(),
            require: settings.review.require,
            keep_disclosure: settings.review.keep_disclosure,
            disclosure: settings.account.disclosure.clone(),
            near_duplicate: if gates.off.iter().any(|gate| gate == "near_duplicate") {
                0.0
            } else {
                gates.near_duplicate
            },
            near_duplicate_days: gates.near_duplicate_days,
        }
    }
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Self {
        Self {
            timezone: settings.schedule.timezone.clone(),
            budget: settings.budget.clone(),
            min_gap: publish::signed(settings.publish.min_gap),
            quiet: Quiet { zone: settings.schedule.timezone.clone(), hours: settings.schedule.quiet_hours.clone() },
            account: settings.account.handle.clone(),
            reconciliation: settings.publish.reconciliation.clone(),
            engagement: settings.engagement,
        }
    }
}

impl From<&Settings> for Watched {
    fn from(settings: &Settings) -> Self {
        Self {
            account: settings.account.handle.clone(),
            live: settings.publish.live,
            rules: Rules::from(settings),
            stale_after_slots: settings.alerts.stale_after_slots,
            unsettled_after: settings.alerts.unsettled_after,
            waiting: settings.alerts.waiting,
        }
    }
}
