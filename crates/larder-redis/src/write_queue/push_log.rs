//! The part of a batch of pushes that concerns the invalidation log.
//!
//! All writes of the batch share an entry. So a write knows its event only if no other write of the
//! entry has its key (rule 18).

use std::collections::HashMap;
use std::sync::Arc;

use fred::types::Value;
use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Event, Mode, Selector};
use larder_core::write_queue::{LogFollower, LoggedEvent, PollStart, PushedPage};

use crate::log_page;
use crate::push_call::PushCall;
use crate::random_id::random;
use crate::reply::{parts, text};
use crate::store::{Inner, LogSize};

/// The number of arguments of the script for the log.
pub(super) const ARGUMENTS: usize = 9;

/// The maximum size of the key of a write whose event is appended with its push.
///
/// An entry has room for a whole batch of them.
pub(super) const MAX_KEY: usize = 256;

/// The log of a batch that is being sent.
pub(super) struct PushLog<'a> {
    inner: &'a Inner,
    /// Each of them once. The first one polls.
    followers: Vec<&'a Arc<dyn LogFollower>>,
    start: PollStart,
}

/// The events of the writes that an exchange has queued.
#[derive(Default)]
pub(super) struct EventsOfPushes {
    appended: Vec<(Arc<dyn LogFollower>, Appended)>,
    /// The keys that more than one of the writes has.
    rivals: Vec<Box<str>>,
}

/// The answer of the log to a batch.
struct LogAnswer {
    incarnation: Incarnation,
    id: LogId,
    page: Option<LogPage>,
}

/// Divides the answer of the script: that to the pushes, and that of the log, if there is one.
pub(super) fn split(answer: &Value) -> Option<(&Value, Option<&Value>)> {
    match parts(answer)? {
        [pushed] => Some((pushed, None)),
        [pushed, logged] => Some((pushed, Some(logged))),
        _ => None,
    }
}

impl<'a> PushLog<'a> {
    /// Begins a poll for these writes. Returns `None` if they have no log.
    pub(super) fn begin(inner: &'a Inner, calls: impl Iterator<Item = &'a PushCall>) -> Option<Self> {
        let mut followers: Vec<&Arc<dyn LogFollower>> = Vec::new();
        for follower in calls.filter_map(|call| call.follower.as_ref()) {
            if !followers.iter().any(|known| Arc::ptr_eq(known, follower)) {
                followers.push(follower);
            }
        }
        let start = followers.first()?.begin_poll();
        Some(Self { inner, followers, start })
    }

    /// Returns the arguments of the script for the log.
    pub(super) fn arguments(&self) -> [Value; ARGUMENTS] {
        let (LogSize { length, bytes }, cursor) = (self.inner.log_size, &self.start.cursor);
        let amount = self.inner.poll_budget.amount();
        // Only an ordinary poll deals with a log that is not read to its end.
        let wants_page = !cursor.broken && !cursor.replaying;
        [
            random().to_string().into(),
            length.to_string().into(),
            bytes.to_string().into(),
            cursor.incarnation.to_string().into(),
            cursor.after.to_string().into(),
            Value::Integer(i64::from(wants_page)),
            Value::Integer(amount.entries),
            Value::Integer(amount.bytes),
            Value::Integer(amount.names),
        ]
    }

    /// Takes in the answer of the log: the event of these writes, and the page.
    ///
    /// Returns `None` if the answer has no event that can be read.
    pub(super) fn take(self, logged: &Value, queued: &[&PushCall]) -> Option<EventsOfPushes> {
        let LogAnswer { incarnation, id, page } = read(logged, queued)?;
        let mut page = page.map(|page| PushedPage { start: self.start, page });
        let appended = self.followers.into_iter().map(|follower| {
            // The cursor of the page is that of the first one.
            let appended = follower.appended(incarnation, id, page.take());
            (Arc::clone(follower), appended)
        });
        Some(EventsOfPushes { appended: appended.collect(), rivals: rivals(queued) })
    }
}

impl EventsOfPushes {
    /// Returns the event of a write that was queued.
    pub(super) fn of(&self, call: &PushCall) -> Option<LoggedEvent> {
        let follower = call.follower.as_ref()?;
        let known = self.appended.iter().find(|(known, _)| Arc::ptr_eq(known, follower));
        let has_rival = self.rivals.contains(&call.key);
        known.map(|(_, appended)| LoggedEvent { appended: *appended, has_rival })
    }
}

/// Returns the keys that more than one of these writes has.
fn rivals(queued: &[&PushCall]) -> Vec<Box<str>> {
    let mut counts: HashMap<&str, usize> = HashMap::with_capacity(queued.len());
    for call in queued {
        *counts.entry(&call.key).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key.into()).collect()
}

/// Reads the answer of the log. A page that cannot be read is left to an ordinary poll.
fn read(logged: &Value, queued: &[&PushCall]) -> Option<LogAnswer> {
    let (incarnation, id, page) = match parts(logged)? {
        [incarnation, id] => (incarnation, id, None),
        [incarnation, id, page] => (incarnation, id, Some(page)),
        _ => return None,
    };
    let (incarnation, id) = (text(incarnation)?.parse().ok()?, text(id)?.parse().ok()?);
    let page = page.and_then(|page| read_page(page, incarnation, id, queued));
    Some(LogAnswer { incarnation, id, page })
}

/// Reads the page, and adds the entry of these writes at its end, which the script leaves out.
fn read_page(page: &Value, incarnation: Incarnation, id: LogId, queued: &[&PushCall]) -> Option<LogPage> {
    let mut page = log_page::read(page).ok()?.look;
    if page.incarnation != incarnation || page.last != id {
        return None;
    }
    if !page.more {
        page.entries.push((id, queued.iter().map(|call| key_event(&call.key)).collect()));
    }
    Some(page)
}

fn key_event(key: &str) -> Event {
    Event { mode: Mode::Hard, selector: Selector::Key(key.into()) }
}
