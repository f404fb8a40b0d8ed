//! Invalidating.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Extensions;
use larder_core::log::outbox::batches;
use larder_core::log::selector::{Event, Glob, Mode, PathName, Prefix, Selector, Tag, UriName};
use larder_core::log::tail::{Passing, Tail};
use larder_core::store::Appended;

use crate::engine::invalidate::follow::start;
use crate::engine::invalidate::follow::within;
use crate::engine::invalidate::reclaim::reclaim;
use crate::engine::invalidation_log::group_commit::one_path;
use crate::engine::invalidation_log::group_commit::share;
use crate::engine::report::store_health::Exchange;
use crate::engine::shared::Inner;
use crate::engine::store::Store;

/// What to invalidate, and how: one or more selectors, hard unless [`soft`](Self::soft) is said.
///
/// All of them are appended to the log as one step, unless there are more than a thousand, or more than 256 KiB.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use larder::{Cache, Invalidation, Tag};
///
/// let cache = Cache::default();
/// cache.invalidate(Tag::new("product:42")).await;
/// cache.invalidate(Invalidation::tag("user:7").and_tag("users:top").soft()).await;
/// # });
/// ```
///
/// As an axum response part (of several, each counts), or in the extensions of any response to a request with an unsafe method, the layer
/// invalidates it before the response is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalidation {
    selectors: Vec<Selector>,
    mode: Mode,
    /// What response parts before this one said.
    before: Vec<Event>,
}

impl Invalidation {
    /// What this selector names.
    #[must_use]
    pub fn of(selector: impl Into<Selector>) -> Self {
        Self { selectors: vec![selector.into()], mode: Mode::Hard, before: Vec::new() }
    }

    /// Every response with this tag.
    #[must_use]
    pub fn tag(tag: impl Into<Tag>) -> Self {
        Self::of(tag.into())
    }

    /// Every variant of the response with this key: the text that a key template gives (`user:42`), or what
    /// `X-Cache-Key` shows.
    #[must_use]
    pub fn key(key: impl Into<Box<str>>) -> Self {
        Self::of(Selector::Key(key.into()))
    }

    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::of(Selector::All)
    }

    /// And what this selector names.
    #[must_use]
    pub fn and(mut self, selector: impl Into<Selector>) -> Self {
        self.selectors.push(selector.into());
        self
    }

    /// And every response with this tag.
    #[must_use]
    pub fn and_tag(self, tag: impl Into<Tag>) -> Self {
        self.and(tag.into())
    }

    /// Counts what it names as stale instead of refusing it: within `stale-while-revalidate` and `stale-if-error` it
    /// may still be served.
    #[must_use]
    pub fn soft(mut self) -> Self {
        self.mode = Mode::Soft;
        self
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let event = |selector: &Selector| Event { mode: self.mode, selector: selector.clone() };
        self.before.iter().cloned().chain(self.selectors.iter().map(event)).collect()
    }

    /// This after another one, each in its own mode.
    #[cfg(feature = "axum")]
    pub(crate) fn after(mut self, other: &Self) -> Self {
        self.before.splice(..0, other.events());
        self
    }

    /// A hard one of all of these, if there are any.
    pub(crate) fn of_each(selectors: Vec<Selector>) -> Option<Self> {
        (!selectors.is_empty()).then_some(Self { selectors, mode: Mode::Hard, before: Vec::new() })
    }

    pub(crate) fn take_from(extensions: &mut Extensions) -> Option<Self> {
        extensions.remove()
    }
}

macro_rules! from_selectors {
    ($($kind:ty),+) => { $(
        impl From<$kind> for Invalidation {
            fn from(selector: $kind) -> Self {
                Self::of(selector)
            }
        }
    )+ };
}
from_selectors!(Selector, Tag, Prefix, Glob, UriName, PathName);

/// What became of an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A third answer would be a third promise.
pub enum Invalidated {
    /// The log has it and this instance has read it: from now on this instance never serves what it names, and after
    /// `max_staleness` no instance does.
    Applied,
    /// Redis could not be told yet. It holds on this instance at once, and elsewhere from the moment that Redis is
    /// reached. If this process dies before that, it is lost.
    Deferred,
}

impl Invalidated {
    /// An error unless it was applied, for a caller that would rather fail than have other instances told later. The
    /// invalidation stays deferred all the same.
    ///
    /// # Errors
    /// If it was [`Deferred`](Self::Deferred).
    pub const fn applied(self) -> Result<(), Deferral> {
        match self {
            Self::Applied => Ok(()),
            Self::Deferred => Err(Deferral(())),
        }
    }
}

/// An invalidation was deferred: Redis could not be told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deferral(());

impl fmt::Display for Deferral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the invalidation is deferred until the shared store can be reached")
    }
}

impl std::error::Error for Deferral {}

