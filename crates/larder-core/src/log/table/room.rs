//! Room in the table: which rows are given up, and what stands for them then.
//!
//! A row of a URI is folded into that of its path, a path into its directory, a directory into the prefix above. Every
//! response with the finer name has the coarser one as well, so that as much is refused as before, and some more nearby.
//! Only what has no coarser name raises the floor, which refuses everything that is older. Each rank makes room for itself
//! alone: however many URIs are invalidated, no tag is forgotten.

use std::ops::Sub;

use super::{Row, Table};
use crate::log::broken::Rule;
use crate::log::selector::Rank;

/// How often something had to be forgotten, and more than it is refused instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "model", derive(Hash))]
#[allow(clippy::exhaustive_structs)]
pub struct Forgotten {
    /// Paths of which only the directory, or a prefix above it, is remembered.
    pub folded: u64,
    /// How often everything older than some event was refused, as names were forgotten or the log was trimmed.
    pub floor_raises: u64,
}

impl Sub for Forgotten {
    type Output = Self;

    /// The difference from an earlier count.
    fn sub(self, before: Self) -> Self {
        Self {
            folded: self.folded.saturating_sub(before.folded),
            floor_raises: self.floor_raises.saturating_sub(before.floor_raises),
        }
    }
}

/// How many rows each rank has.
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

impl Table {
    /// Gives up the oldest rows of each rank that has more than it may, the finest first: it may have to be folded into
    /// the next.
    pub(super) fn make_room_for_rows(&mut self, settled: u64) {
        for rank in Rank::ALL {
            let (have, quota) = (*self.counts.rank(rank), self.quota(rank));
            if have > quota {
                // An eighth at once, so that the cost of finding them is shared by many events.
                let batch = match rank {
                    Rank::Uri | Rank::Other => quota / 8,
                    Rank::Path | Rank::Directory | Rank::Prefix => (quota / 8).max(have - quota),
                };
                self.give_up(rank, batch.max(1), settled);
            }
        }
    }

    /// About how many rows of a rank are kept.
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

    /// Lets a coarser row stand for this one, or else the floor.
    fn fold(&mut self, row: &Row) {
        let Some((name, lineage)) = row.lineage().parent() else {
            if !self.breaks(Rule::DroppedRowsAreForgotten) {
                self.floor = row.joined(self.floor);
            }
            return;
        };
        if self.breaks(Rule::FoldedRowsAreForgotten) {
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

/// The newest touch among so many of the oldest rows.
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
