//! Deferred invalidations, which are not in the log yet.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::append_status::{AppendStatus, Appended};
use super::fault_injection::{InjectedFault, Rule};
use super::selector::Event;
#[cfg(feature = "model")]
use crate::time::BootTime;

/// Maximum number of events that are appended as one step, so that no step takes the server long.
const BATCH: usize = 128;

/// The maximum size of one appended step, in events and in bytes. A single event may be larger.
///
/// The log may divide it into several entries, because a poll applies an entry as a whole.
const BATCH_EVENTS: usize = 4_096;
const BATCH_BYTES: usize = 128 * 1024;

/// Splits the events, in their order, into parts that can each be appended as one step.
pub fn batches(events: &[Event]) -> impl Iterator<Item = &[Event]> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let (batch, after) = rest.split_at(fitting(rest.iter(), BATCH_EVENTS));
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Returns how many of the first events go into one step: at least one, if there is one.
fn fitting<'a>(events: impl Iterator<Item = &'a Event>, most: usize) -> usize {
    let mut bytes = 0;
    let fits = |(index, event): &(usize, &Event)| {
        bytes += event.selector.weight();
        *index == 0 || bytes <= BATCH_BYTES
    };
    events.take(most).enumerate().take_while(fits).count()
}

/// The events to append to the log as one step.
///
/// After the append, the caller reports it with
/// [`Tail::batch_appended`](super::tail::Tail::batch_appended). If the append failed, there is
/// nothing to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    numbers: RangeInclusive<u64>,
    events: Vec<Event>,
}

impl Batch {
    /// Returns the events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

/// The deferred events of this process. Each stays until our own tail has passed it.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub(crate) struct Outbox {
    /// The entries, in ascending order of their numbers.
    entries: VecDeque<Entry>,
    most: u64,
    broken: InjectedFault,
}

#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
struct Entry {
    number: u64,
    event: Event,
    appended: Option<Appended>,
    /// Whether our own tail has passed the event.
    ///
    /// It stays while an event before it is not passed, because the table still holds its row.
    passed: bool,
}

impl Outbox {
    /// Creates an empty outbox that keeps up to `most` events. Minimum: 1.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            most: u64::try_from(most).unwrap_or(u64::MAX).max(1),
            broken: InjectedFault::NOT,
        }
    }

    #[cfg(feature = "broken")]
    pub(crate) fn with_fault(mut self, broken: InjectedFault) -> Self {
        self.broken = broken;
        self
    }

    /// Returns whether every event was appended to the log and came back.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns how many events are kept.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns how many events were not appended to the log yet.
    pub(crate) fn pending_count(&self) -> usize {
        self.entries.iter().filter(|entry| entry.appended.is_none()).count()
    }

    /// Returns the number up to which every event was appended to the log and came back.
    ///
    /// `last` is the last number that was given.
    pub(crate) fn settled(&self, last: u64) -> u64 {
        self.entries.front().map_or(last, |entry| entry.number - 1)
    }

    /// Keeps the event under the next number, and returns the event that must be applied.
    ///
    /// Numbers begin at 1. If there is no room, all kept events collapse into one invalidation of
    /// everything (rule 15).
    pub(crate) fn push(&mut self, number: u64, event: &Event) -> Event {
        // The new event replaces an equal event that already waits. If a batch with the old one is
        // under way, the event is appended twice.
        self.entries.retain(|entry| entry.appended.is_some() || entry.event != *event);
        self.let_go();
        // Events that came back out of order count as well: the table holds a row for each event
        // from the first one.
        let has_room = (self.entries.len() as u64) < self.most;
        let kept = if has_room { event.clone() } else { self.collapse(event) };
        self.entries.push_back(Entry { number, event: kept.clone(), appended: None, passed: false });
        kept
    }

    /// Removes passed events, up to the first event that is not passed.
    fn let_go(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.passed) {
            self.entries.pop_front();
        }
    }

    /// Makes room, and returns the event to keep in place of the new one.
    fn collapse(&mut self, event: &Event) -> Event {
        if self.broken.is(Rule::OutboxDropsTheOldest) {
            self.entries.pop_front();
            return event.clone();
        }
        self.entries.clear();
        Event::EVERYTHING
    }

    /// Returns the first events that must be appended.
    pub(crate) fn next_batch(&self) -> Option<Batch> {
        let waiting = self.entries.iter().skip_while(|entry| entry.appended.is_some());
        // The run has no gaps, so the range names exactly these events.
        let run = waiting.take_while(|entry| entry.appended.is_none()).take(BATCH).collect::<Vec<_>>();
        let run = &run[..fitting(run.iter().map(|entry| &entry.event), BATCH)];
        Some(Batch {
            numbers: run.first()?.number..=run.last()?.number,
            events: run.iter().map(|entry| entry.event.clone()).collect(),
        })
    }

    /// Notes that the batch was appended.
    ///
    /// Events that have collapsed since then are no longer under its numbers.
    pub(crate) fn batch_appended(&mut self, batch: &Batch, appended: Appended) {
        self.entries
            .iter_mut()
            .filter(|entry| batch.numbers.contains(&entry.number))
            .for_each(|entry| entry.appended = Some(appended));
    }

    /// Removes the passed events, and takes back the events that must be appended again.
    pub(crate) fn settle(&mut self, passing: impl Fn(&Appended) -> AppendStatus) {
        for entry in self.entries.iter_mut().filter(|entry| !entry.passed) {
            match entry.appended.as_ref().map(&passing) {
                Some(AppendStatus::Applied) => entry.passed = true,
                Some(AppendStatus::AppendAgain) => entry.appended = None,
                Some(AppendStatus::Pending) | None => {}
            }
        }
        self.let_go();
    }
}

