//! Records the history while it happens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::history::{
    Claimed, EmptyOutbox, History, InjectedFault, Life, LifeId, QueuedResult, QueuedWrite, Read,
    TwoPrimaries, Write,
};

#[derive(Debug)]
pub(super) struct Recorder {
    max_staleness: Duration,
    history: Mutex<History>,
    /// Lives that may have deferred invalidations, and since when. A later probe with an empty
    /// outbox removes them.
    unflushed: Mutex<Vec<(LifeId, Moment)>>,
    instance_down: AtomicUsize,
}

impl Recorder {
    pub(super) fn new(max_staleness: Duration) -> Self {
        let history = History { max_staleness, began: Moment::now(), ..History::default() };
        Self {
            max_staleness,
            history: Mutex::new(history),
            unflushed: Mutex::default(),
            instance_down: AtomicUsize::new(0),
        }
    }

    pub(super) const fn max_staleness(&self) -> Duration {
        self.max_staleness
    }

    /// Returns the history so far.
    pub(super) fn history(&self) -> History {
        self.lock().clone()
    }

    pub(super) fn instance_down(&self) -> usize {
        self.instance_down.load(Ordering::Relaxed)
    }

    pub(super) fn found_instance_down(&self) {
        self.instance_down.fetch_add(1, Ordering::Relaxed);
    }

    /// Records the start of a new life.
    pub(super) fn born(&self, instance: usize) -> LifeId {
        let mut history = self.lock();
        let id = u32::try_from(history.lives.len()).unwrap_or(u32::MAX);
        history.lives.push(Life { instance, killed: None });
        LifeId(id)
    }

    /// Records that a life is about to end.
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
        if let Some(done) = write.done.as_ref().filter(|done| done.claimed != Claimed::Applied) {
            self.unflushed().push((write.life, done.returned));
        }
        self.lock().writes.push(write);
    }

    /// Records a queued write that is about to be sent. Returns its number.
    pub(super) fn queued(&self, write: QueuedWrite) -> u64 {
        let mut history = self.lock();
        history.queued.push(write);
        history.queued.len() as u64
    }

    /// Records the result of a queued write.
    pub(super) fn queued_result(&self, number: u64, result: QueuedResult) {
        let mut history = self.lock();
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let Some(write) = index.and_then(|index| history.queued.get_mut(index)) else { return };
        write.done = Some(result);
        let life = write.life;
        drop(history);
        // Its event may be deferred.
        self.unflushed().push((life, result.returned));
    }

    /// Records that the queue is empty, after everything else was over.
    pub(super) fn drained(&self) {
        self.lock().drained = Some(Moment::now());
    }

    pub(super) fn fault(&self, fault: InjectedFault) {
        self.lock().faults.push(fault);
    }

    /// Records a time with two primaries. Every current life may have appended to the wrong log.
    pub(super) fn two_primaries(&self, two: TwoPrimaries) {
        let mut history = self.lock();
        let lives = history.lives.iter().zip(0..).filter(|(life, _)| life.killed.is_none());
        let heard = |life: &Life| two.heard_until(life.instance).plus(self.max_staleness);
        let unflushed: Vec<_> = lives.map(|(life, id)| (LifeId(id), heard(life))).collect();
        history.two_primaries.push(two);
        drop(history);
        self.unflushed().extend(unflushed);
    }

    pub(super) fn last_outcome_was_hit(&self) -> bool {
        self.lock().reads.last().is_some_and(|read| read.outcome.starts_with("HIT"))
    }

    /// Whether this life may have deferred invalidations.
    pub(super) fn may_have_unflushed(&self, life: LifeId) -> bool {
        let now = Moment::now();
        self.unflushed().iter().any(|(owner, since)| *owner == life && *since < now)
    }

    /// Records that a life had an empty outbox.
    pub(super) fn empty_outbox(&self, empty: EmptyOutbox) {
        self.unflushed().retain(|(owner, since)| *owner != empty.life || *since >= empty.sent);
        self.lock().empty_outboxes.push(empty);
    }

    fn unflushed(&self) -> MutexGuard<'_, Vec<(LifeId, Moment)>> {
        self.unflushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
