//! The book that the history is written into while it happens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::history::{History, Inflicted, Life, LifeId, Read, Said, TwoPrimaries, Write};

#[derive(Debug)]
pub(super) struct Book {
    max_staleness: Duration,
    history: Mutex<History>,
    /// Writes that said `Deferred`, or nothing, and were not seen flushed.
    owed: Mutex<Vec<usize>>,
    nobody_home: AtomicUsize,
}

impl Book {
    pub(super) fn new(max_staleness: Duration) -> Self {
        let history = History { max_staleness, began: Moment::now(), ..History::default() };
        Self { max_staleness, history: Mutex::new(history), owed: Mutex::default(), nobody_home: AtomicUsize::new(0) }
    }

    pub(super) const fn max_staleness(&self) -> Duration {
        self.max_staleness
    }

    /// What is recorded so far.
    pub(super) fn history(&self) -> History {
        self.lock().clone()
    }

    pub(super) fn nobody_home(&self) -> usize {
        self.nobody_home.load(Ordering::Relaxed)
    }

    pub(super) fn found_nobody_home(&self) {
        self.nobody_home.fetch_add(1, Ordering::Relaxed);
    }

    /// A new life begins.
    pub(super) fn born(&self, instance: usize) -> LifeId {
        let mut history = self.lock();
        let id = u32::try_from(history.lives.len()).unwrap_or(u32::MAX);
        history.lives.push(Life { instance, killed: None });
        LifeId(id)
    }

    /// A life is about to end.
    pub(super) fn killed(&self, life: LifeId) {
        let mut history = self.lock();
        let index = usize::try_from(life.0).unwrap_or(usize::MAX);
        if let Some(life) = history.lives.get_mut(index) {
            life.killed = Some(Moment::now());
        }
    }

    pub(super) fn read(&self, read: Read) {
        self.lock().reads.push(read);
    }

    pub(super) fn write(&self, write: Write) {
        let owes = write.done.as_ref().is_some_and(|done| done.said != Said::Applied);
        let number = {
            let mut history = self.lock();
            history.writes.push(write);
            history.writes.len() - 1
        };
        if owes {
            self.owed().push(number);
        }
    }

    pub(super) fn fault(&self, fault: Inflicted) {
        self.lock().faults.push(fault);
    }

    pub(super) fn two_primaries(&self, two: TwoPrimaries) {
        self.lock().two_primaries.push(two);
    }

    pub(super) fn last_outcome_was_hit(&self) -> bool {
        self.lock().reads.last().is_some_and(|read| read.outcome.starts_with("HIT"))
    }

    /// Whether this life has said `Deferred`, or nothing, and was not seen to have told the log since.
    pub(super) fn owes(&self, life: LifeId) -> bool {
        let owed = self.owed();
        let history = self.lock();
        owed.iter().any(|number| history.writes[*number].life == life)
    }

    /// This life was seen to owe nothing: by a request that was sent and done then.
    pub(super) fn flushed(&self, life: LifeId, sent: Moment, done: Moment) {
        let mut owed = self.owed();
        let mut history = self.lock();
        owed.retain(|number| {
            let write = &mut history.writes[*number];
            match &mut write.done {
                Some(known) if write.life == life && known.returned < sent => known.flushed = Some(done),
                _ => return true,
            }
            false
        });
    }

    fn owed(&self) -> MutexGuard<'_, Vec<usize>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
