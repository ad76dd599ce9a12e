//! How the allocator treats the large tensors of a training.
//!
//! A step frees and takes again hundreds of megabytes. By default glibc gives such blocks back to the system at once, and
//! fetching them again page by page costs a quarter of the step.

/// Lets the process keep freed memory for its next step; call it before a training. Elsewhere than on glibc it does
/// nothing.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let settings = [(libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, i32::MAX), (libc::M_ARENA_MAX, 1)];
        for (parameter, value) in settings {
            // SAFETY: `mallopt` only changes tuning parameters of the allocator, may be called at any time and from any
            // thread, and these parameters take any such value.
            let accepted = unsafe { libc::mallopt(parameter, value) };
            if accepted == 0 {
                tracing::debug!(parameter, value, "the allocator refuses a setting; training is slower");
            }
        }
    }
}
