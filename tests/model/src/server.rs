//! The log as Redis has it: what the scripts of `larder-redis` do, in one step each.

use crate::what::What;

/// One primary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Server {
    /// The incarnation on record.
    pub incarnation: u8,
    /// Whether the record or the Stream is gone, or was made by another process: the next script
    /// begins anew.
    pub is_lost: bool,
    /// The entries of the Stream.
    pub entries: Vec<(u8, Vec<What>)>,
    /// Everything at or before this is missing.
    pub floor: u8,
    /// The last id that was given out.
    pub last: u8,
    /// Beside the Stream: an entry, and the incarnation that it was seen in. It may outlive both.
    pub mark: Option<Mark>,
}

/// A mark beside the Stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Mark {
    /// Of this incarnation.
    pub incarnation: u8,
    /// The entry.
    pub id: u8,
}

/// Where a look of who is new to the incarnation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Beginning {
    /// After this entry.
    pub after: u8,
    /// What it is told to be missing.
    pub floor: u8,
}

/// What a look was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Answer {
    /// See [`larder_core::store::Look`].
    pub incarnation: u8,
    /// See there.
    pub floor: u8,
    /// See there.
    pub last: u8,
    /// See there.
    pub entries: Vec<(u8, Vec<What>)>,
    /// See there.
    pub more: bool,
}

impl Server {
    /// An empty log of this incarnation.
    #[must_use]
    pub fn new(incarnation: u8) -> Self {
        // Ids begin anew, as they may where a clock was set back; the one entry names nothing.
        Self { incarnation, is_lost: false, entries: vec![(1, vec![])], floor: 0, last: 1, mark: None }
    }

    /// What every script begins with (rule 6).
    fn enter(&mut self, births: &mut u8) {
        if self.is_lost {
            *births += 1;
            // An older version of Larder knows of no marks, and leaves them as they are.
            *self = Self { mark: self.mark, ..Self::new(*births) };
        }
    }

    /// Appends as one step, and tells incarnation and id.
    pub fn append(&mut self, whats: Vec<What>, births: &mut u8) -> (u8, u8) {
        self.enter(births);
        self.last += 1;
        self.entries.push((self.last, whats));
        (self.incarnation, self.last)
    }

    /// One look from a cursor, or from where those begin that are new to the incarnation.
    pub fn look(
        &mut self,
        (mine, after, broken): (u8, u8, bool),
        count: usize,
        births: &mut u8,
        begins: impl FnOnce(&Self) -> Beginning,
    ) -> Answer {
        self.is_lost |= broken && mine == self.incarnation;
        self.enter(births);
        let mut answer = self.head();
        let beginning = if mine == self.incarnation { Beginning { after, floor: 0 } } else { begins(self) };
        answer.floor = answer.floor.max(beginning.floor);
        self.add_entries(&mut answer, (self.incarnation, beginning.after), count);
        answer
    }

    /// What a look says besides the entries.
    #[must_use]
    pub fn head(&self) -> Answer {
        let (incarnation, floor, last) = (self.incarnation, self.floor, self.last);
        Answer { incarnation, floor, last, entries: vec![], more: false }
    }

    /// The entries of a look.
    pub fn add_entries(&self, answer: &mut Answer, (mine, after): (u8, u8), count: usize) {
        let after = if mine == self.incarnation { after } else { 0 };
        let waiting = || self.entries.iter().filter(|(id, _)| *id > after);
        answer.more = waiting().count() > count;
        answer.entries = waiting().take(count).cloned().collect();
    }

    /// What a look leaves for those who come later, of whichever process.
    pub fn leave_mark(&mut self) {
        if let Some((id, _)) = self.entries.last() {
            self.mark = Some(Mark { incarnation: self.incarnation, id: *id });
        }
    }

    /// Whether the entry of this mark is in the Stream.
    #[must_use]
    pub fn has(&self, mark: Mark) -> bool {
        self.entries.iter().any(|(id, _)| *id == mark.id)
    }

    /// Drops the oldest entry.
    pub fn trim(&mut self) {
        if !self.entries.is_empty() {
            self.floor = self.entries.remove(0).0;
        }
        if self.entries.is_empty() {
            self.floor = self.last;
        }
    }

    /// What a replica has that had not got the newest entry yet.
    pub fn lose_newest(&mut self) {
        self.entries.pop();
        self.last = self.entries.last().map_or(self.floor, |(id, _)| *id);
    }
}
