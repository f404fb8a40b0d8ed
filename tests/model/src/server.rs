//! The log in Redis. Each script of `larder-redis` is one step.

use std::time::Duration;

use larder_core::invalidation::log_page::Cursor;
use larder_core::time::BootTime;

use crate::canonical::NOW;
use crate::reading::Reading;
use crate::target::{Selection, Target, hard};
use crate::world::{id_number, incarnation};

/// A primary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Server {
    /// The recorded incarnation.
    pub incarnation: u8,
    /// Whether the record or the Stream is missing, or was created by another process. The next
    /// script starts a new incarnation.
    pub is_lost: bool,
    /// The entries of the Stream.
    pub entries: Vec<(u8, Vec<Target>)>,
    /// Everything up to this id is missing.
    pub floor: u8,
    /// The last assigned id.
    pub last: u8,
    /// A checkpoint beside the Stream. It may outlive the entry and the incarnation.
    pub mark: Option<Mark>,
    /// When the log refused everything: its beginning, or the last *all* that a poll appended.
    pub fence: BootTime,
}

/// A checkpoint beside the Stream: an entry, and the incarnation in which it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Mark {
    /// The incarnation.
    pub incarnation: u8,
    /// The entry.
    pub id: u8,
}

/// The first entry of a poll by a process that is new to the incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Beginning {
    /// The poll returns entries after this id.
    pub after: u8,
    /// The floor that the poll returns.
    pub floor: u8,
}

/// The answer to a poll.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Answer {
    /// See [`larder_core::invalidation::log_page::LogPage`].
    pub incarnation: u8,
    /// See there.
    pub floor: u8,
    /// See there.
    pub last: u8,
    /// See there.
    pub entries: Vec<(u8, Vec<Target>)>,
    /// See there.
    pub more: bool,
    /// See there.
    pub fenced: bool,
}

/// Returns the moment this long ago.
fn before(age: Duration) -> BootTime {
    let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
    BootTime::from_nanos(NOW.as_nanos().saturating_sub(age))
}

impl Server {
    /// Creates an empty log of this incarnation.
    #[must_use]
    pub fn new(incarnation: u8) -> Self {
        // Ids start over, as they may if a clock is set back. The one entry names nothing.
        let entries = vec![(1, vec![])];
        Self { incarnation, is_lost: false, entries, floor: 0, last: 1, mark: None, fence: NOW }
    }

    /// The beginning of every script (rule 6).
    pub fn enter(&mut self, births: &mut u8) {
        if self.is_lost {
            *births += 1;
            // An older version of Larder does not know checkpoints, and keeps them.
            *self = Self { mark: self.mark, ..Self::new(*births) };
        }
    }

    /// Appends in one step. Returns incarnation and id.
    pub fn append(&mut self, targets: Vec<Target>, births: &mut u8) -> (u8, u8) {
        self.enter(births);
        self.last += 1;
        self.entries.push((self.last, targets));
        (self.incarnation, self.last)
    }

    /// Appends an entry with `XADD`, as a program in another language does.
    ///
    /// No script runs, so a log that is lost stays lost.
    pub fn append_foreign(&mut self, target: Target) {
        if !self.is_lost {
            self.last += 1;
            self.entries.push((self.last, vec![target]));
        }
    }

    /// Appends such an entry to a Stream that was lost while its record stayed.
    ///
    /// `XADD` creates the Stream again. Its first entry is not that of a log, which shows that
    /// earlier ones are missing (rule 7).
    pub fn recreate(&mut self, target: Target, reading: Reading) {
        if !self.is_lost {
            let missing = self.last;
            self.entries.clear();
            self.append_foreign(target);
            self.floor = if reading == Reading::RecreatedIsTrusted { 0 } else { missing };
        }
    }

    /// Polls from a cursor, or from the start for processes that are new to the incarnation.
    pub fn look(
        &mut self,
        cursor: &Cursor,
        count: usize,
        births: &mut u8,
        begins: impl FnOnce(&Self) -> Beginning,
        reading: Reading,
    ) -> Answer {
        let (mine, after) = (cursor.incarnation.to_bytes()[0], id_number(cursor.after));
        self.is_lost |= cursor.broken && mine == self.incarnation;
        self.enter(births);
        let appended = cursor.appends.outside(incarnation(self.incarnation));
        let is_missing = |age| mine != self.incarnation && !self.is_fenced(before(age), reading);
        if appended.is_some_and(is_missing) {
            self.append(vec![hard(Selection::All)], births);
            self.fence = NOW;
        }
        let mut answer = self.head();
        let beginning = if mine == self.incarnation { Beginning { after, floor: 0 } } else { begins(self) };
        answer.floor = answer.floor.max(beginning.floor);
        self.add_entries(&mut answer, (self.incarnation, beginning.after), count);
        answer
    }

    /// Whether everything was refused here after an append elsewhere (rule 6).
    #[must_use]
    pub fn is_fenced(&self, appended: BootTime, reading: Reading) -> bool {
        match reading {
            Reading::BeginningIsEnough => true,
            Reading::AnyFence => self.has_all() || self.fence > appended,
            _ => self.fence > appended,
        }
    }

    fn has_all(&self) -> bool {
        self.entries.iter().any(|(_, targets)| targets.contains(&hard(Selection::All)))
    }

    /// Returns the answer to a poll without the entries.
    #[must_use]
    pub fn head(&self) -> Answer {
        let (incarnation, floor, last) = (self.incarnation, self.floor, self.last);
        Answer { incarnation, floor, last, entries: vec![], more: false, fenced: true }
    }

    /// Adds the entries of a poll.
    pub fn add_entries(&self, answer: &mut Answer, (mine, after): (u8, u8), count: usize) {
        let after = if mine == self.incarnation { after } else { 0 };
        let waiting = || self.entries.iter().filter(|(id, _)| *id > after);
        answer.more = waiting().count() > count;
        answer.entries = waiting().take(count).cloned().collect();
    }

    /// Leaves a checkpoint for later processes.
    pub fn leave_mark(&mut self) {
        if let Some((id, _)) = self.entries.last() {
            self.mark = Some(Mark { incarnation: self.incarnation, id: *id });
        }
    }

    /// Whether the entry of this checkpoint is in the Stream.
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

    /// Drops the newest entry, which a replica had not received yet.
    pub fn lose_newest(&mut self) {
        self.entries.pop();
        self.last = self.entries.last().map_or(self.floor, |(id, _)| *id);
    }
}
