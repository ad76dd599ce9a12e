//! What X's automation rules require of the operator, as a checklist, and when the next slot is.
//!
//! Neither the label nor the profile can be set through the API, and the label cannot even be read: a person has to
//! check them.

use super::{Check, Patient};
use crate::schedule::Schedule;
use pregonero_tweet::DisclosurePosition;

pub(super) fn checks(patient: &Patient) -> Vec<Check> {
    vec![schedule(patient), disclosure(patient), ai_act(patient), label(patient), profile(patient)]
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
    if disclosure.words().is_empty() {
        let reason = "tweets do not say that a bot wrote them";
        return Check::warn("disclosure", "missing", reason, "set account.disclosure");
    }
    let (verb, words) = (in_words(disclosure.position()), disclosure.words());
    Check::ok("disclosure", format!("every tweet {verb} with {words}"))
}

fn in_words(position: DisclosurePosition) -> &'static str {
    match position {
        DisclosurePosition::Start => "begins",
        DisclosurePosition::End => "ends",
    }
}

/// Names the law that asks for a label on texts of a machine, and where it applies. This is no legal advice: whether it
/// applies to an account is for its operator to find out.
fn ai_act(patient: &Patient) -> Check {
    const LAW: &str = "Article 50 of the EU AI Act (which has applied since 2 August 2026) applies to whoever runs an account \
                       professionally in the EU, or for people there: a text that a machine wrote on matters of public interest, \
                       such as health or politics, must be marked as one where a reader first sees it";
    let disclosure = &patient.loaded.settings.account.disclosure;
    let is_read = disclosure.words().chars().any(char::is_alphabetic);
    if is_read && disclosure.position() == DisclosurePosition::Start {
        let reason =
            format!("{LAW}; every tweet begins with words. Ask a lawyer whether that is enough for this account");
        return Check::ok("ai_act", reason);
    }
    Check::warn(
        "ai_act",
        "weak_label",
        format!("{LAW}; a sign without words, or words at the end, may not be enough"),
        "set account.disclosure to words in the language of the tweets, such as \"🤖 IA:\", and \
         account.disclosure_position to \"start\"; ask a lawyer whether the law applies to this account",
    )
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
