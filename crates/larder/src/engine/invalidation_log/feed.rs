//! The feed of invalidations that this instance applies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::{Event, Mode};
use larder_core::time::WallTime;
use tokio::sync::broadcast::{self, error::RecvError};

/// The number of items that a feed keeps for a reader that lags behind.
const CAPACITY: usize = 1_024;
/// The number of own appends whose ids are remembered until the log shows them.
const MAX_OWN_IDS: usize = 1_024;

/// The invalidations that this instance applies, as they happen.
///
/// Returned by [`Cache::invalidations`](crate::Cache::invalidations). The feed begins with the call.
/// It keeps up to 1,024 items for its reader. A reader that lags further behind gets
/// [`FeedItem::Missed`]. Dropping the feed ends it.
#[derive(Debug)]
pub struct InvalidationFeed {
    items: broadcast::Receiver<FeedItem>,
}

impl InvalidationFeed {
    /// Waits for the next item. Returns `None` once the cache is dropped.
    ///
    /// Dropping the future loses no item.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::feed::FeedItem;
    /// use larder::{Cache, Tag};
    ///
    /// let cache = Cache::default();
    /// let mut feed = cache.invalidations();
    /// let _ = cache.invalidate(Tag::new("product:42")).await;
    /// match feed.next().await {
    ///     Some(FeedItem::Invalidation(applied)) => assert_eq!(applied.selector, "t:product:42"),
    ///     other => println!("{other:?}"),
    /// }
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<FeedItem> {
        match self.items.recv().await {
            Ok(item) => Some(item),
            Err(RecvError::Lagged(missed)) => Some(FeedItem::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// An item of an [`InvalidationFeed`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedItem {
    /// An invalidation took effect on this instance.
    Invalidation(FeedEvent),
    /// Everything that was stored before this moment is refused.
    ///
    /// The log of the shared store was lost or restarted, or had entries that this instance did not
    /// read in time.
    LogReset,
    /// This many items were lost, because the reader lagged behind.
    Missed(u64),
}

/// One invalidation that took effect on this instance. It names one selector.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedEvent {
    /// The selector: a letter for its kind, a colon, and its text, up to 1,024 bytes.
    ///
    /// The letters are `t` for a tag, `k` for a key, `u` for a URI, `x` for a path, `p` for a
    /// prefix, `g` for a glob, `#` for the digest of a long URI or path, and `a` for everything.
    /// Credentials in keys and URIs are hidden: see
    /// [`StoredInfo`](crate::inspect::StoredInfo).
    pub selector: String,
    /// Whether the invalidation is soft.
    pub is_soft: bool,
    /// Whether the other instances can know of it.
    pub status: FeedStatus,
    /// The id of its entry in the log. `None` if it is deferred.
    ///
    /// Selectors that were invalidated in one step share an entry.
    pub log_id: Option<LogId>,
    /// The time at which it was issued, by the clock of this machine.
    pub at: WallTime,
    /// Whether this instance issued it.
    ///
    /// If an append timed out although the store executed it, its event counts as one from another
    /// instance.
    pub is_own: bool,
}

/// Whether an invalidation is in the log that the instances share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeedStatus {
    /// It is in the log. A cache without a shared store has a log of its own.
    Applied,
    /// It could not be appended to the log yet, and holds on this instance alone.
    ///
    /// Once it is appended, the feed has it again as [`Applied`](Self::Applied).
    Deferred,
}

/// The sender of all feeds of a cache. Without a reader, it does nothing.
#[derive(Default)]
pub(crate) struct FeedHub {
    /// Created for the first reader.
    sender: OnceLock<broadcast::Sender<FeedItem>>,
    own: Mutex<OwnAppends>,
}

/// The appends of this instance that the log has not shown yet.
#[derive(Default)]
struct OwnAppends {
    running: Vec<Arc<[Event]>>,
    ids: VecDeque<LogId>,
}

/// The entries that one page of the log has brought.
pub(crate) struct FeedPage<'a> {
    /// The entries, in order.
    pub(crate) entries: &'a [(LogId, Vec<Event>)],
    /// The position before the page was applied. Earlier entries are known.
    pub(crate) after: LogId,
    /// The position after the page was applied.
    pub(crate) until: LogId,
    /// The time of the log's clock, as an id, and the same moment on the own clock.
    pub(crate) log_millis: u64,
    pub(crate) now: WallTime,
}

impl FeedHub {
    /// Returns a new reader.
    pub(crate) fn subscribe(&self) -> InvalidationFeed {
        let sender = self.sender.get_or_init(|| broadcast::Sender::new(CAPACITY));
        InvalidationFeed { items: sender.subscribe() }
    }

