//! Keeps the memory of blocks between blocks.
//!
//! glibc gives every allocation of megabytes its own mapping and returns it at once, so that each block is paid for
//! again in page faults: half of the system time of a merge. Blocks are recycled instead; the budget bounds them.
#![expect(unsafe_code, reason = "mallopt")]

/// Tells glibc to keep freed blocks; nothing on other systems.
pub(crate) fn keep_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets parameters of the allocator, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TOP_PAD, 16 << 20);
    }
}
