//! The models: whether the generator loads and writes, whether the classifier loads and judges what it wrote, whether a
//! critic takes part in the choice, and whether it was trained for this generator.

use super::{Blame, Check, Patient};
use crate::app::{self, Findings, SetupError};
use crate::config::Settings;
use pregonero_judging::gates::Recent;
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::{
    Engine, GenerationError, GenerationRequest, LengthBudget, Written, candidate_seeds,
};
use pregonero_models::verbatim;
use pregonero_text::tweet_text;
use pregonero_tweet::{Candidate, ModelIdentity};

/// Any seed will do: the text is thrown away.
const SEED: u64 = 1;

/// Judged if the generator wrote nothing.
const SENTENCE: &str = "El mercado abre temprano.";

pub(super) async fn checks(patient: &Patient) -> Vec<Check> {
    let settings = &patient.loaded.settings;
    let generator = app::generator_files(settings, &patient.hub).unwrap_or(ModelFiles::Embedded(&[]));
    let judge = app::load_judge(settings, &patient.hub, &generator);
    let missing = app::not_compared(settings, &generator);
    let limit = judge.as_ref().map_or(tweet_text::MAX_WEIGHTED_LENGTH, Judge::body_limit);
    let engine = app::load_engine_with(settings, &patient.hub, &patient.environment, Findings::Afresh).await;
    let (writes, candidates) = match &engine {
        Ok(engine) => match app::check_seed_prompts(settings, engine) {
            Ok(()) => write(patient, engine, limit).await,
            Err(error) => (unusable("generator", &error), Vec::new()),
        },
        Err(error) => (unusable("generator", error), Vec::new()),
    };
    let identity = engine.as_ref().ok().map(|engine| &engine.description().identity);
    let mut checks = vec![writes];
    checks.extend(engine.as_ref().ok().and_then(|engine| server(patient, engine)));
    match judge {
        Ok(judge) => {
            checks.extend([
                judge_it(&judge, candidates.first()),
                critic(&judge, identity),
                training_texts(settings, &generator, missing),
            ]);
        }
        Err(error) => checks.push(unusable("classifier", &error)),
    }
    checks
}

/// Says what the generator's server follows and what it ignores; `None` for a generator on this machine.
fn server(patient: &Patient, engine: &Engine) -> Option<Check> {
    const NAME: &str = "generation_server";
    let state = engine.server()?.state();
    let name = &engine.description().identity.name;
    let Some(findings) = state.findings else {
        let reason = format!("{name}: {}", state.away.unwrap_or_else(|| "it has not answered".to_owned()));
        let fix = "start the server, or check the address in generation.model";
        return Some(match engine.stand_in() {
            Some(_) => Check::warn(NAME, "away", reason, fix),
            None => Check::fail(NAME, "away", Blame::Machine, reason, fix),
        });
    };
    let software = findings.software_in_words();
    let mut said = findings.in_words(&patient.loaded.settings.generation.decoding);
    if state.key_is_in_the_clear {
        said.push(format!("{} is sent to it without encryption", app::SERVER_KEY));
    }
    if patient.loaded.settings.engine.files.is_none() {
        said.push(
            "nothing is known here of the texts that its model was trained on, so the gate verbatim is idle".to_owned(),
        );
    }
    if said.is_empty() {
        return Some(Check::ok(NAME, format!("{name} ({software}) follows every setting")));
    }
    let fix =
        "see \"A generator on a server\" in the guide; settings that are ignored can be switched off in [generation]";
    Some(Check::warn(NAME, "limited", format!("{name} ({software}): {}", said.join("; ")), fix))
}

