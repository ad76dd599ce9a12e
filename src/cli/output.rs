//! What a command prints: data to standard output (for people, or one JSON object per line), notes to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};

use pregonero_text::characters::escaped_in_json;
pub use pregonero_text::characters::visible;
use pregonero_tweet::{Judged, Ranking};

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Print one JSON object per line instead of text.
    pub json: bool,
    /// Print no notes.
    pub quiet: bool,
}

/// The width assumed for a terminal that does not report it.
const DEFAULT_COLUMNS: u16 = 100;

/// The styles of headings and of what went well, went badly, or needs attention.
pub const HEADING: Style = Style::new().bold();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default();

/// Returns `text` in a style; the stream it is written to removes the style if it cannot show it.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Returns a line with every hidden character written as its code, so that no text of a model, a file or a server rewrites the
/// terminal. Tabs and the styles above stay, and a line break of Windows becomes a plain one.
fn visible_but_styled(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['\u{1b}', '\t', '\r']) {
        shown.push_str(&visible(&rest[..at]));
        rest = &rest[at..];
        let stays = if rest.starts_with('\t') { 1 } else { length_of_style(rest) };
        if stays > 0 {
            shown.push_str(&rest[..stays]);
        } else if !rest.starts_with("\r\n") {
            shown.push_str(&visible(&rest[..1]));
        }
        rest = &rest[stays.max(1)..];
    }
    shown + &visible(rest)
}

/// Returns the length of the style above, or of the end of one, with which a text begins; 0 if it begins with none.
fn length_of_style(text: &str) -> usize {
    let styles = [HEADING, GOOD, BAD, DOUBTFUL, BAD.bold(), DOUBTFUL.bold(), GOOD.bold()];
    let ours = styles.iter().flat_map(|style| [style.to_string(), format!("{style:#}")]);
    ours.filter(|style| text.starts_with(style.as_str())).map(|style| style.len()).max().unwrap_or(0)
}

/// Formats millionths of a dollar as a price: `$0.015`, `$5.00`. Never ends in three zeros, which half of the world reads as
/// thousands.
pub fn dollars(micros: i64) -> String {
    let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let part = format!("{:06}", micros % 1_000_000);
    let part = part.trim_end_matches('0');
    format!("{sign}${}.{part:0<2}", micros / 1_000_000)
}

/// Returns a number with the noun that fits it: `1 row`, `2 rows`.
pub fn counted(number: impl TryInto<i128>, one: &str, several: &str) -> String {
    match number.try_into() {
        Ok(1) => format!("1 {one}"),
        Ok(number) => format!("{number} {several}"),
        Err(_) => several.to_owned(),
    }
}

/// Returns whether there is a person to ask: a terminal to answer on, and one to show the question.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Returns the width of the terminal on standard error, in characters; a usual one where that is no terminal.
pub fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    usize::from(size.map(|size| size.ws_col).filter(|columns| *columns > 0).unwrap_or(DEFAULT_COLUMNS))
}

/// Returns the parts of a candidate's rank: `rank 0.57: score 0.93, reading 0.61 (critic 0.88, mean -1.20,
/// weakest -3.10)`. Returns `None` for records of earlier versions, in which the score alone decided.
pub fn parts_of_rank(one: &Judged) -> Option<String> {
    let Ranking { critic, reading, rank, .. } = one.ranking;
    let rank = rank?;
    let likelihood = one.candidate.likelihood;
    let parts = [
        ("critic", critic),
        ("mean", likelihood.map(|likelihood| likelihood.mean)),
        ("weakest", likelihood.map(|likelihood| likelihood.weakest)),
    ];
    let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {:.2}", value?)));
    let reading = reading.map_or_else(String::new, |reading| {
        format!(", reading {reading:.2} ({})", parts.collect::<Vec<_>>().join(", "))
    });
    let opening = if one.repeats_an_opening() { ", begins like a recent post" } else { "" };
    Some(format!("rank {rank:.2}: score {:.2}{reading}{opening}", one.score))
}

/// Builds a table without lines; each column is as wide as its widest cell.
fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(|name| visible_but_styled(name)));
    table.add_rows(rows.map(|cells| cells.iter().map(|cell| visible_but_styled(cell)).collect::<Vec<_>>()));
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    table
}

/// Formats the same table to the width of the terminal on standard error: long cells wrap instead of running past the edge.
/// Cells must not contain styles, because their characters would count.
pub fn table_for_terminal(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = table(header, rows);
    let width = u16::try_from(columns()).unwrap_or(DEFAULT_COLUMNS);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.trim_fmt()
}

impl Output {
    /// Prints one result in the requested form.
    ///
    /// # Errors
    /// If standard output cannot be written; a closed pipe is not an error.
    pub fn object(self, text: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) -> Result<()> {
        if self.json { self.json(&json()) } else { self.line(&text()) }
    }

