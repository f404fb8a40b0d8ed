//! An invalidation, and its outcome.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use larder_core::invalidation::selector::{Event, Mode, Selector, Tag};

use crate::engine::invalidation_log::part_tracker::PartTracker;

/// An invalidation: one or more selectors, and whether it is hard or soft.
///
/// A hard invalidation refuses the responses that it names. A [`soft`](Self::soft) one makes them
/// stale. An invalidation is hard by default.
///
/// All selectors are appended to the log in one step, up to 1,024 selectors and 256 KiB. A larger
/// invalidation takes several steps.
///
/// # In a response
///
/// This type is also a response part of axum. If a handler returns it, or puts it into the
/// extensions of the response, the layers around the handler invalidate before they send the
/// response. Of several response parts, each counts. This applies to all methods, also to `GET`.
/// The part is not stored with a response, so a hit does not repeat it.
///
/// Each cache acts on a part once, however many of its layers the response goes through. A route
/// without a layer, such as one that only has `POST`, needs
/// [`Cache::invalidation_layer`](crate::Cache::invalidation_layer). Without it, the part has no
/// effect. That is logged as a warning, once for each place in the code that creates such a part.
///
/// # Text is a tag
///
/// [`Cache::invalidate`](crate::Cache::invalidate) takes everything that converts to an
/// invalidation: a tag, another selector, text, [`Tags`](crate::Tags), or an array or `Vec` of
/// them. Iterators can be collected. Text always names a tag, and never a URI or a key. Text that
/// looks like a URI is logged as a warning, once for each text. Use a [`UriName`](crate::UriName),
/// [`PathName`](crate::PathName), [`Prefix`](crate::Prefix) or [`Glob`](crate::Glob) to name URIs,
/// or a [`Tag`] for a tag of this form.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use larder::{Cache, Invalidation, Tag};
///
/// let cache = Cache::default();
/// let _ = cache.invalidate(Tag::new("product:42")).await;
/// let _ = cache.invalidate(["user:7", "users:top"]).await;
/// let _ = cache.invalidate(Invalidation::tag("user:7").and_tag("users:top").soft()).await;
/// let orders: Invalidation = [3, 4, 5].into_iter().map(|id| format!("order:{id}")).collect();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Invalidation {
    selectors: Vec<Selector>,
    mode: Mode,
    created_at: &'static Location<'static>,
    /// The caches that have acted on it. `None` outside of a response.
    tracker: Option<Arc<PartTracker>>,
    /// The earlier parts of the same response.
    before: Vec<EarlierPart>,
}

/// An invalidation that an earlier response part stated.
#[derive(Debug, Clone)]
struct EarlierPart {
    events: Vec<Event>,
    created_at: &'static Location<'static>,
    tracker: Option<Arc<PartTracker>>,
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
    #[track_caller]
    pub fn of(selector: impl Into<Selector>) -> Self {
        Self::hard(vec![selector.into()])
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
    #[track_caller]
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
    #[track_caller]
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
    #[track_caller]
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

    #[track_caller]
    fn hard(selectors: Vec<Selector>) -> Self {
        let created_at = Location::caller();
        Self { selectors, mode: Mode::Hard, created_at, tracker: None, before: Vec::new() }
    }

    /// Creates a hard invalidation of these selectors. Returns `None` if there are none.
    pub(crate) fn all_of(selectors: Vec<Selector>) -> Option<Self> {
        (!selectors.is_empty()).then(|| Self::hard(selectors))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let before = self.before.iter().flat_map(|part| part.events.iter().cloned());
        before.chain(self.own_events()).collect()
    }

    fn own_events(&self) -> impl Iterator<Item = Event> + '_ {
        self.selectors.iter().map(|selector| Event { mode: self.mode, selector: selector.clone() })
    }

    /// Returns this invalidation as a response part, whose use is tracked.
    #[cfg(feature = "axum")]
    pub(crate) fn into_part(mut self) -> Self {
        let created_at = self.created_at;
        self.tracker.get_or_insert_with(|| Arc::new(PartTracker::new(created_at)));
        self
    }

    /// Puts the events of `other` before those of this invalidation. Each keeps its own mode.
    #[cfg(feature = "axum")]
    pub(crate) fn merge_after(mut self, mut other: Self) -> Self {
        let mut before = std::mem::take(&mut other.before);
        before.push(other.into_earlier());
        self.before.splice(..0, before);
        self
    }

    /// Returns what this invalidation itself names, apart from earlier parts.
    fn into_earlier(self) -> EarlierPart {
        let events = self.own_events().collect();
        EarlierPart { events, created_at: self.created_at, tracker: self.tracker }
    }

    /// Returns the parts that this cache has not acted on yet, and notes that it does so now.
    ///
    /// `cache` is the address of the cache. Returns `None` if nothing is left to do.
    pub(crate) fn claim(&mut self, cache: usize) -> Option<Self> {
        let before: Vec<_> = self.before.iter_mut().filter_map(|part| part.claim(cache)).collect();
        let is_own_new = claim(&mut self.tracker, self.created_at, cache);
        let selectors = if is_own_new { self.selectors.clone() } else { Vec::new() };
        let is_new = is_own_new || !before.is_empty();
        is_new.then_some(Self {
            selectors,
            mode: self.mode,
            created_at: self.created_at,
            tracker: None,
            before,
        })
    }
}

impl EarlierPart {
    fn claim(&mut self, cache: usize) -> Option<Self> {
        claim(&mut self.tracker, self.created_at, cache).then(|| Self { tracker: None, ..self.clone() })
    }
}

/// Notes that a cache acts on a part. Returns `false` if it has done so already.
///
/// A part that was put into the extensions of a response by hand has no tracker yet.
fn claim(
    tracker: &mut Option<Arc<PartTracker>>,
    created_at: &'static Location<'static>,
    cache: usize,
) -> bool {
    tracker.get_or_insert_with(|| Arc::new(PartTracker::new(created_at))).claim(cache)
}

/// Two invalidations are equal if they have the same selectors and the same modes.
impl PartialEq for Invalidation {
    fn eq(&self, other: &Self) -> bool {
        self.events() == other.events()
    }
}

impl Eq for Invalidation {}

impl Default for Invalidation {
    /// Creates a hard invalidation that names nothing, to be extended.
    #[track_caller]
    fn default() -> Self {
        Self::hard(Vec::new())
    }
}

impl<T: Into<Self>> Extend<T> for Invalidation {
    /// Adds what these name, as [`and`](Self::and) does. Those that are soft stay soft.
    fn extend<I: IntoIterator<Item = T>>(&mut self, others: I) {
        for mut other in others.into_iter().map(Into::into) {
            self.before.append(&mut other.before);
            match other.mode {
                Mode::Hard => self.selectors.append(&mut other.selectors),
                Mode::Soft => self.before.push(other.into_earlier()),
            }
        }
    }
}

/// The outcome of an invalidation.
///
/// Returned by [`Cache::invalidate`](crate::Cache::invalidate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a deferred invalidation has not reached other instances: use `require_applied`, or `let _ =`"]
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
