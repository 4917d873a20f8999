//! When the writer brings the WAL into the database file.
//!
//! Never inside a commit: between two groups, whose callers have heard, and when no write has come for a while. So
//! no caller waits for the checkpoint of the own write, and a checkpoint that fails is no failed write.
//!
//! What bounds the WAL: at `checkpoint_pages` it is brought into the file as far as readers allow, and begun anew by
//! the next write if none of them reads in it. Where readers do not allow it for so long that the WAL has `wal_pages`,
//! the writer waits for them: those of this process end within their limit, and new ones are not in its way. Only a
//! reader of another process can hold it up for longer; then the WAL grows until that one ends.

use std::time::Duration;

use super::conn::{Checkpoint, Conn, Wal};
use crate::engine::EngineOptions;

/// Longest pause between two tries of an idle writer that readers are in the way of.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Waiting for a reader, beyond the longest time that one takes.
const MARGIN: Duration = Duration::from_millis(500);

/// The writer's checkpoints.
pub(crate) struct Checkpoints {
    pages: u64,
    limit: u64,
    /// Longest read of this process.
    read: Duration,
    idle: Duration,
    /// Pages not in the file yet, at which the next one is due.
    due: u64,
    /// Pages in all, at which the next one that waits is due.
    waiting_due: u64,
    /// Pause before the next one of an idle writer; none if there is nothing to do.
    pause: Option<Duration>,
    /// Whether the WAL is to be emptied, however small it is.
    forget: bool,
}

impl Checkpoints {
    /// By these settings.
    pub(crate) fn new(options: &EngineOptions) -> Self {
        Self {
            pages: options.checkpoint_pages,
            limit: options.wal_pages,
            read: options.read_limit,
            idle: options.idle,
            due: options.checkpoint_pages,
            waiting_due: options.wal_pages,
            // A WAL that an earlier process left.
            pause: Some(options.idle),
            forget: false,
        }
    }

    /// What is in the WAL is to go from it, if so.
    pub(crate) fn forget(&mut self, forget: bool) {
        if forget {
            self.forget = true;
            self.pause = Some(self.idle);
        }
    }

    /// How long the queue must be empty before [`Checkpoints::when_idle`] has something to do.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.pause
    }

    /// After a group.
    pub(crate) fn between_groups(&mut self, conn: &mut Conn) {
        self.pause = Some(self.idle);
        let Ok(mut wal) = conn.checkpoint(Checkpoint::Noop, Duration::ZERO) else { return };
        if wal.open() >= self.due {
            // What failed is tried again when as many pages have come as now; nothing is lost by it.
            wal = conn.checkpoint(Checkpoint::Passive, Duration::ZERO).unwrap_or(wal);
            self.due = wal.open() + self.pages;
        }
        if wal.frames < self.limit {
            self.waiting_due = self.limit;
        } else if wal.frames >= self.waiting_due {
            wal = conn.checkpoint(Checkpoint::Truncate, self.read + MARGIN).unwrap_or(wal);
            self.due = wal.open() + self.pages;
            self.waiting_due = wal.frames + self.limit;
        }
    }

    /// No write came for as long as [`Checkpoints::pause`] said.
    pub(crate) fn when_idle(&mut self, conn: &mut Conn) {
        let pause = self.pause.unwrap_or(self.idle);
        let truncate = |wal: &Wal| wal.frames > self.pages || self.forget;
        let done = conn.checkpoint(Checkpoint::Passive, Duration::ZERO).map(|wal| match truncate(&wal) {
            // So much space is not kept; a reader in it is not waited for.
            true => conn.checkpoint(Checkpoint::Truncate, Duration::ZERO).unwrap_or(wal),
            false => wal,
        });
        self.forget &= done.as_ref().map_or(true, |wal| wal.frames > 0);
        self.pause = match done {
            _ if self.forget => Some((pause * 2).min(LONGEST_PAUSE)),
            Ok(wal) if wal.open() == 0 && wal.frames <= self.pages => {
                self.due = self.pages;
                None
            }
            _ => Some((pause * 2).min(LONGEST_PAUSE)),
        };
    }

    /// Nothing will be written any more. If another process still reads, the WAL stays, which is as safe.
    pub(crate) fn at_the_end(&self, conn: &mut Conn) {
        let _ = conn.checkpoint(Checkpoint::Truncate, self.read + MARGIN);
    }
}

impl Wal {
    /// Pages that are not in the file yet.
    fn open(self) -> u64 {
        self.frames.saturating_sub(self.copied)
    }
}
