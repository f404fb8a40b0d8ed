//! The feed of invalidations.

use crate::cache::Cache;
use crate::engine::invalidation_log::feed::InvalidationFeed;

/// The method for the feed of invalidations.
impl Cache {
    /// Returns the invalidations that take effect on this instance from now on.
    ///
    /// These are the ones that this instance issues, and with a shared store also those of the
    /// other instances. Those that are in the log when an instance starts are not among them. The
    /// feed costs nothing until an invalidation comes, and nothing at all without a reader.
    ///
    /// The feed does not keep the cache alive. It ends when the last handle and the last layer are
    /// dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::feed::{FeedItem, FeedStatus};
    /// use larder::{Cache, Prefix};
    ///
    /// let cache = Cache::default();
    /// let mut feed = cache.invalidations();
    /// let _ = cache.invalidate(Prefix::new("/products").unwrap()).await;
    /// let Some(FeedItem::Invalidation(event)) = feed.next().await else { unreachable!() };
    /// assert_eq!((&*event.selector, event.status), ("p:/products", FeedStatus::Applied));
    /// assert!(event.is_own && !event.is_soft);
    /// # }
    /// ```
    #[must_use]
    pub fn invalidations(&self) -> InvalidationFeed {
        self.engine.feed.subscribe()
    }
}