    /// Returns the sender, if there is a reader.
    fn read_sender(&self) -> Option<&broadcast::Sender<FeedItem>> {
        self.sender.get().filter(|sender| sender.receiver_count() > 0)
    }

    /// Whether there is a reader.
    pub(crate) fn is_read(&self) -> bool {
        self.read_sender().is_some()
    }

    /// Publishes own events that took effect now. Without an id of the log, they are deferred.
    pub(crate) fn publish_own(
        &self,
        events: &[Event],
        log_id: Option<LogId>,
        now: impl FnOnce() -> WallTime,
    ) {
        let Some(sender) = self.read_sender() else { return };
        let status = if log_id.is_some() { FeedStatus::Applied } else { FeedStatus::Deferred };
        let at = now();
        for event in events {
            send(sender, event, FeedContext { status, log_id, at, is_own: true });
        }
    }

    /// Publishes the entries of a page that was applied.
    pub(crate) fn publish_page(&self, page: &FeedPage<'_>) {
        let Some(sender) = self.read_sender() else { return };
        let is_news = |id: LogId| page.after < id && id <= page.until;
        for (id, events) in page.entries.iter().filter(|(id, _)| is_news(*id)) {
            let age = page.log_millis.saturating_sub(id.millis);
            let at = WallTime::from_unix_millis(page.now.unix_millis().saturating_sub(age));
            let (log_id, is_own) = (Some(*id), self.own().take(*id, events));
            for event in events {
                send(sender, event, FeedContext { status: FeedStatus::Applied, log_id, at, is_own });
            }
        }
    }

    /// Publishes that everything older is refused.
    pub(crate) fn publish_reset(&self) {
        if let Some(sender) = self.read_sender() {
            // Ids may be used again.
            self.own().ids.clear();
            let _ = sender.send(FeedItem::LogReset);
        }
    }

    /// Notes that this instance begins to append these events.
    ///
    /// The log may show an event before the append has an answer.
    pub(crate) fn begin_append(&self, events: &[Event]) -> OwnAppend<'_> {
        let events = self.is_read().then(|| Arc::<[Event]>::from(events));
        if let Some(events) = &events {
            self.own().running.push(Arc::clone(events));
        }
        OwnAppend { hub: self, events }
    }

    fn own(&self) -> MutexGuard<'_, OwnAppends> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The facts about an event in a feed, besides the event itself.
#[derive(Clone, Copy)]
struct FeedContext {
    status: FeedStatus,
    log_id: Option<LogId>,
    at: WallTime,
    is_own: bool,
}

fn send(sender: &broadcast::Sender<FeedItem>, event: &Event, context: FeedContext) {
    let FeedContext { status, log_id, at, is_own } = context;
    let selector = event.selector.to_shown_text();
    let event = FeedEvent { selector, is_soft: event.mode == Mode::Soft, status, log_id, at, is_own };
    // It fails if the last reader has left.
    let _ = sender.send(FeedItem::Invalidation(event));
}

impl OwnAppends {
    /// Whether an entry of the log is one of these appends.
    fn take(&mut self, id: LogId, events: &[Event]) -> bool {
        if let Some(at) = self.ids.iter().position(|own| *own == id) {
            self.ids.remove(at);
            return true;
        }
        // An append without an answer has no id yet, and queued writes share entries. Another
        // instance may append the same events at the same moment. Then it is not known which of the
        // two this is, and it does not matter.
        let is_running = |event| self.running.iter().any(|running| running.contains(event));
        !events.is_empty() && events.iter().all(is_running)
    }
}

/// An append of this instance, which has begun.
pub(crate) struct OwnAppend<'a> {
    hub: &'a FeedHub,
    /// `None` if there was no reader when it began.
    events: Option<Arc<[Event]>>,
}

impl OwnAppend<'_> {
    /// Notes the id of the entry.
    pub(crate) fn appended(self, id: LogId) {
        if self.events.is_some() {
            let mut own = self.hub.own();
            if own.ids.len() == MAX_OWN_IDS {
                own.ids.pop_front();
            }
            own.ids.push_back(id);
        }
    }
}

impl Drop for OwnAppend<'_> {
    fn drop(&mut self) {
        if let Some(events) = &self.events {
            let mut own = self.hub.own();
            if let Some(at) = own.running.iter().position(|running| Arc::ptr_eq(running, events)) {
                own.running.swap_remove(at);
            }
        }
    }
}
