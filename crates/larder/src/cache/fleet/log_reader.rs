//! Reading the invalidation log as it grows.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::{Event, Mode};
use larder_core::store::StoreError;
use larder_core::time::WallTime;

use crate::cache::fleet::{Fleet, LogEnd, cursor};
use crate::engine::invalidation_log::feed::{FeedEvent, FeedItem, FeedStatus};

/// How long a reader waits for news before it polls.
///
/// The poll shows what the wait cannot, such as a lost log.
const WAIT: Duration = Duration::from_secs(2);

/// The invalidations of all instances, in the order of the log.
///
/// Returned by [`Fleet::follow`]. It reads the log itself, so it skips nothing: if entries were
/// lost, it says so with [`FeedItem::LogReset`].
pub struct LogReader<'a> {
    fleet: &'a Fleet,
    cursor: Cursor,
    /// Whether entries may be in the log that no wait would announce.
    is_behind: bool,
    items: VecDeque<FeedItem>,
}

/// The method for reading the log.
impl Fleet {
    /// Returns a reader of the log, from `since` ago on.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::feed::FeedItem;
    /// use larder::fleet::Fleet;
    /// use larder::store::StoreError;
    ///
    /// async fn print(fleet: &Fleet) -> Result<(), StoreError> {
    ///     let mut reader = fleet.follow(Duration::from_secs(3600)).await?;
    ///     loop {
    ///         match reader.next().await? {
    ///             FeedItem::Invalidation(event) => println!("{}", event.selector),
    ///             other => println!("{other:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    pub async fn follow(&self, since: Duration) -> Result<LogReader<'_>, StoreError> {
        let LogEnd { incarnation, last, now } = self.log_end().await?;
        let after = match since.is_zero() {
            true => last,
            false => before(now, since).min(last),
        };
        // Nothing may be left out if the log begins again.
        let cursor = cursor(incarnation, after, usize::MAX);
        Ok(LogReader { fleet: self, cursor, is_behind: true, items: VecDeque::new() })
    }
}

/// Returns the id before all entries of the time since then.
fn before(now: WallTime, since: Duration) -> LogId {
    let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    LogId::new(now.unix_millis().saturating_sub(since), 0).before()
}

impl LogReader<'_> {
    /// Waits for the next item.
    ///
    /// Dropping the future loses no item. After an error, the next call goes on where this one
    /// began.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached.
    pub async fn next(&mut self) -> Result<FeedItem, StoreError> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            if !self.is_behind {
                self.fleet.store.wait_for_news(self.cursor, WAIT).await?;
            }
            let page = self.fleet.poll(self.cursor).await?;
            self.apply(&page);
        }
    }

    /// Takes the entries of a page, and moves behind them.
    fn apply(&mut self, page: &LogPage) {
        if page.incarnation != self.cursor.incarnation {
            self.cursor.incarnation = page.incarnation;
            self.cursor.after = LogId::ZERO;
            self.items.push_back(FeedItem::LogReset);
        } else if page.last < self.cursor.after {
            // The log ends before what was read of it. This page is not from its beginning.
            self.cursor.after = LogId::ZERO;
            self.is_behind = true;
            return;
        } else if page.floor > self.cursor.after {
            self.items.push_back(FeedItem::LogReset);
        }
        for (id, events) in &page.entries {
            self.items.extend(events.iter().map(|event| self.item(*id, event, page)).collect::<Vec<_>>());
        }
        let read = page.entries.last().map_or(self.cursor.after, |(id, _)| *id);
        // Entries that are left come with the next page.
        self.cursor.after = if page.more { read } else { read.max(page.last) };
        self.is_behind = page.more;
    }

    fn item(&self, id: LogId, event: &Event, page: &LogPage) -> FeedItem {
        let age = page.now.unix_millis().max(page.last.millis).saturating_sub(id.millis);
        let now = self.fleet.clock.wall().unix_millis();
        FeedItem::Invalidation(FeedEvent {
            selector: event.selector.to_shown_text(),
            is_soft: event.mode == Mode::Soft,
            status: FeedStatus::Applied,
            log_id: Some(id),
            at: WallTime::from_unix_millis(now.saturating_sub(age)),
            is_own: false,
        })
    }
}

impl fmt::Debug for LogReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("after", &self.cursor.after).finish_non_exhaustive()
    }
}
