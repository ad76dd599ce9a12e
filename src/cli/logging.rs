//! The log: tracing's events on standard error, as text for people or as JSON for machines.
//!
//! One constraint: the log never ends the program. Where standard error cannot be written (a full disk, a reader that has
//! gone), lines are lost and the work goes on.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::clock::{Clock as _, SystemClock};

use crate::config::LogFormat;
use crate::config::environment::Environment;
use crate::round::CANDIDATES;

/// A filter in tracing's own words (`pregonero=debug,sqlx=info`) that overrules the flags.
const FILTER_VARIABLE: &str = "PREGONERO_LOG";

/// Whether the log that was started is JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// As many steps more as `-v` was given, or one less with `-q`.
    pub fn adjusted(self, verbose: u8, quiet: bool) -> Self {
        let place = (self as usize + usize::from(verbose)).saturating_sub(usize::from(quiet));
        Self::ALL[place.min(Self::ALL.len() - 1)]
    }

    /// Our own events at this level, those of libraries only where something is wrong, or at `-vv`.
    fn filter(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "warn,pregonero=info",
            Self::Debug => "warn,pregonero=debug",
            Self::Trace => "info,pregonero=trace",
        }
    }
}

/// Standard error, of which nobody is told where it cannot be written.
struct Unfailing(io::Stderr);

impl Write for Unfailing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // tracing-subscriber answers a failure with `eprintln!`, which panics where standard error is gone.
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// Times as a person at the schedule reads them: `2026-03-01 09:00:02 -05`.
struct LocalTime(TimeZone);

impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", SystemClock.now().to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S %Z"))
    }
}

/// Whether people read the log: on a terminal, as text.
pub fn is_for_people(format: LogFormat) -> bool {
    io::stderr().is_terminal() && !is_json_wanted(format)
}

fn is_json_wanted(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}

/// Starts the log. As text its times are those of `timezone`; as JSON they are UTC. Only the first call of a process has an
/// effect.
pub fn start(format: LogFormat, timezone: &TimeZone, level: Level, environment: &Environment) {
    let json = is_json_wanted(format);
    let wanted = environment.get(FILTER_VARIABLE).map(EnvFilter::try_new);
    let mut directives = level.filter().to_owned();
    if is_for_people(format) && level == Level::Info {
        // A table at the end shows the candidates better than a line each.
        directives += &format!(",{CANDIDATES}=warn");
    }
    let filter = wanted.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(directives));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Unfailing(io::stderr()))
        .log_internal_errors(false);
    // A second start keeps the first log: that is what its error says.
    let started = if json {
        // tracing-subscriber's own time is UTC in RFC 3339, with a Z.
        let builder = builder.with_timer(SystemTime).json().flatten_event(true);
        builder.with_current_span(false).with_span_list(false).try_init()
    } else {
        let colours = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        builder.with_timer(LocalTime(timezone.clone())).with_ansi(colours).with_target(false).try_init()
    };
    if started.is_ok() {
        IS_JSON.store(json, Ordering::Relaxed);
    }
}

/// Whether a log was started and is written as JSON, for machines alone.
pub fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_move_the_level_within_its_bounds() {
        let cases = [
            (Level::Warn, 0, false, Level::Warn),
            (Level::Warn, 1, false, Level::Info),
            (Level::Warn, 9, false, Level::Trace),
            (Level::Warn, 0, true, Level::Error),
            (Level::Error, 0, true, Level::Error),
            (Level::Info, 2, false, Level::Trace),
        ];
        for (from, verbose, quiet, to) in cases {
            assert_eq!(from.adjusted(verbose, quiet), to);
        }
        for level in Level::ALL {
            assert!(EnvFilter::try_new(level.filter()).is_ok());
        }
    }
}
