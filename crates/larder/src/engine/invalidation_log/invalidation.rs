//! An invalidation, and its outcome.

use std::fmt;

use larder_core::log::selector::{Event, Glob, Mode, PathName, Prefix, Selector, Tag, UriName};

/// An invalidation: one or more selectors, and whether it is hard or soft.
///
/// A hard invalidation refuses the responses that it names. A [`soft`](Self::soft) one makes them
/// stale. An invalidation is hard by default.
///
/// All selectors are appended to the log in one step, up to 1,024 selectors and 256 KiB. A larger
/// invalidation takes several steps.
///
/// This type is also a response part of axum. If a handler of an unsafe method returns it, or puts
/// it into the extensions of the response, the layer invalidates before it sends the response. Of
/// several response parts, each counts.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use larder::{Cache, Invalidation, Tag};
///
/// let cache = Cache::default();
/// cache.invalidate(Tag::new("product:42")).await;
/// cache.invalidate(Invalidation::tag("user:7").and_tag("users:top").soft()).await;
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalidation {
    selectors: Vec<Selector>,
    mode: Mode,
    /// The events of earlier response parts.
    before: Vec<Event>,
}

impl Invalidation {
    /// Creates an invalidation of the responses that this selector names.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Invalidation, Prefix, SelectorError};
    ///
    /// # fn main() -> Result<(), SelectorError> {
    /// let products = Invalidation::of(Prefix::new("/products")?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn of(selector: impl Into<Selector>) -> Self {
        Self { selectors: vec![selector.into()], mode: Mode::Hard, before: Vec::new() }
    }

    /// Creates an invalidation of every response with this tag.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Invalidation;
    ///
    /// let product = Invalidation::tag("product:42");
    /// ```
    #[must_use]
    pub fn tag(tag: impl Into<Tag>) -> Self {
        Self::of(tag.into())
    }

    /// Creates an invalidation of every variant of the response with this key.
    ///
    /// The key is the text that a key template yields, such as `user:42`, or the value of
    /// `X-Cache-Key`.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Invalidation;
    ///
    /// let user = Invalidation::key("user:42");
    /// ```
    #[must_use]
    pub fn key(key: impl Into<Box<str>>) -> Self {
        Self::of(Selector::Key(key.into()))
    }

    /// Creates an invalidation of all responses.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Invalidation;
    ///
    /// let everything = Invalidation::all();
    /// ```
    #[must_use]
    pub fn all() -> Self {
        Self::of(Selector::All)
    }

    /// Adds the responses that this selector names.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Glob, Invalidation, SelectorError};
    ///
    /// # fn main() -> Result<(), SelectorError> {
    /// let reviews = Invalidation::tag("reviews").and(Glob::new("/products/*/reviews")?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn and(mut self, selector: impl Into<Selector>) -> Self {
        self.selectors.push(selector.into());
        self
    }

    /// Adds every response with this tag.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Invalidation;
    ///
    /// let user = Invalidation::tag("user:7").and_tag("users:top");
    /// ```
    #[must_use]
    pub fn and_tag(self, tag: impl Into<Tag>) -> Self {
        self.and(tag.into())
    }

    /// Makes this invalidation soft: the responses that it names become stale and are not refused.
    ///
    /// They may still be served within `stale-while-revalidate` and `stale-if-error`.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Invalidation;
    ///
    /// let users = Invalidation::tag("users").soft();
    /// ```
    #[must_use]
    pub fn soft(mut self) -> Self {
        self.mode = Mode::Soft;
        self
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let event = |selector: &Selector| Event { mode: self.mode, selector: selector.clone() };
        self.before.iter().cloned().chain(self.selectors.iter().map(event)).collect()
    }

    /// Puts the events of `other` before those of this invalidation. Each keeps its own mode.
    #[cfg(feature = "axum")]
    pub(crate) fn merge_after(mut self, other: &Self) -> Self {
        self.before.splice(..0, other.events());
        self
    }

    /// Creates a hard invalidation of these selectors. Returns `None` if there are none.
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

/// The outcome of an invalidation.
///
/// Returned by [`Cache::invalidate`](crate::Cache::invalidate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A third outcome would be a third promise.
pub enum InvalidationOutcome {
    /// The invalidation is in the log, and this instance has applied it.
    ///
    /// From now on, this instance never serves the responses that it names. After
    /// [`max_staleness`](crate::CacheBuilder::max_staleness), no instance does.
    Applied,
    /// The invalidation could not be appended to the log yet.
    ///
    /// It takes effect on this instance at once, and on other instances when the shared store is
    /// reached. If this process dies before that, the invalidation is lost.
    Deferred,
}

impl InvalidationOutcome {
    /// Turns a deferred invalidation into an error.
    ///
    /// This is for a caller that would rather fail than have other instances apply the invalidation
    /// later. The invalidation stays deferred even then, and is appended when the shared store can
    /// be reached.
    ///
    /// # Errors
    ///
    /// Returns an error if the outcome is [`Deferred`](Self::Deferred).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Cache, DeferredError, Tag};
    ///
    /// async fn update_product(cache: &Cache) -> Result<(), DeferredError> {
    ///     // … commit the write to the database, and then:
    ///     cache.invalidate(Tag::new("product:42")).await.require_applied()
    /// }
    /// ```
    pub const fn require_applied(self) -> Result<(), DeferredError> {
        match self {
            Self::Applied => Ok(()),
            Self::Deferred => Err(DeferredError(())),
        }
    }
}

/// The error of an invalidation that was deferred.
///
/// Returned by [`InvalidationOutcome::require_applied`]. The invalidation has taken effect on
/// this instance. It takes effect on the others when the shared store can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeferredError(());

impl fmt::Display for DeferredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalidation deferred until the shared store can be reached")
    }
}

impl std::error::Error for DeferredError {}
