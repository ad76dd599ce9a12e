//! The admin page as a client sees it: users, a session, and requests down to the last header.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use super::test_bot::{Running, TestBot};

/// The password of every user of these tests.
pub const PASSWORD: &str = "una frase inventada";

/// The section that serves the page on a free port, for [`TestBot::configure_with`].
pub const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";

/// A bot's page.
pub struct Page {
    pub address: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Adds a user.
pub fn add_user(bot: &TestBot, name: &str, role: &str) {
    let file = bot.path("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let mut command = bot.command(&["admin", "user", "add", name, "--role", role, "--password-stdin", "--by", "root"]);
    command.stdin(Stdio::from(std::fs::File::open(&file).unwrap()));
    let ended = bot.start_command(command).wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
}

impl Page {
    /// Waits until the daemon serves its page.
    pub fn of(running: &mut Running) -> Self {
        Self::at(running, "serving the admin page")
    }

    /// Waits until the daemon says that it serves something, and reads where.
    pub fn at(running: &mut Running, words: &str) -> Self {
        running.wait_for(words, 1);
        let log = running.log_so_far();
        let line = log.lines().rev().find(|line| line.contains(words)).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let url = line["address"].as_str().unwrap();
        let address = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        Self { address }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a request with exactly these headers besides the length, and reads the answer to its end.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.raw(format!("{request}\r\n{body}").as_bytes())
    }

    /// Sends bytes as they are.
    pub fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A server that has refused already may close before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Reply { status, headers, body: body.to_owned() }
    }

    /// Asks as a browser on the page itself would, with this cookie.
    pub fn get(&self, path: &str, cookie: &str) -> Reply {
        let host = self.address.to_string();
        self.send("GET", path, &[("Host", &host), ("Cookie", cookie)], "")
    }

    /// Sends a form as a browser on the page itself would, with this cookie.
    pub fn post(&self, path: &str, cookie: &str, body: &str) -> Reply {
        let (host, origin) = (self.address.to_string(), self.origin());
        let headers = [("Host", &*host), ("Origin", &*origin), ("Sec-Fetch-Site", "same-origin"), ("Cookie", cookie)];
        self.send("POST", path, &headers, body)
    }

    /// Signs in; returns the cookie.
    pub fn sign_in(&self, name: &str) -> String {
        let reply = self.post("/sign-in", "", &form(&[("name", name), ("password", PASSWORD)]));
        assert_eq!((reply.status, reply.header("location")), (303, "/"), "{reply:#?}");
        reply.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

/// Writes a form's fields.
pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
