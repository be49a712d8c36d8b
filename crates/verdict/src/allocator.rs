//! How the C library's allocator shares memory out among threads.

/// Keeps the allocator to one arena for each thread that works, instead of eight for each core.
///
/// What a thread frees stays in the arena that it came from, and the threads that read and write files come and go: a run over
/// 20 million events held 380 to 400 MB resident on two cores before and 245 to 255 MB after, in the same CPU time
/// (`jobs/bench/README.md`). Nothing is done with another C library, or where the environment says how many arenas there
/// are to be.
pub(crate) fn keep_together(threads: Option<usize>) {
    if ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"].iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    // One arena for two threads that work makes them wait for each other: a fifth more CPU time.
    let arenas = threads.unwrap_or_else(cores).max(2);
    limit(arenas);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "a third of the memory of a run; there is no safe way to say it to the C library"
)]
fn limit(arenas: usize) {
    let Ok(arenas) = libc::c_int::try_from(arenas) else { return };
    // SAFETY: `mallopt` takes two integers and keeps no pointer; it is called before the process has a second thread.
    // Where it refuses (returns 0) the allocator goes on as it was.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn limit(_arenas: usize) {}
