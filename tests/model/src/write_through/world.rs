//! A state of the model of writes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Event, Mode, Selector, Tag};
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Tail, is_usable};
use larder_core::time::{BootTime, WallTime};

use super::{STALENESS, WriteBudget, WriteModel, WritePromise, WriteReading, ticks};

/// The tick at which the model begins.
const START: u64 = 20;
/// Stands for the incarnation of a process that has not read the log.
const PLACEHOLDER: u8 = 100;

/// A complete state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct WriteWorld {
    /// The remaining steps.
    pub left: WriteBudget,
    /// The time, in ticks.
    pub now: u64,
    /// The changes that the database has, one bit for each.
    pub committed: u8,
    /// The incarnation of the log.
    pub life: u8,
    /// Its entries.
    pub log: Vec<Entry>,
    /// Everything up to this id is missing.
    pub floor: u8,
    /// The processes.
    pub processes: Vec<Process>,
    /// The writes and invalidations that have not ended.
    pub operations: Vec<Operation>,
    /// Every value that was sent to the shared tier, whichever was sent last (rule 16).
    pub shared: Vec<Stored>,
    /// The changes that every process has to show.
    pub everywhere: RequiredChanges,
    /// The changes that were applied on one process, and when. They hold everywhere a bit later.
    pub applied: Vec<(u64, RequiredChanges)>,
    /// Whether an undisturbed write was not stored, or its value was refused.
    pub is_useless: bool,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Entry {
    /// Its id.
    pub id: u8,
    /// Its events.
    pub events: Vec<Event>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Process {
    /// The state machine with the rules.
    pub tail: Tail,
    /// Every value that was stored in memory, and is not refused for ever.
    pub memory: Vec<Stored>,
    /// The changes that this process has to show.
    pub here: RequiredChanges,
    /// Whether its tail had to forget names.
    pub has_forgotten: bool,
}

/// The changes that a served value must show, one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct RequiredChanges {
    /// A value without one of these must not be served.
    pub at_all: u8,
    /// A value without one of these must not be served as fresh.
    pub as_fresh: u8,
}

/// A stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Stored {
    /// The changes that it shows, one bit for each.
    pub shows: u8,
    /// Its position.
    pub position: Position,
    /// When its fill began, if it was filled here.
    pub filled_at: Option<BootTime>,
}

/// The name and mode of an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Invalidation {
    /// Hard, by the key.
    Key,
    /// Hard, by the tag.
    Tag,
    /// Soft, by the tag.
    SoftTag,
    /// Hard, everything.
    All,
}

/// A write, or an invalidation after a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Operation {
    /// The process.
    pub by: usize,
    /// The position from before the write, if its value is to be stored.
    pub began: Option<Position>,
    /// The moment of that.
    pub began_at: u64,
    /// The events that it appends.
    pub events: Vec<Event>,
    /// Whether older values must not be served at all, or only not as fresh ones.
    pub mode: Mode,
    /// The bit of its change, once that is committed.
    pub change: u8,
    /// The changes that the value of a write shows.
    pub shows: u8,
    /// How far it is.
    pub progress: Progress,
}

/// The progress of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Progress {
    /// It has noted its position.
    Begun,
    /// It has committed, and appends.
    Committed,
    /// It waits until its own tail has passed its event.
    Appended(Appended),
    /// Its event is deferred. Only a misreading waits for it.
    Deferred,
}

impl Invalidation {
    /// Returns the event in the log.
    #[must_use]
    pub fn event(self) -> Event {
        let hard = |selector| Event { mode: Mode::Hard, selector };
        match self {
            Self::Key => hard(Selector::Key("k".into())),
            Self::Tag => hard(Tag::new("t").into()),
            Self::SoftTag => Event { mode: Mode::Soft, ..Self::Tag.event() },
            Self::All => Event::EVERYTHING,
        }
    }
}

impl RequiredChanges {
    /// Returns the changes that must be shown once this operation has returned.
    #[must_use]
    pub fn after(operation: &Operation) -> Self {
        let Operation { change, mode, .. } = *operation;
        Self { at_all: if mode == Mode::Hard { change } else { 0 }, as_fresh: change }
    }

    /// Adds the changes of `other`.
    pub fn add(&mut self, other: Self) {
        self.at_all |= other.at_all;
        self.as_fresh |= other.as_fresh;
    }
}

