//! Applying the pages of the log: the answers to polls, and the pages that come with pushes.

use std::time::Duration;

use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::Position;
use larder_core::invalidation::tail::{PageApplied, Tail};
use larder_core::time::{BootTime, WallTime};

use crate::engine::invalidation_log::feed::FeedPage;
use crate::engine::shared::Engine;

/// A page of the log, and the poll that it answers.
pub(super) struct PageAnswer {
    pub(super) cursor: Cursor,
    pub(super) sent: BootTime,
    /// How long the answer took.
    pub(super) took: Duration,
    pub(super) page: LogPage,
}

impl PageAnswer {
    /// Applies the answer to a poll of the task that follows the log, under the lock of the tail.
    pub(super) fn apply(self, engine: &Engine, tail: &mut Tail) -> PageApplied {
        let (cursor, sent) = (self.cursor, self.sent);
        self.apply_with(engine, tail, |tail, page| Some(tail.apply_page_from(&cursor, page, sent)))
            .unwrap_or_default()
    }

    /// Applies a page that came with a push, under the lock of the tail.
    ///
    /// If it does not go on where the tail is, nothing happens: an ordinary poll follows.
    pub(super) fn apply_pushed(self, engine: &Engine, tail: &mut Tail) {
        let (cursor, sent) = (self.cursor, self.sent);
        self.apply_with(engine, tail, |tail, page| tail.apply_pushed_page(&cursor, page, sent).then_some(()));
    }

    fn apply_with<R>(
        self,
        engine: &Engine,
        tail: &mut Tail,
        apply: impl FnOnce(&mut Tail, &LogPage) -> Option<R>,
    ) -> Option<R> {
        let Self { cursor, took, mut page, .. } = self;
        // As they stand in the log, without the keyed forms of URIs.
        let entries = engine.feed.is_read().then(|| page.entries.clone());
        engine.uri_aliases.keyed_by.add_keyed_uris(&mut page);
        if !page.entries.is_empty() {
            tail.note_poll_time(took);
        }
        let before = TailBefore::of(tail);
        let applied = apply(tail, &page)?;
        record_lag(engine, &cursor, &before, &page);
        if let Some(entries) = entries {
            publish_page(engine, &before, tail, &LogPage { entries, ..page });
        }
        Some(applied)
    }
}

/// Records how old the entries of a page are that this instance follows.
///
/// At a start, and after a restart of the log, entries are old without any lag.
fn record_lag(engine: &Engine, cursor: &Cursor, before: &TailBefore, page: &LogPage) {
    if cursor.replaying || page.incarnation != cursor.incarnation {
        return;
    }
    // A page that was overtaken has entries that are known.
    let known = before.position.watermark.log;
    for (id, _) in page.entries.iter().filter(|(id, _)| *id > known) {
        let appended = WallTime::from_unix_millis(id.millis);
        engine.report.store_times.lag(page.now.saturating_since(appended));
    }
}

/// The state of the tail before a page is applied.
struct TailBefore {
    position: Position,
    /// Whether the log was never read to its end. Its entries are then older than this instance.
    is_replay: bool,
}

impl TailBefore {
    fn of(tail: &Tail) -> Self {
        Self { position: tail.position(), is_replay: tail.confirmed_at().is_none() }
    }
}

/// Publishes what a page has changed to the feeds, if it is news.
fn publish_page(engine: &Engine, before: &TailBefore, tail: &Tail, page: &LogPage) {
    if before.is_replay {
        return;
    }
    let (known, now) = (before.position, tail.position());
    let is_restart = known.incarnation != now.incarnation;
    let after = if is_restart { page.floor } else { known.watermark.log.max(page.floor) };
    if is_restart || after > known.watermark.log {
        engine.feed.publish_reset();
    }
    engine.feed.publish_page(&FeedPage {
        entries: &page.entries,
        after,
        until: now.watermark.log,
        log_millis: page.now.unix_millis().max(page.last.millis),
        now: engine.clock.wall(),
    });
}
