//! Reloading the configuration and the credentials, after SIGHUP or on `pregonero reload`. If the new ones cannot be
//! used, the old ones stay.
//!
//! Reading them loads the classifier and the gates' lists, so it is done on a separate thread: meanwhile the loop keeps
//! feeding the watchdog, serving slots and listening.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinError;

use super::status::ConfigInForce;
use super::word::{ReloadAnswer, Waiting};
use super::{Daemon, DaemonError};
use crate::alerts::Plan;
use crate::app;
use crate::audit;
use crate::config::{Loaded, Settings, ShownSetting};
use crate::publish::Outlet;
use pregonero_judging::judge::Judge;
use pregonero_store::{Store, StoreError};
use pregonero_system::clock::show_times_in;

/// A configuration that can be used, with everything it needs.
pub(super) struct Reloaded {
    settings: Settings,
    judge: Judge,
    outlet: Outlet,
    plan: Plan,
    audit_plan: audit::Plan,
    loaded: Loaded,
    /// Keys whose new values take effect only after a restart.
    after_restart: Vec<&'static str>,
}

/// Describes the configuration in force, for the daemon's status.
pub(super) fn in_force(loaded: &Loaded, loaded_at: Timestamp) -> ConfigInForce {
    let file = std::path::absolute(&loaded.file).unwrap_or_else(|_| loaded.file.clone());
    ConfigInForce { file, sha256: loaded.sha256.clone(), loaded_at, refused: None }
}

impl Daemon {
    /// Begins to read the configuration again; `waiting` receives the result.
    pub(super) fn begin_reload(&mut self, waiting: Option<Waiting>) {
        self.notifier.reloading();
        self.waiting = waiting;
        let (reread, inputs, app) = (Arc::clone(&self.reread), self.inputs.clone(), Arc::clone(&self.app));
        self.reloading = Some(tokio::task::spawn_blocking(move || {
            let loaded = reread()?;
            let mut settings = loaded.settings.clone();
            let after_restart = keep_what_needs_a_restart(&mut settings, &app.settings);
            let outlet = app::open_outlet(&settings, &inputs.environment, Arc::clone(&app.clock))?;
            let generator = app::generator_files(&settings, &inputs.hub)?;
            let judge = app::load_judge(&settings, &inputs.hub, &generator)?;
            app::check_seed_prompts(&settings, &app.engine)?;
            app::check_what_can_pass(&settings, &judge, app.clock.now())?;
            let plan = app::alert_plan(&settings, &inputs.environment)?;
            let audit_plan = app::audit_plan(&settings, &inputs.environment)?;
            Ok(Reloaded { settings, judge, outlet, plan, audit_plan, loaded, after_restart })
        }));
    }

    /// Puts the new configuration into force, or keeps the old one and says why.
    pub(super) async fn finish_reload(
        &mut self,
        done: Result<anyhow::Result<Reloaded>, JoinError>,
    ) -> Result<(), DaemonError> {
        self.reloading = None;
        let answer = match done.map_err(DaemonError::Panicked)? {
            Ok(reloaded) => self.take(reloaded).await,
            Err(error) => {
                tracing::error!("the configuration was not reloaded; the old one stays in force: {error:#}");
                self.config.refused = Some(format!("{error:#}"));
                ReloadAnswer::refused(format!("{error:#}"))
            }
        };
        // Written first, so that the caller finds the new state when it looks next.
        self.write_status();
        if let Some(waiting) = self.waiting.take() {
            // A caller that has gone meanwhile can find it in the log.
            let _ = waiting.send(answer);
        }
        self.notifier.ready(&self.state_in_words());
        Ok(())
    }

    async fn take(&mut self, reloaded: Reloaded) -> ReloadAnswer {
        let Reloaded { settings, judge, outlet, plan, audit_plan, loaded, after_restart } = reloaded;
        show_times_in(&settings.schedule.timezone);
        self.app = Arc::new(self.app.with_settings(settings, judge, outlet));
        self.alert_plan.send_replace(plan);
        self.audit_plan.send_replace(audit_plan);
        let now = self.app.clock.now();
        self.agenda.reschedule(&self.app.settings.schedule, now);
        self.config = in_force(&loaded, now);
        let changed = differences(&self.shown, &loaded.provenance, &after_restart);
        self.shown = Arc::new(loaded.provenance);
        let recorded = record_config(&self.app.store, &self.app.settings.digest, &self.shown, now).await;
        self.note_result(recorded);
        tracing::info!(changed = changed.join("; "), "configuration reloaded");
        let noticed = self.app.publisher.notice_new_credentials().await;
        self.note_result(noticed);
        let taken_over = self.app.publisher.take_over_queue().await;
        self.note_result(taken_over);
        self.look_at_the_halts().await;
        self.look_at_the_budget(now).await;
        super::startup::tell_mode(&self.app, &self.inputs.environment);
        self.tell_next_slot();
        let after_restart = after_restart.into_iter().map(str::to_owned).collect();
        ReloadAnswer { reloaded: true, changed, after_restart, error: None }
    }
}

