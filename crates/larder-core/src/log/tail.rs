//! The state machine that follows the log.
//!
//! It is told what looks and appends were answered with and decides what may be believed; it does no I/O. Who drives
//! it publishes in this order (rule 11): the tail itself, which holds rows and floor, then its
//! [`generation`](Tail::generation), its [`position`](Tail::position), its [`confirmed_at`](Tail::confirmed_at); then
//! it wakes those who wait for [`passed`](Tail::passed).

#[cfg(feature = "model")]
mod canonical;
mod reached;

use std::time::Duration;

pub use self::reached::Passing;
use self::reached::Reached;
#[cfg(feature = "broken")]
use super::broken::Broken;
use super::broken::Rule;
use super::names::Names;
use super::outbox::{Batch, Outbox};
use super::position::{Incarnation, Mark, Position};
use super::selector::Event;
use super::table::{Forgotten, Place, Table, Verdict};
use super::token::{Comparison, Token};
use crate::store::{Appended, Cursor, Look};
use crate::time::Boot;

/// What came of taking in a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LookTaken {
    /// Look again at once: the log's end was not reached.
    pub again: bool,
    /// The log's end was reached, so what was known when the look was sent is confirmed.
    pub confirmed: bool,
    /// The log is of another incarnation than before; everything older is refused. The first look always says so.
    pub new_incarnation: bool,
}

/// How much a [`Tail`] remembers. What it forgets costs misses, never a stale response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Limits {
    /// Tags and keys that were invalidated: 65,536 by default, at about 140 bytes each, and at least twice `outbox`. As many
    /// URIs, paths, directories and prefixes together are remembered beside them.
    pub rows: usize,
    /// Globs that were invalidated: 64 by default. Every check goes through all of them.
    pub globs: usize,
    /// Invalidations that the log has not been told yet: 1,024 by default, at least one. One more makes them all into
    /// one of everything.
    pub outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 65_536, globs: 64, outbox: 1_024 }
    }
}

/// What one process knows of the invalidation log.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub struct Tail {
    alone: bool,
    /// Which instance this is, to the tokens of invalidations that it alone knows of.
    own: Incarnation,
    reached: Reached,
    /// How many invalidations of our own were deferred.
    local: u64,
    table: Table,
    outbox: Outbox,
    /// Whether this incarnation was told anything by us.
    was_told: bool,
    confirmed_at: Option<Boot>,
    /// Whether the end of this incarnation was reached once.
    replayed: bool,
}

impl Tail {
    /// A tail that follows a log elsewhere. Until its first look nothing is confirmed, and what is filled has a
    /// position of the `placeholder`, 128 random bits, which that look makes worthless.
    #[must_use]
    pub fn following(placeholder: Incarnation, limits: Limits) -> Self {
        Self {
            alone: false,
            own: placeholder,
            reached: Reached::start_of(placeholder, None),
            local: 0,
            table: Table::new(limits.rows.max(limits.outbox.saturating_mul(2)), limits.globs),
            outbox: Outbox::new(limits.outbox),
            was_told: false,
            confirmed_at: None,
            replayed: false,
        }
    }

    /// This tail with one rule broken, to see that a checker finds out.
    #[cfg(feature = "broken")]
    #[doc(hidden)]
    #[must_use]
    pub fn breaking(mut self, rule: Rule) -> Self {
        let broken = Broken::breaking(rule);
        self.table = self.table.breaking(broken);
        self.outbox = self.outbox.breaking(broken);
        self
    }

    /// A tail that is itself the log of the only process there is: always confirmed, and with no shared tier to trust.
    #[must_use]
    pub fn alone(incarnation: Incarnation, limits: Limits) -> Self {
        Self { alone: true, confirmed_at: Some(Boot::MAX), ..Self::following(incarnation, limits) }
    }

