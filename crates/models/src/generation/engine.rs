//! The engine: a loaded model on its own OS thread behind a channel of commands with one-shot replies, or a model on a
//! server, with one on this machine that stands in while the server is away.
//!
//! Decoding takes long and the runtime cannot interrupt it, so it never runs on the runtime's threads. The thread
//! ends when the last handle is dropped; a request whose caller has gone is abandoned between two tokens.

use std::sync::Arc;
use std::thread;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};

use super::control::Control;
use super::model::{Arithmetic, EngineDescription, Loading, Model};
use super::remote::Server;
use super::request::{GenerationError, GenerationRequest};
use super::server_error::ServerError;
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
    worker: Worker,
}

#[derive(Debug, Clone)]
enum Worker {
    /// On its own thread.
    Thread {
        commands: mpsc::Sender<Command>,
        description: Arc<EngineDescription>,
    },
    Server {
        server: Arc<Server>,
        stand_in: Option<Box<Engine>>,
    },
}

/// Candidates, and who wrote them.
#[derive(Debug)]
pub struct Written {
    pub candidates: Vec<Candidate>,
    /// The model that stood in for the one on the server, if it did.
    pub stand_in: Option<StandIn>,
}

/// A model on this machine that wrote in the place of one on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    pub identity: ModelIdentity,
    pub device: String,
    pub arithmetic: Arithmetic,
    /// Why the server wrote nothing.
    pub reason: String,
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
        Ok(Self { worker: Worker::Thread { commands, description: Arc::new(description) } })
    }

    /// Returns an engine that asks a server, and `stand_in` while the server fails.
    #[must_use]
    pub fn on_server(server: Server, stand_in: Option<Self>) -> Self {
        Self { worker: Worker::Server { server: Arc::new(server), stand_in: stand_in.map(Box::new) } }
    }

    /// Describes what was loaded, or the model on the server.
    #[must_use]
    pub fn description(&self) -> &EngineDescription {
        match &self.worker {
            Worker::Thread { description, .. } => description,
            Worker::Server { server, .. } => server.description(),
        }
    }

    /// Returns the server that has the model, if it is not on this machine.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        match &self.worker {
            Worker::Thread { .. } => None,
            Worker::Server { server, .. } => Some(server),
        }
    }

    /// Returns the engine that stands in while the server is away.
    #[must_use]
    pub fn stand_in(&self) -> Option<&Self> {
        match &self.worker {
            Worker::Thread { .. } => None,
            Worker::Server { stand_in, .. } => stand_in.as_deref(),
        }
    }

    /// Writes one candidate per seed, in the order of the seeds.
    ///
    /// # Errors
    /// If the prompt is too long, the model does not know an attribute or a value, there is too little memory, or the
    /// model itself or its server fails.
    pub async fn generate(&self, request: GenerationRequest) -> Result<Vec<Candidate>, GenerationError> {
        self.write(request).await.map(|written| written.candidates)
    }

    /// Does what [`Self::generate`] does, and says who wrote.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub async fn write(&self, request: GenerationRequest) -> Result<Written, GenerationError> {
        let (server, stand_in) = match &self.worker {
            Worker::Thread { commands, .. } => {
                let (reply, answer) = oneshot::channel();
                commands.send(Command { request, reply }).await.map_err(|_| GenerationError::Stopped)?;
                let candidates = answer.await.map_err(|_| GenerationError::Stopped)??;
                return Ok(Written { candidates, stand_in: None });
            }
            Worker::Server { server, stand_in } => (server, stand_in),
        };
        match (server.generate(&request).await, stand_in) {
            (Err(GenerationError::Server(error)), Some(stand_in)) => stand_in.write_instead(request, &error).await,
            (written, _) => Ok(Written { candidates: written?, stand_in: None }),
        }
    }

    /// Writes in the place of a server. Attributes that only the server's model knows are left out.
    async fn write_instead(
        &self,
        mut request: GenerationRequest,
        error: &ServerError,
    ) -> Result<Written, GenerationError> {
        let EngineDescription { identity, device, arithmetic, control, .. } = self.description();
        let layout = control.as_ref().map(Control::layout);
        request.attributes.retain(|name, value| layout.is_some_and(|layout| layout.fits(name, value)));
        tracing::warn!(model = identity.name, %error, "the generation server fails; the fallback writes");
        let stand_in = StandIn {
            identity: identity.clone(),
            device: device.clone(),
            arithmetic: arithmetic.clone(),
            reason: error.to_string(),
        };
        // A stand-in is on this machine and has none itself.
        let candidates = Box::pin(self.generate(request)).await?;
        Ok(Written { candidates, stand_in: Some(stand_in) })
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
