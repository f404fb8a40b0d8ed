//! What to invalidate, and what became of it.

use std::fmt;

use larder_core::log::selector::{Event, Glob, Mode, PathName, Prefix, Selector, Tag, UriName};

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
    pub(crate) fn merge_after(mut self, other: &Self) -> Self {
        self.before.splice(..0, other.events());
        self
    }

    /// A hard one of all of these, if there are any.
    pub(crate) fn all_of(selectors: Vec<Selector>) -> Option<Self> {
        (!selectors.is_empty()).then_some(Self { selectors, mode: Mode::Hard, before: Vec::new() })
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
pub enum InvalidationOutcome {
    /// The log has it and this instance has read it: from now on this instance never serves what it names, and after
    /// `max_staleness` no instance does.
    Applied,
    /// Redis could not be told yet. It holds on this instance at once, and elsewhere from the moment that Redis is
    /// reached. If this process dies before that, it is lost.
    Deferred,
}

impl InvalidationOutcome {
    /// An error unless it was applied, for a caller that would rather fail than have other instances told later. The
    /// invalidation stays deferred all the same.
    ///
    /// # Errors
    /// If it was [`Deferred`](Self::Deferred).
    pub const fn require_applied(self) -> Result<(), DeferredError> {
        match self {
            Self::Applied => Ok(()),
            Self::Deferred => Err(DeferredError(())),
        }
    }
}

/// An invalidation was deferred: Redis could not be told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeferredError(());

impl fmt::Display for DeferredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the invalidation is deferred until the shared store can be reached")
    }
}

impl std::error::Error for DeferredError {}