/// Records the configuration in force in the audit log, if it differs from the last one there.
pub(super) async fn record_config(
    store: &Store,
    digest: &str,
    shown: &[ShownSetting],
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = shown.iter().map(|row| (row.key.clone(), row.value.clone())).collect();
    store.record_config(digest, &values, now).await.map(drop)
}

/// Returns the keys whose values differ, with both values, one sentence each. Keys in `later` wait for a restart and
/// are left out.
fn differences(old: &[ShownSetting], new: &[ShownSetting], later: &[&str]) -> Vec<String> {
    let value = |rows: &[ShownSetting], key: &str| rows.iter().find(|row| row.key == key).map(|row| row.value.clone());
    let in_words =
        |value: Option<serde_json::Value>| value.map_or_else(|| "absent".to_owned(), |value| value.to_string());
    let gone = old.iter().filter(|row| value(new, &row.key).is_none());
    let keys = new.iter().chain(gone).map(|row| row.key.as_str());
    let waits = |key: &str| {
        later.iter().any(|later| {
            key == *later || key.starts_with(&format!("{later}[")) || key.starts_with(&format!("{later}."))
        })
    };
    keys.filter(|key| !waits(key))
        .filter_map(|key| {
            let (before, after) = (value(old, key), value(new, key));
            (before != after).then(|| format!("{key}: {} -> {}", in_words(before), in_words(after)))
        })
        .collect()
}

/// Restores the old values of the settings that cannot change in a running daemon, and returns the keys that differ.
/// Prompts for another model wait with it: the model that is loaded may not know their attributes.
fn keep_what_needs_a_restart(new: &mut Settings, old: &Settings) -> Vec<&'static str> {
    let other_model = new.generation.model != old.generation.model;
    let changed: Vec<&str> = [
        ("generation.model", other_model),
        ("seed_prompts", other_model && new.seed_prompts != old.seed_prompts),
        ("generation.fallback", new.generation.fallback != old.generation.fallback),
        ("engine", new.engine != old.engine),
        ("generation.device", new.generation.device != old.generation.device),
        ("generation.weights", new.generation.weights != old.generation.weights),
        ("store.path", new.store.path != old.store.path),
        ("log.format", new.log.format != old.log.format),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect();
    if !changed.is_empty() {
        tracing::warn!(keys = changed.join(", "), "these settings take effect only after a restart");
    }
    if other_model {
        new.seed_prompts = old.seed_prompts.clone();
    }
    new.generation.model = old.generation.model.clone();
    new.generation.fallback = old.generation.fallback.clone();
    new.generation.device = old.generation.device;
    new.engine = old.engine.clone();
    new.generation.weights = old.generation.weights;
    new.store = old.store.clone();
    new.log = old.log.clone();
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_reload_changes_is_named_by_key_with_both_values() {
        let row =
            |key: &str, value: serde_json::Value| ShownSetting { key: key.to_owned(), value, origin: String::new() };
        let old = [
            row("publish.live", json!(false)),
            row("generation.model", json!("builtin")),
            row("budget.posts_per_day", json!(8)),
            row("seed_prompts[1]", json!({"text": "Hoy"})),
        ];
        let new = [
            row("publish.live", json!(true)),
            row("generation.model", json!("mine")),
            row("budget.posts_per_day", json!(8)),
            row("generation.rng_seed", json!(7)),
        ];
        let expected = [
            "publish.live: false -> true",
            "generation.rng_seed: absent -> 7",
            "seed_prompts[1]: {\"text\":\"Hoy\"} -> absent",
        ];
        assert_eq!(differences(&old, &new, &["generation.model"]), expected);
    }
}
