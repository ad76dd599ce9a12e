//! How much memory this process may still allocate, and how many rows of a batch fit into it.

use std::fs;

use super::request::GenerationError;

/// Returns the bytes that are free for this process: the machine's, or what its control group allows, whichever is
/// less. `None` if the system does not say.
pub(super) fn available() -> Option<u64> {
    let machine = machine()?;
    Some(control_group().map_or(machine, |group| group.min(machine)))
}

fn machine() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Returns what the control group still allows. Pages of files count as free: the system reclaims them before it
/// refuses an allocation, and a model that was just read fills the group with them.
fn control_group() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let folder = format!("/sys/fs/cgroup{path}");
    let read = |name: &str| fs::read_to_string(format!("{folder}/{name}")).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let of_files = read("memory.stat")
        .and_then(|stat| stat.lines().find_map(|line| line.strip_prefix("file ")?.trim().parse::<u64>().ok()))
        .unwrap_or(0);
    let taken = number("memory.current")?.saturating_sub(of_files);
    Some(number("memory.max")?.saturating_sub(taken))
}

/// How many rows of a batch fit.
pub(super) struct Fit {
    pub(super) rows: usize,
    /// Bytes that one row takes.
    pub(super) row: u64,
    available: u64,
}

impl Fit {
    /// Computes how many of `wanted` rows of `row` bytes fit into four fifths of `available`; all of them if the
    /// system does not say.
    pub(super) fn new(row: u64, wanted: usize, available: Option<u64>) -> Self {
        let Some(available) = available else { return Self { rows: wanted, row, available: 0 } };
        let usable = available / 10 * 8;
        let rows = usize::try_from(usable / row.max(1)).unwrap_or(usize::MAX).min(wanted);
        Self { rows, row, available }
    }

    pub(super) fn rows(&self) -> Result<usize, GenerationError> {
        if self.rows > 0 { Ok(self.rows) } else { Err(self.refusal(1)) }
    }

    pub(super) fn holds(&self, wanted: usize) -> Result<(), GenerationError> {
        if self.rows >= wanted { Ok(()) } else { Err(self.refusal(wanted)) }
    }

    fn refusal(&self, rows: usize) -> GenerationError {
        GenerationError::OutOfMemory { needed: (self.row * rows as u64) >> 20, available: self.available >> 20 }
    }
}
