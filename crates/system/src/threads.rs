//! How many threads the pools start: as many as the processors that this process may use.
//!
//! Rust's own count heeds the affinity and the quota of the control group (`cpu.max`, `cpu.cfs_quota_us`), and rayon
//! follows it. candle's pools count the machine's processors instead, unless `RAYON_NUM_THREADS` is set.

/// The variable that rayon and candle read.
const THREADS: &str = "RAYON_NUM_THREADS";

/// Makes all pools as large as this process may have processors, unless the variable is set. Call it before any
/// thread starts; afterwards it does nothing.
#[expect(clippy::disallowed_methods, reason = "this crate is the only access to the environment")]
pub fn heed_the_quota() {
    if std::env::var_os(THREADS).is_some() || !is_alone() {
        return;
    }
    if let Ok(count) = std::thread::available_parallelism() {
        // SAFETY: no other thread of this process runs, so none reads the environment meanwhile.
        unsafe { std::env::set_var(THREADS, count.to_string()) };
    }
}

/// Returns whether this process has one thread.
fn is_alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}