/// How long an event that was appended may take to come back to this instance before it counts as deferred.
const COMES_BACK_WITHIN: Duration = Duration::from_millis(500);

/// Appends the invalidation to the log, and waits until this instance has taken it in.
pub(crate) async fn invalidate(inner: &Arc<Inner>, what: Invalidation) -> Invalidated {
    let events = what.events();
    inner.report.invalidated(events.len());
    let events = inner.keyed_by.with_keyed(events);
    let events = bounded(inner.variations.with_equivalents(events, inner.clock.boot()));
    if events.is_empty() {
        return Invalidated::Applied;
    }
    let Some(store) = &inner.store else {
        let now = inner.clock.boot();
        inner.change_log(|tail| tail.record(&events, now));
        return Invalidated::Applied;
    };
    if inner.background.is_closed() {
        return defer(inner, &events);
    }
    start(inner);
    let (cache, store) = (Arc::clone(inner), Arc::clone(store));
    if let Some(path) = one_path(&events).cloned() {
        let again = events.clone();
        let append = move || {
            let (cache, store, events) = (Arc::clone(&cache), Arc::clone(&store), again.clone());
            async move { tell(&cache, &*store, events).await }
        };
        let shared = share(&inner.groups, &inner.background, &path, append).await;
        return shared.unwrap_or_else(|| defer(inner, &events));
    }
    // In a task of its own, so that a client that hangs up does not take half of it back.
    let told = inner.background.spawn(async move { tell(&cache, &*store, events).await });
    told.await.unwrap_or(Invalidated::Deferred)
}

/// These events as the log takes them, each once. A URI that is too long for a key is named by its path, or, where that is
/// too long, not at all: nothing is stored under it.
fn bounded(events: Vec<Event>) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::with_capacity(events.len());
    for Event { mode, selector } in events {
        let was_uri = matches!(selector, Selector::Uri(_));
        let Some(selector) = selector.bounded() else { continue };
        let event = Event { mode, selector };
        if !(was_uri && all.contains(&event)) {
            all.push(event);
        }
    }
    all
}

/// How often an event is appended before it counts as deferred. A failover takes one; two in a row are left to the
/// outbox.
const APPENDS: usize = 2;

async fn tell(inner: &Arc<Inner>, store: &dyn Store, events: Vec<Event>) -> Invalidated {
    for _ in 0..APPENDS {
        match append(inner, store, &events).await {
            Passing::Passed => return Invalidated::Applied,
            Passing::AppendAgain => {}
            Passing::Waiting => break,
        }
    }
    // Rule 15: what timed out may have happened; it is appended again, and a duplicate costs misses only.
    defer(inner, &events)
}

fn defer(inner: &Inner, events: &[Event]) -> Invalidated {
    let now = inner.clock.boot();
    inner.change_log(|tail| tail.defer(events, now));
    inner.deferred.notify_one();
    Invalidated::Deferred
}

/// Appends once, and waits until our own tail knows what became of it.
async fn append(inner: &Arc<Inner>, store: &dyn Store, events: &[Event]) -> Passing {
    let mut last: Option<Appended> = None;
    for batch in batches(events) {
        let appended = match append_batch(inner, store, batch).await {
            Ok(appended) => appended,
            Err(passing) => return passing,
        };
        // Events that went into two logs are complete in neither.
        if last.is_some_and(|last| last.incarnation != appended.incarnation) {
            return Passing::AppendAgain;
        }
        last = Some(appended);
    }
    match last {
        Some(appended) => wait_for(inner, events, appended).await,
        None => Passing::Passed,
    }
}

async fn append_batch(inner: &Arc<Inner>, store: &dyn Store, batch: &[Event]) -> Result<Appended, Passing> {
    let (incarnation, id) = match store.append(batch).await {
        Ok(appended) => appended,
        Err(error) => {
            inner.report.store_failed(Exchange::Append, &error, &*inner.clock);
            return Err(Passing::Waiting);
        }
    };
    inner.report.store_worked(Exchange::Append, &*inner.clock);
    // In one step: no look sent after that moment may be taken in before what it has to know is noted.
    let answered = inner.log.change(|tail| {
        tail.note_appended();
        inner.clock.boot()
    });
    Ok(Appended { incarnation, id, answered })
}

/// Waits until our own tail has passed what was appended.
async fn wait_for(inner: &Arc<Inner>, events: &[Event], appended: Appended) -> Passing {
    let settled = |tail: &Tail| tail.passed(&appended) != Passing::Waiting;
    inner.log.wait(within(COMES_BACK_WITHIN), settled).await;
    let passing = inner.log.read(|tail| tail.passed(&appended));
    if passing == Passing::Passed {
        reclaim(inner, events, appended.incarnation, appended.id);
    }
    passing
}
