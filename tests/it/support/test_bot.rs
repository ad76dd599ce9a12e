//! `TestBot`: the real binary in a temporary folder with its own configuration, a tiny model and `FakeX`'s keys, as an
//! operator's shell or service manager would start it. On drop it looks through everything the program wrote and fails
//! the test where one of the keys shows.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::fake_x::library::BEARER;
use super::fake_x::{FakeX, KEYS, USER};
use super::tiny_model;

/// How long a test waits for something that comes in a moment, on a loaded machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pause between two looks at a condition; no test depends on its length.
const BLINK: Duration = Duration::from_millis(20);

/// What lets the tiny model's words through, and no slot for years.
const QUIET: &str = r#"
[schedule]
cron = ["0 0 0 1 1 * 2099"]
timezone = "UTC"
jitter = "0s"
quiet_hours = []
[generation]
model = "tiny"
max_new_tokens = 24
candidates = 4
[sentiment]
target = "any"
[publish]
min_gap = "0s"
reconcile_waits = ["1s"]
reconcile_for = "3s"
[gates]
off = ["language", "cut_sentence", "repetition", "claims", "verbatim", "near_duplicate"]
[selection]
fresh_openings = 0
"#;

/// A folder in which the program runs.
pub struct TestBot {
    folder: TempDir,
    base_url: Option<String>,
    live: bool,
    outputs: Mutex<Vec<Arc<Mutex<String>>>>,
}

impl TestBot {
    /// In dry run, without an X to speak to.
    pub fn new() -> Self {
        Self::with(None, false)
    }

    /// Its posts would go to `x`; live or not.
    pub fn at(x: &FakeX, live: bool) -> Self {
        Self::with(Some(x.url().to_string()), live)
    }

    fn with(base_url: Option<String>, live: bool) -> Self {
        let bot = Self { folder: tempfile::tempdir().unwrap(), base_url, live, outputs: Mutex::default() };
        bot.configure(QUIET);
        tiny_model::write(&bot.path("tiny"));
        bot
    }

    /// The configuration from here on.
    pub fn configure(&self, text: &str) {
        std::fs::write(self.path("config.toml"), text).unwrap();
    }

    /// The quiet configuration with `from` replaced by `to`.
    pub fn configure_with(&self, from: &str, to: &str) {
        assert!(QUIET.contains(from), "{from}");
        self.configure(&QUIET.replace(from, to));
    }

    /// Slots at `cron`, of which the last missed one is served at once, and waits as short as they may be. As many looks
    /// as decide are more than `Mood::TakesAndHides` hides a tweet from.
    pub fn configure_rapid(&self, cron: &str, when_absent: &str) {
        self.configure_rapid_in(cron, when_absent, "", "12h");
    }

