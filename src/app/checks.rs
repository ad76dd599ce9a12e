//! Checks at the start whether the seed prompts and the schedule fit the models, so that a configuration that would fail in
//! every round, or keep the bot silent, is reported at once.

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::SetupError;
use crate::config::Settings;
use crate::schedule::{Schedule, ScheduleSettings};
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::{ControlLayout, Engine};
use pregonero_tweet::SeedPrompt;

/// Checks that the generator can write from the attributes of every seed prompt.
///
/// # Errors
/// If a prompt has an attribute or a value that the generator does not know; the message names the first one.
pub fn check_seed_prompts(settings: &Settings, engine: &Engine) -> Result<(), SetupError> {
    let description = engine.description();
    let check = |prompt: &SeedPrompt| {
        let place = || format!("the prompt {:?}", prompt.text);
        let checked = description.check_attributes(&prompt.attributes).map_err(anyhow::Error::from);
        let on_server = engine.server().is_some() && description.control.is_none();
        let why = |error: anyhow::Error| match on_server {
            true => anyhow!(
                "it has attributes, but nothing is known here of the model on the server: name its files in engine.files, or take \
                 the attributes out"
            ),
            false => error,
        };
        checked.map_err(why).with_context(place)
    };
    let switched_on = settings.seed_prompts.iter().filter(|prompt| prompt.weight > 0);
    switched_on.into_iter().try_for_each(check).map_err(SetupError::under("seed_prompts.attributes"))
}

/// Checks that a post can go out at all: a seed prompt that a gate rejects no matter what the model adds to it, or a schedule
/// whose slots all fall into quiet hours, would keep the bot silent without any message.
///
/// # Errors
/// If prompts can lead to no post; the message names all of them. Otherwise, if the schedule leaves no slot.
pub fn check_what_can_pass(settings: &Settings, judge: &Judge, now: Timestamp) -> Result<(), SetupError> {
    let switched_on = settings.seed_prompts.iter().filter(|prompt| prompt.weight > 0);
    let objections: Vec<String> = switched_on
        .filter_map(|prompt| {
            let objection = judge.objection_to_prompt(&prompt.text)?;
            Some(format!("the prompt {:?} can lead to no post: {objection}", prompt.text))
        })
        .collect();
    if !objections.is_empty() {
        return Err(SetupError::Unusable { key: "seed_prompts.text", cause: anyhow!("{}", objections.join("; ")) });
    }
    let (schedule, open) =
        (&settings.schedule, ScheduleSettings { quiet_hours: Vec::new(), ..settings.schedule.clone() });
    let has_slot = |settings: &ScheduleSettings| Schedule::new(settings).next_slot(now, None).is_some();
    if !has_slot(schedule) && has_slot(&open) {
        let cause = anyhow!("every slot of schedule.cron falls into them, so nothing would ever be posted");
        return Err(SetupError::Unusable { key: "schedule.quiet_hours", cause });
    }
    Ok(())
}

/// Removes from the seed prompts the attributes that a generator cannot write from, so that it can be tried with a
/// configuration made for another generator. Returns the names of the removed attributes.
///
/// # Errors
/// If the model's control layout cannot be read.
pub fn take_out_unknown_attributes(settings: &mut Settings, generator: &ModelFiles) -> Result<Vec<String>, SetupError> {
    let layout = match generator.has("config.json") {
        true => ControlLayout::read(generator).map_err(SetupError::under("generation.model"))?,
        // On a server, and nothing is known about it here.
        false => None,
    };
    let mut taken = Vec::new();
    for prompt in &mut settings.seed_prompts {
        prompt.attributes.retain(|name, value| {
            let fits = layout.as_ref().is_some_and(|layout| layout.fits(name, value));
            if !fits && !taken.contains(name) {
                taken.push(name.clone());
            }
            fits
        });
    }
    Ok(taken)
}
