//! Headless Chromium, driven through its DevTools protocol over two pipes (`--remote-debugging-pipe`): JSON messages that end
//! with a zero byte. No crate: those that speak the whole protocol take longer to compile than the program itself.
//!
//! It keeps what the console said and which addresses were asked for; [`Browser::drop`] fails the test if a console error came
//! that the test did not expect, or a request left the page's own host.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// axe-core, which `.ci/axe` fetches.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe.min.js");

/// How long something on a page may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    next: u64,
    session: String,
    events: Vec<Value>,
    /// The origin of the page.
    origin: String,
    /// Statuses that the test provokes, which the console calls errors.
    expected: Vec<u16>,
    _folder: TempDir,
}

impl Browser {
    /// Starts it with a window of this size.
    pub fn start(origin: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (into, out) = (folder.path().join("in"), folder.path().join("out"));
        for pipe in [&into, &out] {
            assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }
        let script = "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --disable-background-networking --disable-component-update --remote-debugging-pipe \
                      --user-data-dir=\"$1\" about:blank 3<\"$2\" 4>\"$3\"";
        let child = Command::new("sh")
            .args(["-c", script, "sh"])
            .args([&folder.path().join("profile"), &into, &out])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In the order in which the shell opens the other ends.
        let to = OpenOptions::new().write(true).open(&into).unwrap();
        let from = BufReader::new(File::open(&out).unwrap());
        let mut browser = Self {
            child,
            to,
            from,
            next: 0,
            session: String::new(),
            events: Vec::new(),
            origin: origin.to_owned(),
            expected: Vec::new(),
            _folder: folder,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", target)["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.window(1200, 800, false);
        browser
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        let read = self.from.read_until(0, &mut message).unwrap();
        assert!(read > 0, "the browser is gone");
        message.pop();
        serde_json::from_slice(&message).unwrap()
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = self.read();
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// The size of the window; a phone's has a finger instead of a mouse.
    pub fn window(&mut self, width: u32, height: u32, is_phone: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the reader's system prefers.
    pub fn prefer_dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.call("Emulation.setEmulatedMedia", features);
    }

    pub fn expect_status(&mut self, status: u16) {
        self.expected.push(status);
    }

    /// Opens a path and waits until the page is there.
    pub fn go(&mut self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.call("Page.navigate", json!({"url": url}));
        self.wait_for(&format!("document.readyState === 'complete' && location.href === {}", json!(url)));
    }

    /// What a line of script gives.
    pub fn script(&mut self, script: &str) -> Value {
        let parameters = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{script}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Waits until a line of script gives true, over new pages too.
    pub fn wait_for(&mut self, condition: &str) {
        let since = Instant::now();
        loop {
            let parameters = json!({"expression": condition, "returnByValue": true});
            // A page that is being replaced answers with an exception.
            if self.call("Runtime.evaluate", parameters)["result"]["value"] == true {
                return;
            }
            let here = || format!("{condition}: never");
            if since.elapsed() > PATIENCE {
                let body = self.script("location.href + '\\n' + document.body.innerText");
                panic!("{}\n{}", here(), body.as_str().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn wait_for_text(&mut self, text: &str) {
        self.wait_for(&format!("!!document.body && document.body.innerText.includes({})", json!(text)));
    }

    /// Clicks what fits the selector.
    pub fn click(&mut self, selector: &str) {
        self.wait_for(&format!("document.querySelector({}) !== null", json!(selector)));
        self.script(&format!("document.querySelector({}).click()", json!(selector)));
    }

    /// Sets a field's contents.
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.script(&format!("document.querySelector({}).value = {}", json!(selector), json!(text)));
    }

    /// Types a text into what has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses and releases a key: a character, `Enter`, `Tab`, `Escape`.
    pub fn press(&mut self, key: &str) {
        let (text, code) = match key {
            "Enter" => ("\r", 13),
            "Tab" => ("", 9),
            "Escape" => ("", 27),
            " " => (" ", 32),
            key => (key, 0),
        };
        let mut down = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}));
    }

    /// What axe-core finds wrong with the page, and whether it scrolls sideways.
    pub fn faults(&mut self) -> Vec<String> {
        assert!(Path::new(AXE).exists(), "{AXE}: missing; `bash .ci/axe` fetches it");
        let axe = std::fs::read_to_string(AXE).unwrap();
        self.script(&format!("{axe};0"));
        let found = self.script(
            "axe.run({resultTypes: ['violations']}).then(found => found.violations.flatMap(fault =>
                 fault.nodes.map(node => fault.id + ': ' + node.html.slice(0, 200) + ' ' + node.failureSummary)))",
        );
        let mut faults: Vec<String> = serde_json::from_value(found).unwrap();
        if self.script("document.documentElement.scrollWidth > document.documentElement.clientWidth") == true {
            faults.push("the page scrolls sideways".to_owned());
        }
        faults
    }

    fn complaints(&self) -> Vec<String> {
        let of = |method: &'static str| self.events.iter().filter(move |event| event["method"] == method);
        let is_expected = |text: &str| self.expected.iter().any(|status| text.contains(&format!("status of {status}")));
        let logged = of("Log.entryAdded").map(|event| &event["params"]["entry"]);
        let logged = logged.filter(|entry| entry["level"] == "error" && !is_expected(&entry["text"].to_string()));
        let thrown = of("Runtime.exceptionThrown").map(|event| event["params"].to_string());
        let said = of("Runtime.consoleAPICalled").filter(|event| event["params"]["type"] == "error");
        let asked = of("Network.requestWillBeSent").filter_map(|event| event["params"]["request"]["url"].as_str());
        // `data:` is the browser's own: the icon in a field for a date. The page's policy allows none.
        let stays = |url: &str| {
            url.starts_with(&format!("{}/", self.origin)) || url == "about:blank" || url.starts_with("data:")
        };
        let left = asked.filter(|url| !stays(url));
        let complaints = logged.map(ToString::to_string).chain(thrown).chain(said.map(ToString::to_string));
        complaints.chain(left.map(|url| format!("a request left the host: {url}"))).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Whatever was under way is in the events once this is answered.
            self.call("Runtime.evaluate", json!({"expression": "0"}));
            let complaints = self.complaints();
            let _ = self.child.kill();
            let _ = self.child.wait();
            assert_eq!(complaints, [""; 0]);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
