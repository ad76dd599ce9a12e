//! The only place that decides the exit code and prints the reason: an error's whole chain, once.

use std::process::ExitCode;

use anyhow::Error;
use serde_json::json;

use super::config::Unusable;
use super::doctor::Unwell;
use super::logging;
use super::output::Output;
use crate::app::SetupError;
use crate::audit::KeyError;
#[cfg(feature = "workshop")]
use crate::collect::AskError;
use crate::config::ConfigError;
use crate::daemon::lock::LockError;
use crate::daemon::{DaemonError, OnceError, StartError};
use crate::doctor::Blame;
use crate::publish::PublishError;
use crate::replay::Impossible;
use pregonero_models::catalog::HubError;
use pregonero_models::generation::GenerationError;
use pregonero_store::{Halt, HaltCause, OTHER_ACCOUNT, StoreError};
use pregonero_system::errors::chain;
use pregonero_text::characters::escaped_in_json;
use pregonero_x;
use pregonero_x::secrets::SecretsError;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// X refuses us for good (`EX_UNAVAILABLE` of sysexits.h).
const UNAVAILABLE: u8 = 69;
/// It may work later (`EX_TEMPFAIL`).
const TEMPORARY: u8 = 75;
/// The configuration has to be fixed (`EX_CONFIG`).
const CONFIGURATION: u8 = 78;

/// A command line that can be read but asks for what cannot be done this way.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub &'static str);

/// Prints the error that ended a command and returns its exit code.
pub fn failure(error: &Error, output: Output) -> ExitCode {
    let code = code_of(error);
    let message = chain(error.as_ref());
    if output.json {
        let faults = error.downcast_ref::<ConfigError>().map_or_else(Vec::new, |error| error.faults().to_vec());
        let faults: Vec<_> = faults
            .iter()
            .map(|fault| json!({"origin": fault.origin, "key": fault.key, "message": fault.message}))
            .collect();
        let line = json!({"error": message, "exit_code": code, "faults": faults}).to_string();
        Output::complain(&escaped_in_json(&line));
    } else {
        message.lines().for_each(Output::error);
        if is_without_configuration(error) {
            Output::complain("run `pregonero init` to write a first configuration");
        }
    }
    ExitCode::from(code)
}

fn is_without_configuration(error: &Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(ConfigError::NotFound { .. })))
}

/// Like [`failure`], for a service, whose standard error is its log: if the log is JSON, so is the last line.
pub fn service_failure(error: &Error, output: Output) -> ExitCode {
    if output.json || !logging::is_json() {
        return failure(error, output);
    }
    let code = code_of(error);
    tracing::error!(exit_code = code, "{}", chain(error.as_ref()));
    ExitCode::from(code)
}

/// Prints clap's message: help and version to standard output, usage errors to standard error.
pub fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if json && error.use_stderr() {
        let text = error.render().to_string();
        let message = text.trim_end().strip_prefix("error: ").unwrap_or(text.trim_end());
        Output::complain(&escaped_in_json(&json!({"error": message, "exit_code": USAGE, "faults": []}).to_string()));
    } else {
        // If the stream is closed, nobody can read the message; the exit code still reports the error.
        let _ = error.print();
    }
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}

fn code_of(error: &Error) -> u8 {
    error.chain().find_map(code_of_cause).unwrap_or(FAILED)
}

