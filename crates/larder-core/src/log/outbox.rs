//! Invalidations that the log has not been told yet.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::selector::Event;
use super::tail::Passing;
use crate::store::Appended;

/// How many events are appended as one step, so that no step takes the server long.
const BATCH: usize = 128;

/// Events to append to the log as one step. Whoever appended them says so with
/// [`Tail::sent`](super::tail::Tail::sent); if the append failed, there is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    numbers: RangeInclusive<u64>,
    events: Vec<Event>,
}

impl Batch {
    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

/// The deferred events of this process, each until our own tail has passed it.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Ascending by number.
    entries: VecDeque<Entry>,
    most: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    event: Event,
    appended: Option<Appended>,
}

impl Outbox {
    /// An empty outbox that keeps at most this many events, and at least one.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            most: u64::try_from(most).unwrap_or(u64::MAX).max(1),
        }
    }

    /// Whether everything was told to the log and came back.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number up to which everything was told to the log and came back, where `last` is the last number given.
    pub(crate) fn settled(&self, last: u64) -> u64 {
        self.entries.front().map_or(last, |entry| entry.number - 1)
    }

    /// Keeps the event under the next number, from 1, and says what has to be applied: where there is no room for it, all that is
    /// kept collapses into one invalidation of everything (rule 15).
    pub(crate) fn push(&mut self, number: u64, event: &Event) -> Event {
        // Numbers are counted, not entries: those that came back out of order leave gaps, and the table holds a row
        // for each number from the first.
        let first = self.entries.front().map_or(number, |entry| entry.number);
        let kept = if number - first < self.most {
            event.clone()
        } else {
            self.entries.clear();
            Event::EVERYTHING
        };
        self.entries.push_back(Entry {
            number,
            event: kept.clone(),
            appended: None,
        });
        kept
    }

    /// The first events that have to be appended.
    pub(crate) fn unsent(&self) -> Option<Batch> {
        let waiting = self.entries.iter().skip_while(|entry| entry.appended.is_some());
        // Without gaps, so that the range names exactly these.
        let run = waiting
            .take_while(|entry| entry.appended.is_none())
            .take(BATCH)
            .collect::<Vec<_>>();
        Some(Batch {
            numbers: run.first()?.number..=run.last()?.number,
            events: run.iter().map(|entry| entry.event.clone()).collect(),
        })
    }

    /// Notes that the batch was appended. What has collapsed since then is no longer under its numbers.
    pub(crate) fn sent(&mut self, batch: &Batch, appended: Appended) {
        self.entries
            .iter_mut()
            .filter(|entry| batch.numbers.contains(&entry.number))
            .for_each(|entry| entry.appended = Some(appended));
    }

    /// Lets go of what the tail has passed, and takes back what has to be appended again.
    pub(crate) fn settle(&mut self, passing: impl Fn(&Appended) -> Passing) {
        self.entries
            .retain_mut(|entry| match entry.appended.as_ref().map(&passing) {
                Some(Passing::Passed) => false,
                Some(Passing::AppendAgain) => {
                    entry.appended = None;
                    true
                }
                Some(Passing::Waiting) | None => true,
            });
    }
}
