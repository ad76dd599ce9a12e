//! X's side: are there credentials, does X take them, may they write, whose are they, and does the clock agree.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Blame, Check, Patient};
use crate::app;
use crate::publish::AuthMethod;
use pregonero_system::clock::shown;
use pregonero_x::secrets;
use pregonero_x::{Client, Credentials, RefusalKind, Timeouts, TwitterError, User};

/// X refuses signatures that are minutes off; from here on somebody should set the clock.
const TOLERABLE_SKEW: SignedDuration = SignedDuration::from_secs(30);

pub(super) async fn checks(patient: &Patient) -> Vec<Check> {
    let live = patient.loaded.settings.publish.live;
    let credentials = match app::credentials(&patient.loaded.settings, &patient.environment) {
        Ok(Some(credentials)) => credentials,
        Ok(None) => {
            let fix = match patient.loaded.settings.publish.auth {
                AuthMethod::OAuth1 => {
                    format!("set {} (or NAME_FILE, or systemd credentials)", secrets::NAMES.join(", "))
                }
                AuthMethod::OAuth2 => "pregonero auth login --oauth2".to_owned(),
            };
            return vec![if live {
                Check::fail(
                    "credentials",
                    "missing",
                    Blame::Configuration,
                    "publish.live is true, nothing can sign",
                    fix,
                )
            } else {
                Check::warn("credentials", "missing", "none, which is enough for a dry run", fix)
            }];
        }
        Err(error) => {
            let reason = error.to_string();
            return vec![Check::fail("credentials", "unusable", Blame::Configuration, reason, "mend what is named")];
        }
    };
    let mut checks = vec![found(&credentials)];
    if patient.offline {
        checks.push(Check::warn("account", "not_asked", "X was not asked (--offline)", "run it without --offline"));
    } else {
        checks.extend(ask(patient, credentials).await);
    }
    checks
}

fn found(credentials: &Credentials) -> Check {
    let warnings = credentials.warnings();
    if !warnings.is_empty() {
        return Check::warn("credentials", "readable_by_others", warnings.join("; "), "as the reason says");
    }
    match credentials {
        Credentials::OAuth1(_) => Check::ok("credentials", "all four keys are there"),
        Credentials::OAuth2(grant) => Check::ok(
            "credentials",
            format!("a login with OAuth 2.0, its token good until {}, then renewed", shown(grant.tokens.expires_at)),
        ),
    }
}

async fn ask(patient: &Patient, credentials: Credentials) -> Vec<Check> {
    let base_url = &patient.loaded.settings.publish.base_url;
    let client = match Client::new(base_url, credentials, Arc::clone(&patient.clock), Timeouts::default()) {
        Ok(client) => client,
        Err(error) => {
            let reason = error.to_string();
            return vec![Check::fail("account", "unusable", Blame::Configuration, reason, "mend what is named")];
        }
    };
    let mut answer = client.me().await;
    if matches!(answer, Err(TwitterError::Refused { kind: RefusalKind::ClockSkew { .. }, .. })) {
        // The client knows X's time now and signs with it, as the daemon's second try of a post would.
        answer = client.me().await;
    }
    let mut checks = match &answer {
        Ok(user) => accepted(patient, user),
        Err(error) => vec![refused(error)],
    };
    checks.extend(client.clock_skew().map(clock));
    checks
}

fn accepted(patient: &Patient, user: &User) -> Vec<Check> {
    let handle = &patient.loaded.settings.account.handle;
    let account = if user.username.eq_ignore_ascii_case(handle) {
        Check::ok("account", format!("X knows us as @{}", user.username))
    } else {
        let reason = format!("the access token belongs to @{}, account.handle is @{handle}", user.username);
        Check::fail("account", "other_account", Blame::Configuration, reason, "mend account.handle or the token")
    };
    let permission = match user.access_level.as_deref().map(str::trim).filter(|level| !level.is_empty()) {
        Some(level) if level.contains("write") => Check::ok("permission", format!("may write ({level})")),
        Some(level) => Check::fail(
            "permission",
            "read_only",
            Blame::X,
            format!("the access token may only {level}"),
            "give the app Read and Write at console.x.com, then make new access tokens",
        ),
        None => Check::warn(
            "permission",
            "unknown",
            "X did not say whether the token may write",
            "look at the app's permissions at console.x.com",
        ),
    };
    vec![account, permission]
}

fn refused(error: &TwitterError) -> Check {
    let reason = error.to_string();
    let (code, blame, fix) = match error {
        TwitterError::Refused { kind, .. } => refusal(*kind),
        TwitterError::RateLimited { .. } => {
            return Check::warn("account", "rate_limited", reason, "ask again in a quarter of an hour");
        }
        TwitterError::NotSent { .. } => ("unreachable", Blame::Machine, "look at name service, network and proxy"),
        TwitterError::OutcomeUnknown { .. } => ("no_answer", Blame::Machine, "ask again; X may be in trouble"),
    };
    Check::fail("account", code, blame, reason, fix)
}

fn refusal(kind: RefusalKind) -> (&'static str, Blame, &'static str) {
    let (code, blame) = match kind {
        RefusalKind::Unauthorized => ("unauthorized", Blame::X),
        RefusalKind::ClockSkew { .. } => ("clock_skew", Blame::Machine),
        RefusalKind::NoCredits => ("no_credits", Blame::X),
        RefusalKind::Permissions | RefusalKind::Authentication => ("permissions", Blame::X),
        RefusalKind::Suspended => ("suspended", Blame::X),
        _ => ("refused", Blame::Machine),
    };
    let otherwise = "look at publish.base_url, and at what stands between here and X";
    (code, blame, kind.remedy().unwrap_or(otherwise))
}

fn clock(skew: SignedDuration) -> Check {
    if skew.abs() <= TOLERABLE_SKEW {
        return Check::ok("clock", format!("{} s off X's", skew.as_secs()));
    }
    let reason = format!("{} s off X's; requests are signed with the corrected time", skew.as_secs());
    Check::warn("clock", "skewed", reason, "set this machine's clock (NTP)")
}