    /// The same with quiet hours (a list's items) and a bound for how old a post may be.
    pub fn configure_rapid_in(&self, cron: &str, when_absent: &str, quiet_hours: &str, stale_after: &str) {
        self.configure(&format!(
            r#"
[schedule]
cron = ["{cron}"]
timezone = "UTC"
jitter = "0s"
misfire = "once"
quiet_hours = [{quiet_hours}]
[generation]
model = "tiny"
max_new_tokens = 8
candidates = 1
[sentiment]
target = "any"
[gates]
off = ["language", "cut_sentence", "repetition", "claims", "verbatim", "near_duplicate", "banned_words"]
[publish]
min_gap = "0s"
stale_after = "{stale_after}"
reconcile_waits = ["1s", "1s", "1s", "1s", "1s"]
reconcile_for = "4s"
when_absent = "{when_absent}"
[budget]
posts_per_day = 100000
posts_per_month = 1000000
usd_per_month = 1000000.0
"#
        ));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments, the keys and nothing else of our own environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pregonero"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.envs(KEYS).env("PREGONERO__PUBLISH__LIVE", self.live.to_string());
        command.env("PREGONERO__ACCOUNT__HANDLE", USER.1);
        if let Some(base_url) = &self.base_url {
            command.env("PREGONERO__PUBLISH__BASE_URL", base_url.trim_end_matches('/'));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.start_command(self.command(arguments)).wait()
    }

    /// Runs on a terminal of its own, on which a person types these lines; the person's editor is the file `editor`, if it is
    /// there. What is shown there is `stdout`.
    pub fn on_a_terminal(&self, arguments: &[&str], typed: &str) -> Ended {
        assert!(arguments.iter().all(|argument| !argument.contains([' ', '\''])), "no shell quotes these");
        std::fs::write(self.path("typed"), typed).unwrap();
        let plain = self.command(arguments);
        let mut command = Command::new("script");
        command
            .arg("-qec")
            .arg(format!("{} {}", env!("CARGO_BIN_EXE_pregonero"), arguments.join(" ")))
            .arg("/dev/null");
        command.current_dir(self.folder.path()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", "/usr/bin:/bin").env("TERM", "dumb");
        if self.path("editor").exists() {
            command.env("EDITOR", self.path("editor"));
        }
        command.stdin(std::fs::File::open(self.path("typed")).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.start_command(command).wait()
    }

    /// Starts and goes on.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_command(self.command(arguments))
    }

    pub fn start_command(&self, mut command: Command) -> Running {
        let mut child = command.spawn().unwrap();
        let (stdout, out_reader) = collect(child.stdout.take().unwrap());
        let (stderr, err_reader) = collect(child.stderr.take().unwrap());
        self.outputs.lock().unwrap().extend([Arc::clone(&stdout), Arc::clone(&stderr)]);
        Running { child, stdout, stderr, readers: vec![out_reader, err_reader] }
    }

    /// `history list --json`, the newest first.
    pub fn history(&self) -> Vec<Value> {
        self.run(&["--json", "history", "list"]).json()
    }

    /// The words that `history list` has for the newest entry, by name.
    pub fn newest(&self, key: &str) -> Value {
        self.history()[0][key].clone()
    }

    /// The state of the newest entry of the history.
    pub fn newest_state(&self) -> String {
        self.history()[0]["state"].as_str().unwrap().to_owned()
    }
}

impl Drop for TestBot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let said: Vec<String> = self.outputs.lock().unwrap().iter().map(|text| text.lock().unwrap().clone()).collect();
        for (name, key) in KEYS.into_iter().chain([BEARER]) {
            assert!(said.iter().all(|text| !text.contains(key)), "{name} shows in the output");
            for file in files_in(self.folder.path()) {
                let bytes = std::fs::read(&file).unwrap_or_default();
                let shows = bytes.windows(key.len()).any(|window| window == key.as_bytes());
                assert!(!shows, "{name} shows in {}", file.display());
            }
        }
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

fn collect(stream: impl Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let collected = Arc::clone(&text);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut text = collected.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    });
    (text, reader)
}

/// A program at work. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// What a program left.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Every line of standard output as JSON, of a program that ended well.
    pub fn json(&self) -> Vec<Value> {
        assert_eq!(self.code(), Some(0), "{self:#?}");
        lines_as_json(&self.stdout)
    }

    /// Every line of the log as JSON.
    pub fn log(&self) -> Vec<Value> {
        lines_as_json(&self.stderr)
    }
}

fn lines_as_json(text: &str) -> Vec<Value> {
    let json = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
    text.lines().map(json).collect()
}

impl Running {
    /// `TERM`, `HUP`, `KILL`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// The same to a program that may have ended.
    pub fn signal_if_alive(&self, name: &str) {
        let _ = Command::new("sh").args(["-c", &format!("kill -{name} {} 2>/dev/null", self.child.id())]).status();
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the log holds `words`, `times` times.
    pub fn wait_for(&mut self, words: &str, times: usize) {
        let stderr = Arc::clone(&self.stderr);
        let held = || stderr.lock().unwrap().matches(words).count() >= times;
        let since = Instant::now();
        while !held() {
            let ended = self.child.try_wait().unwrap();
            // What it said last may still be on its way through the pipe.
            let too_late = ended.is_some() && since.elapsed() > Duration::from_secs(2) || since.elapsed() > PATIENCE;
            assert!(!too_late, "{words:?} never came, ended: {ended:?}\n{}", self.stderr.lock().unwrap());
            std::thread::sleep(BLINK);
        }
    }

    /// What is in the log so far.
    pub fn log_so_far(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Ended {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(since.elapsed() < PATIENCE, "the program does not end\n{}", self.stderr.lock().unwrap());
            std::thread::sleep(BLINK);
        };
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        let text = |text: &Mutex<String>| text.lock().unwrap().clone();
        Ended { status, stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < PATIENCE, "{what} never came");
        std::thread::sleep(BLINK);
    }
}
