//! What the process forbids itself: its memory holds keys.

/// No core dumps, no attaching by other processes of the same user, and new files for their owner only. Best effort:
/// where the system does not know it, the program runs all the same.
#[expect(unsafe_code, reason = "calls into libc that take no memory of ours but one local struct")]
pub(crate) fn no_core_dumps() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid rlimit that lives through the call; umask and prctl take plain numbers.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::umask(0o077);
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
}

/// Rust's allocator maps what is large by itself and gives it back when it is freed, instead of taking it from a region
/// of a gigabyte that it clears late and little by little: hashing a password takes 19 MiB for a moment. Half of the
/// memory at rest otherwise.
#[expect(unsafe_code, reason = "a call into the allocator that takes plain numbers")]
pub(crate) fn reserve_no_region() {
    /// `mi_option_disallow_arena_alloc`: its place in the list of `mimalloc.h`, which the binding does not name.
    const DISALLOW_ARENA_ALLOC: libc::c_int = 26;
    // SAFETY: called before any thread is started.
    unsafe { libmimalloc_sys::mi_option_set(DISALLOW_ARENA_ALLOC, 1) }
}

/// Gives memory that was freed back to the system, as far as C code allocates it: SQLite sorts and builds indexes in
/// memory, and has a cache for each connection, whose threads would otherwise each get a heap of their own. Rust's own
/// memory is the allocator's in `main.rs`. Only glibc has to be told.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "calls into libc that take plain numbers")]
pub(crate) fn give_memory_back() {
    const BYTES: libc::c_int = 128 * 1024;
    // SAFETY: called before any thread is started.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_TRIM_THRESHOLD, BYTES);
        libc::mallopt(libc::M_MMAP_THRESHOLD, BYTES);
    }
}

/// Other C libraries do so by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_memory_back() {}