    /// Where we are. A fill carries the position from before it began (rule 2).
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            incarnation: self.reached.incarnation,
            mark: Mark { log: self.reached.log, local: self.local },
        }
    }

    /// What we know, for a client to bring along: it covers every invalidation that was done here before.
    #[must_use]
    pub fn token(&self) -> Token {
        Token::of(self.position(), (!self.outbox.is_empty()).then_some(self.own))
    }

    /// Whether we know at least as much as a token that a client brought (rule 17).
    #[must_use]
    pub fn compare(&self, token: &Token) -> Comparison {
        token.compare(self.position(), self.own)
    }

    /// Where the next look begins.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        let Reached { incarnation, log: after, broken, .. } = self.reached;
        Cursor { incarnation, after, broken, remembers: self.table.most_rows() }
    }

    /// A number that changes whenever rows, floor or incarnation do: while it stays, what was found valid is valid.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.table.version()
    }

    /// The names that had to be forgotten so far. Each costs misses.
    #[must_use]
    pub const fn forgotten(&self) -> Forgotten {
        self.table.forgotten()
    }

    /// When the last look that reached the log's end was sent; `None` before the first.
    #[must_use]
    pub const fn confirmed_at(&self) -> Option<Boot> {
        self.confirmed_at
    }

    /// Takes in a look that was begun at our [`cursor`](Self::cursor) and sent at `sent` (rules 4, 6, 7, 8 and 9).
    pub fn take_look(&mut self, look: &Look, sent: Boot) -> LookTaken {
        if self.alone {
            return LookTaken::default();
        }
        let new_incarnation = look.incarnation != self.reached.incarnation;
        if new_incarnation {
            self.adopt(look.incarnation, sent);
        } else if look.last < self.reached.log || self.reached.broken {
            return self.note_broken(sent);
        }
        self.take_in(look, sent);
        self.settle();
        LookTaken { again: look.more, confirmed: !look.more, new_incarnation }
    }

    /// Applies events that the log could not be told: here at once, elsewhere once they were
    /// [sent](Self::unsent). Where there is no other log, they are [recorded](Self::record).
    pub fn defer(&mut self, events: &[Event], now: Boot) {
        if self.alone {
            return self.record(events, now);
        }
        for event in events {
            self.local += 1;
            let kept = self.outbox.push(self.local, event);
            self.table.apply(&kept, Place::Local(self.local), now, self.settled());
        }
    }

    /// Appends events to our own log and applies them. Where the log is elsewhere, they are
    /// [deferred](Self::defer).
    pub fn record(&mut self, events: &[Event], now: Boot) {
        if !self.alone {
            return self.defer(events, now);
        }
        for event in events {
            self.reached.log = self.reached.log.after();
            self.table.apply(event, Place::Log(self.reached.log), now, self.settled());
        }
    }

    /// The next deferred events to append, if any are left.
    #[must_use]
    pub fn unsent(&self) -> Option<Batch> {
        self.outbox.unsent()
    }

    /// How many deferred events have yet to be appended.
    #[must_use]
    pub fn untold(&self) -> usize {
        self.outbox.untold()
    }

    /// Notes that a batch was appended. It stays in the outbox until we have passed it (rule 12).
    pub fn sent(&mut self, batch: &Batch, appended: Appended) {
        self.note_appended();
        self.outbox.sent(batch, appended);
        self.settle();
    }

    /// Notes that events were appended other than from the outbox. Should the log turn out to be of another incarnation,
    /// it may have begun before they were.
    pub fn note_appended(&mut self) {
        self.was_told = true;
    }

    /// How far we are with an event that was appended: `invalidate` may return once it is passed (rule 14).
    #[must_use]
    pub fn passed(&self, appended: &Appended) -> Passing {
        self.reached.passing(appended)
    }

    /// Rule 3: whether a response with this position and these names may be used.
    #[must_use]
    pub fn check(&self, position: &Position, names: &Names, now: Boot) -> Verdict {
        if position.incarnation != self.reached.incarnation {
            return Verdict::Refused;
        }
        self.table.check(position.mark, names, now)
    }

    /// Rule 12: whether what the shared tier holds may be used, and given our local number.
    #[must_use]
    pub fn trusts_shared(&self, now: Boot, max_staleness: Duration) -> bool {
        !self.alone
            && self.replayed
            && self.outbox.is_empty()
            && usable(None, self.confirmed_at, max_staleness, now)
    }

    /// Rule 6: another incarnation begins at its start, and refuses everything older.
    ///
    /// Where a primary was cut off and went on for a while, as it does without `min-replicas-to-write`, there are two
    /// incarnations at a time. What we told the one that we leave may be news to the other, though it was applied: so
    /// the other is told *all*, which holds here at once.
    fn adopt(&mut self, incarnation: Incarnation, sent: Boot) {
        self.reached = Reached::start_of(incarnation, Some(sent));
        self.replayed = false;
        self.table.forget_log(self.settled());
        if std::mem::take(&mut self.was_told) && !self.breaks(Rule::LeavesInSilence) {
            self.defer(&[Event::EVERYTHING], sent);
        }
    }

    /// The log ends before our position, though it is of our incarnation (the end of rule 6): only a new one can be
    /// believed. The first such look asks for it at once.
    fn note_broken(&mut self, sent: Boot) -> LookTaken {
        let again = !self.reached.broken;
        self.reached.broken = true;
        self.reached.looked = Some(sent);
        self.settle();
        LookTaken { again, ..LookTaken::default() }
    }

    fn take_in(&mut self, look: &Look, sent: Boot) {
        self.reached.looked = Some(sent);
        if look.floor > self.reached.log {
            self.table.raise_floor(look.floor);
            self.reached.log = look.floor;
        }
        let begun = self.reached.log;
        for (id, events) in look.entries.iter().filter(|(id, _)| *id > begun) {
            for event in events {
                self.table.apply(event, Place::Log(*id), sent, self.settled());
            }
            self.reached.log = self.reached.log.max(*id);
        }
        if !look.more {
            self.reached.log = self.reached.log.max(look.last);
            self.confirmed_at = self.confirmed_at.max(Some(sent));
            self.replayed = true;
        }
    }

    fn settle(&mut self) {
        self.outbox.settle(|appended| self.reached.passing(appended));
    }

    fn breaks(&self, rule: Rule) -> bool {
        self.table.breaks(rule)
    }

    fn settled(&self) -> u64 {
        self.outbox.settled(self.local)
    }
}

/// Rule 10: whether a response in memory may be used now. `filled_at` is when its fill began, `None` if it came from
/// the shared tier.
#[inline]
#[must_use]
pub fn usable(
    filled_at: Option<Boot>,
    confirmed_at: Option<Boot>,
    max_staleness: Duration,
    now: Boot,
) -> bool {
    filled_at.max(confirmed_at).is_some_and(|known| known.saturating_add(max_staleness) >= now)
}

/// Rule 13: whether a request that comes now may wait for a flight that began then. What the flight brings has still
/// to be [checked](Tail::check) when it ends, if its position differs from the request's.
#[must_use]
pub fn may_join(flight_began: Boot, confirmed_at: Option<Boot>, max_staleness: Duration, now: Boot) -> bool {
    usable(Some(flight_began), confirmed_at, max_staleness, now)
}