/// Checks whether a critic takes part in the choice, and whether it was trained for this generator. Neither stops a
/// post.
fn critic(judge: &Judge, generator: Option<&ModelIdentity>) -> Check {
    let Some(critic) = judge.reader().critic() else {
        return Check::ok("critic", "no critic is used; likelihood alone measures how well a text reads");
    };
    let name = &critic.identity().name;
    match (&critic.config().generator, generator) {
        (Some(known), Some(generator)) if known.sha256 != generator.sha256 => {
            let reason = format!(
                "{name} was trained on texts of the generator {}, not of {}, so its judgement of these texts is less reliable",
                known.name, generator.name
            );
            Check::warn(
                "critic",
                "other_generator",
                reason,
                "train one with `pregonero train critic`, or set selection.critic to another critic or to none",
            )
        }
        _ if critic.config().reading.is_some_and(|reading| reading.critic == 0.0) => Check::ok(
            "critic",
            format!("{name} is recorded but has weight 0: likelihood measures how well a text reads"),
        ),
        _ => Check::ok("critic", format!("{name} takes part in the choice between candidates")),
    }
}

/// Checks whether texts are compared with those that the generator was trained on.
fn training_texts(settings: &Settings, generator: &ModelFiles, missing: Option<String>) -> Check {
    const CHECK: &str = "training_texts";
    let has_a_file = [verbatim::VERBATIM_INDEX, verbatim::OWN_TEXTS].iter().any(|name| generator.has(name));
    match missing {
        None if settings.generation.model.server().is_some() && !has_a_file => Check::ok(
            CHECK,
            "the generator is on a server, and nothing is known here of the texts that it was trained on: none are compared",
        ),
        None if matches!(generator, ModelFiles::Embedded(_)) => {
            Check::ok(CHECK, "candidates are compared with those training texts that the built-in generator comes with")
        }
        None => Check::ok(CHECK, "candidates are compared with the texts that the generator was trained on"),
        Some(missing) => Check::warn(
            CHECK,
            "not_compared",
            missing,
            "write the files with `pregonero models verbatim FOLDER --others FILE --own FILE`, or set gates.verbatim_tokens \
             and gates.own_texts to 0",
        ),
    }
}

fn unusable(check: &'static str, error: &SetupError) -> Check {
    Check::fail(check, "not_loaded", Blame::Configuration, error.to_string(), "fix the setting named above")
}

async fn write(patient: &Patient, engine: &Engine, limit: usize) -> (Check, Vec<Candidate>) {
    let settings = &patient.loaded.settings;
    let prompt = settings.seed_prompts.first().expect("the settings hold a seed prompt");
    let request = GenerationRequest {
        prompt: prompt.text.clone(),
        attributes: prompt.attributes.clone(),
        seeds: candidate_seeds(SEED, 1),
        decoding: settings.generation.decoding.clone(),
        length: Some(LengthBudget { limit, measure: tweet_text::weighted_length }),
    };
    let description = engine.description();
    match engine.write(request).await {
        Ok(Written { candidates, stand_in: Some(stand_in) }) => {
            let reason = format!(
                "{} does not write, {} stands in: {}",
                description.identity.name, stand_in.identity.name, stand_in.reason
            );
            let fix = "start the server, or check the address in generation.model";
            (Check::warn("generator", "stand_in", reason, fix), candidates)
        }
        Ok(Written { candidates, stand_in: None }) => {
            let reason = format!("{} works on {}", description.identity.name, description.device);
            let fallback = description.fallback.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            (Check::ok("generator", reason + &fallback), candidates)
        }
        Err(GenerationError::Server(error)) => {
            let fix = "start the server, check the address in generation.model, or set generation.fallback";
            (Check::fail("generator", "not_writing", Blame::Machine, error.to_string(), fix), Vec::new())
        }
        Err(error) => {
            let fix = "check generation.model, the seed prompts and their attributes";
            let check = Check::fail("generator", "not_writing", Blame::Configuration, error.to_string(), fix);
            (check, Vec::new())
        }
    }
}

fn judge_it(judge: &Judge, candidate: Option<&Candidate>) -> Check {
    let name = &judge.classifier().identity().name;
    let text = candidate.map_or(SENTENCE, |candidate| candidate.text.as_str());
    match judge.inspect(text, &Recent::default()) {
        Ok(_) => Check::ok("classifier", format!("{name} works")),
        Err(error) => {
            let fix = "check sentiment.model and [gates]";
            Check::fail("classifier", "not_judging", Blame::Configuration, format!("{error:#}"), fix)
        }
    }
}
