//! A state of the model of write-behind.

use std::hash::{DefaultHasher, Hash, Hasher};

use larder_core::invalidation::position::{Position, Watermark};

use super::log::{Log, boot};
use super::process::{Process, Progress, Required, Stored, Write};
use super::queue::Queue;
use super::step::spend;
use super::{BehindBudget, BehindModel, BehindPromise, Durability, STALENESS, ticks};

/// The tick at which the model begins.
const START: u64 = 20;

/// A complete state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct BehindWorld {
    /// The remaining steps.
    pub left: BehindBudget,
    /// The time, in ticks.
    pub now: u64,
    /// The invalidation log.
    pub log: Log,
    /// The processes.
    pub processes: Vec<Process>,
    /// The write queue.
    pub queue: Queue,
    /// The part of it that is not lost with the store. It follows only while a loss is possible.
    pub durable: Queue,
    /// The clock of the queue, in microseconds.
    pub clock: u8,
    /// Whether that clock has gone back.
    pub is_clock_back: bool,
    /// The row of the database.
    pub row: Row,
    /// The version that the replica of the database shows.
    pub replica: u8,
    /// The commits that it does not show yet, with their moments.
    pub replicating: Vec<(u64, u8)>,
    /// Every value that was sent to the shared tier.
    pub shared: Vec<Stored>,
    /// The number of pushes. Each one is a version.
    pub pushes: u8,
    /// The versions that the database has had, one bit for each. For writes that are repeated.
    pub committed: u8,
    /// The newest version that was acknowledged and that nothing may lose.
    pub acknowledged: u8,
    /// The versions that were lost with the store, or discarded, one bit for each.
    pub gone: u8,
    /// The value that every process has to serve.
    pub everywhere: Required,
    /// The value that one process has to serve, and since when. It holds everywhere a bit later.
    pub applied: Vec<(u64, Required)>,
    /// Whether an older version has overwritten a newer one in the database.
    pub is_overwritten: bool,
}

/// The row of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Row {
    /// The sequence number of the write that it has.
    pub sequence: u8,
    /// The version.
    pub version: u8,
}

impl BehindWorld {
    pub(super) fn new(model: &BehindModel) -> Self {
        let mut world = Self {
            left: model.budget,
            now: START,
            log: Log { life: 0, events: 0 },
            processes: vec![Process::new(); model.processes],
            queue: Queue::default(),
            durable: Queue::default(),
            clock: 0,
            is_clock_back: false,
            row: Row::default(),
            replica: 0,
            replicating: vec![],
            shared: vec![],
            pushes: 0,
            committed: 0,
            acknowledged: 0,
            gone: 0,
            everywhere: Required::default(),
            applied: vec![],
            is_overwritten: false,
        };
        for (by, process) in world.processes.iter_mut().enumerate() {
            process.is_behind = by > 0 && model.is_wrong(super::BehindReading::SequenceIsTheLocalTime);
            world.log.poll(&mut process.tail, boot(START));
            // Each process has the value of the database in memory.
            let position = process.tail.position();
            process.memory.push(Stored { version: 0, position, filled_at: Some(boot(START)) });
        }
        world.make_canonical(model);
        world
    }

    /// Returns the promise that is broken, if one is.
    pub(super) fn broken(&self) -> Option<BehindPromise> {
        let pending = self.queue.value.map_or(0, |value| value.version);
        if self.acknowledged > pending.max(self.row.version) {
            return Some(BehindPromise::NothingIsLost);
        }
        // A newer value has to be flushed, and an older one must not be.
        let is_right = |value: &super::QueuedValue| match value.version {
            version if version > self.row.version => value.sequence > self.row.sequence,
            version if version < self.row.version => value.sequence <= self.row.sequence,
            _ => true,
        };
        if self.is_overwritten || !self.queue.value.iter().all(is_right) {
            return Some(BehindPromise::InOrder);
        }
        let serves_wrong = |required: &dyn Fn(&Process) -> Required| {
            self.processes.iter().any(|process| process.serves_wrong(required(process), self.now))
        };
        if serves_wrong(&|process| process.required) {
            return Some(BehindPromise::P1);
        }
        serves_wrong(&|_| self.everywhere).then_some(BehindPromise::P2)
    }

    /// Requires this on one process now, and elsewhere a bit later.
    pub(super) fn require(&mut self, by: usize, required: Required) -> Option<()> {
        self.processes.get_mut(by)?.required.add(required);
        self.applied.push((self.now, required));
        Some(())
    }

    /// Returns this version, or the newest one before it that is not gone.
    pub(super) fn newest_kept(&self, version: u8) -> u8 {
        (0..=version).rev().find(|version| self.gone & (1 << version) == 0).unwrap_or(0)
    }

    /// Returns the same, unless reads get an older version.
    ///
    /// After the loss of a completion, the queue has a value that is older than that of the
    /// database, until it is flushed again.
    pub(super) fn newest_readable(&self, version: u8) -> u8 {
        let kept = self.newest_kept(version);
        let older = self.queue.value.filter(|value| value.version < self.row.version);
        older.map_or(kept, |value| kept.min(value.version))
    }

    /// Whether the pending value is older than that of the database.
    pub(super) fn is_revived(&self) -> bool {
        self.queue.value.is_some_and(|value| value.version < self.row.version)
    }

    /// Notes that the versions up to this one are gone, except for those that the database has.
    pub(super) fn lose_versions(&mut self, up_to: u8) {
        let kept = self.queue.value.map_or(0, |value| value.version).max(self.row.version);
        (kept + 1..=up_to).for_each(|version| self.gone |= 1 << version);
        self.lower_requirements();
    }