impl WriteWorld {
    pub(super) fn new(model: &WriteModel) -> Self {
        let mut world = Self {
            left: model.budget,
            now: START,
            committed: 0,
            life: 0,
            log: vec![Entry { id: 1, events: vec![] }],
            floor: 0,
            processes: vec![],
            operations: vec![],
            shared: vec![],
            everywhere: RequiredChanges::default(),
            applied: vec![],
            is_useless: false,
        };
        for by in 0..model.processes {
            world.processes.push(Process::new(model));
            world.poll(by, usize::MAX);
        }
        world.make_canonical(model);
        world
    }

    /// Polls for at most this many entries, and applies them.
    pub(super) fn poll(&mut self, by: usize, count: usize) -> Option<()> {
        let cursor = self.processes.get(by)?.tail.cursor(boot(self.now));
        let after = if cursor.incarnation == incarnation(self.life) { cursor.after } else { LogId::ZERO };
        let waiting: Vec<_> = self.log.iter().filter(|entry| id(entry.id) > after).collect();
        let page = LogPage {
            incarnation: incarnation(self.life),
            floor: id(self.floor),
            last: self.last(),
            now: WallTime::default(),
            entries: waiting.iter().take(count).map(|entry| (id(entry.id), entry.events.clone())).collect(),
            more: waiting.len() > count,
            // There is one log at a time, so the next one began after every append to this one.
            fenced: true,
            is_busy: false,
        };
        let now = boot(self.now);
        let process = self.processes.get_mut(by)?;
        process.tail.apply_page(&page, now);
        process.note_forgotten();
        Some(())
    }

    /// Returns the last id of the log.
    pub(super) fn last(&self) -> LogId {
        self.log.last().map_or(id(self.floor), |entry| id(entry.id))
    }

    /// Appends an entry.
    pub(super) fn append(&mut self, events: Vec<Event>) -> Appended {
        let last = self.log.last().map_or(self.floor, |entry| entry.id);
        self.log.push(Entry { id: last + 1, events });
        Appended { incarnation: incarnation(self.life), id: id(last + 1), answered: boot(self.now) }
    }

    /// Returns the promise that is broken, if one is.
    pub(super) fn broken(&self) -> Option<WritePromise> {
        let serves_older = |required: &dyn Fn(&Process) -> RequiredChanges| {
            self.processes.iter().any(|process| process.serves_older(required(process), self.now))
        };
        if self.is_useless {
            Some(WritePromise::Useful)
        } else if serves_older(&|process| process.here) {
            Some(WritePromise::P1)
        } else {
            serves_older(&|_| self.everywhere).then_some(WritePromise::P2)
        }
    }

    /// Whether another event that names the value lies in the log after `began` and before this
    /// one, as far as the log itself shows.
    pub(super) fn is_disturbed(&self, began: Position, appended: &Appended) -> bool {
        let lies_between = |entry: &&Entry| id(entry.id) > began.watermark.log && id(entry.id) < appended.id;
        began.incarnation != appended.incarnation
            || began.incarnation != incarnation(self.life)
            || id(self.floor) > began.watermark.log
            || self.log.iter().filter(lies_between).any(|entry| entry.events.iter().any(is_naming))
    }

    /// Whether the log has an event that names the value after this id.
    pub(super) fn is_named_after(&self, after: LogId) -> bool {
        let later = self.log.iter().filter(|entry| id(entry.id) > after);
        later.flat_map(|entry| &entry.events).any(is_naming)
    }

    /// Brings worlds that behave alike into one form.
    pub(super) fn make_canonical(&mut self, model: &WriteModel) {
        let (is_over, rest): (Vec<_>, Vec<_>) =
            self.applied.drain(..).partition(|(at, _)| at + STALENESS < self.now);
        is_over.into_iter().for_each(|(_, required)| self.everywhere.add(required));
        self.applied = rest;
        self.applied.sort_unstable();
        self.applied.dedup();
        sort(&mut self.shared);
        for process in &mut self.processes {
            process.tail.forget_event_moments();
            let tail = &process.tail;
            process.memory.retain(|stored| !is_refused_for_ever(tail, stored));
            sort(&mut process.memory);
            process.here.at_all &= !self.everywhere.at_all;
            process.here.as_fresh &= !self.everywhere.as_fresh;
        }
        if model.has_like_processes {
            self.sort_processes();
        }
        self.operations.sort_by_cached_key(fingerprint);
    }