#[cfg(feature = "model")]
impl Outbox {
    pub(crate) fn make_canonical(&mut self, moment: &mut dyn FnMut(BootTime) -> BootTime) {
        for appended in self.entries.iter_mut().filter_map(|entry| entry.appended.as_mut()) {
            appended.answered = moment(appended.answered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::position::{Incarnation, LogId};
    use crate::invalidation::selector::{Mode, Selector, Tag};
    use crate::time::BootTime;

    fn event(text: &str) -> Event {
        Event { mode: Mode::Hard, selector: Selector::Tag(Tag::new(text)) }
    }

    fn appended(millis: u64) -> Appended {
        Appended {
            incarnation: Incarnation::from_bytes([1; 16]),
            id: LogId::new(millis, 0),
            answered: BootTime::ZERO,
        }
    }

    /// Returns an outbox with the events 1, 2 and 3, each appended alone at the id of its number.
    fn three_sent(most: usize) -> Outbox {
        let mut outbox = Outbox::new(most);
        for number in 1..=3 {
            outbox.push(number, &event(&number.to_string()));
            let batch = outbox.next_batch().unwrap();
            assert_eq!(batch.events(), [event(&number.to_string())]);
            outbox.batch_appended(&batch, appended(number));
        }
        assert_eq!(outbox.next_batch(), None);
        outbox
    }

    fn again(which: &[u64]) -> impl Fn(&Appended) -> AppendStatus {
        move |appended| {
            if which.contains(&appended.id.millis) {
                AppendStatus::AppendAgain
            } else {
                AppendStatus::Pending
            }
        }
    }

    #[test]
    fn an_append_is_bounded_in_events_and_in_bytes() {
        let lengths = |events: &[Event]| batches(events).map(<[Event]>::len).collect::<Vec<_>>();
        let tags = |length: usize, number| vec![event(&"t".repeat(length)); number];
        assert_eq!(lengths(&[]), []);
        assert_eq!(lengths(&tags(5, 9_000)), [4_096, 4_096, 808]);
        assert_eq!(lengths(&tags(50_000, 5)), [2, 2, 1]);
        assert_eq!(lengths(&[tags(9, 2), tags(BATCH_BYTES, 2), tags(9, 1)].concat()), [2, 1, 1, 1]);

        let mut outbox = Outbox::new(9);
        for (number, text) in (1..).zip(["a", "b", "c", "d", "e"]) {
            let event = event(&text.repeat(50_000));
            outbox.push(number, &event);
        }
        assert_eq!(outbox.next_batch().unwrap().events().len(), 2);
    }

    /// A batch must not include an event that is already on its way.
    ///
    /// Otherwise an event that is taken back while the batch is on its way would count as appended.
    #[test]
    fn a_batch_ends_where_something_is_on_its_way_already() {
        let mut outbox = three_sent(9);
        assert_eq!(outbox.pending_count(), 0);
        outbox.settle(again(&[1, 3]));
        assert_eq!(outbox.pending_count(), 2);
        let batch = outbox.next_batch().unwrap();
        assert_eq!(batch.events(), [event("1")]);
        outbox.settle(again(&[2]));
        outbox.batch_appended(&batch, appended(4));
        assert_eq!(outbox.next_batch().unwrap().events(), [event("2"), event("3")]);
    }

    /// A flood of writes under one path does not refuse everything while the log is away.
    #[test]
    fn the_same_event_takes_one_place_however_often_it_comes() {
        let mut outbox = Outbox::new(3);
        outbox.push(1, &event("a"));
        for number in 2..1_000 {
            assert_eq!(outbox.push(number, &event("b")), event("b"));
        }
        assert_eq!(outbox.push(1_000, &event("c")), event("c"));
        assert_eq!((outbox.pending_count(), outbox.settled(1_000)), (3, 0));
        let batch = outbox.next_batch().unwrap();
        assert_eq!(batch.events(), [event("a"), event("b"), event("c")]);
        // An equal event that comes while the first one is on its way still has to be appended.
        assert_eq!(outbox.push(1_001, &event("a")), event("a"));
        outbox.batch_appended(&batch, appended(1));
        assert_eq!((outbox.pending_count(), outbox.settled(1_001)), (1, 998));
        outbox.settle(|_| AppendStatus::Applied);
        assert_eq!((outbox.pending_count(), outbox.settled(1_001)), (1, 1_000));
        assert_eq!(outbox.push(1_002, &event("d")), event("d"));
        assert_eq!(outbox.push(1_003, &event("e")), event("e"));
        assert_eq!(outbox.push(1_004, &event("f")), Event::EVERYTHING);
        assert_eq!(outbox.next_batch().unwrap().events(), [Event::EVERYTHING]);
    }

    /// The table keeps a row for every number from the first that is not settled.
    #[test]
    fn returned_events_leave_no_room_behind_the_first() {
        let mut outbox = three_sent(3);
        outbox.settle(|appended| match appended.id.millis {
            1 => AppendStatus::AppendAgain,
            _ => AppendStatus::Applied,
        });
        assert_eq!(outbox.settled(3), 0);
        assert_eq!(outbox.push(4, &event("4")), Event::EVERYTHING);
        assert_eq!(outbox.next_batch().unwrap().events(), [Event::EVERYTHING]);
        assert_eq!(outbox.settled(4), 3);
    }

    #[test]
    fn an_outbox_is_empty_when_all_that_was_sent_was_passed() {
        let mut outbox = three_sent(3);
        assert!(!outbox.is_empty());
        outbox.settle(|_| AppendStatus::Applied);
        assert!(outbox.is_empty());
        assert_eq!(outbox.settled(3), 3);
    }
}
