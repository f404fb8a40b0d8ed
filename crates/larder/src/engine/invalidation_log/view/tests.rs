use std::sync::atomic::AtomicBool;

use larder_core::log::names::Names;
use larder_core::log::position::LogId;
use larder_core::log::selector::{Event, Mode, Selector, Tag};
use larder_core::log::tail::Limits;
use larder_core::store::Look;

use super::*;
use crate::testing::{INCARNATION, after, now, position};

const STALENESS: Duration = Duration::from_secs(2);
const NANO: Duration = Duration::from_nanos(1);

/// Something stored that has the tag `t`.
struct Filled {
    position: Position,
    names: Names,
    filled_at: Option<Boot>,
    valid_at: AtomicU64,
}

impl Filled {
    fn new(position: Position, filled_at: Option<Boot>) -> Self {
        let names = Names::new("/", &["a".into()], &[], &[Tag::new("t")]);
        Self { position, names, filled_at, valid_at: AtomicU64::new(u64::MAX) }
    }
}

impl Stamped for Filled {
    fn position(&self) -> &Position {
        &self.position
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn filled_at(&self) -> Option<Boot> {
        self.filled_at
    }

    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at
    }
}

/// Something that this process filled from the log's start.
fn filled() -> Filled {
    Filled::new(position(0, 0), Some(now()))
}

fn alone() -> LogView {
    LogView::new(Tail::alone(INCARNATION, Limits::default()), STALENESS)
}

fn following() -> LogView {
    LogView::new(Tail::following(INCARNATION, Limits::default()), STALENESS)
}

fn event(mode: Mode, selector: impl Into<Selector>) -> Event {
    Event { mode, selector: selector.into() }
}

fn hard(tag: &str) -> Event {
    event(Mode::Hard, Tag::new(tag))
}

/// Takes in a look that was sent then and showed the log's end, with these events on the way.
fn look(view: &LogView, last: u64, events: Vec<Event>, sent: Boot) {
    let look = Look {
        incarnation: INCARNATION,
        floor: LogId::ZERO,
        last: LogId::new(last, 0),
        entries: vec![(LogId::new(last, 0), events)],
        more: false,
    };
    view.update(|tail| tail.take_look(&look, sent));
}

/// Rule 10: `max(filled_at, confirmed_at) + max_staleness ≥ now`, on every use.
#[test]
fn what_this_process_filled_is_confirmed_for_as_long_as_staleness_may_last() {
    let view = following();
    let held = filled();
    assert_eq!(view.verdict(&held, now()), (Verdict::Valid, true));
    assert_eq!(view.verdict(&held, after(STALENESS)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&held, after(STALENESS + NANO)), (Verdict::Valid, false));
    look(&view, 1, vec![], after(STALENESS));
    assert_eq!(view.verdict(&held, after(STALENESS + NANO)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&held, after(2 * STALENESS)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&held, after(2 * STALENESS + NANO)), (Verdict::Valid, false));
}

/// Rule 10: "A response promoted from the shared tier has no `filled_at` of ours: only `confirmed_at` counts for it."
#[test]
fn what_another_process_filled_is_confirmed_by_the_log_alone() {
    let view = following();
    let promoted = Filled::new(position(0, 0), None);
    assert_eq!(view.verdict(&promoted, now()), (Verdict::Valid, false));
    look(&view, 1, vec![], now());
    assert_eq!(view.verdict(&promoted, after(STALENESS)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&promoted, after(STALENESS + NANO)), (Verdict::Valid, false));
}

/// A look that found more than it took in confirms nothing (rule 8), and one that is late takes nothing back.
#[test]
fn what_was_confirmed_never_goes_back() {
    let view = following();
    let held = filled();
    look(&view, 1, vec![], after(STALENESS));
    look(&view, 1, vec![], now());
    assert_eq!(view.verdict(&held, after(2 * STALENESS)), (Verdict::Valid, true));
    let half = Look {
        incarnation: INCARNATION,
        floor: LogId::ZERO,
        last: LogId::new(9, 0),
        entries: vec![],
        more: true,
    };
    view.update(|tail| tail.take_look(&half, after(3 * STALENESS)));
    assert_eq!(view.verdict(&held, after(3 * STALENESS)), (Verdict::Valid, false));
}

#[test]
fn the_only_process_there_is_always_knows_the_whole_log() {
    let view = alone();
    let years = Duration::from_secs(100 * 365 * 24 * 3600);
    assert_eq!(view.verdict(&filled(), after(years)), (Verdict::Valid, true));
    assert!(view.may_join(now(), view.confirmed_at(), after(years)));
}

