//! Processes: how large one is, and one that others may end at any moment with SIGKILL.

use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

/// One of the sizes of `proc_pid_status(5)`, in MiB.
pub fn size_mib(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1024.0
}

/// The process, for whoever is to end it. Dies with the last of its clones.
#[derive(Clone, Default)]
pub struct Victim(Arc<Mutex<Option<Child>>>);

impl Victim {
    /// Begins a life; the one before must have been reaped.
    pub fn begin(&self, command: &mut Command) {
        let before = self.0.lock().unwrap().replace(command.spawn().unwrap());
        assert!(before.is_none(), "one life at a time");
    }

    pub fn kill(&self) {
        if let Some(child) = self.0.lock().unwrap().as_mut() {
            // One that has ended already cannot be killed, and is found by `reap`.
            let _ = child.kill();
        }
    }

    pub fn is_alive(&self) -> bool {
        self.0.lock().unwrap().as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Waits for its end, which must have been our doing.
    pub fn reap(&self, life: &str) {
        let status = self.0.lock().unwrap().take().unwrap().wait().unwrap();
        assert_eq!(status.code(), None, "{life}: the program ended by itself");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) == 1 {
            self.kill();
        }
    }
}
