//! The bound on live feeds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// The most live feeds of one token.
const MAX_FEEDS: usize = 32;

/// The live feeds of a client.
///
/// A client that has left without a word keeps its feed until a write to it fails, which can take
/// minutes. So the bound ends the oldest feed, and never refuses a new one.
#[derive(Debug, Default)]
pub(crate) struct OpenFeeds(Mutex<VecDeque<oneshot::Sender<()>>>);

impl OpenFeeds {
    /// Opens a feed: the receiver is ready when the feed has to end. Dropping it closes the feed.
    pub(crate) fn open(&self) -> oneshot::Receiver<()> {
        let (end, ended) = oneshot::channel();
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|feed| !feed.is_closed());
        while feeds.len() >= MAX_FEEDS {
            // A receiver without its sender is ready.
            feeds.pop_front();
        }
        feeds.push_back(end);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the feed has to end.
    fn has_ended(feed: &mut oneshot::Receiver<()>) -> bool {
        feed.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn one_feed_too_many_ends_the_oldest() {
        let feeds = OpenFeeds::default();
        let mut open: Vec<_> = (0..MAX_FEEDS + 2).map(|_| feeds.open()).collect();
        let ended: Vec<_> = open.iter_mut().map(has_ended).collect();
        assert_eq!(ended[..3], [true, true, false]);
        assert_eq!(ended.iter().filter(|has_ended| **has_ended).count(), 2);
    }

    #[test]
    fn a_feed_that_was_closed_does_not_count() {
        let feeds = OpenFeeds::default();
        let mut oldest = feeds.open();
        for _ in 0..3 * MAX_FEEDS {
            drop(feeds.open());
        }
        assert!(!has_ended(&mut oldest));
        assert_eq!(feeds.0.lock().unwrap().len(), 2, "closed feeds take no memory");
    }
}