/// Rule 11: unchanged, nothing is looked up; changed, the rows are, and the response remembers for which generation.
#[test]
fn a_change_of_the_generation_has_the_rows_looked_up_again() {
    let view = alone();
    let held = filled();
    let remembers = || held.valid_at.load(Ordering::Relaxed);
    let generation = || view.read(Tail::generation);
    let first = generation();
    assert_ne!(remembers(), first, "a new one was not checked yet");
    assert_eq!(view.verdict(&held, now()).0, Verdict::Valid);
    assert_eq!(remembers(), first);

    view.update(|tail| tail.record(&[hard("other")], now()));
    assert_ne!(generation(), first);
    assert_eq!(remembers(), first, "nobody asked yet");
    assert_eq!(view.verdict(&held, now()).0, Verdict::Valid);
    assert_eq!(remembers(), generation());

    view.update(|tail| tail.record(&[hard("t")], now()));
    for _ in 0..2 {
        assert_eq!(view.verdict(&held, now()).0, Verdict::Refused);
        assert_ne!(remembers(), generation(), "what is refused is not remembered as valid");
    }
}

/// What is soft gets older without any change of the log.
#[test]
fn what_is_softly_invalidated_is_asked_for_each_time() {
    let view = alone();
    let held = filled();
    view.update(|tail| tail.record(&[event(Mode::Soft, Tag::new("t"))], now()));
    for age in [Duration::ZERO, STALENESS] {
        assert_eq!(view.verdict(&held, after(age)).0, Verdict::Soft(age));
    }
    view.update(|tail| tail.record(&[event(Mode::Hard, Selector::All)], now()));
    assert_eq!(view.verdict(&held, now()).0, Verdict::Refused);
}

/// Rule 11: "A change of floor or incarnation bumps the generation."
#[test]
fn a_floor_and_another_incarnation_refuse_what_was_valid() {
    let view = following();
    look(&view, 5, vec![], now());
    let at = |position| Filled::new(position, Some(now()));
    let held = at(view.position());
    assert_eq!(view.verdict(&held, now()).0, Verdict::Valid);
    let trimmed = |incarnation| Look {
        incarnation,
        floor: LogId::new(9, 0),
        last: LogId::new(9, 0),
        entries: vec![],
        more: false,
    };
    view.update(|tail| tail.take_look(&trimmed(INCARNATION), now()));
    assert_eq!(view.verdict(&held, now()).0, Verdict::Refused);

    let held = at(view.position());
    assert_eq!(view.verdict(&held, now()).0, Verdict::Valid);
    let another = larder_core::log::position::Incarnation::from_bytes([9; 16]);
    view.update(|tail| tail.take_look(&trimmed(another), now()));
    assert_eq!(view.verdict(&held, now()).0, Verdict::Refused);
}

/// Rule 13.
#[test]
fn a_flight_may_be_joined_for_as_long_as_staleness_may_last() {
    let view = following();
    assert!(view.may_join(now(), view.confirmed_at(), after(STALENESS)));
    assert!(!view.may_join(now(), view.confirmed_at(), after(STALENESS + NANO)));
    look(&view, 1, vec![], after(STALENESS));
    assert!(view.may_join(now(), view.confirmed_at(), after(2 * STALENESS)));
    assert!(!view.may_join(now(), view.confirmed_at(), after(2 * STALENESS + NANO)));
}

/// Promise 1, here: whoever asks after `change` has returned is refused, on whatever thread.
#[test]
fn no_thread_finds_valid_what_was_invalidated_before_it_asked() {
    for _ in 0..200 {
        let (view, held, invalidated) = (alone(), filled(), AtomicBool::new(false));
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    loop {
                        let before = invalidated.load(Ordering::SeqCst);
                        let (verdict, _) = view.verdict(&held, now());
                        if before {
                            return assert_eq!(verdict, Verdict::Refused);
                        }
                    }
                });
            }
            view.update(|tail| tail.record(&[hard("other")], now()));
            view.update(|tail| tail.record(&[hard("t")], now()));
            invalidated.store(true, Ordering::SeqCst);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_goes_on_as_soon_as_it_is_so_and_at_the_deadline_anyway() {
    let view = following();
    let reached = |last: u64| move |tail: &Tail| tail.position().mark.log >= LogId::new(last, 0);
    let began = tokio::time::Instant::now();
    let deadline = began + STALENESS;
    let change = async {
        tokio::task::yield_now().await;
        look(&view, 1, vec![], now());
        tokio::task::yield_now().await;
        look(&view, 2, vec![], now());
    };
    tokio::join!(view.wait(deadline, reached(2)), change);
    assert_eq!(tokio::time::Instant::now(), began);
    view.wait(deadline, reached(2)).await;
    assert_eq!(tokio::time::Instant::now(), began, "it is so already");
    view.wait(deadline, reached(3)).await;
    assert_eq!(tokio::time::Instant::now(), deadline);
}
