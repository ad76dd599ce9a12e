//! `pregonero replay`: writes a recorded text again, and says whether it is the same.

use std::num::NonZeroUsize;

use anyhow::{Result, bail};
use clap::Args;
use pregonero_store::{HistoryRecord, RoundId, RoundRecord, Store};
use serde_json::json;

use super::decoding::ModelArgument;
use super::output::{BAD, GOOD, styled};
use super::session::Session;
use crate::app;
use crate::config::Settings;
use crate::daemon::whereabouts::Purpose;
use crate::replay::{self, Impossible, Replay};

/// What to write again.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 identical, 1 different, 78 not possible (the model was replaced, the record lacks something, or the model is on a
server that ignores the seed).

Examples:
  pregonero replay 42                            the chosen candidate of round 42
  pregonero replay 42 --candidate 3              another candidate
  pregonero replay 42 --model models/old         with the model that wrote it, if the configuration has another now")]
pub struct ReplayArguments {
    /// The number of the round or post
    #[arg(value_name = "ID")]
    round: i64,
    /// The number of the candidate, as `history show` lists it; without it, the chosen one
    #[arg(long, value_name = "N")]
    candidate: Option<NonZeroUsize>,
    #[command(flatten)]
    model: ModelArgument,
}

/// Runs `replay`.
///
/// # Errors
/// If the text is another one, or cannot be written again.
pub async fn run(arguments: &ReplayArguments, session: &Session) -> Result<()> {
    let mut settings = session.load(arguments.model.overrides())?.settings;
    let ground = session.ground_quietly(Purpose::Look, arguments.model.overrides()).await?;
    let store = Store::open_read_only(&ground.store).await?;
    let id = RoundId::new(arguments.round);
    let HistoryRecord { round, candidates, candidates_judged, post, .. } = store.history_record(id).await?;
    store.close().await;
    let count = usize::try_from(candidates_judged).unwrap_or_default();
    choose_writer(&mut settings, &round, arguments);
    if let Some(weights) = replay::weights_of(&round).filter(|_| !arguments.model.names_weights()) {
        settings.generation.weights = weights;
    }
    let found = async {
        let position = arguments.candidate.map(|number| number.get() - 1);
        let candidate = replay::candidate_of(&round, candidates, count, position)?;
        let engine = app::load_engine(&settings, &session.hub()?, &session.environment).await?;
        let device = engine.description().device.clone();
        let replay = replay::replay(&engine, &round, &candidate).await?;
        let arithmetic = replay::other_arithmetic(&engine, &round);
        let note = replay::server_note(&engine, &round).filter(|_| replay != Replay::Identical);
        anyhow::Ok((candidate, device, arithmetic, replay, note))
    };
    let (candidate, device, arithmetic, replay, server_note) = match found.await {
        Ok(found) => found,
        Err(error) => {
            if session.output.json && error.is::<Impossible>() {
                session.output.json(&json!({"round": id, "result": "not_possible", "missing": error.to_string()}))?;
            }
            return Err(error);
        }
    };
    let mut notes: Vec<String> = server_note.into_iter().collect();
    if let Some(recorded) = round.device.as_ref().filter(|recorded| **recorded != device) {
        notes.push(format!("it was written on {recorded}, and now on {device}: their sums are rounded differently"));
    }
    notes.extend(arithmetic);
    let version = env!("CARGO_PKG_VERSION");
    if let Some(recorded) = round.program_version.as_ref().filter(|recorded| *recorded != version) {
        notes.push(format!("it was written by version {recorded}, and now by {version}"));
    }
    if candidate.chosen && post.is_some_and(|post| post.text != candidate.judged.text) {
        notes.push("the post has another text: a person changed it after it was written".to_owned());
    }
    session.output.object(
        || {
            let mut lines = vec![in_words(&replay)];
            lines.extend(notes.iter().map(|note| format!("note: {note}")));
            lines.join("\n")
        },
        || {
            let mut shown = json!(replay);
            shown["round"] = json!(id);
            shown["candidate"] = json!(candidate.position + 1);
            shown["notes"] = json!(notes);
            shown
        },
    )?;
    match replay {
        Replay::Identical => Ok(()),
        Replay::Different { character, .. } => {
            bail!("round {id}, candidate {}: the text differs from character {character} on", candidate.position + 1)
        }
    }
}

/// Sets the model that wrote the round: the stand-in, if the round names one and no other is asked for. Nothing stands in for
/// it here.
fn choose_writer(settings: &mut Settings, round: &RoundRecord, arguments: &ReplayArguments) {
    let fallback = settings.generation.fallback.take();
    if let Some(fallback) = fallback.filter(|_| round.stand_in.is_some() && !arguments.model.names_model()) {
        settings.generation.model = fallback;
    }
}

fn in_words(replay: &Replay) -> String {
    match replay {
        Replay::Identical => format!("{}: every token and every character is the same", styled(GOOD, "identical")),
        Replay::Different { character, token, recorded, now } => {
            let token = token.map_or_else(String::new, |token| format!(", token {token} of the continuation"));
            format!(
                "{}: from character {character}{token} on\nrecorded: {recorded}\nnow:      {now}",
                styled(BAD, "different")
            )
        }
    }
}
