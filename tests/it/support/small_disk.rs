//! A real disk of a few mebibytes: a tmpfs in a mount namespace of its own, kept open by a process that does nothing else.
//! Whoever may not make one (no root, no user namespaces) is told so by the test, loudly.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Programs started through [`SmallDisk::inside`] see it at its path; the test itself does not.
#[derive(Debug)]
pub struct SmallDisk {
    keeper: Child,
    path: PathBuf,
}

impl SmallDisk {
    /// A disk of `mebibytes` at `path`, an empty folder; none where this machine does not let us.
    pub fn mount(path: &Path, mebibytes: usize) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let script = format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$1\" && echo mounted && exec sleep infinity");
        for user in [&["--mount"][..], &["--mount", "--map-root-user"]] {
            let mut keeper = Command::new("unshare")
                .args(user)
                .args(["sh", "-c", &script, "sh"])
                .arg(path)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            let mut line = String::new();
            BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line == "mounted\n" {
                return Some(Self { keeper, path: path.to_owned() });
            }
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
        // Past the harness, which keeps what a passing test prints to itself.
        let skipped =
            "SKIPPED: this machine allows no mount (unshare --mount): nothing was tested on a disk of its own";
        let _ = writeln!(std::io::stderr(), "{skipped}");
        None
    }

    /// The same program, which sees the disk.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--mount=/proc/{}/ns/mnt", self.keeper.id()));
        let user = format!("/proc/{}/ns/user", self.keeper.id());
        if std::fs::read_link(&user).unwrap() != std::fs::read_link("/proc/self/ns/user").unwrap() {
            inside.arg(format!("--user={user}")).arg("--preserve-credentials");
        }
        let folder = command.get_current_dir().unwrap();
        inside.args(["sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh"]).arg(folder);
        inside.arg(command.get_program()).args(command.get_args()).env_clear();
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        inside.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inside
    }

    /// Runs a shell's words in the disk's folder.
    pub fn shell(&self, words: &str) {
        let mut command = Command::new("sh");
        command.args(["-c", words]).current_dir(&self.path);
        let output = self.inside(&command).output().unwrap();
        // A full disk is what `dd` is to find.
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || said.contains("No space left"), "{words}: {said}");
    }

    /// Leaves no byte.
    pub fn fill(&self) {
        self.shell("dd if=/dev/zero of=filler bs=4096 status=none");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
