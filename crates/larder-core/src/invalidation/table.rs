//! The table of names and their last positions, and the check of a stored response against it.

mod history;
#[cfg(test)]
mod limits;
mod refusals;
#[cfg(feature = "model")]
mod renumber;
mod room;
mod row;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::iter::once;
use std::time::Duration;

pub use self::room::Forgotten;
use self::room::{Counts, last_to_drop};
use self::row::Row;
use super::event_time::EventTime;
use super::fault_injection::{InjectedFault, Rule};
use super::names::Names;
use super::position::{LogId, Watermark};
use super::selector::{Digest, Event, Glob, Lineage, Mode, Rank, Selector};
use crate::time::BootTime;

/// The verdict of the table on a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Code that serves responses must handle each.
pub enum Verdict {
    /// None of the names of the response was invalidated after its position.
    Valid,
    /// A name was softly invalidated. The response has counted as stale for this long.
    Soft(Duration),
    /// The response must not be used for anything.
    Refused,
}

impl Verdict {
    /// Combines two verdicts into the worse one.
    ///
    /// This is for a response that must be checked under more than one set of names.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Refused, _) | (_, Self::Refused) => Self::Refused,
            (Self::Soft(one), Self::Soft(other)) => Self::Soft(one.max(other)),
            (Self::Soft(since), Self::Valid) | (Self::Valid, Self::Soft(since)) => Self::Soft(since),
            (Self::Valid, Self::Valid) => Self::Valid,
        }
    }
}

/// The place of an event: in the log, or among the deferred events of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EventPosition {
    Log(LogId),
    Local(u64),
}

/// The name of a row.
#[derive(Clone, Copy)]
enum RowName<'a> {
    All,
    Digest(Digest),
    Glob(&'a Glob),
}

/// The invalidations of one incarnation, as far as they are remembered.
///
/// Everything that was forgotten lies below the floor.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq))]
pub(crate) struct InvalidationTable {
    rows: HashMap<Digest, Row, BuildHasherDefault<DigestHasher>>,
    counts: Counts,
    globs: Vec<(Glob, Row)>,
    all: Row,
    floor: Watermark,
    /// The moment of the last invalidation that may have been forgotten, or was never read.
    forgotten_at: EventTime,
    most_rows: usize,
    most_globs: usize,
    version: u64,
    forgotten: Forgotten,
    broken: InjectedFault,
}

impl InvalidationTable {
    /// Creates an empty table.
    ///
    /// It keeps about `most_rows` rows of tags and keys, up to as many rows of URIs and coarser
    /// names together, and up to `most_globs` globs.
    pub(crate) fn new(most_rows: usize, most_globs: usize) -> Self {
        Self {
            rows: HashMap::default(),
            counts: Counts::default(),
            globs: Vec::new(),
            all: Row::new(Lineage::alone(Rank::Other)),
            floor: Watermark::ZERO,
            forgotten_at: EventTime::EARLIEST,
            most_rows,
            most_globs,
            version: 0,
            forgotten: Forgotten::default(),
            broken: InjectedFault::NOT,
        }
    }

    /// Returns the counts of the names that the table had to forget so far.
    pub(crate) const fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// Returns about how many rows of tags and keys the table keeps.
    pub(crate) const fn most_rows(&self) -> usize {
        self.most_rows
    }

    #[cfg(feature = "broken")]
    pub(crate) fn with_fault(mut self, broken: InjectedFault) -> Self {
        self.broken = broken;
        self
    }

    /// Returns whether this rule is broken on purpose.
    pub(super) fn injects(&self, rule: Rule) -> bool {
        self.broken.is(rule)
    }

    /// Returns a number that is different after every change that can make a verdict worse.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Checks a response within one incarnation (rule 3).
    pub(crate) fn check(&self, mark: Watermark, names: &Names, now: BootTime) -> Verdict {
        if !self.covers(mark, self.floor) {
            return Verdict::Refused;
        }
        let mut soft_since: Option<EventTime> = None;
        for (_, row) in self.rows_of(mark, names) {
            if !self.covers(mark, row.hard()) {
                return Verdict::Refused;
            }
            soft_since = [soft_since, row.soft_since(mark)].into_iter().flatten().min();
        }
        soft_since.map_or(Verdict::Valid, |since| Verdict::Soft(since.elapsed(now)))
    }