    /// Numbers the processes by what they are and do.
    fn sort_processes(&mut self) {
        let mut order: Vec<usize> = (0..self.processes.len()).collect();
        order.sort_by_cached_key(|by| {
            let own = self.operations.iter().filter(|one| one.by == *by);
            let mut own: Vec<_> = own.map(|one| fingerprint(&Operation { by: 0, ..one.clone() })).collect();
            own.sort_unstable();
            (self.processes.get(*by).map(fingerprint), own)
        });
        self.processes = order.iter().filter_map(|by| self.processes.get(*by)).cloned().collect();
        for one in &mut self.operations {
            one.by = order.iter().position(|by| *by == one.by).unwrap_or(one.by);
        }
    }
}

impl Process {
    /// Creates a process that has not read the log.
    pub(super) fn new(model: &WriteModel) -> Self {
        let tail = Tail::following(incarnation(PLACEHOLDER), model.limits);
        let tail = match model.reading {
            WriteReading::Inside(rule) => tail.with_fault(rule),
            _ => tail,
        };
        Self { tail, memory: vec![], here: RequiredChanges::default(), has_forgotten: false }
    }

    /// Returns whether the value is served now, and if so, how (rules 3 and 10).
    pub(super) fn serves(&self, stored: &Stored, now: u64) -> Option<Verdict> {
        let now = boot(now);
        is_usable(stored.filled_at, self.tail.confirmed_at(), ticks(STALENESS), now)
            .then(|| self.tail.check(&stored.position, names(), now))
    }

    fn serves_older(&self, required: RequiredChanges, now: u64) -> bool {
        self.memory.iter().any(|stored| match self.serves(stored, now) {
            Some(Verdict::Valid) => required.as_fresh & !stored.shows != 0,
            Some(Verdict::Soft(_)) => required.at_all & !stored.shows != 0,
            Some(Verdict::Refused) | None => false,
        })
    }

    pub(super) fn note_forgotten(&mut self) {
        self.has_forgotten |= self.tail.forgotten().floor_raises > 0;
    }
}

/// Whether no future poll can make the value usable again.
fn is_refused_for_ever(tail: &Tail, stored: &Stored) -> bool {
    let (own, other) = (tail.position().incarnation, stored.position.incarnation);
    if own == other {
        return tail.check(&stored.position, names(), BootTime::ZERO) == Verdict::Refused;
    }
    // Incarnations follow each other. A value of the next one may come from the shared tier.
    let number = |incarnation: Incarnation| incarnation.to_bytes()[0];
    other == incarnation(PLACEHOLDER) || (own != incarnation(PLACEHOLDER) && number(other) < number(own))
}

fn fingerprint(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn sort(stored: &mut Vec<Stored>) {
    stored.sort_unstable_by_key(|stored| {
        let Stored { shows, position: Position { incarnation, watermark }, filled_at } = *stored;
        (shows, incarnation.to_bytes()[0], watermark.log, watermark.local, filled_at)
    });
    stored.dedup();
}

/// Returns a value as the shared tier has it.
pub(super) const fn shared(stored: Stored) -> Stored {
    let watermark = Watermark { local: 0, ..stored.position.watermark };
    Stored { position: Position { watermark, ..stored.position }, filled_at: None, ..stored }
}

fn is_naming(event: &Event) -> bool {
    event.selector == Selector::All || names().digests().any(|name| Some(name) == event.selector.digest())
}

/// Returns an event that does not name the value.
pub(super) fn other_event(number: u8) -> Event {
    Event { mode: Mode::Hard, selector: Tag::new(number.to_string()).into() }
}

const fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

const fn id(number: u8) -> LogId {
    LogId::new(0, number as u64)
}

pub(super) const fn boot(tick: u64) -> BootTime {
    BootTime::from_nanos(tick * 1_000_000)
}

/// Returns the names of the one value.
pub(super) fn names() -> &'static Names {
    static NAMES: LazyLock<Names> = LazyLock::new(|| Names::of_value("k", &[Tag::new("t")]));
    &NAMES
}
