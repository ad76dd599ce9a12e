//! The channels that a notice leaves by: a webhook, and a command that receives the JSON on its standard input.
//!
//! Both are bounded in time. The webhook's address often contains a secret, so no error shows it; the command gets
//! nothing of our environment except search path, home folder, language and time zone, because X's keys are in it.

use std::fmt;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::payload::Payload;
use super::settings::{AlertSettings, WebhookFormat};
use pregonero_store::AlertChannel;
use pregonero_system::environment::Environment;
use pregonero_x::install_crypto_provider;
use pregonero_x::secrets::SecretsError;

/// How long a webhook may take, from name to answer.
const WEBHOOK_BOUND: Duration = Duration::from_secs(15);

/// How long the command may run before it is killed.
const COMMAND_BOUND: Duration = Duration::from_secs(30);

/// How often to check whether the command has ended.
const COMMAND_LOOK: Duration = Duration::from_millis(50);

/// The variables of our environment that the command receives.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// Why notices cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error(transparent)]
    Secret(#[from] SecretsError),
    #[error("alerts.webhook: {0}")]
    Webhook(String),
    #[error("cannot set up HTTP for alerts.webhook: {0}")]
    Http(String),
}

/// The channels that notices are sent through.
pub struct Channels {
    webhook: Option<Outgoing>,
    command: Option<Vec<String>>,
    environment: Vec<(&'static str, String)>,
    webhook_bound: Duration,
    command_bound: Duration,
}

/// An address outside that something is sent to.
pub(crate) struct Outgoing {
    http: reqwest::Client,
    /// Secret: whoever has it can write to the operator's channel. Without the topic, if it is ntfy's.
    url: SecretString,
    /// The topic of ntfy that messages go to; absent if the other side reads our own JSON.
    topic: Option<SecretString>,
}

/// Lists which channels exist, without their details.
impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names().iter().map(|channel| channel.as_str())).finish()
    }
}

impl Channels {
    /// Opens the channels that settings and environment name: `ALERTS_WEBHOOK` (or `ALERTS_WEBHOOK_FILE`, or systemd's
    /// credential `alerts_webhook`) takes precedence over `alerts.webhook`.
    ///
    /// # Errors
    /// If the address is not valid, its file cannot be read, or TLS cannot be set up.
    pub fn open(settings: &AlertSettings, environment: &Environment) -> Result<Self, ChannelError> {
        let url = super::webhook(environment)?.or_else(|| settings.webhook.clone());
        let webhook = url.map(|url| Outgoing::for_alerts(url, settings.format)).transpose()?;
        let command = (!settings.command.is_empty()).then(|| settings.command.clone());
        Ok(Self {
            webhook,
            command,
            environment: passed_on(environment),
            webhook_bound: WEBHOOK_BOUND,
            command_bound: COMMAND_BOUND,
        })
    }

    /// Returns the channels that exist.
    #[must_use]
    pub fn names(&self) -> Vec<AlertChannel> {
        let webhook = self.webhook.as_ref().map(|_| AlertChannel::Webhook);
        let command = self.command.as_ref().map(|_| AlertChannel::Command);
        webhook.into_iter().chain(command).collect()
    }

    /// Sends `payload` through one channel; the error is a sentence for the log, without secrets.
    ///
    /// # Errors
    /// If the other side did not accept it in time.
    pub async fn deliver(&self, channel: AlertChannel, payload: &Payload) -> Result<(), String> {
        match channel {
            AlertChannel::Webhook => match &self.webhook {
                Some(webhook) => webhook.deliver(payload, self.webhook_bound).await,
                None => Err("there is no longer a webhook".to_owned()),
            },
            AlertChannel::Command => self.run_command(payload).await,
        }
    }

    #[cfg(test)]
    pub(super) fn within(self, bound: Duration) -> Self {
        Self { webhook_bound: bound, command_bound: bound, ..self }
    }

    async fn run_command(&self, payload: &Payload) -> Result<(), String> {
        let words = self.command.as_deref().unwrap_or_default();
        let json = serde_json::to_vec(payload).map_err(|error| error.to_string())?;
        let variables = [("PREGONERO_ALERT_EVENT", payload.event), ("PREGONERO_ALERT_STATUS", payload.status)];
        run_with_input(words, &self.environment, &variables, json, self.command_bound).await
    }
}

/// Returns the variables of our environment that a command receives.
pub(crate) fn passed_on(environment: &Environment) -> Vec<(&'static str, String)> {
    PASSED_ON.into_iter().filter_map(|name| Some((name, environment.get(name)?.to_owned()))).collect()
}

/// Runs a program with its arguments, `input` on its standard input, and of our environment only what is passed on.
pub(crate) async fn run_with_input(
    words: &[String],
    environment: &[(&'static str, String)],
    variables: &[(&'static str, &str)],
    input: Vec<u8>,
    bound: Duration,
) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("there is no longer a command".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // The standard library's processes block, so this runs on a thread that the runtime keeps for such work.
    tokio::task::spawn_blocking(move || run_bounded(command, &input, bound))
        .await
        .unwrap_or_else(|_| Err("the task that runs the command ended early".to_owned()))
}

/// Runs the command to its end or kills it at the bound. Any end but success is an error.
fn run_bounded(mut command: Command, input: &[u8], bound: Duration) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| format!("cannot run {program}: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A few hundred bytes fit into the pipe; a program may choose not to read them.
        let _ = stdin.write_all(input);
    }
    let since = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program} failed: {status}")),
            Ok(None) if since.elapsed() < bound => std::thread::sleep(COMMAND_LOOK),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} was killed: it did not end within {} s", bound.as_secs_f32()));
            }
            Err(error) => return Err(format!("{program}: {error}")),
        }
    }
}

