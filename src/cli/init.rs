//! `pregonero init`: writes a commented configuration to start from, and never replaces an existing file.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::json;

use super::output::{Output, can_ask};
use super::quoted;
use super::session::Session;
use crate::config::{self, LoadRequest, SEARCHED};
use pregonero_system::files::{Existing, refuse_existing, write_whole};

/// The repository's own configuration file, in which every key has its comment.
const TEMPLATE: &str = include_str!("../../config.toml");

/// The values to write.
#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal it asks for the values that are not given. The file is written to the path that --config names, or else to
./config.toml.

Examples:
  pregonero init
  pregonero init --handle mi_bot --operator ana --timezone America/Bogota
  pregonero init --model openai:http://127.0.0.1:8000/v1#my-model
  pregonero --config /etc/pregonero/config.toml init")]
pub struct InitArguments {
    /// The bot's handle on X
    #[arg(long, value_name = "NAME")]
    handle: Option<String>,
    /// The handle of the person who answers for the bot
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// The time zone of the schedule, as an IANA name
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// The generator: builtin, a folder, hub:OWNER/NAME or openai:URL#MODEL, a model on a server. Without it, the built-in one
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
}

/// Asks for missing values, checks them and writes the file.
///
/// # Errors
/// If the file already exists, an answer cannot be used, or the file cannot be written.
pub async fn run(arguments: InitArguments, session: &Session) -> Result<()> {
    let file = session.config.clone().unwrap_or_else(|| PathBuf::from(SEARCHED[0]));
    refuse_existing(&file, Existing::Refuse)?;
    let template = match &arguments.model {
        Some(model) => with_model(TEMPLATE, model),
        None => TEMPLATE.to_owned(),
    };
    let placeholders = arguments.missing();
    let answers = tokio::task::spawn_blocking(move || arguments.answers()).await.context("asking")??;
    let text = answers.fill(&template);
    check(&text)?;
    write_whole(&file, Existing::Refuse, |writer| writer.write_all(text.as_bytes()))?;
    session.output.object(
        || {
            let program = match &session.config {
                Some(file) => quoted(&["pregonero".into(), "--config".into(), file.clone().into_os_string()]),
                None => "pregonero".to_owned(),
            };
            let next = ["config check", "generate", "run --now"].map(|command| format!("`{program} {command}`"));
            format!(
                "{}: written, set to a dry run; read it through, then try {}, {} and {}",
                file.display(),
                next[0],
                next[1],
                next[2]
            )
        },
        || json!({"file": file, "placeholders": placeholders}),
    )?;
    if !placeholders.is_empty() {
        session.output.note(&format!(
            "there is no terminal to ask on, so these keys have the values of an example: {}; change them in {}, or remove it \
             and give {}",
            placeholders.join(", "),
            file.display(),
            "--handle, --operator and --timezone"
        ));
    }
    Ok(())
}

impl InitArguments {
    /// Returns the keys that nobody gives and nobody can be asked for.
    fn missing(&self) -> Vec<&'static str> {
        if can_ask() {
            return Vec::new();
        }
        let given = [
            ("account.handle", &self.handle),
            ("account.operator", &self.operator),
            ("schedule.timezone", &self.timezone),
        ];
        given.into_iter().filter(|(_, given)| given.is_none()).map(|(key, _)| key).collect()
    }

    fn answers(self) -> Result<Answers> {
        let can_ask = can_ask();
        let answer = |given: Option<String>, key: &'static str, question: &str, default: &str| match given {
            Some(given) => Ok(Some((key, given))),
            None if can_ask => Ok(Some((key, ask_until_usable(key, question, default)?))),
            None => Ok::<_, anyhow::Error>(None),
        };
        let zone = jiff::tz::TimeZone::system();
        let zone = zone.iana_name().filter(|name| *name != "Etc/Unknown").unwrap_or("America/Bogota");
        let answers = [
            answer(self.handle, "handle", "the bot's handle on X", "uisbot")?,
            answer(self.operator, "operator", "the handle of the person who answers for it", "@someone")?,
            answer(self.timezone, "timezone", "the time zone of the schedule", zone)?,
        ];
        Ok(Answers(answers.into_iter().flatten().collect()))
    }
}

/// Returns the template with another generator. The attributes of its seed prompts are for the built-in one, so they become
/// comments.
fn with_model(template: &str, model: &str) -> String {
    let is_built_in = model == "builtin" || model.starts_with("builtin:");
    let mut section = "";
    let lines = template.lines().map(|line| {
        if line.starts_with('[') {
            section = line;
        }
        if section == "[generation]" && line.starts_with("model = ") {
            return format!("model = {}", toml::Value::from(model));
        }
        let is_attribute = section == "[[seed_prompts]]" && line.starts_with("attributes = ");
        if is_attribute && !is_built_in { format!("# {line}") } else { line.to_owned() }
    });
    lines.map(|line| line + "\n").collect()
}

