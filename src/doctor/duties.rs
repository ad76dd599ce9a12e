//! What X's automation rules require of the operator, as a checklist, and when the next slot is.
//!
//! Neither the label nor the profile can be set through the API, and the label cannot even be read: a person has to
//! check them.

use super::{Check, Patient};
use crate::schedule::Schedule;

pub(super) fn checks(patient: &Patient) -> Vec<Check> {
    vec![schedule(patient), disclosure(patient), label(patient), profile(patient)]
}

fn schedule(patient: &Patient) -> Check {
    let settings = &patient.loaded.settings.schedule;
    match Schedule::new(settings).next_slot(patient.clock.now(), None) {
        Some(slot) => {
            let local = slot.fire_at.to_zoned(settings.timezone.clone());
            let shown = local.strftime("%a %Y-%m-%d %H:%M:%S");
            Check::ok("schedule", format!("next slot {shown} {}", settings.timezone_name))
        }
        None => Check::warn("schedule", "ended", "there is no next slot", "check schedule.cron"),
    }
}

fn disclosure(patient: &Patient) -> Check {
    let disclosure = &patient.loaded.settings.account.disclosure;
    if disclosure.trim().is_empty() {
        let reason = "tweets do not say that a bot wrote them";
        return Check::warn("disclosure", "missing", reason, "set account.disclosure");
    }
    Check::ok("disclosure", format!("every tweet ends with {disclosure}"))
}

fn label(patient: &Patient) -> Check {
    let handle = &patient.loaded.settings.account.handle;
    Check::warn(
        "label",
        "check_by_hand",
        format!("the API does not show whether @{handle} carries X's label for automated accounts"),
        "on X, under Settings, Your account, Account information, Automation, name the account that manages it",
    )
}

fn profile(patient: &Patient) -> Check {
    let account = &patient.loaded.settings.account;
    if account.operator == "someone" {
        return Check::warn(
            "profile",
            "no_operator",
            "account.operator is still the placeholder @someone",
            "name the account of the person responsible for the bot, there and in the profile",
        );
    }
    Check::warn(
        "profile",
        "check_by_hand",
        format!("the profile of @{} must say that it is a bot and name @{}", account.handle, account.operator),
        "check it on X",
    )
}
