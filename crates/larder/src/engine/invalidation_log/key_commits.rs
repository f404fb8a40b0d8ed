//! Group commit of queued writes: the events of their keys share entries of the log.
//!
//! While some are being appended, those of further writes wait, and share the next append. So many
//! writes at the same time need few appends, and this instance waits for few events (rule 14).
//!
//! A write knows the entry of its event only if no other event of that entry names its value. Then
//! the entry says no more about the value than an entry of its own would (rule 18). An entry does
//! not show which of two writes of one key was the last, so neither of them knows it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::selector::{Event, Mode, Selector};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::engine::background::Background;
use crate::engine::invalidation_log::invalidation::InvalidationOutcome;

/// The maximum number of appends at the same time.
///
/// With two, a write that comes while another one is appended does not wait for it.
const MAX_APPENDS: usize = 2;
/// The maximum number of writes that share an append.
const MAX_KEYS: usize = 64;
/// The maximum size of their keys in bytes, unless it is a single key. One entry of the log has
/// room for them.
const MAX_BYTES: usize = 16 * 1024;

/// The outcome of an append, and its entry if that is known.
pub(crate) type KeyOutcome = (InvalidationOutcome, Option<Appended>);

/// The keys that wait for an append.
#[derive(Default)]
pub(crate) struct KeyCommits(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    leaders: usize,
}

struct Waiting {
    key: Arc<str>,
    answer: oneshot::Sender<KeyOutcome>,
}

/// Returns the key, if these events name nothing else.
pub(crate) fn single_key(events: &[Event]) -> Option<&str> {
    match events {
        [Event { mode: Mode::Hard, selector: Selector::Key(key) }] => Some(key),
        _ => None,
    }
}

/// Returns the event that invalidates the value with this key.
pub(crate) fn key_event(key: &str) -> Event {
    Event { mode: Mode::Hard, selector: Selector::Key(key.into()) }
}

/// Invalidates the key with an append that begins after this call, and that others may share.
///
/// Returns `None` if the append did not finish. It runs in a task of its own, so that a caller that
/// stops waiting does not cancel it.
pub(crate) async fn share_key_append<F>(
    commits: &Arc<KeyCommits>,
    background: &Background,
    key: Arc<str>,
    append: impl Fn(Vec<Event>) -> F + Send + 'static,
) -> Option<KeyOutcome>
where
    F: Future<Output = KeyOutcome> + Send + 'static,
{
    let (outcome, leader) = commits.join(key);
    if let Some(leader) = leader {
        background.spawn(leader.lead(append));
    }
    outcome.await.ok()
}

impl KeyCommits {
    /// Adds a key. Also returns a leader if the caller must start one.
    fn join(self: &Arc<Self>, key: Arc<str>) -> (oneshot::Receiver<KeyOutcome>, Option<Leader>) {
        let (answer, outcome) = oneshot::channel();
        let mut state = self.lock();
        state.waiting.push_back(Waiting { key, answer });
        if state.leaders >= MAX_APPENDS {
            return (outcome, None);
        }
        state.leaders += 1;
        (outcome, Some(Leader { commits: Arc::clone(self), is_done: false }))
    }

    /// Returns the next keys to append. If there are none, one leader ends.
    ///
    /// Keys whose callers have left are not among them. Such a caller has deferred its event.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(next) = state.waiting.front() {
            if !next.answer.is_closed() {
                bytes += next.key.len();
                if batch.len() >= MAX_KEYS || (bytes > MAX_BYTES && !batch.is_empty()) {
                    break;
                }
            }
            batch.extend(state.waiting.pop_front().filter(|next| !next.answer.is_closed()));
        }
        if batch.is_empty() {
            state.leaders -= 1;
            return None;
        }
        Some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A change under this lock cannot be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that appends until no key waits.
struct Leader {
    commits: Arc<KeyCommits>,
    is_done: bool,
}

impl Leader {
    async fn lead<F>(mut self, append: impl Fn(Vec<Event>) -> F)
    where
        F: Future<Output = KeyOutcome>,
    {
        // The writes of one batch of pushes continue at the same time. This lets all of them join.
        yield_now().await;
        while let Some(batch) = self.commits.next() {
            let (events, is_alone) = events_of(&batch);
            let (outcome, entry) = append(events).await;
            for (waiting, is_alone) in batch.into_iter().zip(is_alone) {
                // The send fails if the caller no longer waits.
                let _ = waiting.answer.send((outcome, entry.filter(|_| is_alone)));
            }
        }
        self.is_done = true;
    }
}

/// Returns an event for each key, and whether each write is the only one of its key.
fn events_of(batch: &[Waiting]) -> (Vec<Event>, Vec<bool>) {
    let mut firsts: HashMap<&str, usize> = HashMap::with_capacity(batch.len());
    let (mut events, mut is_alone) = (Vec::with_capacity(batch.len()), vec![true; batch.len()]);
    for (index, Waiting { key, .. }) in batch.iter().enumerate() {
        match firsts.entry(key) {
            Entry::Vacant(first) => {
                first.insert(index);
                events.push(key_event(key));
            }
            Entry::Occupied(first) => {
                is_alone[*first.get()] = false;
                is_alone[index] = false;
            }
        }
    }
    (events, is_alone)
}

impl Drop for Leader {
    /// If an append panicked or the runtime ended, the last leader gives up the keys that wait.
    ///
    /// Their callers then see that there will be no outcome.
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.commits.lock();
            state.leaders -= 1;
            if state.leaders == 0 {
                state.waiting.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests;
