//! The engine: a loaded model on its own OS thread behind a channel of commands with one-shot replies.
//!
//! Decoding takes long and the runtime cannot interrupt it, so it never runs on the runtime's threads. The thread
//! ends when the last handle is dropped; a request whose caller has gone is abandoned between two tokens.

use std::sync::Arc;
use std::thread;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};

use super::model::{EngineDescription, Loading, Model};
use super::request::{GenerationError, GenerationRequest};
use super::settings::DeviceChoice;
use crate::catalog::ModelFiles;
use pregonero_tweet::{Candidate, ModelIdentity};

struct Command {
    request: GenerationRequest,
    reply: oneshot::Sender<Result<Vec<Candidate>, GenerationError>>,
}

/// A handle to a running engine.
#[derive(Debug, Clone)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    description: Arc<EngineDescription>,
}

impl Engine {
    /// Loads a model on its own thread and warms it up; the engine is ready when this returns.
    ///
    /// # Errors
    /// If a file is missing, broken or does not fit the others, or if `cuda` was requested explicitly and is not
    /// available.
    pub async fn start(files: ModelFiles, identity: ModelIdentity, device: DeviceChoice) -> anyhow::Result<Self> {
        Self::start_with(files, identity, Loading::on(device)).await
    }

    /// Does what [`Self::start`] does, with weights and checks as `loading` says.
    ///
    /// # Errors
    /// As [`Self::start`], and if the weights that `loading` asks for cannot be had.
    pub async fn start_with(files: ModelFiles, identity: ModelIdentity, loading: Loading) -> anyhow::Result<Self> {
        let (commands, mut inbox) = mpsc::channel::<Command>(1);
        let (ready, loaded) = oneshot::channel();
        thread::Builder::new()
            .name("generation".to_owned())
            .spawn(move || {
                let model = match Model::load(&files, identity, loading) {
                    Ok(model) => model,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                if ready.send(Ok(model.description.clone())).is_err() {
                    return;
                }
                while let Some(Command { request, reply }) = inbox.blocking_recv() {
                    let answer = model.generate(&request, &|| reply.is_closed());
                    // The caller may have gone meanwhile: then the answer is dropped.
                    let _ = reply.send(answer);
                }
            })
            .context("cannot start the generation thread")?;
        let description = loaded.await.context("the generation thread panicked while loading")??;
        Ok(Self { commands, description: Arc::new(description) })
    }

    /// Describes what was loaded.
    #[must_use]
    pub fn description(&self) -> &EngineDescription {
        &self.description
    }

    /// Writes one candidate per seed, in the order of the seeds.
    ///
    /// # Errors
    /// If the prompt is too long, the model does not know an attribute or a value, there is too little memory, or the
    /// model itself fails.
    pub async fn generate(&self, request: GenerationRequest) -> Result<Vec<Candidate>, GenerationError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command { request, reply }).await.map_err(|_| GenerationError::Stopped)?;
        answer.await.map_err(|_| GenerationError::Stopped)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::Strategy;
    use crate::generation::model::tests::request;
    use crate::generation::tests::tiny_model;

    #[tokio::test]
    async fn the_engine_answers_from_its_thread_and_refuses_what_it_cannot_load() {
        let folder = tiny_model();
        let files = ModelFiles::in_folder(folder.path()).expect("there");
        let identity = ModelIdentity { name: "tiny".to_owned(), sha256: String::new() };
        let engine = Engine::start(files.clone(), identity.clone(), DeviceChoice::Auto).await.expect("started");
        assert_eq!(engine.description().context, 40);
        assert_eq!(engine.generate(request("La", Strategy::Sample, 2)).await.expect("candidates").len(), 2);
        for name in ["tokenizer.json", "vocab.json"] {
            std::fs::remove_file(folder.path().join(name)).expect("removable");
        }
        let error = Engine::start(files, identity, DeviceChoice::Cpu).await.expect_err("no tokenizer");
        assert!(format!("{error:#}").contains("tokenizer.json"), "{error:#}");
    }
}
