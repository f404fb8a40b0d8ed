//! The keys that wait for the next command, and a count of those that are under way.

use fred::error::{Error, ErrorKind};
use tokio::sync::oneshot;

use super::{Answer, FREE, MOST_KEYS};

/// Keys that wait to be asked for.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<Wanted>,
    /// Keys of the present epoch that are under way and waited for.
    under_way: usize,
    /// A new epoch begins when keys were under way for too long. Those of earlier epochs do not count.
    epoch: u64,
    /// How many batches have left the queue.
    batches: u64,
    /// Set while a task looks after the keys that wait.
    is_guarded: bool,
}

pub(super) struct Wanted {
    pub(super) key: String,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The way to a value.
pub(super) enum Turn {
    /// To ask for it.
    Alone { key: String, epoch: u64 },
    /// To wait for the answer to a later command.
    Together {
        answer: oneshot::Receiver<Answer>,
        /// Whether the caller has to start the task that looks after the queue.
        needs_guard: bool,
    },
}

/// Keys for one command.
pub(super) struct Batch {
    pub(super) wanted: Vec<Wanted>,
    pub(super) epoch: u64,
    /// How many keys still wait.
    pub(super) left: usize,
}

/// The state of the queue, for the task that looks after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing waits any more: the task ends.
    Empty,
    /// The queue moves. This many batches have left it.
    Moving(u64),
    /// No batch has left it since the last check.
    Stuck,
}

impl Queue {
    pub(super) fn turn(&mut self, key: String) -> Turn {
        if self.under_way < FREE {
            self.under_way += 1;
            return Turn::Alone { key, epoch: self.epoch };
        }
        let (sender, answer) = oneshot::channel();
        self.waiting.push(Wanted { key, answer: sender });
        let needs_guard = !std::mem::replace(&mut self.is_guarded, true);
        Turn::Together { answer, needs_guard }
    }

    /// Takes so many keys of an epoch for landed. Returns whether those that wait may go.
    pub(super) fn landed(&mut self, keys: usize, epoch: u64) -> bool {
        if epoch == self.epoch {
            self.under_way -= keys;
        }
        self.under_way < FREE
    }

    /// The first keys that wait, as many as one command takes. They are under way from now on.
    pub(super) fn next(&mut self, most: usize) -> Batch {
        let mut rest = Vec::with_capacity(MOST_KEYS);
        rest.extend(self.waiting.drain(most.min(self.waiting.len())..));
        let left = rest.len();
        let wanted = std::mem::replace(&mut self.waiting, rest);
        self.under_way += wanted.len();
        self.batches += 1;
        Batch { wanted, epoch: self.epoch, left }
    }

    /// Looks after the keys that wait, given how many batches had left the queue at the last check.
    ///
    /// The queue is only ever emptied by batches. If none has left it, some key has waited since that check.
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

    /// Gives up the keys that wait, as no task can look after them.
    pub(super) fn abandon(&mut self) -> Vec<Wanted> {
        self.is_guarded = false;
        self.begin_epoch();
        std::mem::take(&mut self.waiting)
    }

    fn begin_epoch(&mut self) {
        self.epoch += 1;
        self.under_way = 0;
    }
}

/// Answers all of them with this error.
pub(super) fn refuse(answers: impl IntoIterator<Item = oneshot::Sender<Answer>>, error: &Error) {
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}

pub(super) fn shutting_down() -> Error {
    Error::new(ErrorKind::Canceled, "the runtime is shutting down")
}
