//! The state machine that follows the log.
//!
//! It is told what looks and appends were answered with and decides what may be believed; it does no I/O. Who drives
//! it publishes in this order (rule 11): the tail itself, which holds rows and floor, then its
//! [`generation`](Tail::generation), its [`position`](Tail::position), its [`confirmed_at`](Tail::confirmed_at); then
//! it wakes those who wait for [`passed`](Tail::passed).

mod reached;

use std::time::Duration;

pub use self::reached::Passing;
use self::reached::Reached;
use super::names::Names;
use super::outbox::{Batch, Outbox};
use super::own::Own;
use super::position::{Incarnation, Mark, Position};
use super::selector::Event;
use super::table::{Place, Table, Verdict};
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
    /// Names that were invalidated: 65,536 by default, at about 100 bytes each, and at least twice `outbox`.
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
pub struct Tail {
    alone: bool,
    reached: Reached,
    /// How many invalidations of our own were deferred.
    local: u64,
    table: Table,
    outbox: Outbox,
    own: Own,
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
            reached: Reached::start_of(placeholder, None),
            local: 0,
            table: Table::new(limits.rows.max(limits.outbox.saturating_mul(2)), limits.globs),
            outbox: Outbox::new(limits.outbox),
            own: Own::new(limits.outbox),
            confirmed_at: None,
            replayed: false,
        }
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

    /// Where the next look begins.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { incarnation: self.reached.incarnation, after: self.reached.log, broken: self.reached.broken }
    }

    /// A number that changes whenever rows, floor or incarnation do: while it stays, what was found valid is valid.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.table.version()
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
        self.settle_outbox(sent);
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

    /// Notes that a batch was appended. It stays in the outbox until we have passed it (rule 12).
    pub fn sent(&mut self, batch: &Batch, appended: Appended) {
        self.outbox.sent(batch, appended);
        self.settle_outbox(appended.answered);
    }

    /// How far we are with an event that was appended: `invalidate` may return once it is passed (rule 14).
    #[must_use]
    pub fn passed(&self, appended: &Appended) -> Passing {
        self.reached.passing(appended)
    }

    /// The same, for who appended the events himself: once they are passed they are kept for a while. If another
    /// incarnation turns up it may have been begun before they were appended, on a primary that was promoted behind our
    /// back, and so they are [deferred](Self::defer) anew.
    pub fn settle(&mut self, appended: &Appended, events: &[Event], now: Boot) -> Passing {
        let passing = self.passed(appended);
        if passing == Passing::Passed {
            events.iter().for_each(|event| self.own.keep(event.clone(), now));
        }
        passing
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

    /// Rule 6: another incarnation begins at its start, and refuses everything older. What we told the one before may be
    /// newer than the start, and unknown there.
    fn adopt(&mut self, incarnation: Incarnation, sent: Boot) {
        self.reached = Reached::start_of(incarnation, Some(sent));
        self.replayed = false;
        self.table.forget_log(self.settled());
        let own = self.own.take(sent);
        self.defer(&own, sent);
    }

    /// The log ends before our position, though it is of our incarnation (the end of rule 6): only a new one can be
    /// believed. The first such look asks for it at once.
    fn note_broken(&mut self, sent: Boot) -> LookTaken {
        let again = !self.reached.broken;
        self.reached.broken = true;
        self.reached.looked = Some(sent);
        self.settle_outbox(sent);
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

    fn settle_outbox(&mut self, now: Boot) {
        let (reached, own) = (&self.reached, &mut self.own);
        self.outbox.settle(|appended| reached.passing(appended), |event| own.keep(event.clone(), now));
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
