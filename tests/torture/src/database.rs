//! The database behind the queued writes: a table that compares sequence numbers, and the history
//! of its changes. It lives in the driver, so it survives every instance.

use std::collections::HashMap;

use crate::clock::Moment;
use crate::history::{Change, LifeId};
use crate::item::Item;

/// One write of a batch, as a sink sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) item: Item,
    /// The sequence number, by which the database orders the writes of an item.
    pub(crate) sequence: u64,
    /// The number of the write, which identifies it.
    pub(crate) number: u64,
}

/// Whether the statement of a sink compares sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fence {
    /// `WHERE seq < $seq`.
    Compares,
    /// A planted mistake: it takes every row.
    Missing,
}

#[derive(Debug, Default)]
pub(crate) struct Database {
    /// The current row of each item that was ever written: sequence number and write.
    rows: HashMap<Item, (u64, u64)>,
    changes: Vec<Change>,
    ignored: u64,
}

impl Database {
    /// Commits a batch. Returns the number of rows that it changed.
    pub(crate) fn commit(&mut self, batch: &[Row], fence: Fence, life: LifeId) -> u64 {
        let before = self.changes.len();
        for row in batch {
            let held = self.rows.entry(row.item).or_default();
            if fence == Fence::Compares && held.0 >= row.sequence {
                self.ignored += 1;
                continue;
            }
            *held = (row.sequence, row.number);
            let Row { item, sequence, number } = *row;
            self.changes.push(Change { item, sequence, number, at: Moment::now(), life });
        }
        (self.changes.len() - before) as u64
    }

    /// Returns the number of the write that an item has, or 0 if it was never written.
    pub(crate) fn number(&self, item: Item) -> u64 {
        self.rows.get(&item).map_or(0, |row| row.1)
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        self.changes.clone()
    }

    /// Returns the number of writes that came again or too late.
    pub(crate) const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Returns the life that committed last.
    pub(crate) fn last_reader(&self) -> Option<LifeId> {
        self.changes.last().map(|change| change.life)
    }
}

/// Returns a batch as text, one write a line.
pub(crate) fn encode(batch: &[Row]) -> String {
    let line = |row: &Row| format!("{} {} {}\n", row.item, row.sequence, row.number);
    batch.iter().map(line).collect()
}

/// Reads a batch from text. Returns `None` if it is no batch.
pub(crate) fn decode(text: &str) -> Option<Vec<Row>> {
    let row = |line: &str| {
        let mut words = line.split(' ');
        let item = words.next()?.parse().ok()?;
        let sequence = words.next()?.parse().ok()?;
        let number = words.next()?.parse().ok()?;
        Some(Row { item, sequence, number })
    };
    text.lines().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Family;

    const ITEM: Item = Item { family: Family::WriteBehind, id: 7 };
    const LIFE: LifeId = LifeId(0);

    fn row(sequence: u64, number: u64) -> Row {
        Row { item: ITEM, sequence, number }
    }

    #[test]
    fn a_write_that_is_not_newer_changes_nothing() {
        let mut database = Database::default();
        assert_eq!(database.commit(&[row(5, 1)], Fence::Compares, LIFE), 1);
        assert_eq!(database.commit(&[row(5, 1)], Fence::Compares, LIFE), 0, "again");
        assert_eq!(database.commit(&[row(4, 2)], Fence::Compares, LIFE), 0, "too late");
        assert_eq!((database.number(ITEM), database.ignored()), (1, 2));
        assert_eq!(database.commit(&[row(4, 2)], Fence::Missing, LIFE), 1);
        assert_eq!((database.number(ITEM), database.changes().len()), (2, 2));
    }

    #[test]
    fn a_batch_arrives_as_it_was_sent() {
        let batch = [row(5, 1), Row { item: Item { id: 3, ..ITEM }, sequence: 6, number: 2 }];
        assert_eq!(decode(&encode(&batch)).unwrap(), batch);
        assert_eq!(decode("").unwrap(), []);
        for wrong in ["write-behind/7 5\n", "none/7 5 1\n", "write-behind/7 x 1\n"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
