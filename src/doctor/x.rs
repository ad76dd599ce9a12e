//! X's side: whether there are credentials, whether X accepts them, whether they may write, whose they are, and whether
//! the clocks agree.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Blame, Check, Patient};
use crate::app;
use crate::publish::AuthMethod;
use pregonero_system::clock::shown;
use pregonero_x::secrets;
use pregonero_x::{Answered, Client, Credentials, PublicClient, RefusalKind, Timeouts, TwitterError, Usage, User};

/// X refuses signatures that are minutes off; beyond this, somebody should set the clock.
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
                    "publish.live is true, but there is nothing to sign with",
                    fix,
                )
            } else {
                Check::warn("credentials", "missing", "none, which is enough for a dry run", fix)
            }];
        }
        Err(error) => {
            let reason = error.to_string();
            return vec![if live {
                let fix = "fix the setting named above";
                Check::fail("credentials", "unusable", Blame::Configuration, reason, fix)
            } else {
                let fix = "fix the setting named above before you go live; a dry run needs none";
                Check::warn("credentials", "unusable", reason, fix)
            }];
        }
    };
    let mut checks = vec![found(&credentials)];
    checks.extend(app_token(patient).await);
    if patient.offline {
        checks.push(Check::warn("account", "not_asked", "X was not asked (--offline)", "run this without --offline"));
    } else {
        checks.extend(ask(patient, credentials).await);
    }
    checks
}

/// Checks the app's bearer token, if there is one. No post needs it, so that nothing about it is a failure.
async fn app_token(patient: &Patient) -> Option<Check> {
    let settings = &patient.loaded.settings;
    let token = match secrets::app_token(&patient.environment, Some(&settings.publish.tokens)) {
        Ok(token) => token?,
        Err(error) => {
            return Some(Check::warn("app_token", "unusable", error.to_string(), "fix what the reason names"));
        }
    };
    if let Some(warning) = token.warning {
        return Some(Check::warn("app_token", "readable_by_others", warning, "do what the reason says"));
    }
    if patient.offline {
        return Some(Check::warn(
            "app_token",
            "not_asked",
            "X was not asked (--offline)",
            "run this without --offline",
        ));
    }
    let clock = Arc::clone(&patient.clock);
    let client = PublicClient::new(&settings.publish.base_url, token.token, clock, Timeouts::default()).ok()?;
    Some(match client.usage().await {
        Ok(Answered { value: Usage { read, cap, .. }, .. }) => {
            Check::ok("app_token", format!("X accepts it; {read} of {cap} posts of this month are read"))
        }
        Err(TwitterError::Refused { kind: RefusalKind::Unauthorized, .. }) => Check::warn(
            "app_token",
            "unauthorized",
            "X does not accept the app's bearer token; `dataset collect` cannot read",
            "pregonero auth login --app",
        ),
        Err(error) => Check::warn("app_token", "no_answer", error.to_string(), "try again later"),
    })
}

fn found(credentials: &Credentials) -> Check {
    let warnings = credentials.warnings();
    if !warnings.is_empty() {
        return Check::warn("credentials", "readable_by_others", warnings.join("; "), "do what the reason says");
    }
    match credentials {
        Credentials::OAuth1(_) => Check::ok("credentials", "all four keys are present"),
        Credentials::OAuth2(grant) => Check::ok(
            "credentials",
            format!("an OAuth 2.0 login; its token is valid until {} and then renewed", shown(grant.tokens.expires_at)),
        ),
    }
}

async fn ask(patient: &Patient, credentials: Credentials) -> Vec<Check> {
    let base_url = &patient.loaded.settings.publish.base_url;
    let client = match Client::new(base_url, credentials, Arc::clone(&patient.clock), Timeouts::default()) {
        Ok(client) => client,
        Err(error) => {
            let reason = error.to_string();
            return vec![Check::fail(
                "account",
                "unusable",
                Blame::Configuration,
                reason,
                "fix the setting named above",
            )];
        }
    };
    let mut answer = client.me().await;
    if matches!(answer, Err(TwitterError::Refused { kind: RefusalKind::ClockSkew { .. }, .. })) {
        // The client now knows X's time and signs with it, as the daemon would when it tries a post again.
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
        Check::fail("account", "other_account", Blame::Configuration, reason, "fix account.handle or the token")
    };
    let permission = match user.access_level.as_deref().map(str::trim).filter(|level| !level.is_empty()) {
        Some(level) if level.contains("write") => Check::ok("permission", format!("may write ({level})")),
        Some(level) => Check::fail(
            "permission",
            "read_only",
            Blame::X,
            format!("the access token may only {level}"),
            "give the app Read and Write at console.x.com, then create new access tokens",
        ),
        None => Check::warn(
            "permission",
            "unknown",
            "X did not say whether the token may write",
            "check the app's permissions at console.x.com",
        ),
    };
    vec![account, permission]
}

fn refused(error: &TwitterError) -> Check {
    let reason = error.to_string();
    let (code, blame, fix) = match error {
        TwitterError::Refused { kind, .. } => refusal(*kind),
        TwitterError::RateLimited { .. } => {
            return Check::warn("account", "rate_limited", reason, "try again in a quarter of an hour");
        }
        TwitterError::NotSent { .. } => ("unreachable", Blame::Machine, "check DNS, network and proxy"),
        TwitterError::OutcomeUnknown { .. } => ("no_answer", Blame::Machine, "try again; X may be having trouble"),
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
    let otherwise = "check publish.base_url, and any proxy or portal between here and X";
    (code, blame, kind.remedy().unwrap_or(otherwise))
}

fn clock(skew: SignedDuration) -> Check {
    if skew.abs() <= TOLERABLE_SKEW {
        return Check::ok("clock", format!("{} s off X's", skew.as_secs()));
    }
    let reason = format!("{} s off X's; requests are signed with the corrected time", skew.as_secs());
    Check::warn("clock", "skewed", reason, "set this machine's clock (NTP)")
}
