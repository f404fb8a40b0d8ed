//! The book that the history is written into while it happens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::history::{History, Inflicted, Life, LifeId, Read, Said, Settled, TwoPrimaries, Write};

#[derive(Debug)]
pub(super) struct Book {
    max_staleness: Duration,
    history: Mutex<History>,
    /// Who may owe the log something since when, and was not seen to owe nothing after that.
    debts: Mutex<Vec<(LifeId, Moment)>>,
    nobody_home: AtomicUsize,
}

impl Book {
    pub(super) fn new(max_staleness: Duration) -> Self {
        let history = History { max_staleness, began: Moment::now(), ..History::default() };
        Self {
            max_staleness,
            history: Mutex::new(history),
            debts: Mutex::default(),
            nobody_home: AtomicUsize::new(0),
        }
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
        if let Some(done) = write.done.as_ref().filter(|done| done.said != Said::Applied) {
            self.debts().push((write.life, done.returned));
        }
        self.lock().writes.push(write);
    }

    pub(super) fn fault(&self, fault: Inflicted) {
        self.lock().faults.push(fault);
    }

    /// There were two primaries. Whoever lives in an instance now may have told the wrong one something.
    pub(super) fn two_primaries(&self, two: TwoPrimaries) {
        let mut history = self.lock();
        let lives = history.lives.iter().zip(0..).filter(|(life, _)| life.killed.is_none());
        let heard = |life: &Life| two.heard_until(life.instance).plus(self.max_staleness);
        let debts: Vec<_> = lives.map(|(life, id)| (LifeId(id), heard(life))).collect();
        history.two_primaries.push(two);
        drop(history);
        self.debts().extend(debts);
    }

    pub(super) fn last_outcome_was_hit(&self) -> bool {
        self.lock().reads.last().is_some_and(|read| read.outcome.starts_with("HIT"))
    }

    /// Whether this life may owe the log something.
    pub(super) fn owes(&self, life: LifeId) -> bool {
        let now = Moment::now();
        self.debts().iter().any(|(debtor, since)| *debtor == life && *since < now)
    }

    /// A life was seen to owe nothing.
    pub(super) fn settled(&self, settled: Settled) {
        self.debts().retain(|(debtor, since)| *debtor != settled.life || *since >= settled.sent);
        self.lock().settled.push(settled);
    }

    fn debts(&self) -> MutexGuard<'_, Vec<(LifeId, Moment)>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
