//! How the allocator (glibc's; elsewhere this does nothing) treats freed memory: a training should keep it, a daemon
//! should return it.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use libc::{M_ARENA_MAX, M_MMAP_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, c_int};

/// Blocks of at least this size, a megabyte, go back to the system as soon as a daemon frees them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: c_int = 1 << 20;

/// Lets the process keep freed memory for its next step; call it before a training.
///
/// A step frees and reallocates hundreds of megabytes. By default glibc returns such blocks to the system at once,
/// and fetching them again page by page costs a quarter of the step.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set(&[(M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, c_int::MAX), (M_ARENA_MAX, 1)]);
}

/// Lets the process return freed memory; call it before the threads start, because each would have its own pool. It
/// is for a process that runs for months, and for the commands that write candidates on a small machine.
///
/// A reload frees a whole classifier. After the first such block, glibc by default keeps the next ones, up to 64 MiB
/// in the pool of each thread that had one, so that a daemon grows to a multiple of what it needs.
pub fn give_freed_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set(&[(M_MMAP_THRESHOLD, LARGE), (M_ARENA_MAX, 1)]);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set(parameters: &[(c_int, c_int)]) {
    for &(parameter, value) in parameters {
        // SAFETY: `mallopt` only changes tuning parameters of the allocator, may be called at any time and from any
        // thread, and these parameters accept any such value.
        let accepted = unsafe { libc::mallopt(parameter, value) };
        if accepted == 0 {
            tracing::debug!(parameter, value, "the allocator refused a setting");
        }
    }
}
