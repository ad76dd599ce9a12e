//! `pregonero dataset compose`: composes texts from a grammar.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::cli::output::{BAD, HEADING, Output, counted, styled};
use crate::cli::session::Session;
use pregonero_text::tweet_text::MAX_WEIGHTED_LENGTH;
use pregonero_workshop::dataset::compose::{self, Composition, Report, RuleDisagreement, TextCount};

/// How many disagreements are shown; `--json` has all of them.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset compose --grammar g.json -n 5000 --seed 1 --output composed.jsonl
  pregonero dataset compose --grammar g.json -n 5000 --columns tema,hashtags --output composed.csv
  pregonero dataset compose --grammar g.json -n 20000 --check    check only; writes nothing

A grammar is a JSON object of symbols, each with a list of rules; every text begins with \"origin\":
  {\"origin\": [\"[tema:visita][hashtags:Vecinos]#frase.capitalize# \\\\#Vecinos\"],
   \"frase\":  [\"hoy #quien# pasea con #quien#\", \"[q:#quien#]con #q# todo pasa: gracias, #q#\"],
   \"quien\":  [\"la vecina\", \"tu hermano\"]}

  #name#               one rule of that symbol
  [name:rule]          saves a symbol for the rest of the text
  [name:a,b]           saves one of several; a comma before a blank is text
  [name:POP]           forgets what was saved last
  [#name#]             expands a symbol only for its actions
  #[name:rule]other#   saves for that symbol only
  .capitalize          makes the first letter upper case, also after ¿ and ¡; .capitalizeAll does so for every word
  \\\\# \\\\[ \\\\]          the characters themselves, as written in JSON

The agreement check examines a determiner and its noun, an adjective between or right after them, and an adjective \
after ser or estar if the clause begins with its subject. It knows about 1,500 words and the usual endings, ignores \
what could be a verb (la llamo), and misses nouns without a determiner and adjectives farther away. Of texts in \
which one determiner's gender was swapped, it finds two in three.

Duplicate texts and texts that are too long are left out. The report goes to standard error; with --json it is one object on \
standard output. The same grammar, seed and number give the same file.")]
pub struct ComposeArguments {
    /// The grammar, a JSON file
    #[arg(long, value_name = "FILE")]
    grammar: PathBuf,
    /// How many different texts to compose
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1000)]
    count: usize,
    /// The seed of all random choices
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Saved symbols that get a column next to `text`, with their value at the end of the text, or nothing
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// The symbol that every text begins with
    #[arg(long, value_name = "NAME", default_value = "origin")]
    origin: String,
    /// The greatest length of a text, as X counts it; leave room for the bot's disclosure
    #[arg(long, value_name = "N", default_value_t = MAX_WEIGHTED_LENGTH - 3)]
    max_length: usize,
    /// The file to write, a .csv or .jsonl; it must not exist yet
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    output: Option<PathBuf>,
    /// Fail, and write nothing, if a determiner, noun and adjective do not agree
    #[arg(long)]
    check: bool,
}

impl ComposeArguments {
    /// Composes, reports and writes.
    ///
    /// # Errors
    /// If the grammar has a fault, a file cannot be written or, with `--check`, words do not agree.
    pub fn run(self, session: &Session) -> Result<()> {
        ensure!(self.count > 0, "-n: at least one text is needed");
        if let Some(output) = &self.output {
            compose::check_output(output)?;
        }
        let composed = compose::compose(&Composition {
            grammar: self.grammar.clone(),
            origin: self.origin,
            count: self.count,
            seed: self.seed,
            columns: self.columns,
            longest: self.max_length,
        })?;
        let report = &composed.report;
        if session.output.json {
            session.output.json(report)?;
        } else {
            tell(report, session.output);
        }
        if self.check && report.texts_that_disagree > 0 {
            bail!(
                "{}: words do not agree in {} of {} texts; nothing is written",
                self.grammar.display(),
                report.texts_that_disagree,
                report.texts
            );
        }
        let Some(output) = &self.output else { return Ok(()) };
        composed.write(output)?;
        session.output.note(&format!("written to {}", output.display()));
        Ok(())
    }
}

/// Prints the report for people. Disagreements are printed even with --quiet.
fn tell(report: &Report, output: Output) {
    let mut lines =
        vec![format!("{} of {}", counted(report.texts, "text", "texts"), counted(report.tries, "try", "tries"))];
    if report.texts < report.wanted {
        let why = "the last tries gave only texts that were there already, too long or too deep";
        let why = if is_exhausted(report) { "the grammar has no others" } else { why };
        lines.push(format!("  fewer than the {} wanted: {why}", report.wanted));
    }
    let Report { duplicates, too_long, too_deep, .. } = report;
    lines.push(format!("  duplicates: {duplicates}; too long: {too_long}; too deep: {too_deep}"));
    lines.push(format!("  {}", can_produce(report.grammar_can_say_at_most)));
    let unused = &report.unused_symbols;
    lines.push(match unused.is_empty() {
        true => "  every symbol is used".to_owned(),
        false => format!("  symbols that no text reaches: {}", unused.join(", ")),
    });
    lines.push(format!("  different six-word beginnings: {}", report.beginnings));
    if let Some(most) = &report.most_frequent_rule {
        lines.push(format!(
            "  the most frequent rule is in {:.1} %: {}: {}",
            most.share * 100.0,
            most.rule,
            most.source
        ));
    }
    lines.push(format!(
        "  agreement: {} pairs of words compared, wrong in {} texts",
        report.pairs_compared, report.texts_that_disagree
    ));
    lines.iter().for_each(|line| output.note(line));
    report.disagreements.iter().take(SHOWN).for_each(tell_disagreement);
    if report.disagreements.len() > SHOWN {
        Output::complain(&format!("{} more (--json shows all)", report.disagreements.len() - SHOWN));
    }
}

fn is_exhausted(report: &Report) -> bool {
    matches!(report.grammar_can_say_at_most, TextCount::AtMost(most) if most <= report.texts as u64)
}

/// Says in words how many texts a grammar can produce.
fn can_produce(texts: TextCount) -> String {
    let twice = "saved symbols and texts with several derivations count more than once";
    match texts {
        TextCount::AtMost(1) => "the grammar can produce 1 text".to_owned(),
        TextCount::AtMost(most) => format!("the grammar can produce at most {most} texts ({twice})"),
        TextCount::Beyond => format!("the grammar can produce {texts} texts"),
        TextCount::Endless => {
            "the grammar can produce any number of texts, because a symbol contains itself".to_owned()
        }
    }
}

fn tell_disagreement(found: &RuleDisagreement) {
    Output::complain(&format!(
        "{} {} ({}) and {} ({}) do not agree, in {}\n  rule  {}: {}\n  text  {}",
        styled(BAD, "✗"),
        styled(HEADING, &found.first),
        found.first_is,
        styled(HEADING, &found.second),
        found.second_is,
        if found.texts == 1 { "1 text".to_owned() } else { format!("{} texts", found.texts) },
        found.rule,
        found.source,
        found.example
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_texts_is_a_sentence() {
        for (texts, expected) in [
            (TextCount::AtMost(1), "the grammar can produce 1 text"),
            (TextCount::Beyond, "the grammar can produce more than 18446744073709551615 texts"),
            (TextCount::Endless, "the grammar can produce any number of texts, because a symbol contains itself"),
        ] {
            assert_eq!(can_produce(texts), expected);
        }
        assert!(can_produce(TextCount::AtMost(24)).starts_with("the grammar can produce at most 24 texts ("));
    }
}
