//! The view of the log: hits and inserts while the tail publishes changes.

use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Event, Mode, Selector, Tag};
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Limits, Tail};
use larder_core::time::{BootTime, WallTime};
use loom::future::block_on;
use loom::thread;

use crate::memory::CachedResponse;
use crate::sync::{AtomicU64, Mutex, lock};

/// The operations of a view that the scenarios use.
///
/// Both `larder`'s own view and each version with a mistake implement it.
pub trait View: Send + Sync + Sized + 'static {
    /// Creates a view of this tail.
    fn of(tail: Tail) -> Self;
    #[doc(hidden)]
    fn judge(&self, held: &Stored, now: BootTime) -> (Verdict, bool);
    /// Changes the tail, and publishes the change.
    fn change<R>(&self, change: impl FnOnce(&mut Tail) -> R) -> R;
    /// Waits until `done` returns `true` for the tail.
    fn wait(&self, done: impl Fn(&Tail) -> bool);
}

/// A stored response.
pub struct Stored(CachedResponse);

macro_rules! views {
    ($($(#[$doc:meta])* $name:ident $view:ident),+ $(,)?) => { $(
        // Not all of the source is explored, and mistakes are written briefly.
        #[allow(dead_code, unused_mut, clippy::all)]
        pub(crate) mod $name {
            include!(concat!(env!("OUT_DIR"), "/view_", stringify!($name), ".rs"));
        }

        $(#[$doc])*
        pub struct $view($name::LogView);

        impl View for $view {
            fn of(tail: Tail) -> Self {
                Self($name::LogView::new(tail, STALENESS))
            }

            fn judge(&self, held: &Stored, now: BootTime) -> (Verdict, bool) {
                self.0.verdict(&held.0, now)
            }

            fn change<R>(&self, change: impl FnOnce(&mut Tail) -> R) -> R {
                self.0.update(change)
            }

            fn wait(&self, done: impl Fn(&Tail) -> bool) {
                block_on(self.0.wait(tokio::time::Instant::now(), done));
            }
        }
    )+ };
}

views! {
    /// The unchanged source.
    sound Sound,
    /// `confirmed_at` is published before the generation.
    confirmed_before_generation ConfirmedBeforeGeneration,
    /// `confirmed_at` is published with `Relaxed`, without the earlier writes.
    confirmed_relaxed ConfirmedRelaxed,
    /// `confirmed_at` is read with `Relaxed`, without the writes before it.
    confirmed_read_relaxed ConfirmedReadRelaxed,
    /// The generation is published before the rows.
    generation_before_rows GenerationBeforeRows,
    /// A hit reads the generation before `confirmed_at`.
    hit_reads_generation_first HitReadsGenerationFirst,
    /// A hit remembers a generation that it read after the rows.
    hit_remembers_a_later_generation HitRemembersALaterGeneration,
    /// Waiters are woken before the change is published.
    woken_before_publication WokenBeforePublication,
    /// A waiter reads the tail first, and only then listens for changes.
    looked_before_listening LookedBeforeListening,
}

const OURS: Incarnation = Incarnation::from_bytes([7; 16]);
const STALENESS: Duration = Duration::from_secs(2);

const fn second(seconds: u64) -> BootTime {
    BootTime::from_nanos(seconds * 1_000_000_000)
}

fn event(tag: &str) -> Event {
    Event { mode: Mode::Hard, selector: Selector::Tag(Tag::new(tag)) }
}

/// Creates a response with this tag that was filled before any invalidation.
///
/// If `filled_at` is `None`, another process filled it.
fn stored(tag: &str, filled_at: Option<BootTime>) -> Arc<Stored> {
    let position = Position { incarnation: OURS, watermark: Watermark { log: LogId::new(1, 0), local: 0 } };
    let names = Names::new("/", &[], &[], &[Tag::new(tag)]);
    Arc::new(Stored(CachedResponse { position, names, filled_at, valid_at: AtomicU64::new(u64::MAX) }))
}

/// Creates a page of the log, with an event for `tag` if there is one.
fn look(last: u64, tag: Option<&str>) -> LogPage {
    let entries = tag.map(|tag| (LogId::new(last, 0), vec![event(tag)])).into_iter().collect();
    LogPage {
        incarnation: OURS,
        floor: LogId::ZERO,
        last: LogId::new(last, 0),
        now: WallTime::default(),
        entries,
        more: false,
        fenced: false,
        is_busy: false,
    }
}

/// Creates a view that has read the log up to the response's position.
///
/// It read the log one second after the clock began.
fn at_one<V: View>() -> Arc<V> {
    let view = V::of(Tail::following(OURS, Limits::default()));
    view.change(|tail| tail.apply_page(&look(1, None), second(1)));
    Arc::new(view)
}

fn refused<V: View>(view: &V, held: &Stored) {
    assert_eq!(view.judge(held, second(3)).0, Verdict::Refused, "it was invalidated before");
}

/// Runs a hit while the tail publishes an event (rule 11).
///
/// A hit that sees a confirmation from after the event also sees the event. A verdict that the hit
/// remembers meanwhile is not valid after the event.
pub fn hit_against_publication<V: View>(remembered: bool) {
    let view = at_one::<V>();
    let held = stored("a", None);
    if remembered {
        assert_eq!(view.judge(&held, second(1)).0, Verdict::Valid);
    }
    let hit = thread::spawn({
        let (view, held) = (Arc::clone(&view), Arc::clone(&held));
        move || {
            // By now, the confirmation by the first page has expired. That by the second has not.
            let (verdict, confirmed) = view.judge(&held, second(4));
            assert!(!(verdict == Verdict::Valid && confirmed), "confirmed without what was confirmed");
        }
    });
    view.change(|tail| tail.apply_page(&look(2, Some("a")), second(3)));
    refused(&*view, &held);
    let _ = hit.join();
    refused(&*view, &held);
}

/// Runs a fill that ends while its response is invalidated, and a hit on that response.
///
/// Rule 11: "On insert: load the generation, then check, then insert."
pub fn insert_against_invalidate<V: View>() {
    let view = at_one::<V>();
    let memory = Arc::new(Mutex::new(None));
    let find = |memory: &Mutex<Option<Arc<Stored>>>| lock(memory).clone();
    let fill = thread::spawn({
        let (view, memory) = (Arc::clone(&view), Arc::clone(&memory));
        move || {
            let held = stored("a", Some(second(1)));
            if view.judge(&held, second(2)).0 != Verdict::Refused {
                *lock(&memory) = Some(held);
            }
        }
    });
    let hit = thread::spawn({
        let (view, memory) = (Arc::clone(&view), Arc::clone(&memory));
        move || {
            if let Some(held) = find(&memory) {
                view.judge(&held, second(2));
            }
        }
    });
    view.change(|tail| tail.defer(&[event("a")], second(2)));
    // At this point, `invalidate` has returned.
    if let Some(held) = find(&memory) {
        refused(&*view, &held);
    }
    let _ = (fill.join(), hit.join());
    if let Some(held) = find(&memory) {
        refused(&*view, &held);
    }
}

/// Runs two changes at once, and a hit between them.
///
/// One change is by the task that follows the log, the other one by a deferred invalidation.
pub fn two_changes_and_a_hit<V: View>() {
    let view = at_one::<V>();
    let (a, b) = (stored("a", None), stored("b", None));
    let look_taken = thread::spawn({
        let (view, a) = (Arc::clone(&view), Arc::clone(&a));
        move || {
            view.change(|tail| tail.apply_page(&look(2, Some("a")), second(3)));
            refused(&*view, &a);
        }
    });
    let hit = thread::spawn({
        let (view, a, b) = (Arc::clone(&view), Arc::clone(&a), Arc::clone(&b));
        move || {
            view.judge(&a, second(3));
            view.judge(&b, second(3));
        }
    });
    view.change(|tail| tail.defer(&[event("b")], second(3)));
    refused(&*view, &b);
    let _ = (look_taken.join(), hit.join());
    refused(&*view, &a);
    refused(&*view, &b);
}

/// Waits for the tail while it publishes an event (rule 14).
///
/// The waiter is woken, and then the invalidated response is refused, even on the fast path.
pub fn wait_against_publication<V: View>() {
    let view = at_one::<V>();
    let held = stored("a", None);
    assert_eq!(view.judge(&held, second(1)).0, Verdict::Valid);
    let waiting = thread::spawn({
        let (view, held) = (Arc::clone(&view), Arc::clone(&held));
        move || {
            view.wait(|tail| tail.position().watermark.log >= LogId::new(2, 0));
            refused(&*view, &held);
        }
    });
    view.change(|tail| tail.apply_page(&look(2, Some("a")), second(3)));
    let _ = waiting.join();
}