/// Asks again as long as the answer is one that the program would refuse.
fn ask_until_usable(key: &'static str, question: &str, default: &str) -> Result<String> {
    loop {
        let Some(answer) = ask(question, default)? else { return Ok(default.to_owned()) };
        match faults(&Answers(vec![(key, answer.clone())]).fill(TEMPLATE))? {
            faults if faults.is_empty() => return Ok(answer),
            faults => Output::complain(&format!("{}; try again", faults.join("; "))),
        }
    }
}

/// Returns the answer to a question, or `None` if there is nobody to answer.
fn ask(question: &str, default: &str) -> Result<Option<String>> {
    let mut stderr = anstream::stderr();
    write!(stderr, "{question} [{default}]: ").and_then(|()| stderr.flush())?;
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        Output::complain("");
        return Ok(None);
    }
    let answer = line.trim();
    Ok(Some(if answer.is_empty() { default.to_owned() } else { answer.to_owned() }))
}

/// Values by the names of their keys, each of which occurs once in the template.
struct Answers(Vec<(&'static str, String)>);

impl Answers {
    /// Returns the template with these values; comments keep their columns.
    fn fill(&self, template: &str) -> String {
        let mut lines = Vec::new();
        for line in template.lines() {
            let answer = self.0.iter().find(|(key, _)| line.starts_with(&format!("{key} = \"")));
            lines.push(match (answer, line.split_once('#')) {
                (Some((key, value)), Some((before, comment))) => {
                    let written = format!("{key} = {}", toml::Value::from(value.as_str()));
                    format!("{written:<width$} #{comment}", width = before.trim_end().len().max(before.len() - 1))
                }
                _ => line.to_owned(),
            });
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Refuses answers that the program itself would refuse.
fn check(text: &str) -> Result<()> {
    let faults = faults(text)?;
    ensure!(faults.is_empty(), "{}; nothing was written", faults.join("; "));
    Ok(())
}

/// Returns what the program would refuse in this configuration.
fn faults(text: &str) -> Result<Vec<String>> {
    let draft = tempfile::Builder::new().prefix("config-").suffix(".toml").tempfile()?;
    std::fs::write(draft.path(), text)?;
    let request =
        LoadRequest { explicit_file: Some(draft.path().to_owned()), environment: Vec::new(), overrides: Vec::new() };
    Ok(match config::load(request) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults().iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_take_the_place_of_the_template_s_values_and_nothing_else_changes() {
        let answers = Answers(vec![("handle", "mi_bot".to_owned()), ("timezone", "Europe/Madrid".to_owned())]);
        let filled = answers.fill(TEMPLATE);
        let changed: Vec<_> = TEMPLATE.lines().zip(filled.lines()).filter(|(one, other)| one != other).collect();
        assert_eq!(changed.len(), 2, "{changed:#?}");
        assert!(
            changed[0].1.starts_with("handle = \"mi_bot\" ")
                && changed[1].1.starts_with("timezone = \"Europe/Madrid\" ")
        );
        for (before, after) in changed {
            assert_eq!(before.find('#'), after.find('#'), "comments stay in their column: {after}");
        }
        assert_eq!(filled.lines().count(), TEMPLATE.lines().count());
        assert!(check(&filled).is_ok());
        let wrong = Answers(vec![("handle", "a b".to_owned())]).fill(TEMPLATE);
        let fault = check(&wrong).unwrap_err().to_string();
        assert!(
            fault.starts_with("account.handle: expected a handle") && fault.ends_with("nothing was written"),
            "{fault}"
        );
    }

    #[test]
    fn another_generator_is_written_with_prompts_that_it_can_continue() {
        let model = "openai:http://gpu:8000/v1#mine";
        let text = with_model(TEMPLATE, model);
        assert!(text.contains("\nmodel = \"openai:http://gpu:8000/v1#mine\"\n"), "{text}");
        assert!(!text.contains("\nattributes = ") && text.contains("\n# attributes = "));
        assert_eq!(text.matches("openai:http://gpu:8000/v1#mine").count(), 1);
        assert!(check(&text).is_ok());
        assert_eq!(with_model(TEMPLATE, "builtin"), TEMPLATE);
        assert!(check(&with_model(TEMPLATE, "openai:gpu")).unwrap_err().to_string().contains("generation.model"));
    }
}
