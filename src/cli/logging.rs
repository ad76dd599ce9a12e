//! The log: tracing's events on standard error, as text for people or as JSON for machines.
//!
//! One constraint: the log never ends the program. If standard error cannot be written (a full disk, a reader that is
//! gone), lines are lost and the work goes on.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::LogFormat;
use crate::round::CANDIDATES;
use pregonero_system::clock::{Clock as _, SystemClock, show_times_in, zone_shown};
use pregonero_system::environment::Environment;
use pregonero_text::characters::{escaped_in_json, is_hidden};

/// A variable with a filter in tracing's syntax (`pregonero=debug,sqlx=info`), which overrides the flags.
const FILTER_VARIABLE: &str = "PREGONERO_LOG";

/// Whether the started log is JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Whether a log was started.
static STARTED: AtomicBool = AtomicBool::new(false);

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

    /// Returns the level raised by one step for each `-v`, or lowered by one with `-q`.
    pub fn adjusted(self, verbose: u8, quiet: bool) -> Self {
        let place = (self as usize + usize::from(verbose)).saturating_sub(usize::from(quiet));
        Self::ALL[place.min(Self::ALL.len() - 1)]
    }

    /// Returns the filter: our own events at this level; those of libraries only if something is wrong, or with `-vv`.
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

/// Standard error, except that whatever cannot be written is dropped, and that what nobody sees is written as its code: a
/// line may quote an answer of X.
struct Unfailing {
    stream: io::Stderr,
    json: bool,
}

/// Returns an event's line with its hidden characters as codes. In a line for people, a line break inside it is one too, so
/// that no text from outside looks like a line of its own; the escapes that set colours stay, which tracing lets nobody else write.
fn shown(line: &str, json: bool) -> Cow<'_, str> {
    const COLOUR: char = '\u{1b}';
    if json {
        return escaped_in_json(line);
    }
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    let mut shown = String::with_capacity(line.len() + end.len());
    for character in line.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            COLOUR => shown.push(COLOUR),
            hidden if is_hidden(hidden) => shown.extend(hidden.escape_unicode()),
            plain => shown.push(plain),
        }
    }
    Cow::Owned(shown + end)
}

impl Write for Unfailing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // tracing-subscriber answers a failure with `eprintln!`, which panics if standard error is gone.
        let _ = match std::str::from_utf8(bytes) {
            Ok(line) => self.stream.write_all(shown(line, self.json).as_bytes()),
            Err(_) => self.stream.write_all(bytes),
        };
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.stream.flush();
        Ok(())
    }
}

/// Times in the schedule's zone, like all times that a person reads (even after a reload that changes the zone): RFC 3339
/// with the zone's offset.
#[derive(Debug)]
struct ZonedTime;

impl FormatTime for ZonedTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str(&in_zone(SystemClock.now(), &zone_shown()))
    }
}

fn in_zone(instant: Timestamp, zone: &TimeZone) -> String {
    format!("{:.6}", instant.display_with_offset(zone.to_offset(instant)))
}

/// Returns whether the log is for people: text on a terminal.
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

/// Starts the log with times in `timezone`. Only the first call in a process has an effect.
pub fn start(format: LogFormat, timezone: &TimeZone, level: Level, environment: &Environment) {
    let json = is_json_wanted(format);
    let wanted = environment.get(FILTER_VARIABLE).map(EnvFilter::try_new);
    let mut directives = level.filter().to_owned();
    if is_for_people(format) && level == Level::Info {
        // The table at the end of the round shows the candidates better than one line for each.
        directives += &format!(",{CANDIDATES}=warn");
    }
    let filter = wanted.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(directives));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Unfailing { stream: io::stderr(), json })
        .log_internal_errors(false)
        .with_timer(ZonedTime);
    if !STARTED.swap(true, Ordering::Relaxed) {
        show_times_in(timezone);
    }
    // An error here means that a log was started before; that log is kept.
    let started = if json {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        let colours = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        builder.with_ansi(colours).with_target(false).try_init()
    };
    if started.is_ok() {
        IS_JSON.store(json, Ordering::Relaxed);
    }
}

/// Returns whether a log was started and is JSON, for machines.
pub fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_in_the_schedule_s_zone_with_its_offset() {
        let instant: Timestamp = "2026-03-01T14:00:00.5Z".parse().unwrap();
        for (zone, expected) in [
            (TimeZone::get("America/Bogota").unwrap(), "2026-03-01T09:00:00.500000-05:00"),
            (TimeZone::UTC, "2026-03-01T14:00:00.500000+00:00"),
        ] {
            assert_eq!(in_zone(instant, &zone), expected);
        }
    }

    #[test]
    fn a_text_from_outside_rewrites_no_line_of_the_log() {
        let event = "ERROR \u{1b}[2mposting\u{1b}[0m a\u{202e}b\r\nINFO all is well\n";
        let told = "ERROR \u{1b}[2mposting\u{1b}[0m a\\u{202e}b\\u{d}\\nINFO all is well\n";
        assert_eq!(shown(event, false), told);
        assert_eq!(shown("{\"error\":\"a\u{202e}b\"}\n", true), "{\"error\":\"a\\u202eb\"}\n");
    }

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
