//! One form for all tables that behave alike from now on.

use std::hash::{Hash, Hasher};

use super::{EventTime, Forgotten, InvalidationTable, Row};

impl InvalidationTable {
    pub(crate) fn forget_event_moments(&mut self) {
        self.all.forget_moments(0);
        self.forgotten = Forgotten::default();
        self.forgotten_at = EventTime::EARLIEST;
        renumber(self.rows.values_mut().collect());
        renumber(self.globs.iter_mut().map(|(_, row)| row).collect());
        self.version = u64::try_from(self.rows.len().max(self.globs.len())).unwrap_or(u64::MAX);
    }

    /// Forgets the events before the last ones of each row.
    pub(crate) fn forget_history(&mut self) {
        self.all.forget_history();
        self.rows.values_mut().chain(self.globs.iter_mut().map(|(_, row)| row)).for_each(Row::forget_history);
    }
}

/// Renumbers the touches of the rows.
///
/// Rows are dropped in the order of their touches. The numbers have no other meaning.
fn renumber(mut rows: Vec<&mut Row>) {
    rows.sort_unstable_by_key(|row| row.touched());
    for (touched, row) in (1..).zip(rows) {
        row.forget_moments(touched);
    }
}

impl Hash for InvalidationTable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut rows: Vec<_> = self.rows.iter().map(|(digest, row)| (digest.bits(), row)).collect();
        rows.sort_unstable_by_key(|(digest, _)| *digest);
        (rows, &self.globs, &self.all, self.floor, self.version).hash(state);
    }
}
