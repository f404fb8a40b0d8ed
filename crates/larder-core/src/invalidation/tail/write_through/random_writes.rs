//! Random logs: a write is stored if and only if nothing else lies in its interval.

use proptest::collection::vec;
use proptest::prelude::*;

use super::follower::Follower;
use crate::invalidation::names::Names;
use crate::invalidation::selector::{Event, Mode, Selector, Tag};
use crate::invalidation::tail::Limits;

const LARGE: Limits = Limits { rows: 1_000, globs: 8, outbox: 4 };
const SMALL: Limits = Limits { rows: 4, globs: 1, outbox: 2 };

fn key(text: &str) -> Selector {
    Selector::Key(text.into())
}

fn tag(text: &str) -> Selector {
    Tag::new(text).into()
}

fn names() -> Names {
    Names::of_value("k", &[Tag::new("t")])
}

fn own() -> Vec<Event> {
    [key("k"), tag("t")].map(|selector| Event { mode: Mode::Hard, selector }).to_vec()
}

fn event() -> impl Strategy<Value = Event> {
    let selector = prop_oneof![
        3 => Just(key("k")),
        3 => Just(tag("t")),
        1 => Just(Selector::All),
        6 => (0..6_u8).prop_map(|number| tag(&number.to_string())),
    ];
    (selector, any::<bool>()).prop_map(|(selector, is_soft)| Event {
        mode: if is_soft { Mode::Soft } else { Mode::Hard },
        selector,
    })
}

fn is_naming(events: &[Event]) -> bool {
    let named = [key("k"), tag("t"), Selector::All];
    events.iter().any(|event| named.contains(&event.selector))
}

proptest! {
    /// The reference looks at every entry of the log. A tail that forgets may only store less.
    #[test]
    fn what_is_stored_has_nothing_else_in_its_interval(
        before in vec(vec(event(), 0..3), 0..12),
        between in vec(vec(event(), 0..3), 0..6),
        after in vec(vec(event(), 0..3), 0..12),
        page in 1..5_usize,
    ) {
        let is_clean = !between.iter().any(|events| is_naming(events));
        let is_last = !after.iter().any(|events| is_naming(events));
        for limits in [LARGE, SMALL] {
            let mut follower = Follower::new(limits);
            follower.append_each(&before);
            follower.poll();
            let began = follower.tail.position();
            follower.append_each(&between);
            let appended = follower.append(&own());
            follower.append_each(&after);
            let mut was_stored = false;
            for _ in 0..=between.len() + after.len() + 1 {
                follower.poll_some(page);
                let position = follower.tail.written_position(&began, &appended, &names());
                prop_assert!(position.is_none() || is_clean);
                was_stored |= position.is_some();
            }
            let is_large = limits == LARGE;
            prop_assert!(!is_large || was_stored == is_clean || !is_last);
            let position = follower.tail.written_position(&began, &appended, &names());
            prop_assert!(!(is_large && is_last) || position.is_some() == is_clean);
        }
    }
}
