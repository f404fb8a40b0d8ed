//! The queue of invalidated responses to free. It is bounded, and has each selector once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use larder_core::log::selector::Selector;
use larder_core::store::{Reclaim, Sweep};

/// Maximum number of first steps in the queue. They are short.
const MAX_FIRST_STEPS: usize = 256;
/// Maximum number of searches in the queue. Each goes through all keys.
const MAX_SEARCHES: usize = 32;

/// One step in freeing memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReclaimStep {
    pub(crate) what: Reclaim,
    /// The point at which a search continues. `None` for the first step.
    pub(crate) from: Option<Sweep>,
}

/// The steps to take. If there is no room for a step, its responses are left to expire.
#[derive(Debug, Default)]
pub(crate) struct ReclaimQueue {
    first: VecDeque<Reclaim>,
    /// The searches. The first of them may be under way.
    searches: VecDeque<ReclaimStep>,
}

impl ReclaimQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.searches.is_empty()
    }

    /// Adds an invalidation.
    ///
    /// It replaces an earlier one with the same selector, because it includes that one. An
    /// invalidation of everything replaces all others.
    pub(crate) fn push(&mut self, what: Reclaim) {
        if what.selector == Selector::All {
            self.first.clear();
            self.searches.clear();
        }
        self.first.retain(|waiting| waiting.selector != what.selector);
        if self.first.len() < MAX_FIRST_STEPS {
            self.first.push_back(what);
        }
    }

    /// Removes and returns the next step. First steps come before searches, which are long.
    pub(crate) fn next(&mut self) -> Option<ReclaimStep> {
        match self.first.pop_front() {
            Some(what) => Some(ReclaimStep { what, from: None }),
            None => self.searches.pop_front(),
        }
    }

    /// Puts a step back, or adds the step that follows it.
    pub(crate) fn push_next(&mut self, step: ReclaimStep) {
        match step.from {
            None => self.first.push_front(step.what),
            Some(sweep) if sweep == Sweep::default() => self.push_search(step),
            Some(_) => self.searches.push_front(step),
        }
    }

    fn push_search(&mut self, step: ReclaimStep) {
        let is_same =
            |waiting: &ReclaimStep| waiting.from == step.from && waiting.what.selector == step.what.selector;
        if let Some(waiting) = self.searches.iter_mut().find(|waiting| is_same(waiting)) {
            if waiting.what.before < step.what.before {
                *waiting = step;
            }
        } else if self.searches.len() < MAX_SEARCHES {
            self.searches.push_back(step);
        }
    }
}

/// The queue of steps, and whether a task works on it.
#[derive(Default)]
pub(crate) struct ReclaimState {
    state: Mutex<ReclaimWork>,
}

#[derive(Default)]
pub(crate) struct ReclaimWork {
    pub(crate) queue: ReclaimQueue,
    pub(crate) running: bool,
}

impl ReclaimState {
    pub(crate) fn lock(&self) -> MutexGuard<'_, ReclaimWork> {
        // No change under this lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes and returns the next step. Returns `None` if there is none, and the task must end.
    pub(crate) fn next(&self) -> Option<ReclaimStep> {
        let mut state = self.lock();
        let step = state.queue.next();
        state.running = step.is_some();
        step
    }
}

#[cfg(test)]
mod tests {
    use larder_core::log::position::{Incarnation, LogId};
    use larder_core::log::selector::Prefix;

    use super::*;

    fn what(selector: Selector, before: u64) -> Reclaim {
        Reclaim { selector, incarnation: Incarnation::from_bytes([1; 16]), before: LogId::new(before, 0) }
    }

    fn prefix(path: &str) -> Selector {
        Selector::Prefix(Prefix::new(path).unwrap())
    }

    fn first(selector: Selector, before: u64) -> ReclaimStep {
        ReclaimStep { what: what(selector, before), from: None }
    }

    fn at(step: &ReclaimStep, cursor: u64) -> ReclaimStep {
        ReclaimStep { from: Some(Sweep { node: 0, cursor }), ..step.clone() }
    }

    #[test]
    fn the_later_of_two_invalidations_includes_the_other() {
        let mut queue = ReclaimQueue::default();
        for before in 1..4 {
            queue.push(what(prefix("/a"), before));
        }
        assert_eq!(queue.next(), Some(first(prefix("/a"), 3)));
        assert_eq!(queue.next(), None);

        let mut queue = ReclaimQueue::default();
        queue.push(what(prefix("/a"), 1));
        queue.push_next(at(&first(prefix("/b"), 1), 7));
        queue.push(what(Selector::All, 2));
        queue.push(what(prefix("/c"), 3));
        assert_eq!(queue.next(), Some(first(Selector::All, 2)));
        assert_eq!(queue.next(), Some(first(prefix("/c"), 3)), "what came after it is not in it");
        assert!(queue.is_empty());
    }

    #[test]
    fn one_search_at_a_time_is_under_way_and_short_steps_go_before_it() {
        let mut queue = ReclaimQueue::default();
        let (a, b) = (first(prefix("/a"), 1), first(prefix("/b"), 1));
        queue.push_next(at(&a, 0));
        queue.push_next(at(&b, 0));
        assert_eq!(queue.next(), Some(at(&a, 0)));
        queue.push_next(at(&a, 9));
        queue.push(what(Selector::Key("k".into()), 2));
        assert_eq!(queue.next(), Some(first(Selector::Key("k".into()), 2)));
        assert_eq!(queue.next(), Some(at(&a, 9)), "it is finished before another begins");
        assert_eq!(queue.next(), Some(at(&b, 0)));
    }

    /// The part that a search has passed was not compared with the later event.
    #[test]
    fn a_search_that_waits_takes_a_later_event_in_and_one_under_way_does_not() {
        let mut queue = ReclaimQueue::default();
        queue.push_next(at(&first(prefix("/a"), 1), 0));
        queue.push_next(at(&first(prefix("/a"), 2), 0));
        assert_eq!(queue.next(), Some(at(&first(prefix("/a"), 2), 0)));
        queue.push_next(at(&first(prefix("/a"), 2), 9));
        queue.push_next(at(&first(prefix("/a"), 3), 0));
        assert_eq!(queue.next(), Some(at(&first(prefix("/a"), 2), 9)));
        assert_eq!(queue.next(), Some(at(&first(prefix("/a"), 3), 0)));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn it_is_bounded() {
        let mut queue = ReclaimQueue::default();
        for number in 0..2 * MAX_FIRST_STEPS {
            queue.push(what(prefix(&format!("/{number}")), 1));
            queue.push_next(at(&first(prefix(&format!("/{number}")), 1), 0));
        }
        assert_eq!((queue.first.len(), queue.searches.len()), (MAX_FIRST_STEPS, MAX_SEARCHES));
    }
}
