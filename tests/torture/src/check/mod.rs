//! The checker. It proves from a history alone that the promises held, or names the reads that
//! broke them.
//!
//! It knows nothing of caches. A version that was committed before an invalidation began is the
//! lowest version that a read may show once the promise of that invalidation is due. Each read is
//! checked against all promises that were due before it was sent.
//!
//! Slow machines get no allowance. All moments are readings of one clock. A read that is *sent*
//! after a promise is due is looked up later still. By then, an instance that follows the rules has
//! either applied the event or stopped trusting what it knew before. Delays only make a read later.

mod describe;
mod obligations;
mod queued;
#[cfg(test)]
mod queued_tests;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::clock::Moment;
use crate::history::{History, Observed, Read};

use self::obligations::{Obligation, obligations};
use self::queued::Queued;

/// A promise that a read can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums)] // This is the complete list of what is checked.
pub enum Promise {
    /// P1: once `invalidate` has returned, the instance that called it never shows the invalidated
    /// version.
    OwnInstance,
    /// P2: the same holds for every instance, `max_staleness` after `invalidate` returned
    /// `Applied`, or after a deferred invalidation was flushed.
    EveryInstance,
    /// A client sees only errors that a handler made, and only if the request overlaps the
    /// handler's run.
    NoError,
    /// A response belongs to this request, and shows an existing version.
    RightAnswer,
    /// An acknowledged queued write is in the database in the end, unless a later one replaced it.
    Acknowledged,
    /// A queued write takes effect at most once.
    Once,
    /// Queued writes of an item take effect in order.
    InOrder,
    /// A queued write that was refused never takes effect.
    Refused,
}

impl Promise {
    /// Returns its short name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnInstance => "P1",
            Self::EveryInstance => "P2",
            Self::NoError => "no error",
            Self::RightAnswer => "right answer",
            Self::Acknowledged => "acknowledged write",
            Self::Once => "once in effect",
            Self::InOrder => "order of a key",
            Self::Refused => "refused write",
        }
    }
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Violation {
    /// The broken promise.
    pub promise: Promise,
    /// The number of the read that broke it, if one did.
    pub read: Option<usize>,
    /// The number of the write that made the promise, if there is one.
    pub write: Option<u64>,
    /// A description in words.
    pub words: String,
}

/// Returns all violations in a history: of the database, and then of reads by their order.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let obligations = obligations(history);
    let first_seen = first_failures(history);
    let queued = Queued::new(history);
    let mut violations = queued.of_database();
    let checker = Checker { history, obligations: &obligations, queued: &queued, first_seen: &first_seen };
    let reads = history.reads.iter().enumerate();
    violations.extend(reads.flat_map(|(number, read)| checker.read(number, read)));
    violations
}

struct Checker<'a> {
    history: &'a History,
    obligations: &'a obligations::Obligations,
    queued: &'a Queued<'a>,
    /// When the first client received the error of a run. From then on no request can join that
    /// run.
    first_seen: &'a HashMap<u64, Moment>,
}

impl Checker<'_> {
    fn read(&self, number: usize, read: &Read) -> Vec<Violation> {
        match &read.observed {
            Observed::Version { version, run } => self.version(number, read, *version, *run),
            Observed::Failure { run } => self.failure(number, read, *run).into_iter().collect(),
            // Without the queue, a read of a queued value is an error by intent.
            Observed::QueueUnavailable => Vec::new(),
            Observed::Lost(why) if self.was_killed(read) => {
                debug_assert!(!why.is_empty());
                Vec::new()
            }
            Observed::Lost(why) => vec![self.plain(Promise::NoError, number, why)],
            Observed::Nonsense(why) => vec![self.plain(Promise::RightAnswer, number, why)],
        }
    }

    /// A killed instance answers nothing. A client behind a load balancer repeats such a request,
    /// so it does not count against the cache.
    fn was_killed(&self, read: &Read) -> bool {
        let killed = self.history.life(read.life).and_then(|life| life.killed);
        killed.is_some_and(|killed| killed <= read.done)
    }

    fn version(&self, number: usize, read: &Read, version: u64, run: Option<u64>) -> Vec<Violation> {
        if read.item.family.is_queued() {
            return self.queued.of_read(number, read, version).into_iter().collect();
        }
        if let Some(why) = self.impossible(read, version, run) {
            return vec![self.plain(Promise::RightAnswer, number, &why)];
        }
        let own = self.obligations.own.get(&(read.life, read.item));
        let every = self.obligations.every.get(&read.item);
        let broken = |promise, due: &Obligation| {
            let words = describe::stale(self.history, number, version, promise, due);
            Violation { promise, read: Some(number), write: Some(due.write as u64), words }
        };
        let own = own.and_then(|timeline| timeline.least_at(read.sent));
        let every = every.and_then(|timeline| timeline.least_at(read.sent));
        [(Promise::OwnInstance, own), (Promise::EveryInstance, every)]
            .into_iter()
            .filter_map(|(promise, due)| Some((promise, due.filter(|due| due.version > version)?)))
            .map(|(promise, due)| broken(promise, due))
            .collect()
    }

    /// Describes a result that no order of events explains: a future version, or a response to
    /// another request.
    fn impossible(&self, read: &Read, version: u64, run: Option<u64>) -> Option<String> {
        let first = version == 1;
        if !first && self.history.committed(read.item, version).is_none_or(|at| at > read.done) {
            return Some(format!("it showed version {version}, which there was not yet"));
        }
        let run = run?;
        match self.history.run(run) {
            Some(known) if known.item == read.item => None,
            Some(known) => Some(format!("it was the response of run {run}, which was for {}", known.item)),
            None => Some(format!("it names run {run}, which there never was")),
        }
    }

    fn failure(&self, number: usize, read: &Read, run: u64) -> Option<Violation> {
        let broken = |why: &str| Some(self.plain(Promise::NoError, number, why));
        match self.history.run(run) {
            Some(known) if known.fails && known.item == read.item => {}
            _ => {
                return broken(&format!("it showed an error as of run {run}, which made none for this item"));
            }
        }
        let first_seen = self.first_seen.get(&run).copied();
        let kept = first_seen.is_some_and(|first_seen| first_seen < read.sent);
        if kept {
            return broken(&format!(
                "it showed the error of run {run}, which was over: another client had it"
            ));
        }
        None
    }

    fn plain(&self, promise: Promise, number: usize, why: &str) -> Violation {
        Violation {
            promise,
            read: Some(number),
            write: None,
            words: describe::plain(self.history, number, why),
        }
    }
}

fn first_failures(history: &History) -> HashMap<u64, Moment> {
    let mut first_seen = HashMap::new();
    for read in &history.reads {
        if let Observed::Failure { run } = read.observed {
            let first = first_seen.entry(run).or_insert(read.done);
            *first = read.done.min(*first);
        }
    }
    first_seen
}
