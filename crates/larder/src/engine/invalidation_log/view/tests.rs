use std::sync::atomic::AtomicBool;

use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::{Event, Mode, Selector, Tag};
use larder_core::invalidation::tail::Limits;
use larder_core::time::WallTime;

use super::*;
use crate::testing::{INCARNATION, after, now, position};

const STALENESS: Duration = Duration::from_secs(2);
const NANO: Duration = Duration::from_nanos(1);

/// A stored value with the tag `t`.
struct Filled {
    position: Position,
    names: Names,
    filled_at: Option<BootTime>,
    valid_at: AtomicU64,
}

impl Filled {
    fn new(position: Position, filled_at: Option<BootTime>) -> Self {
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

    fn filled_at(&self) -> Option<BootTime> {
        self.filled_at
    }

    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at
    }
}

/// Returns a value that this process filled at the start of the log.
fn filled() -> Filled {
    Filled::new(position(0, 0), Some(now()))
}

fn alone() -> LogView {
    LogView::new(Tail::local(INCARNATION, Limits::default()), STALENESS)
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

/// Applies a poll that was sent at `sent` and reached the end of the log, with these events.
fn look(view: &LogView, last: u64, events: Vec<Event>, sent: BootTime) {
    let look = LogPage {
        incarnation: INCARNATION,
        floor: LogId::ZERO,
        last: LogId::new(last, 0),
        now: WallTime::default(),
        entries: vec![(LogId::new(last, 0), events)],
        more: false,
        fenced: false,
        is_busy: false,
    };
    view.update(|tail| tail.apply_page(&look, sent));
}

/// Rule 10: `max(filled_at, confirmed_at) + max_staleness ≥ now`, on every use.
#[test]
fn a_value_of_this_process_is_confirmed_for_as_long_as_staleness_may_last() {
    let view = following();
    let value = filled();
    assert_eq!(view.verdict(&value, now()), (Verdict::Valid, true));
    assert_eq!(view.verdict(&value, after(STALENESS)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&value, after(STALENESS + NANO)), (Verdict::Valid, false));
    look(&view, 1, vec![], after(STALENESS));
    assert_eq!(view.verdict(&value, after(STALENESS + NANO)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&value, after(2 * STALENESS)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&value, after(2 * STALENESS + NANO)), (Verdict::Valid, false));
}

/// Rule 10: "A response promoted from the shared tier has no `filled_at` of ours: only
/// `confirmed_at` counts for it."
#[test]
fn a_value_of_another_process_is_confirmed_by_the_log_alone() {
    let view = following();
    let promoted = Filled::new(position(0, 0), None);
    assert_eq!(view.verdict(&promoted, now()), (Verdict::Valid, false));
    look(&view, 1, vec![], now());
    assert_eq!(view.verdict(&promoted, after(STALENESS)), (Verdict::Valid, true));
    assert_eq!(view.verdict(&promoted, after(STALENESS + NANO)), (Verdict::Valid, false));
}

/// A poll that left entries for the next one confirms nothing (rule 8).
///
/// A late poll takes no confirmation back.
#[test]
fn a_confirmation_never_goes_back() {
    let view = following();
    let value = filled();
    look(&view, 1, vec![], after(STALENESS));
    look(&view, 1, vec![], now());
    assert_eq!(view.verdict(&value, after(2 * STALENESS)), (Verdict::Valid, true));
    let half = LogPage {
        incarnation: INCARNATION,
        floor: LogId::ZERO,
        last: LogId::new(9, 0),
        now: WallTime::default(),
        entries: vec![],
        more: true,
        fenced: false,
        is_busy: false,
    };
    view.update(|tail| tail.apply_page(&half, after(3 * STALENESS)));
    assert_eq!(view.verdict(&value, after(3 * STALENESS)), (Verdict::Valid, false));
}

#[test]
fn the_only_process_there_is_always_knows_the_whole_log() {
    let view = alone();
    let years = Duration::from_secs(100 * 365 * 24 * 3600);
    assert_eq!(view.verdict(&filled(), after(years)), (Verdict::Valid, true));
    assert!(view.may_join(now(), view.confirmed_at(), after(years)));
}

/// Rule 11: The rows are read only if the generation changed, and the response remembers it.
#[test]
fn a_change_of_the_generation_has_the_rows_looked_up_again() {
    let view = alone();
    let value = filled();
    let remembers = || value.valid_at.load(Ordering::Relaxed);
    let generation = || view.read(Tail::generation);
    let first = generation();
    assert_ne!(remembers(), first, "a new value was not checked yet");
    assert_eq!(view.verdict(&value, now()).0, Verdict::Valid);
    assert_eq!(remembers(), first);

    view.update(|tail| tail.record(&[hard("other")], now()));
    assert_ne!(generation(), first);
    assert_eq!(remembers(), first, "it was not checked again yet");
    assert_eq!(view.verdict(&value, now()).0, Verdict::Valid);
    assert_eq!(remembers(), generation());

    view.update(|tail| tail.record(&[hard("t")], now()));
    for _ in 0..2 {
        assert_eq!(view.verdict(&value, now()).0, Verdict::Refused);
        assert_ne!(remembers(), generation(), "a refused value is not remembered as valid");
    }
}

/// The age of a soft invalidation grows without any change of the log.
#[test]
fn a_softly_invalidated_value_is_checked_each_time() {
    let view = alone();
    let value = filled();
    view.update(|tail| tail.record(&[event(Mode::Soft, Tag::new("t"))], now()));
    for age in [Duration::ZERO, STALENESS] {
        assert_eq!(view.verdict(&value, after(age)).0, Verdict::Soft(age));
    }
    view.update(|tail| tail.record(&[event(Mode::Hard, Selector::All)], now()));
    assert_eq!(view.verdict(&value, now()).0, Verdict::Refused);
}

/// Rule 11: "A change of floor or incarnation bumps the generation."
#[test]
fn a_floor_and_another_incarnation_refuse_what_was_valid() {
    let view = following();
    look(&view, 5, vec![], now());
    let at = |position| Filled::new(position, Some(now()));
    let value = at(view.position());
    assert_eq!(view.verdict(&value, now()).0, Verdict::Valid);
    let trimmed = |incarnation| LogPage {
        incarnation,
        floor: LogId::new(9, 0),
        last: LogId::new(9, 0),
        now: WallTime::default(),
        entries: vec![],
        more: false,
        fenced: false,
        is_busy: false,
    };
    view.update(|tail| tail.apply_page(&trimmed(INCARNATION), now()));
    assert_eq!(view.verdict(&value, now()).0, Verdict::Refused);

    let value = at(view.position());
    assert_eq!(view.verdict(&value, now()).0, Verdict::Valid);
    let another = larder_core::invalidation::position::Incarnation::from_bytes([9; 16]);
    view.update(|tail| tail.apply_page(&trimmed(another), now()));
    assert_eq!(view.verdict(&value, now()).0, Verdict::Refused);
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

/// Promise P1 on one instance: a check that begins after `update` has returned is refused, on any
/// thread.
#[test]
fn no_thread_finds_valid_what_was_invalidated_before_it_asked() {
    for _ in 0..200 {
        let (view, value, invalidated) = (alone(), filled(), AtomicBool::new(false));
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    loop {
                        let before = invalidated.load(Ordering::SeqCst);
                        let (verdict, _) = view.verdict(&value, now());
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
async fn a_wait_ends_as_soon_as_the_condition_holds_and_at_the_deadline_anyway() {
    let view = following();
    let reached = |last: u64| move |tail: &Tail| tail.position().watermark.log >= LogId::new(last, 0);
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
    assert_eq!(tokio::time::Instant::now(), began, "the condition holds already");
    view.wait(deadline, reached(3)).await;
    assert_eq!(tokio::time::Instant::now(), deadline);
}
