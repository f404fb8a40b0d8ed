//! Name → last position, and the check of a stored response against it.

#[cfg(feature = "model")]
mod canonical;
#[cfg(test)]
mod limits;
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
use super::broken::{Broken, Rule};
use super::names::Names;
use super::position::{LogId, Mark};
use super::selector::{Digest, Event, Glob, Lineage, Mode, Rank, Selector};
use crate::time::Boot;

/// What the table says of a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Whoever serves has to treat each.
pub enum Verdict {
    /// Nothing that it is named by was invalidated after its position.
    Valid,
    /// Something was, softly: it has counted as stale for this long.
    Soft(Duration),
    /// It must not be used for anything.
    Refused,
}

impl Verdict {
    /// What is left of both, for a response that has more than one set of names to answer to.
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

/// Where an event stands: in the log, or among those of this process that the log has not been told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Log(LogId),
    Local(u64),
}

/// What was invalidated in one incarnation, as far as it is remembered. What was forgotten lies below the floor.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq))]
pub(crate) struct Table {
    rows: HashMap<Digest, Row, BuildHasherDefault<DigestHasher>>,
    counts: Counts,
    globs: Vec<(Glob, Row)>,
    all: Row,
    floor: Mark,
    most_rows: usize,
    most_globs: usize,
    version: u64,
    forgotten: Forgotten,
    broken: Broken,
}

impl Table {
    /// An empty table that keeps about this many rows of tags and keys, at most as many of URIs and what is coarser
    /// together, and so many globs.
    pub(crate) fn new(most_rows: usize, most_globs: usize) -> Self {
        Self {
            rows: HashMap::default(),
            counts: Counts::default(),
            globs: Vec::new(),
            all: Row::new(Lineage::alone(Rank::Other)),
            floor: Mark::ZERO,
            most_rows,
            most_globs,
            version: 0,
            forgotten: Forgotten::default(),
            broken: Broken::NOT,
        }
    }

    /// The names that it had to forget so far.
    pub(crate) const fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// About how many rows of tags and keys it keeps.
    pub(crate) const fn most_rows(&self) -> usize {
        self.most_rows
    }

    #[cfg(feature = "broken")]
    pub(crate) fn breaking(mut self, broken: Broken) -> Self {
        self.broken = broken;
        self
    }

    /// Whether this rule is broken on purpose.
    pub(super) fn breaks(&self, rule: Rule) -> bool {
        self.broken.is(rule)
    }

    /// Another number after every change that can make a verdict worse.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Rule 3, within one incarnation.
    pub(crate) fn check(&self, mark: Mark, names: &Names, now: Boot) -> Verdict {
        if !self.covers(mark, self.floor) {
            return Verdict::Refused;
        }
        let rows = names.digests().filter_map(|digest| self.rows.get(&digest));
        let globs = self.globs.iter();
        // Most globs are older than what is checked, and comparing positions is cheaper than matching a pattern.
        let globs = globs.filter(|(glob, row)| !row.is_covered_by(mark) && names.matches(glob));
        let mut soft_since: Option<Boot> = None;
        for row in once(&self.all).chain(rows).chain(globs.map(|(_, row)| row)) {
            if !self.covers(mark, row.hard()) {
                return Verdict::Refused;
            }
            soft_since = [soft_since, row.soft_since(mark)].into_iter().flatten().min();
        }
        soft_since.map_or(Verdict::Valid, |since| Verdict::Soft(now.saturating_since(since)))
    }

    /// Remembers an event. Rows with a local number beyond `settled` are pending and are not dropped to make room.
    pub(crate) fn apply(&mut self, event: &Event, place: Place, now: Boot, settled: u64) {
        self.version += 1;
        match &event.selector {
            Selector::Glob(glob) => self.apply_glob(glob, event.mode, place, now, settled),
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
                    row.touch(event.mode, place, now, self.version);
                    self.make_room_for_rows(settled);
                }
                None => self.all.touch(event.mode, place, now, self.version),
            },
        }
    }

    /// Refuses whatever lies before `log`, which cannot be known any more.
    pub(crate) fn raise_floor(&mut self, log: LogId) {
        self.version += 1;
        let floor = self.floor;
        self.floor.log = self.floor.log.max(log);
        self.count_floor(floor);
    }

    /// Counts whether the floor has risen since it was this.
    fn count_floor(&mut self, before: Mark) {
        self.forgotten.floor_raises += u64::from(self.floor != before);
    }

    /// Forgets what belongs to a log that is gone. Pending rows keep their local part: the log has yet to be told.
    pub(crate) fn forget_log(&mut self, settled: u64) {
        let settled = if self.breaks(Rule::PendingRowsAreForgotten) { u64::MAX } else { settled };
        self.version += 1;
        self.floor.log = LogId::ZERO;
        self.all.forget_log();
        self.rows.retain(|_, row| row.is_pending(settled));
        self.rows.values_mut().for_each(Row::forget_log);
        self.counts = Counts::of(self.rows.values());
        self.globs.retain(|(_, row)| row.is_pending(settled));
        self.globs.iter_mut().for_each(|(_, row)| row.forget_log());
    }

    /// Rule 1: each part for itself.
    fn covers(&self, mark: Mark, other: Mark) -> bool {
        if self.breaks(Rule::OnePair) {
            return (mark.log, mark.local) >= (other.log, other.local);
        }
        mark.covers(other)
    }

    fn apply_glob(&mut self, glob: &Glob, mode: Mode, place: Place, now: Boot, settled: u64) {
        if let Some((_, row)) = self.globs.iter_mut().find(|(known, _)| known == glob) {
            return row.touch(mode, place, now, self.version);
        }
        if self.globs.len() >= self.most_globs {
            self.drop_oldest_globs(settled);
        }
        if self.globs.len() >= self.most_globs {
            // All are pending. Every check goes through the whole list, so it must not grow: *all* names what the
            // glob does, and more.
            return self.all.touch(mode, place, now, self.version);
        }
        let mut row = Row::new(Lineage::alone(Rank::Other));
        row.touch(mode, place, now, self.version);
        self.globs.push((glob.clone(), row));
    }

    fn drop_oldest_globs(&mut self, settled: u64) {
        let rows = self.globs.iter().map(|(_, row)| row);
        let Some(last) = last_to_drop(rows, (self.most_globs / 8).max(1), settled) else {
            return;
        };
        let mut floor = self.floor;
        self.globs.retain(|(_, row)| {
            let is_kept = row.is_kept(last, settled);
            if !is_kept {
                floor = row.joined(floor);
            }
            is_kept
        });
        let before = std::mem::replace(&mut self.floor, floor);
        self.count_floor(before);
    }
}

/// Digests are hashes already.
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
