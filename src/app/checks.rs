//! Whether seed prompts and schedule fit the models: what would fail in every round, or keep the bot silent, is said at the
//! start.

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::SetupError;
use crate::config::Settings;
use crate::schedule::{Schedule, ScheduleSettings};
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::{ControlLayout, Engine};
use pregonero_tweet::SeedPrompt;

/// Says whether the generator can write from the attributes of every seed prompt.
///
/// # Errors
/// The first attribute or value that it does not know.
pub fn check_seed_prompts(settings: &Settings, engine: &Engine) -> Result<(), SetupError> {
    let description = engine.description();
    let check = |prompt: &SeedPrompt| {
        let place = || format!("the prompt {:?}", prompt.text);
        description.check_attributes(&prompt.attributes).with_context(place)
    };
    let switched_on = settings.seed_prompts.iter().filter(|prompt| prompt.weight > 0);
    switched_on.into_iter().try_for_each(check).map_err(SetupError::under("seed_prompts.attributes"))
}

/// Says whether anything can ever go out: a seed prompt that a gate rejects whatever the model adds to it, or a schedule
/// whose slots all fall into quiet hours, would keep the bot silent without a word.
///
/// # Errors
/// Names all the prompts that cannot; where all can, the schedule if it cannot.
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
        let cause = anyhow!("every slot of schedule.cron falls into them: nothing would ever be posted");
        return Err(SetupError::Unusable { key: "schedule.quiet_hours", cause });
    }
    Ok(())
}

/// Takes out of the seed prompts the attributes that a generator cannot write from, for one that is tried without its own
/// configuration. Returns the names of those that were taken out.
///
/// # Errors
/// Where the model's control layout cannot be read.
pub fn take_out_unknown_attributes(settings: &mut Settings, generator: &ModelFiles) -> Result<Vec<String>, SetupError> {
    let layout = ControlLayout::read(generator).map_err(SetupError::under("generation.model"))?;
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
