//! The state machine that follows the log.
//!
//! The tail receives the answers to polls and appends, and decides what may be believed. It does no
//! I/O.
//!
//! The code that drives it publishes in this order (rule 11): the tail itself, which holds rows and
//! floor, then its [`generation`](Tail::generation), its [`position`](Tail::position), and its
//! [`confirmed_at`](Tail::confirmed_at). After that it wakes the tasks that wait for
//! [`append_status`](Tail::append_status).

mod event_moments;
#[cfg(feature = "model")]
mod model_state;
mod pages;
mod recency;
mod tail_limits;
mod tail_refusals;
mod tail_state;
mod write_through;

use std::time::Duration;

pub use self::pages::PageApplied;
pub use self::recency::{is_usable, may_join};
pub use self::tail_limits::Limits;
use self::tail_state::TailState;
use super::append_status::{AppendStatus, Appended};
#[cfg(feature = "broken")]
use super::fault_injection::InjectedFault;
use super::fault_injection::Rule;
use super::last_appends::{AppendMoments, LastAppends};
use super::log_page::Cursor;
use super::names::Names;
use super::outbox::{Batch, Outbox};
use super::position::{Incarnation, Position, Watermark};
use super::selector::Event;
use super::table::{EventPosition, Forgotten, InvalidationTable, Verdict};
use super::token::{ConsistencyToken, Coverage};
use crate::time::BootTime;

/// The state of the invalidation log, as one process knows it.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub struct Tail {
    alone: bool,
    /// The identity of this instance in the tokens of invalidations that it alone knows.
    own: Incarnation,
    reached: TailState,
    /// The number of our own invalidations that were deferred.
    local: u64,
    table: InvalidationTable,
    outbox: Outbox,
    /// When we appended, and to which incarnation.
    appends: AppendMoments,
    confirmed_at: Option<BootTime>,
    /// Whether the end of this incarnation was reached at least once.
    replayed: bool,
    /// The longest time that a poll with entries took, up to [`MAX_POLL_TIME`].
    poll_time: Duration,
}

impl Tail {
    /// Creates a tail that follows a log elsewhere.
    ///
    /// Until its first poll nothing is confirmed, and fills have a position of the `placeholder`.
    /// This is an incarnation of 128 random bits, and the first poll makes its positions worthless.
    #[must_use]
    pub fn following(placeholder: Incarnation, limits: Limits) -> Self {
        Self {
            alone: false,
            own: placeholder,
            reached: TailState::start_of(placeholder, None),
            local: 0,
            table: InvalidationTable::new(limits.rows.max(limits.outbox.saturating_mul(2)), limits.globs),
            outbox: Outbox::new(limits.outbox),
            appends: AppendMoments::default(),
            confirmed_at: None,
            replayed: false,
            poll_time: Duration::ZERO,
        }
    }

    /// Returns this tail with one rule broken, to test that a checker finds the fault.
    #[cfg(feature = "broken")]
    #[doc(hidden)]
    #[must_use]
    pub fn with_fault(mut self, rule: Rule) -> Self {
        let broken = InjectedFault::with_rule(rule);
        self.table = self.table.with_fault(broken);
        self.outbox = self.outbox.with_fault(broken);
        self
    }

    /// Creates a tail that is itself the log of the only process.
    ///
    /// It is always confirmed, and it has no shared tier to trust.
    #[must_use]
    pub fn local(incarnation: Incarnation, limits: Limits) -> Self {
        Self { alone: true, confirmed_at: Some(BootTime::MAX), ..Self::following(incarnation, limits) }
    }

