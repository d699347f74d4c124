//! Early write-back: the disk works while the job computes, not only at the end.
//!
//! A finished file is synchronised before it gets its name. The system by itself may keep gigabytes of it in memory
//! until then, and the wait comes on top of the work. So a thread of its own asks for what was written so far, again and
//! again. That changes when bytes reach the disk, and nothing else: errors of it are left to the synchronisation at the
//! end, which reports them.

use std::fs::File;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// Bytes after which the disk is asked for them.
const STRIDE: u64 = 64 << 20;

/// A thread that brings a growing file to the disk.
pub(crate) struct WriteBack {
    /// Bytes since the thread was last woken.
    waiting: u64,
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
    file: Option<File>,
}

impl WriteBack {
    /// For a file; its thread starts when there is enough to write.
    pub(crate) fn new(file: &File) -> Self {
        Self { waiting: 0, thread: None, file: file.try_clone().ok() }
    }

    /// So many bytes more are in the file.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        self.waiting += bytes as u64;
        if self.waiting < STRIDE {
            return;
        }
        if let Some(file) = self.file.take() {
            let (sender, receiver) = sync_channel::<()>(1);
            let run = move || {
                while receiver.recv().is_ok() {
                    // An error comes back when the whole file is synchronised.
                    let _ = file.sync_data();
                }
            };
            let thread = std::thread::Builder::new().name("write-back".to_owned()).spawn(run);
            self.thread = thread.ok().map(|thread| (sender, thread));
        }
        if let Some((sender, _)) = &self.thread
            && !matches!(sender.try_send(()), Err(TrySendError::Full(())))
        {
            self.waiting = 0;
        }
    }
}

impl Drop for WriteBack {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}