impl Outgoing {
    /// Prepares to send alerts to `url`, in the form that the other side reads.
    fn for_alerts(url: SecretString, format: WebhookFormat) -> Result<Self, ChannelError> {
        crate::alerts::webhook_url(url.expose_secret()).map_err(ChannelError::Webhook)?;
        let (url, topic) = addressed(url, format).map_err(ChannelError::Webhook)?;
        Ok(Self { topic, ..Self::new(url)? })
    }

    /// Prepares to send to `url`.
    ///
    /// # Errors
    /// If the address may not get secrets, or TLS cannot be set up.
    pub(crate) fn new(url: SecretString) -> Result<Self, ChannelError> {
        crate::alerts::webhook_url(url.expose_secret()).map_err(ChannelError::Webhook)?;
        install_crypto_provider();
        let http = reqwest::Client::builder()
            .user_agent(concat!("pregonero/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| ChannelError::Http(error.to_string()))?;
        Ok(Self { http, url, topic: None })
    }

    async fn deliver(&self, payload: &Payload, bound: Duration) -> Result<(), String> {
        // The library includes the address in its errors unless it is removed.
        let request = self.http.post(self.url.expose_secret()).timeout(bound);
        let request = match &self.topic {
            Some(topic) => request.json(&payload.for_ntfy(topic.expose_secret())),
            None => request.json(payload),
        };
        answered(request).await
    }

    /// Sends a text; the error is a sentence for the log, without secrets.
    pub(crate) async fn post_text(&self, text: String, bound: Duration) -> Result<(), String> {
        let request = self.http.post(self.url.expose_secret()).timeout(bound);
        answered(request.header("content-type", "text/plain; charset=utf-8").body(text)).await
    }
}

async fn answered(request: reqwest::RequestBuilder) -> Result<(), String> {
    match request.send().await.map(|answer| answer.status()) {
        Ok(status) if status.is_success() => Ok(()),
        Ok(StatusCode::TOO_MANY_REQUESTS) => Err("the webhook answered 429: too many requests".to_owned()),
        Ok(status) => Err(format!("the webhook answered {status}")),
        Err(error) if error.is_timeout() => Err("the webhook did not answer in time".to_owned()),
        Err(error) => Err(format!("the webhook could not be reached: {}", error.without_url())),
    }
}

/// Splits the address of a topic of ntfy into the server's address, to which JSON is posted, and the topic. Any other
/// address is returned as it is.
fn addressed(url: SecretString, format: WebhookFormat) -> Result<(SecretString, Option<SecretString>), String> {
    let mut address = Url::parse(url.expose_secret()).map_err(|cause| format!("expected an address: {cause}"))?;
    let looks_like_ntfy =
        || address.host_str().is_some_and(|host| host.split('.').any(|label| label.starts_with("ntfy")));
    let is_ntfy = match format {
        WebhookFormat::Json => false,
        WebhookFormat::Ntfy => true,
        WebhookFormat::Auto => looks_like_ntfy(),
    };
    if !is_ntfy {
        return Ok((url, None));
    }
    let topic = address.path_segments().and_then(|mut segments| segments.rfind(|segment| !segment.is_empty()));
    let Some(topic) = topic.map(str::to_owned) else {
        return Err("expected the address of a topic of ntfy, such as https://ntfy.sh/TOPIC, found no topic".to_owned());
    };
    if let Ok(mut segments) = address.path_segments_mut() {
        segments.pop_if_empty().pop();
    }
    Ok((address.to_string().into(), Some(topic.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_topic_is_split_and_any_other_stays() {
        use WebhookFormat::{Auto, Json, Ntfy};
        let cases = [
            (Auto, "https://ntfy.sh/pregon", "https://ntfy.sh/", Some("pregon")),
            (Auto, "https://ana:clave@ntfy.example.org/pregon/", "https://ana:clave@ntfy.example.org/", Some("pregon")),
            (Auto, "https://example.org/ntfy/x", "https://example.org/ntfy/x", None),
            (Ntfy, "https://example.org/base/pregon?auth=abc", "https://example.org/base?auth=abc", Some("pregon")),
            (Json, "https://ntfy.sh/pregon", "https://ntfy.sh/pregon", None),
        ];
        for (format, given, url, topic) in cases {
            let (found, found_topic) = addressed(given.into(), format).unwrap();
            assert_eq!(found.expose_secret(), url);
            assert_eq!(found_topic.as_ref().map(ExposeSecret::expose_secret), topic, "{given}");
        }
        let error = addressed("https://ntfy.sh/".into(), Auto).unwrap_err();
        assert!(error.contains("https://ntfy.sh/TOPIC"), "{error}");
    }
}
