//! What this process has told the log lately.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::selector::Event;
use crate::time::Boot;

/// For how long an event is kept: far longer than a primary that was cut off goes on taking appends, which
/// `min-replicas-to-write` bounds to seconds.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// The events that this process appended and has passed, for the case that another incarnation turns out to have been
/// begun before: on a primary that was promoted while the one that took the appends was still at work. Its log never
/// heard of them.
#[derive(Debug)]
pub(crate) struct Own {
    /// By when they were passed.
    events: VecDeque<(Boot, Event)>,
    most: usize,
}

impl Own {
    /// Keeps at most this many events, and at least one.
    pub(crate) const fn new(most: usize) -> Self {
        Self { events: VecDeque::new(), most: if most == 0 { 1 } else { most } }
    }

    /// Keeps an event. Where there is no room, all that is kept collapses into one of everything.
    pub(crate) fn keep(&mut self, event: Event, now: Boot) {
        if self.events.len() >= self.most {
            self.make_room(now);
        }
        self.events.push_back((now, event));
    }

    /// Gives away what was kept and is not too old, once each.
    pub(crate) fn take(&mut self, now: Boot) -> Vec<Event> {
        self.forget_old(now);
        self.forget_repeated();
        self.events.drain(..).map(|(_, event)| event).collect()
    }

    fn make_room(&mut self, now: Boot) {
        self.forget_old(now);
        self.forget_repeated();
        // Half, so that room is not made for each event anew.
        if self.events.len() > self.most / 2 {
            self.events.clear();
            self.events.push_back((now, Event::EVERYTHING));
        }
    }

    fn forget_old(&mut self, now: Boot) {
        while self.events.front().is_some_and(|(at, _)| now.saturating_since(*at) > KEPT_FOR) {
            self.events.pop_front();
        }
    }

    /// Of those that are alike, the last one counts for all.
    fn forget_repeated(&mut self) {
        let mut known = HashSet::new();
        let mut kept: VecDeque<_> = VecDeque::with_capacity(self.events.len());
        while let Some((at, event)) = self.events.pop_back() {
            if known.insert(event.clone()) {
                kept.push_front((at, event));
            }
        }
        self.events = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::selector::{Mode, Selector, Tag};

    fn event(number: usize) -> Event {
        Event { mode: Mode::Hard, selector: Selector::Tag(Tag::new(number.to_string())) }
    }

    fn at(seconds: u64) -> Boot {
        Boot::ZERO.saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_kept_is_given_away_once_in_order() {
        let mut own = Own::new(9);
        for number in [1, 2, 1, 3] {
            own.keep(event(number), at(0));
        }
        assert_eq!(own.take(at(600)), [event(2), event(1), event(3)]);
        assert_eq!(own.take(at(600)), []);
    }

    #[test]
    fn what_is_old_is_not_kept() {
        let mut own = Own::new(9);
        own.keep(event(1), at(0));
        own.keep(event(2), at(1));
        assert_eq!(own.take(at(601)), [event(2)]);
    }

    #[test]
    fn room_is_made_of_what_is_old_or_repeated_before_all_collapses() {
        let mut own = Own::new(4);
        for number in [1, 1, 1, 2, 3, 2] {
            own.keep(event(number), at(0));
        }
        assert_eq!(own.take(at(0)), [event(1), event(3), event(2)]);
        for number in 0..5 {
            own.keep(event(number), at(0));
        }
        assert_eq!(own.take(at(0)), [Event::EVERYTHING, event(4)]);
    }

    /// Whatever is kept, something names what was told.
    #[test]
    fn one_is_the_least_that_is_kept() {
        let mut own = Own::new(0);
        own.keep(event(1), at(0));
        own.keep(event(2), at(0));
        assert_eq!(own.take(at(0)), [Event::EVERYTHING, event(2)]);
    }
}