    fn lower_requirements(&mut self) {
        let of = |world: &Self, required: Required| world.newest_readable(required.at_least);
        for by in 0..self.processes.len() {
            let Some(process) = self.processes.get(by) else { continue };
            let version = of(self, process.required);
            self.processes.iter_mut().skip(by).take(1).for_each(|process| process.required.cap(version));
        }
        let everywhere = of(self, self.everywhere);
        self.everywhere.cap(everywhere);
        let mut applied = std::mem::take(&mut self.applied);
        for (_, required) in &mut applied {
            let version = of(self, *required);
            required.cap(version);
        }
        self.applied = applied;
    }

    /// Notes that the database has this version, whatever was lost.
    pub(super) fn keep_version(&mut self, version: u8) {
        let others = !(1 << version);
        self.committed |= 1 << version;
        self.gone &= others;
        self.everywhere.not &= others;
        self.applied.iter_mut().for_each(|(_, required)| required.not &= others);
        self.processes.iter_mut().for_each(|process| process.required.not &= others);
    }

    /// Loses everything of the queue that is not durable.
    pub(super) fn lose_queue(&mut self, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.lost_queues)?;
        self.queue = self.durable.clone();
        self.clock += 1;
        self.lose_versions(self.pushes);
        if model.durability == Durability::Memory {
            self.acknowledged = self.newest_kept(self.acknowledged);
        }
        self.processes.iter_mut().for_each(|process| process.is_reader = false);
        Some(())
    }

    /// Returns the time of the queue's clock.
    pub(super) const fn time(&self) -> u8 {
        if self.is_clock_back { 0 } else { self.clock }
    }

    pub(super) fn poll(&mut self, by: usize) -> Option<()> {
        self.log.poll(&mut self.processes.get_mut(by)?.tail, boot(self.now));
        self.finish_writes(by)
    }

    /// Appends what a process has deferred.
    pub(super) fn flush_outbox(&mut self, by: usize) -> Option<()> {
        let batch = self.processes.get(by)?.tail.next_batch()?;
        let appended = self.log.append(boot(self.now));
        self.processes.get_mut(by)?.tail.batch_appended(&batch, appended);
        Some(())
    }

    /// Reads a value from the shared tier (rules 1 and 12).
    pub(super) fn promote(&mut self, by: usize, which: usize) -> Option<()> {
        spend(&mut self.left.gets)?;
        let mut stored = *self.shared.get(which)?;
        let now = boot(self.now);
        let process = self.processes.get_mut(by)?;
        process.tail.may_trust_store(now, ticks(STALENESS)).then_some(())?;
        stored.position.watermark.local = process.tail.position().watermark.local;
        process.memory.push(stored);
        Some(())
    }

    /// Brings worlds that behave alike into one form.
    pub(super) fn make_canonical(&mut self, model: &BehindModel) {
        let (is_over, rest): (Vec<_>, Vec<_>) =
            self.applied.drain(..).partition(|(at, _)| at + STALENESS < self.now);
        is_over.into_iter().for_each(|(_, required)| self.everywhere.add(required));
        self.applied = rest;
        self.applied.sort_unstable();
        self.applied.dedup();
        if self.left.ticks == 0 {
            // P2 begins after the last tick.
            self.applied.clear();
        }
        if self.left.lost_queues == 0 {
            // Nothing is lost any more, so what is durable no longer matters.
            self.durable = Queue { value: None, last: 0, ids: self.queue.ids };
        }
        if self.left.unheard == 0 && model.durability != Durability::Waits {
            let repeats =
                |process: &Process| process.writes.iter().any(|write| write.progress == Progress::Unheard);
            if !self.processes.iter().any(repeats) {
                (self.queue.ids, self.durable.ids) = (0, 0);
            }
        }
        let is_unheard = |write: &Write| write.progress == Progress::Unheard;
        if self.left.unheard == 0
            && !self.processes.iter().any(|process| process.writes.iter().any(is_unheard))
        {
            self.committed = 0;
        }
        sort(&mut self.shared);
        // The newest version of all is never wrong, unless it is discarded.
        let newest = self.pushes + self.left.writes;
        let is_harmless = |stored: &Stored| stored.version == newest && model.budget.discards == 0;
        for process in &mut self.processes {
            process.tail.forget_event_moments();
            let memory = std::mem::take(&mut process.memory);
            let may_matter = |stored: &Stored| !is_harmless(stored) && process.may_be_served(stored);
            process.memory = memory.into_iter().filter(may_matter).collect();
            sort(&mut process.memory);
            process.required.not &= !self.everywhere.not;
            if process.required.at_least <= self.everywhere.at_least {
                process.required.at_least = 0;
            }
            process.writes.sort_by_cached_key(fingerprint);
            process.loads.sort_by_cached_key(fingerprint);
        }
        // Worlds that differ only in the numbers of processes are one world.
        self.processes.sort_by_cached_key(fingerprint);
    }
}

fn fingerprint(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn sort(stored: &mut Vec<Stored>) {
    stored.sort_unstable_by_key(|stored| {
        let Stored { version, position: Position { incarnation, watermark }, filled_at } = *stored;
        (version, incarnation.to_bytes()[0], watermark.log, watermark.local, filled_at)
    });
    stored.dedup();
}

/// Returns a value as the shared tier has it.
pub(super) const fn shared(stored: Stored) -> Stored {
    let watermark = Watermark { local: 0, ..stored.position.watermark };
    Stored { position: Position { watermark, ..stored.position }, filled_at: None, ..stored }
}
