//! The world in which the traces are played.

use std::time::Duration;

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position};
use larder_core::invalidation::selector::{Event, Mode, Selector, Tag};
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Limits, PageApplied, Tail, is_usable};
use larder_core::time::{BootTime, WallTime};

pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(2);

/// Returns the moment this many milliseconds after the beginning.
pub(crate) const fn at(millis: u64) -> BootTime {
    BootTime::from_nanos(millis * 1_000_000)
}

pub(crate) fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

pub(crate) fn hard(tag: &str) -> Event {
    Event { mode: Mode::Hard, selector: Selector::Tag(Tag::new(tag)) }
}

pub(crate) fn soft(tag: &str) -> Event {
    Event { mode: Mode::Soft, ..hard(tag) }
}

/// Returns the names of a response at `/x` with this tag.
pub(crate) fn tagged(tag: &str) -> Names {
    Names::new("/x", &[], &[], &[Tag::new(tag)])
}

/// The log: one Stream and the record of its incarnation.
pub(crate) struct Redis {
    pub(crate) incarnation: Incarnation,
    pub(crate) entries: Vec<(LogId, Vec<Event>)>,
    pub(crate) floor: LogId,
    pub(crate) last: LogId,
    /// The clock of the server, which is moved by hand.
    pub(crate) now: WallTime,
    births: u8,
}

impl Redis {
    pub(crate) fn new() -> Self {
        Self {
            incarnation: incarnation(1),
            entries: vec![],
            floor: LogId::ZERO,
            last: LogId::ZERO,
            now: WallTime::default(),
            births: 1,
        }
    }

    pub(crate) fn append(&mut self, events: &[Event], answered: BootTime) -> Appended {
        self.last = LogId::new(self.now.unix_millis().max(self.last.millis + 1), 0);
        self.entries.push((self.last, events.to_vec()));
        Appended { incarnation: self.incarnation, id: self.last, answered }
    }

    /// Answers a poll, as one script does, with at most `count` entries.
    pub(crate) fn look(&mut self, cursor: Cursor, count: usize) -> LogPage {
        if cursor.broken && cursor.incarnation == self.incarnation {
            self.begin_incarnation();
        }
        let after = if cursor.incarnation == self.incarnation { cursor.after } else { LogId::ZERO };
        let waiting: Vec<_> = self.entries.iter().filter(|(id, _)| *id > after).collect();
        LogPage {
            incarnation: self.incarnation,
            floor: self.floor,
            last: self.last,
            now: self.now,
            entries: waiting.iter().take(count).map(|entry| (*entry).clone()).collect(),
            more: waiting.len() > count,
            fenced: false,
            is_busy: false,
        }
    }

    /// Keeps only the last `keep` entries.
    pub(crate) fn trim(&mut self, keep: usize) {
        let gone = self.entries.len().saturating_sub(keep);
        if let Some((id, _)) = self.entries.drain(..gone).next_back() {
            self.floor = id;
        }
        if self.entries.is_empty() {
            self.floor = self.last;
        }
    }

    /// Loses the last entries, as when a replica without them is promoted.
    ///
    /// Their ids are issued again.
    pub(crate) fn lose(&mut self, count: usize) {
        self.entries.truncate(self.entries.len().saturating_sub(count));
        self.last = self.entries.last().map_or(self.floor, |(id, _)| *id);
    }

    pub(crate) fn begin_incarnation(&mut self) {
        self.births += 1;
        self.incarnation = incarnation(self.births);
    }

    /// Fails over: what was not replicated is lost, and the next script begins a new incarnation.
    pub(crate) fn fail_over(&mut self, lost: usize) {
        self.lose(lost);
        self.begin_incarnation();
    }
}

/// A response as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) position: Position,
    pub(crate) filled_at: Option<BootTime>,
    pub(crate) names: Names,
}

/// One process.
pub(crate) struct Instance {
    pub(crate) tail: Tail,
}

impl Instance {
    /// Returns a process that has read the whole log at `now`.
    pub(crate) fn joined(redis: &mut Redis, now: BootTime) -> Self {
        let mut instance = Self::with(Limits::default());
        instance.look(redis, now);
        instance
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self { tail: Tail::following(incarnation(0), limits) }
    }

    /// Polls the whole log.
    pub(crate) fn look(&mut self, redis: &mut Redis, sent: BootTime) -> PageApplied {
        let look = redis.look(self.tail.cursor(at(0)), usize::MAX);
        self.tail.apply_page(&look, sent)
    }

    /// Polls for the first time, for the entries after the checkpoint `mark`.
    pub(crate) fn look_from(&mut self, redis: &mut Redis, mark: LogId, sent: BootTime) -> PageApplied {
        let mut look = redis.look(self.tail.cursor(at(0)), usize::MAX);
        look.entries.retain(|(id, _)| *id > mark);
        look.floor = look.floor.max(mark);
        self.tail.apply_page(&look, sent)
    }

    /// Returns the response of a fill that begins now, whenever it ends.
    pub(crate) fn begin_fill(&self, tag: &str, now: BootTime) -> Stored {
        Stored { position: self.tail.position(), filled_at: Some(now), names: tagged(tag) }
    }

    /// Returns a response that a request read from the shared tier.
    ///
    /// `asked` is our position when the request came. The local number of the response is ours from
    /// then.
    pub(crate) fn promote(shared: &Stored, asked: Position) -> Stored {
        let mut promoted = shared.clone();
        promoted.filled_at = None;
        promoted.position.watermark.local = asked.watermark.local;
        promoted
    }

    pub(crate) fn check(&self, stored: &Stored, now: BootTime) -> Verdict {
        self.tail.check(&stored.position, &stored.names, now)
    }

    /// Returns whether a request that comes now is served the response as usable and valid.
    pub(crate) fn serves(&self, stored: &Stored, now: BootTime) -> bool {
        is_usable(stored.filled_at, self.tail.confirmed_at(), MAX_STALENESS, now)
            && self.check(stored, now) == Verdict::Valid
    }

    /// Appends the deferred events.
    pub(crate) fn flush(&mut self, redis: &mut Redis, now: BootTime) -> Option<Appended> {
        let batch = self.tail.next_batch()?;
        let appended = redis.append(batch.events(), now);
        self.tail.batch_appended(&batch, appended);
        Some(appended)
    }
}
