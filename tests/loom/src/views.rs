//! The view of the log: hits and inserts against what the tail publishes.

use std::sync::Arc;
use std::time::Duration;

use larder_core::log::names::Names;
use larder_core::log::position::{Incarnation, LogId, Mark, Position};
use larder_core::log::selector::{Event, Mode, Selector, Tag};
use larder_core::log::table::Verdict;
use larder_core::log::tail::{Limits, Tail};
use larder_core::store::Look;
use larder_core::time::Boot;
use loom::future::block_on;
use loom::thread;

use crate::memory::CachedResponse;
use crate::sync::{AtomicU64, Mutex, lock};

/// What the scenarios need of a view. It is the same for each: `larder`'s own, and those with a mistake.
pub trait View: Send + Sync + Sized + 'static {
    /// A view of this tail.
    fn of(tail: Tail) -> Self;
    #[doc(hidden)]
    fn judge(&self, held: &Stored, now: Boot) -> (Verdict, bool);
    /// Changes the tail, and publishes.
    fn change<R>(&self, change: impl FnOnce(&mut Tail) -> R) -> R;
    /// Waits until it is so.
    fn wait(&self, done: impl Fn(&Tail) -> bool);
}

/// A stored response.
pub struct Stored(CachedResponse);

macro_rules! views {
    ($($(#[$doc:meta])* $name:ident $view:ident),+ $(,)?) => { $(
        #[allow(dead_code, unused_mut, clippy::all)] // Not everything is explored, and mistakes are written shortly.
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/view_", stringify!($name), ".rs"));
        }

        $(#[$doc])*
        pub struct $view($name::LogView);

        impl View for $view {
            fn of(tail: Tail) -> Self {
                Self($name::LogView::new(tail, STALENESS))
            }

            fn judge(&self, held: &Stored, now: Boot) -> (Verdict, bool) {
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
    /// As it is.
    sound Sound,
    /// `confirmed_at` is published before the generation.
    confirmed_before_generation ConfirmedBeforeGeneration,
    /// `confirmed_at` is published without what came before it.
    confirmed_relaxed ConfirmedRelaxed,
    /// `confirmed_at` is read without what came before it.
    confirmed_read_relaxed ConfirmedReadRelaxed,
    /// The generation is published before the rows.
    generation_before_rows GenerationBeforeRows,
    /// A hit reads the generation before `confirmed_at`.
    hit_reads_generation_first HitReadsGenerationFirst,
    /// A hit remembers a generation that it read after the rows.
    hit_remembers_a_later_generation HitRemembersALaterGeneration,
    /// Who waits is woken before there is anything new.
    woken_before_publication WokenBeforePublication,
    /// Who waits looks first, and only then listens.
    looked_before_listening LookedBeforeListening,
}

const OURS: Incarnation = Incarnation::from_bytes([7; 16]);
const STALENESS: Duration = Duration::from_secs(2);

const fn second(seconds: u64) -> Boot {
    Boot::from_nanos(seconds * 1_000_000_000)
}

fn event(tag: &str) -> Event {
    Event { mode: Mode::Hard, selector: Selector::Tag(Tag::new(tag)) }
}

/// A response with this tag that was filled when nothing was invalidated, by this process or by another one.
fn stored(tag: &str, filled_at: Option<Boot>) -> Arc<Stored> {
    let position = Position { incarnation: OURS, mark: Mark { log: LogId::new(1, 0), local: 0 } };
    let names = Names::new("/", &[], &[], &[Tag::new(tag)]);
    Arc::new(Stored(CachedResponse { position, names, filled_at, valid_at: AtomicU64::new(u64::MAX) }))
}

/// A look that brings this event, or nothing.
fn look(last: u64, tag: Option<&str>) -> Look {
    let entries = tag.map(|tag| (LogId::new(last, 0), vec![event(tag)])).into_iter().collect();
    Look { incarnation: OURS, floor: LogId::ZERO, last: LogId::new(last, 0), entries, more: false }
}

/// A view that has read the log up to the response's position, one second after the clock began.
fn at_one<V: View>() -> Arc<V> {
    let view = V::of(Tail::following(OURS, Limits::default()));
    view.change(|tail| tail.take_look(&look(1, None), second(1)));
    Arc::new(view)
}

fn refused<V: View>(view: &V, held: &Stored) {
    assert_eq!(view.judge(held, second(3)).0, Verdict::Refused, "it was invalidated before");
}

/// Rule 11, a hit against the tail: whoever sees that the log was confirmed after the event sees the event. And what was
/// remembered meanwhile does not outlive it.
pub fn hit_against_publication<V: View>(remembered: bool) {
    let view = at_one::<V>();
    let held = stored("a", None);
    if remembered {
        assert_eq!(view.judge(&held, second(1)).0, Verdict::Valid);
    }
    let hit = thread::spawn({
        let (view, held) = (Arc::clone(&view), Arc::clone(&held));
        move || {
            // Later than what the first look confirms, and within what the second does.
            let (verdict, confirmed) = view.judge(&held, second(4));
            assert!(!(verdict == Verdict::Valid && confirmed), "confirmed without what was confirmed");
        }
    });
    view.change(|tail| tail.take_look(&look(2, Some("a")), second(3)));
    refused(&*view, &held);
    let _ = hit.join();
    refused(&*view, &held);
}

/// Rule 11: "On insert: load the generation, then check, then insert." A fill that ends while its response is invalidated,
/// and somebody who hits it.
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
    // `invalidate` has returned.
    if let Some(held) = find(&memory) {
        refused(&*view, &held);
    }
    let _ = (fill.join(), hit.join());
    if let Some(held) = find(&memory) {
        refused(&*view, &held);
    }
}

/// Two changes at once, of the task that follows the log and of an invalidation that is deferred, and a hit between them.
pub fn two_changes_and_a_hit<V: View>() {
    let view = at_one::<V>();
    let (a, b) = (stored("a", None), stored("b", None));
    let look_taken = thread::spawn({
        let (view, a) = (Arc::clone(&view), Arc::clone(&a));
        move || {
            view.change(|tail| tail.take_look(&look(2, Some("a")), second(3)));
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

/// Rule 14: whoever waits for the tail is woken, and then what was invalidated is refused: on the fast path too.
pub fn wait_against_publication<V: View>() {
    let view = at_one::<V>();
    let held = stored("a", None);
    assert_eq!(view.judge(&held, second(1)).0, Verdict::Valid);
    let waiting = thread::spawn({
        let (view, held) = (Arc::clone(&view), Arc::clone(&held));
        move || {
            view.wait(|tail| tail.position().mark.log >= LogId::new(2, 0));
            refused(&*view, &held);
        }
    });
    view.change(|tail| tail.take_look(&look(2, Some("a")), second(3)));
    let _ = waiting.join();
}
