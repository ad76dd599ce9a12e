//! SIGHUP: the configuration and the credentials as they are now, or the old ones where those cannot be used.

use std::sync::Arc;

use super::Daemon;
use crate::alerts::Plan;
use crate::app::{self, App};
use crate::config::Settings;

impl Daemon {
    /// Takes the configuration as it is now, or keeps the old one and says why.
    pub(super) async fn reload(&mut self) {
        self.notifier.reloading();
        match self.reloaded() {
            Ok((app, plan)) => {
                self.app = Arc::new(app);
                self.alert_plan.send_replace(plan);
                let now = self.app.clock.now();
                self.agenda.reschedule(&self.app.settings.schedule, now);
                tracing::info!("configuration reloaded");
                let noticed = self.app.publisher.notice_new_credentials().await;
                self.heard(noticed);
                let taken_over = self.app.publisher.take_over_queue().await;
                self.heard(taken_over);
                self.look_at_the_halts().await;
                super::start::tell_mode(&self.app, &self.start.environment);
                self.tell_next_slot();
            }
            Err(error) => tracing::error!("the configuration was not reloaded, the old one stays: {error:#}"),
        }
        self.notifier.ready(&self.state_in_words());
    }

    fn reloaded(&self) -> anyhow::Result<(App, Plan)> {
        let mut settings = (self.reread)()?;
        keep_what_needs_a_restart(&mut settings, &self.app.settings);
        let outlet = app::open_outlet(&settings, &self.start.environment, Arc::clone(&self.app.clock))?;
        let generator = app::generator_files(&settings, &self.start.hub)?;
        let judge = app::load_judge(&settings, &self.start.hub, &generator)?;
        app::check_seed_prompts(&settings, &self.app.engine)?;
        let plan = app::alert_plan(&settings, &self.start.environment)?;
        Ok((self.app.with_settings(settings, judge, outlet), plan))
    }
}

/// Takes the old values of what cannot change under a running daemon, and names those that differ.
fn keep_what_needs_a_restart(new: &mut Settings, old: &Settings) {
    let changed: Vec<&str> = [
        ("generation.model", new.generation.model != old.generation.model),
        ("generation.device", new.generation.device != old.generation.device),
        ("store.path", new.store.path != old.store.path),
        ("log.format", new.log.format != old.log.format),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect();
    if !changed.is_empty() {
        tracing::warn!(keys = changed.join(", "), "these settings change with a restart only");
    }
    new.generation.model = old.generation.model.clone();
    new.generation.device = old.generation.device;
    new.store = old.store.clone();
    new.log = old.log.clone();
}
