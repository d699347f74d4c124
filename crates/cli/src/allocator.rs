//! Keeps the memory of blocks between blocks.
//!
//! glibc gives every allocation of megabytes its own mapping and returns it at once, so that each block is paid for
//! again in page faults: half of the system time of a merge. Blocks are recycled instead; the budget bounds them. All
//! threads share one arena: what one stage or thread frees serves the next, and can be given back between stages, which
//! glibc does not do for the arenas of threads.
#![expect(unsafe_code, reason = "mallopt and malloc_trim")]

/// Gives free memory back to the system.
pub(crate) fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim may be called by any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Tells glibc to keep freed blocks; nothing on other systems.
pub(crate) fn keep_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets parameters of the allocator, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TOP_PAD, 1 << 20);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