    /// Returns our position. A fill carries the position from before it began (rule 2).
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            incarnation: self.reached.incarnation,
            watermark: Watermark { log: self.reached.log, local: self.local },
        }
    }

    /// Returns a consistency token for a client.
    ///
    /// The token covers every invalidation that was done here before.
    #[must_use]
    pub fn token(&self) -> ConsistencyToken {
        ConsistencyToken::from_position(self.position(), (!self.outbox.is_empty()).then_some(self.own))
    }

    /// Compares our position with a token that a client sent (rule 17).
    #[must_use]
    pub fn coverage(&self, token: &ConsistencyToken) -> Coverage {
        token.coverage(self.position(), self.own)
    }

    /// Returns the point at which a poll begins that is sent at `now` or later.
    #[must_use]
    pub fn cursor(&self, now: BootTime) -> Cursor {
        let TailState { incarnation, log: after, broken, .. } = self.reached;
        let silent = self.injects(Rule::LeavesInSilence);
        let appends = if silent { LastAppends::default() } else { self.appends.until(now) };
        Cursor {
            incarnation,
            after,
            broken,
            capacity: self.table.most_rows(),
            replaying: !self.replayed,
            appends,
        }
    }

    /// Returns a number that changes whenever rows, floor or incarnation change.
    ///
    /// While it stays the same, a response that was found valid is valid.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.table.version()
    }

    /// Returns the counts of the names that were forgotten so far. Each costs misses.
    #[must_use]
    pub const fn forgotten(&self) -> Forgotten {
        self.table.forgotten()
    }

    /// Returns when the last poll that reached the end of the log was sent.
    ///
    /// Returns `None` before the first such poll.
    #[must_use]
    pub const fn confirmed_at(&self) -> Option<BootTime> {
        self.confirmed_at
    }

    /// Applies events that could not be appended to the log.
    ///
    /// They take effect here at once, and elsewhere after they were
    /// [appended](Self::next_batch). If there is no other log, they are [recorded](Self::record).
    pub fn defer(&mut self, events: &[Event], now: BootTime) {
        if self.alone {
            self.record(events, now);
            return;
        }
        for event in events {
            self.local += 1;
            let kept = self.outbox.push(self.local, event);
            self.table.apply(&kept, EventPosition::Local(self.local), now, self.settled());
        }
    }

    /// Appends events to our own log and applies them. Returns their place in the log.
    ///
    /// They are one entry with one id, as events that are appended as one step to a log elsewhere.
    /// Returns `None` if there are no events. If the log is elsewhere, the events are
    /// [deferred](Self::defer), so they have no id yet, and `None` is returned.
    pub fn record(&mut self, events: &[Event], now: BootTime) -> Option<Appended> {
        if !self.alone {
            self.defer(events, now);
            return None;
        }
        if events.is_empty() {
            return None;
        }
        self.reached.log = self.reached.log.after();
        let TailState { incarnation, log: id, .. } = self.reached;
        for event in events {
            self.table.apply(event, EventPosition::Log(id), now, self.settled());
        }
        Some(Appended { incarnation, id, answered: now })
    }

    /// Returns the next deferred events to append, if any are left.
    #[must_use]
    pub fn next_batch(&self) -> Option<Batch> {
        self.outbox.next_batch()
    }

    /// Returns how many deferred events still have to be appended.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.outbox.pending_count()
    }

    /// Returns how many deferred events still take up room, appended or not.
    #[must_use]
    pub fn deferred_count(&self) -> usize {
        self.outbox.len()
    }

    /// Notes that a batch was appended. It stays in the outbox until we have passed it (rule 12).
    pub fn batch_appended(&mut self, batch: &Batch, appended: Appended) {
        self.note_appended(&appended);
        self.outbox.batch_appended(batch, appended);
        self.settle();
    }

    /// Notes that events were appended other than from the outbox.
    ///
    /// If the log turns out to be of another incarnation, it may have begun before they were
    /// appended.
    pub fn note_appended(&mut self, appended: &Appended) {
        self.appends.note(appended.incarnation, appended.answered);
    }

    /// Returns how far we are with an appended event.
    ///
    /// `invalidate` may return once the event is passed (rule 14).
    #[must_use]
    pub fn append_status(&self, appended: &Appended) -> AppendStatus {
        self.reached.passing(appended)
    }

    /// Checks whether a response with this position and these names may be used (rule 3).
    #[must_use]
    pub fn check(&self, position: &Position, names: &Names, now: BootTime) -> Verdict {
        if position.incarnation != self.reached.incarnation {
            return Verdict::Refused;
        }
        self.table.check(position.watermark, names, now)
    }

    /// Refuses every response with a position before ours.
    ///
    /// This is for an instance that has not applied all names of the events that it has read.
    pub fn refuse_older(&mut self, now: BootTime) {
        self.table.raise_floor(self.reached.log, now);
    }

    /// Returns whether the shared tier may be trusted (rule 12).
    ///
    /// If so, its responses may be used and get our local number.
    #[must_use]
    pub fn may_trust_store(&self, now: BootTime, max_staleness: Duration) -> bool {
        !self.alone
            && self.replayed
            && self.outbox.is_empty()
            && is_usable(None, self.confirmed_at, max_staleness, now)
    }

    fn settle(&mut self) {
        self.outbox.settle(|appended| self.reached.passing(appended));
    }

    fn injects(&self, rule: Rule) -> bool {
        self.table.injects(rule)
    }

    fn settled(&self) -> u64 {
        self.outbox.settled(self.local)
    }
}