    /// Prints a value as a line of JSON, with what nobody sees in its texts as `\u202e`.
    ///
    /// # Errors
    /// The same as [`Self::object`].
    pub fn json(self, value: &impl serde::Serialize) -> Result<()> {
        self.unchanged(&escaped_in_json(&serde_json::to_string(value)?))
    }

    /// Prints a line for a person, with what nobody sees in it as its code.
    ///
    /// # Errors
    /// The same as [`Self::object`].
    pub fn line(self, line: &str) -> Result<()> {
        self.unchanged(&visible_but_styled(line))
    }

    /// Prints a line as it is: what this program made itself, such as a script, or a table whose cells are visible already.
    ///
    /// # Errors
    /// The same as [`Self::object`].
    pub fn unchanged(self, line: &str) -> Result<()> {
        let mut stream = anstream::stdout();
        match writeln!(stream, "{line}").and_then(|()| stream.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Prints rows: a table with `header`, or with `--json` the object of each row on its own line.
    ///
    /// # Errors
    /// The same as [`Self::object`].
    pub fn rows<T: serde::Serialize>(
        self,
        header: &[&str],
        rows: &[T],
        cells: impl Fn(&T) -> Vec<String>,
    ) -> Result<()> {
        if self.json {
            return rows.iter().try_for_each(|row| self.json(row));
        }
        self.unchanged(&table(header, rows.iter().map(cells)).trim_fmt())
    }

    /// Prints rows as [`Self::rows`] does; if there are none, a note says so instead of a header without rows.
    ///
    /// # Errors
    /// The same as [`Self::object`].
    pub fn listed<T: serde::Serialize>(
        self,
        header: &[&str],
        rows: &[T],
        cells: impl Fn(&T) -> Vec<String>,
        nothing: &str,
    ) -> Result<()> {
        if rows.is_empty() && !self.json {
            self.note(nothing);
            return Ok(());
        }
        self.rows(header, rows, cells)
    }

    /// Prints a note for a person, in addition to the data.
    pub fn note(self, line: &str) {
        if !self.quiet {
            Self::complain(line);
        }
    }

    /// Prints the error that ended the program.
    pub fn error(line: &str) {
        Self::complain(&format!("{} {}", styled(BAD.bold(), "error:"), visible(line)));
    }

    /// Writes a line to standard error.
    pub fn complain(line: &str) {
        // If standard error cannot be written, there is nowhere to report it.
        let _ = writeln!(anstream::stderr(), "{}", visible_but_styled(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::judged;
    use pregonero_tweet::{Likelihood, Verdict};

    #[test]
    fn the_parts_of_a_rank_are_those_that_are_there() {
        let mut one = judged("Hoy llegan libros.", Verdict::Pass, 0.9);
        assert_eq!(parts_of_rank(&one), None, "a record of an earlier version");
        one.ranking.rank = Some(0.9);
        assert_eq!(parts_of_rank(&one).unwrap(), "rank 0.90: score 0.90");
        one.candidate.likelihood = Some(Likelihood { mean: -1.25, weakest: -3.0 });
        one.ranking = Ranking { critic: None, reading: Some(0.5), rank: Some(0.45), fresh_opening: Some(false) };
        let without = "rank 0.45: score 0.90, reading 0.50 (mean -1.25, weakest -3.00), begins like a recent post";
        assert_eq!(parts_of_rank(&one).unwrap(), without);
        one.ranking = Ranking { critic: Some(0.75), fresh_opening: Some(true), ..one.ranking };
        let with = "rank 0.45: score 0.90, reading 0.50 (critic 0.75, mean -1.25, weakest -3.00)";
        assert_eq!(parts_of_rank(&one).unwrap(), with);
    }

    #[test]
    fn one_thing_is_counted_in_the_singular() {
        assert_eq!((counted(1, "row", "rows"), counted(0_usize, "row", "rows")), ("1 row".into(), "0 rows".into()));
    }

    #[test]
    fn a_text_cannot_rewrite_the_terminal_it_is_shown_on() {
        assert_eq!(visible("a\u{202e}b\u{1b}[2Jc\n👩\u{200d}👧"), "a\\u{202e}b\\u{1b}[2Jc\n👩\u{200d}👧");
        for (line, shown) in [
            ("a\u{202e}b\u{1b}[2Jc\n👩\u{200d}👧\td\r\ne\rf", "a\\u{202e}b\\u{1b}[2Jc\n👩\u{200d}👧\td\ne\\u{d}f"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            (&styled(BAD, "no"), &styled(BAD, "no")),
            (&styled(BAD.bold(), "error:"), &styled(BAD.bold(), "error:")),
        ] {
            assert_eq!(visible_but_styled(line), shown);
        }
    }

    #[test]
    fn a_price_has_two_decimals_or_as_many_as_it_needs_and_never_three_zeros() {
        for (micros, shown) in
            [(0, "$0.00"), (15_000, "$0.015"), (5_000_000, "$5.00"), (4_985_000, "$4.985"), (-1_500_000, "-$1.50")]
        {
            assert_eq!(dollars(micros), shown);
        }
    }
}
