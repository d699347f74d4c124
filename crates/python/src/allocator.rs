//! The memory of blocks.
//!
//! The allocator of the process belongs to Python, and its parameters are not ours to change. Left alone it keeps blocks that
//! were freed, one heap for each thread, and what the steps of a notebook leave there adds up. What is large is asked of the
//! system instead, and goes back to it when it is free; the engine reuses the blocks of a pass by itself. What others freed
//! (tables of a million cells that a filter replaced) is given back when a job takes long.
#![expect(unsafe_code, reason = "an allocator, and the calls of the system that it is made of")]

/// Gives memory of the process that is free back to the system; takes some milliseconds.
pub(crate) fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim may be called by any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: Blocks = Blocks;

/// The allocator of the process for what is small, pages of the system for what is large.
#[cfg(target_os = "linux")]
struct Blocks;

#[cfg(target_os = "linux")]
mod pages {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::ptr::{self, null_mut};

    use super::Blocks;

    /// What is large: smaller blocks would pay too much for whole pages, and for asking.
    const LARGE: usize = 256 << 10;
    /// Pages are at least this large, so that what begins with one is aligned as well.
    const PAGE: usize = 4096;

    fn is_large(size: usize, align: usize) -> bool {
        size >= LARGE && align <= PAGE
    }

    // SAFETY: whatever is large comes from mmap and goes back by munmap, with the size that it was asked for; whatever is not
    // comes from and goes to `System`. Which of the two it is depends on the layout alone, and that is the same both times.
    unsafe impl GlobalAlloc for Blocks {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if !is_large(layout.size(), layout.align()) {
                // SAFETY: what is promised of the layout is passed on.
                return unsafe { System.alloc(layout) };
            }
            let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            // SAFETY: new pages that nobody else has; the size is above zero.
            let pages = unsafe { libc::mmap(null_mut(), layout.size(), access, kind, -1, 0) };
            if pages == libc::MAP_FAILED { null_mut() } else { pages.cast() }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            if is_large(layout.size(), layout.align()) {
                // SAFETY: as promised; new pages are zero.
                unsafe { self.alloc(layout) }
            } else {
                // SAFETY: what is promised of the layout is passed on.
                unsafe { System.alloc_zeroed(layout) }
            }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            if is_large(layout.size(), layout.align()) {
                // SAFETY: these are pages of `alloc`, of this size, and nobody uses them any more. It cannot fail for them.
                unsafe { libc::munmap(block.cast(), layout.size()) };
            } else {
                // SAFETY: a block of `System` with this layout.
                unsafe { System.dealloc(block, layout) }
            }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            match (is_large(layout.size(), layout.align()), is_large(size, layout.align())) {
                // SAFETY: a block of `System` that stays one.
                (false, false) => unsafe { System.realloc(block, layout, size) },
                (true, true) => {
                    // SAFETY: these are pages of `alloc`, of this size; they may move, as a block may here.
                    let pages = unsafe { libc::mremap(block.cast(), layout.size(), size, libc::MREMAP_MAYMOVE) };
                    if pages == libc::MAP_FAILED { null_mut() } else { pages.cast() }
                }
                _ => {
                    // SAFETY: the caller promises that the size with this alignment is a layout.
                    let other = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
                    if !other.is_null() {
                        // SAFETY: two blocks that do not overlap, each of at least so many bytes.
                        unsafe { ptr::copy_nonoverlapping(block, other, size.min(layout.size())) };
                        // SAFETY: the block is the caller's, and this is its end.
                        unsafe { self.dealloc(block, layout) };
                    }
                    other
                }
            }
        }
    }
}