    /// Returns the rows that can refuse a response at `mark` with these names.
    fn rows_of<'a>(
        &'a self,
        mark: Watermark,
        names: &'a Names,
    ) -> impl Iterator<Item = (RowName<'a>, &'a Row)> {
        let row = |digest| Some((RowName::Digest(digest), self.rows.get(&digest)?));
        let globs = self.globs.iter();
        // Most globs are older than the checked response, and comparing positions is cheaper than
        // matching a pattern.
        let globs = globs.filter(move |(glob, row)| !row.is_covered_by(mark) && names.matches(glob));
        once((RowName::All, &self.all))
            .chain(names.digests().filter_map(row))
            .chain(globs.map(|(glob, row)| (RowName::Glob(glob), row)))
    }

    /// Returns the moment of the earliest invalidation of these names after `moment`.
    ///
    /// If invalidations after `moment` may have been forgotten, `moment` itself is returned.
    pub(crate) fn earliest_after(&self, names: &Names, moment: EventTime) -> Option<EventTime> {
        if self.forgotten_at > moment {
            return Some(moment);
        }
        let rows = names.digests().filter_map(|digest| self.rows.get(&digest));
        let globs = self.globs.iter().filter(|(glob, _)| names.matches(glob)).map(|(_, row)| row);
        let rows = once(&self.all).chain(rows).chain(globs);
        rows.filter_map(|row| row.earliest_after(moment)).min()
    }

    /// Returns whether the log has no invalidation of these names after `mark` and before `id`
    /// (rule 18).
    ///
    /// It is `false` if there may have been one that is forgotten.
    pub(crate) fn has_none_between(&self, mark: Watermark, id: LogId, names: &Names) -> bool {
        if !self.covers(mark, self.floor) && !self.injects(Rule::DroppedRowsHadNothing) {
            return false;
        }
        let may_lie_between = |row: &Row| {
            row.is_last_between(Mode::Hard, mark.log, id)
                || (row.is_last_between(Mode::Soft, mark.log, id)
                    && !self.injects(Rule::SoftEventsDoNotCount))
                || (row.may_earlier_lie_between(mark.log, id) && !self.injects(Rule::LastEventDecides))
        };
        let mut rows = names.digests().filter_map(|digest| self.rows.get(&digest));
        let mut globs = self.globs.iter();
        !may_lie_between(&self.all)
            && !rows.any(may_lie_between)
            && !globs.any(|(glob, row)| may_lie_between(row) && names.matches(glob))
    }

    /// Notes that invalidations up to this moment may have been forgotten, or were never read.
    pub(crate) fn note_forgotten(&mut self, at: EventTime) {
        self.forgotten_at = self.forgotten_at.max(at);
    }

    /// Applies an event of the moment `at`.
    ///
    /// Rows with a local number beyond `settled` are pending, and are not dropped to make room.
    pub(crate) fn apply(
        &mut self,
        event: &Event,
        place: EventPosition,
        at: impl Into<EventTime>,
        settled: u64,
    ) {
        let at = at.into();
        self.version += 1;
        match &event.selector {
            Selector::Glob(glob) => self.apply_glob(glob, event.mode, place, at, settled),
            selector => match selector.digest() {
                Some(digest) => {
                    let counts = &mut self.counts;
                    let row = self.rows.entry(digest).or_insert_with(|| {
                        let lineage = selector.lineage();
                        *counts.rank(lineage.rank()) += 1;
                        Row::new(lineage)
                    });
                    if event.mode == Mode::Soft && self.broken.is(Rule::LastModeDecides) {
                        *row = Row::new(*row.lineage());
                    }
                    row.touch(event.mode, place, at, self.version);
                    self.make_room_for_rows(settled);
                }
                None => self.all.touch(event.mode, place, at, self.version),
            },
        }
    }

    /// Refuses every response before `log`, because its invalidations cannot be known any more.
    ///
    /// The last of them was at most at the moment `at`.
    pub(crate) fn raise_floor(&mut self, log: LogId, at: impl Into<EventTime>) {
        self.version += 1;
        self.note_forgotten(at.into());
        let floor = self.floor;
        self.floor.log = self.floor.log.max(log);
        self.count_floor(floor);
    }

    /// Counts a rise of the floor, if the floor differs from `before`.
    fn count_floor(&mut self, before: Watermark) {
        self.forgotten.floor_raises += u64::from(self.floor != before);
    }

    /// Forgets the rows of a log that is gone.
    ///
    /// Pending rows keep their local part, because their events still have to be appended.
    pub(crate) fn forget_log(&mut self, settled: u64) {
        let settled = if self.injects(Rule::PendingRowsAreForgotten) { u64::MAX } else { settled };
        self.version += 1;
        self.floor.log = LogId::ZERO;
        self.all.forget_log();
        self.rows.retain(|_, row| row.is_pending(settled));
        self.rows.values_mut().for_each(Row::forget_log);
        self.counts = Counts::of(self.rows.values());
        self.globs.retain(|(_, row)| row.is_pending(settled));
        self.globs.iter_mut().for_each(|(_, row)| row.forget_log());
    }

    /// Compares each part separately (rule 1).
    fn covers(&self, mark: Watermark, other: Watermark) -> bool {
        if self.injects(Rule::OnePair) {
            return (mark.log, mark.local) >= (other.log, other.local);
        }
        mark.covers(other)
    }

    fn apply_glob(&mut self, glob: &Glob, mode: Mode, place: EventPosition, at: EventTime, settled: u64) {
        if let Some((_, row)) = self.globs.iter_mut().find(|(known, _)| known == glob) {
            return row.touch(mode, place, at, self.version);
        }
        if self.globs.len() >= self.most_globs {
            self.drop_oldest_globs(settled);
        }
        if self.globs.len() >= self.most_globs {
            // All globs are pending. Every check goes through the whole list, so it must not grow:
            // *all* names what the glob names, and more.
            return self.all.touch(mode, place, at, self.version);
        }
        let mut row = Row::new(Lineage::alone(Rank::Other));
        row.touch(mode, place, at, self.version);
        self.globs.push((glob.clone(), row));
    }

    fn drop_oldest_globs(&mut self, settled: u64) {
        let rows = self.globs.iter().map(|(_, row)| row);
        let Some(last) = last_to_drop(rows, (self.most_globs / 8).max(1), settled) else {
            return;
        };
        let (mut floor, mut forgotten_at) = (self.floor, self.forgotten_at);
        self.globs.retain(|(_, row)| {
            let is_kept = row.is_kept(last, settled);
            if !is_kept {
                floor = row.joined(floor);
                forgotten_at = forgotten_at.max(row.latest());
            }
            is_kept
        });
        self.forgotten_at = forgotten_at;
        let before = std::mem::replace(&mut self.floor, floor);
        self.count_floor(before);
    }
}

/// A hasher that returns digests as they are, because digests are hashes already.
#[derive(Debug, Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
