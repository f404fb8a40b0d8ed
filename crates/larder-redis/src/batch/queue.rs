//! The keys that wait for the next command, and the number of keys in flight.

use fred::error::{Error, ErrorKind};
use tokio::sync::oneshot;

use super::{Answer, DIRECT_LIMIT, MAX_KEYS};

/// Keys that wait for the next command.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<PendingGet>,
    /// Number of keys of the current epoch that are in flight and not overdue.
    under_way: usize,
    /// Number of the current epoch.
    ///
    /// A new epoch begins when keys were in flight for too long. Keys of earlier epochs do not
    /// count.
    epoch: u64,
    /// Number of batches that have left the queue.
    batches: u64,
    /// Set while a task watches the waiting keys.
    is_guarded: bool,
}

pub(super) struct PendingGet {
    pub(super) key: String,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// How a lookup gets its value.
pub(super) enum Admission {
    /// By a command of its own.
    SendNow { key: String, epoch: u64 },
    /// By the answer to a later command.
    Join {
        answer: oneshot::Receiver<Answer>,
        /// Whether the caller has to start the task that watches the queue.
        needs_guard: bool,
    },
}

/// Keys for one command.
pub(super) struct Batch {
    pub(super) pending: Vec<PendingGet>,
    pub(super) epoch: u64,
    /// Number of keys that still wait.
    pub(super) left: usize,
}

/// The state of the queue, for the task that watches it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// No key waits: the task ends.
    Empty,
    /// The queue moves. This many batches have left it.
    Moving(u64),
    /// No batch has left the queue since the last check.
    Stuck,
}

impl Queue {
    pub(super) fn admit(&mut self, key: String) -> Admission {
        if self.under_way < DIRECT_LIMIT {
            self.under_way += 1;
            return Admission::SendNow { key, epoch: self.epoch };
        }
        let (sender, answer) = oneshot::channel();
        self.waiting.push(PendingGet { key, answer: sender });
        let needs_guard = !std::mem::replace(&mut self.is_guarded, true);
        Admission::Join { answer, needs_guard }
    }

    /// Records that keys of an epoch have completed. Returns whether the waiting keys may go.
    pub(super) fn completed(&mut self, keys: usize, epoch: u64) -> bool {
        if epoch == self.epoch {
            self.under_way -= keys;
        }
        self.under_way < DIRECT_LIMIT
    }

    /// Takes the first waiting keys, `most` at most, for one command.
    ///
    /// They are in flight from now on.
    pub(super) fn next(&mut self, most: usize) -> Batch {
        let mut rest = Vec::with_capacity(MAX_KEYS);
        rest.extend(self.waiting.drain(most.min(self.waiting.len())..));
        let left = rest.len();
        let pending = std::mem::replace(&mut self.waiting, rest);
        self.under_way += pending.len();
        self.batches += 1;
        Batch { pending, epoch: self.epoch, left }
    }

    /// Checks the queue, given how many batches had left it at the last check.
    ///
    /// Only batches empty the queue. If none has left it, some key has waited since that check.
    pub(super) fn check(&mut self, batches: Option<u64>) -> Check {
        if self.waiting.is_empty() {
            self.is_guarded = false;
            return Check::Empty;
        }
        if batches != Some(self.batches) {
            return Check::Moving(self.batches);
        }
        self.begin_epoch();
        Check::Stuck
    }

    /// Gives up the waiting keys, because no task can watch them.
    pub(super) fn abandon(&mut self) -> Vec<PendingGet> {
        self.is_guarded = false;
        self.begin_epoch();
        std::mem::take(&mut self.waiting)
    }

    fn begin_epoch(&mut self) {
        self.epoch += 1;
        self.under_way = 0;
    }
}

/// Answers all lookups with this error.
pub(super) fn refuse(answers: impl IntoIterator<Item = oneshot::Sender<Answer>>, error: &Error) {
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}

pub(super) fn shutting_down() -> Error {
    Error::new(ErrorKind::Canceled, "the runtime is shutting down")
}
