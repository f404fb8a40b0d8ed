//! Room in the table: which rows are dropped, and which rows stand for them afterwards.
//!
//! A row of a URI is folded into the row of its path, a path into its directory, and a directory
//! into the prefix above. Every response with the finer name also has the coarser one. So the same
//! responses are refused as before, and some more nearby. Only a name without a coarser one raises
//! the floor, which refuses everything that is older. Each rank makes room for itself alone:
//! however many URIs are invalidated, no tag is forgotten.

use std::ops::Sub;

use super::{InvalidationTable, Row};
use crate::invalidation::fault_injection::Rule;
use crate::invalidation::selector::Rank;

/// Counts of the names that had to be forgotten.
///
/// In their place, more responses are refused than were named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "model", derive(Hash))]
#[allow(clippy::exhaustive_structs)]
pub struct Forgotten {
    /// The number of paths of which only the directory, or a prefix above it, is remembered.
    pub folded: u64,
    /// The number of times that everything older than some event was refused.
    ///
    /// This happens if names are forgotten or the log is trimmed.
    pub floor_raises: u64,
}

impl Sub for Forgotten {
    type Output = Self;

    /// Returns the difference from an earlier count.
    fn sub(self, before: Self) -> Self {
        Self {
            folded: self.folded.saturating_sub(before.folded),
            floor_raises: self.floor_raises.saturating_sub(before.floor_raises),
        }
    }
}

/// The number of rows of each rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts([usize; Rank::ALL.len()]);

impl Counts {
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut counts = Self::default();
        rows.for_each(|row| *counts.rank(row.rank()) += 1);
        counts
    }

    pub(super) const fn rank(&mut self, rank: Rank) -> &mut usize {
        &mut self.0[rank as usize]
    }
}

impl InvalidationTable {
    /// Drops the oldest rows of each rank that has too many.
    ///
    /// The finest rank comes first, because its rows may be folded into the next.
    pub(super) fn make_room_for_rows(&mut self, settled: u64) {
        for rank in Rank::ALL {
            let (have, quota) = (*self.counts.rank(rank), self.quota(rank));
            if have > quota {
                // An eighth is dropped at once, so that many events share the cost of finding the
                // oldest rows.
                let batch = match rank {
                    Rank::Uri | Rank::Other => quota / 8,
                    Rank::Path | Rank::Directory | Rank::Prefix => (quota / 8).max(have - quota),
                };
                self.give_up(rank, batch.max(1), settled);
            }
        }
    }

    /// Returns about how many rows of a rank are kept.
    fn quota(&self, rank: Rank) -> usize {
        let share = match rank {
            Rank::Other => 1,
            Rank::Uri => 2,
            Rank::Path => 4,
            Rank::Directory | Rank::Prefix => 8,
        };
        (self.most_rows / share).max(1)
    }

    fn give_up(&mut self, rank: Rank, batch: usize, settled: u64) {
        let of_rank = self.rows.values().filter(|row| row.rank() == rank);
        let Some(last) = last_to_drop(of_rank, batch, settled) else {
            return;
        };
        let goes = |row: &Row| row.rank() == rank && !row.is_kept(last, settled);
        let names: Vec<_> = self.rows.iter().filter(|(_, row)| goes(row)).map(|(name, _)| *name).collect();
        let gone: Vec<Row> = names.iter().filter_map(|name| self.rows.remove(name)).collect();
        *self.counts.rank(rank) -= gone.len();
        let floor = self.floor;
        gone.iter().for_each(|row| self.fold(row));
        self.count_floor(floor);
    }

    /// Folds this row into a coarser one, or else into the floor.
    fn fold(&mut self, row: &Row) {
        let Some((name, lineage)) = row.lineage().parent() else {
            if !self.injects(Rule::DroppedRowsAreForgotten) {
                self.floor = row.joined(self.floor);
                self.note_forgotten(row.latest());
            }
            return;
        };
        if self.injects(Rule::FoldedRowsAreForgotten) {
            return;
        }
        let counts = &mut self.counts;
        let parent = self.rows.entry(name).or_insert_with(|| {
            *counts.rank(lineage.rank()) += 1;
            Row::new(lineage)
        });
        parent.absorb(row);
        self.forgotten.folded += u64::from(row.rank() != Rank::Uri);
    }
}

/// Returns the newest touch among the `batch` oldest rows that are not pending.
pub(super) fn last_to_drop<'a>(
    rows: impl Iterator<Item = &'a Row>,
    batch: usize,
    settled: u64,
) -> Option<u64> {
    let settled_rows = rows.filter(|row| !row.is_pending(settled));
    let mut touches: Vec<u64> = settled_rows.map(Row::touched).collect();
    let nth = batch.min(touches.len()).checked_sub(1)?;
    Some(*touches.select_nth_unstable(nth).1)
}