fn code_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if cause.is::<WrongUsage>() {
        return Some(USAGE);
    }
    if let Some(error) = cause.downcast_ref::<ConfigError>() {
        let by_flags = !error.faults().is_empty() && error.faults().iter().all(|fault| fault.origin.starts_with('-'));
        return Some(if by_flags { USAGE } else { CONFIGURATION });
    }
    if let Some(Impossible::Generation(error)) = cause.downcast_ref::<Impossible>() {
        return code_of_cause(error).or(Some(CONFIGURATION));
    }
    if cause.is::<SetupError>()
        || cause.is::<SecretsError>()
        || cause.is::<pregonero_x::SetupError>()
        || cause.is::<Unusable>()
        || cause.is::<Impossible>()
        || cause.is::<KeyError>()
    {
        return Some(CONFIGURATION);
    }
    if let Some(unwell) = cause.downcast_ref::<Unwell>() {
        return match unwell.blame {
            Blame::Configuration => Some(CONFIGURATION),
            Blame::X => Some(UNAVAILABLE),
            Blame::Machine => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<HubError>() {
        let configured = matches!(
            error,
            HubError::InvalidEndpoint { .. }
                | HubError::InvalidToken
                | HubError::NotPulled { .. }
                | HubError::Incomplete { .. }
        );
        return configured.then_some(CONFIGURATION);
    }
    if let Some(GenerationError::Server(error)) = cause.downcast_ref::<GenerationError>() {
        return Some(if error.is_temporary() { TEMPORARY } else { CONFIGURATION });
    }
    if let Some(error) = cause.downcast_ref::<LockError>() {
        return matches!(error, LockError::AlreadyRunning { .. }).then_some(TEMPORARY);
    }
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        let later =
            error.is_transient() || matches!(error, StoreError::Superseded { .. } | StoreError::BackupUnderWay { .. });
        // A service that restarted after its database was deleted would begin a new record, and post from it.
        let configured = matches!(
            error,
            StoreError::Newer { .. }
                | StoreError::Foreign { .. }
                | StoreError::Displaced { .. }
                | StoreError::Gone { .. }
        );
        return if configured { Some(CONFIGURATION) } else { later.then_some(TEMPORARY) };
    }
    if let Some(error) = cause.downcast_ref::<OnceError>() {
        return match error {
            OnceError::Daemon(error) => code_of_cause(error),
            OnceError::Later(error) | OnceError::NotPosted(error) => code_of_cause(error),
            OnceError::Failed(_) | OnceError::Interrupted => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<DaemonError>() {
        return match error {
            DaemonError::Start(StartError::Setup(error)) => code_of_cause(error),
            DaemonError::Start(StartError::Lock(error)) => code_of_cause(error),
            DaemonError::Start(StartError::Store(error)) | DaemonError::Store(error) => code_of_cause(error),
            DaemonError::RefusedForGood(error) => code_of_cause(error),
            DaemonError::Halted(halt) => Some(code_of_halt(halt)),
            _ => None,
        };
    }
    #[cfg(feature = "workshop")]
    if let Some(error) = cause.downcast_ref::<AskError>() {
        return match error {
            AskError::Refused { kind, .. } => kind.is_terminal().then_some(UNAVAILABLE),
            _ => Some(TEMPORARY),
        };
    }
    match cause.downcast_ref::<PublishError>()? {
        PublishError::Refused { kind, .. } if kind.is_terminal() => Some(UNAVAILABLE),
        PublishError::Later { .. } => Some(TEMPORARY),
        PublishError::Halted { halt, .. } => Some(code_of_halt(halt)),
        _ => None,
    }
}

/// Returns the exit code of a halt. Credentials of another account are a fault of the configuration; a refusal by X needs a
/// person; a pause, as far as the caller can know, ends by itself.
fn code_of_halt(halt: &Halt) -> u8 {
    if halt.kind.as_deref() == Some(OTHER_ACCOUNT) {
        return CONFIGURATION;
    }
    match halt.cause {
        HaltCause::Refused => UNAVAILABLE,
        HaltCause::Paused => TEMPORARY,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;
    use pregonero_settings::Fault;
    use pregonero_store::PostId;
    use pregonero_x::RefusalKind;

    fn faults(origins: &[&str]) -> Error {
        let fault =
            |origin: &&str| Fault { origin: (*origin).to_owned(), key: "a.b".to_owned(), message: "no".to_owned() };
        ConfigError::Faults(origins.iter().map(fault).collect()).into()
    }

    fn terminal() -> PublishError {
        let answer = Box::default();
        PublishError::Refused { post: PostId::new(3), kind: RefusalKind::NoCredits, answer }
    }

    fn refused(kind: RefusalKind) -> Error {
        PublishError::Refused { post: PostId::new(3), kind, answer: Box::default() }.into()
    }

    #[test]
    fn every_kind_of_error_has_its_exit_code_wherever_it_stands_in_the_chain() {
        let path = || std::path::PathBuf::from("a.db");
        let cases = [
            (anyhow!("something"), 1),
            (WrongUsage("not this way").into(), 2),
            (faults(&["config.toml:3"]), 78),
            (faults(&["--top-k"]), 2),
            (faults(&["--top-k", "PREGONERO__GENERATION__TOP_P"]), 78),
            (ConfigError::NotFound { searched: Vec::new() }.into(), 78),
            (SecretsError::Incomplete { missing: vec!["TWITTER_ACCESS_TOKEN"] }.into(), 78),
            (SetupError::NoCredentials.into(), 78),
            (LockError::AlreadyRunning { path: path(), pid: Some(3) }.into(), 75),
            (LockError::Disk { path: path(), source: std::io::ErrorKind::NotFound.into() }.into(), 1),
            (StoreError::Missing { path: path() }.into(), 1),
            (StoreError::Superseded { path: path(), holder: "process 8".to_owned() }.into(), 75),
            (StoreError::Newer { path: path(), found: 9, known: 3 }.into(), 78),
            (DaemonError::Store(StoreError::Displaced { path: path(), what: "the database was deleted" }).into(), 78),
            (DaemonError::from(StartError::from(SetupError::NoCredentials)).into(), 78),
            (DaemonError::from(StartError::from(LockError::AlreadyRunning { path: path(), pid: None })).into(), 75),
            (OnceError::Daemon(DaemonError::RefusedForGood(terminal())).into(), 69),
            (DaemonError::RefusedForGood(terminal()).into(), 69),
            (DaemonError::Quit.into(), 1),
            (OnceError::Interrupted.into(), 1),
            #[cfg(feature = "workshop")]
            (AskError::Stopped.into(), 75),
            #[cfg(feature = "workshop")]
            (AskError::Refused { kind: RefusalKind::NoCredits, status: 402, detail: String::new() }.into(), 69),
            #[cfg(feature = "workshop")]
            (AskError::Refused { kind: RefusalKind::Invalid, status: 400, detail: String::new() }.into(), 1),
            (refused(RefusalKind::Suspended), 69),
            (refused(RefusalKind::Duplicate), 1),
        ];
        for (error, code) in cases {
            let shown = format!("{error:#}");
            let wrapped = Err::<(), _>(error).context("starting").unwrap_err();
            assert_eq!(code_of(&wrapped), code, "{shown}");
        }
    }

    #[test]
    fn a_chain_is_told_once_without_stutter() {
        let error = Err::<(), _>(anyhow!("disk full")).context("a.db: disk full").context("cannot write").unwrap_err();
        assert_eq!(chain(error.as_ref()), "cannot write: a.db: disk full");
    }
}
