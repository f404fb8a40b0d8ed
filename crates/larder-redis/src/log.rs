//! The invalidation log: a Stream, and scripts that poll it and append to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::Event;
use larder_core::store::{InvalidationLog, StoreError, StoreErrorKind, SwitchRecord};
use larder_core::write_queue::StoreId;
use tokio::time::timeout;

use crate::log_call::run_on_log;
use crate::log_page::PageSize;
use crate::poll_arguments::poll_arguments;
use crate::poll_link::LinkInUse;
use crate::reply;
use crate::store::{Inner, RedisStore};
use crate::timeouts::ALARM_GRACE;
use crate::{append, log_page, native_poll, switches};

/// The index of the Stream's name in the arguments of the alarm's `XREAD`.
const STREAM: usize = 5;

impl InvalidationLog for RedisStore {
    async fn wait_for_news(&self, cursor: Cursor, at_most: Duration) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let turn = Arc::clone(&inner.waiting).acquire_owned();
        let Ok(Ok(turn)) = timeout(at_most, turn).await else {
            // An alarm that was given up still waits at the server.
            return Ok(());
        };
        let client = inner.alarm.within_at(at_most + ALARM_GRACE, STREAM);
        let arguments = wait_arguments(inner.keys.events(), cursor.after, at_most);
        // The command has its own task, so that its turn lasts as long as the server is blocked,
        // even if the caller is dropped.
        let waiting = inner.home.runtime().spawn(async move {
            let _turn = turn;
            let command = CustomCommand::new_static("XREAD", ClusterHash::Offset(STREAM), true);
            client.custom::<Value, _>(command, arguments).await
        });
        // The command has its own time limit. The longer limit here is for a runtime that stands
        // still.
        let Ok(waited) = timeout(at_most + 2 * ALARM_GRACE, waiting).await else {
            return Err(StoreError::new(
                StoreErrorKind::Timeout,
                "the task that waits for the log does not run",
            ));
        };
        let Ok(result) = waited else {
            return Err(StoreError::new(StoreErrorKind::Unreachable, "the runtime is gone"));
        };
        result.map(drop).map_err(|error| inner.alarm_failed(&error))
    }

    async fn poll(&self, cursor: Cursor) -> Result<LogPage, StoreError> {
        let inner = &*self.inner;
        // Polls come first on a new runtime: nothing else is done before one has succeeded.
        inner.leave_ended_runtime();
        if let Some((count, link)) = inner.native_poll(&cursor) {
            if let Some(page) = native_poll::poll(self, link, &cursor, count).await? {
                return Ok(page);
            }
        }
        let arguments = poll_arguments(&cursor, inner.poll_budget.amount(), inner.token);
        let keys = inner.log_keys();
        let waited = run_on_log(&inner.log, &inner.scripts.look, &keys, &arguments).await;
        let sent = waited.wait.sent;
        if waited.result.as_ref().is_err_and(|error| reply::kind(error) == StoreErrorKind::Timeout) {
            inner.poll_budget.timed_out();
        }
        let answer = inner.settle_on(&inner.log, inner.keys.events(), None, waited)?;
        let read = log_page::read(&answer)?;
        inner.note_page(&cursor, &read.look, read.size);
        if read.look.more {
            inner.poll_budget.answered_in_full(sent.elapsed());
        }
        if !read.knows_run_id {
            inner.warn_about_weak_log();
        }
        Ok(read.look)
    }

    async fn append(&self, events: &[Event]) -> Result<(Incarnation, LogId), StoreError> {
        if events.is_empty() {
            return Err(StoreError::new(StoreErrorKind::Refused, "nothing to append"));
        }
        append::append(self, events).await
    }

    fn store_id(&self) -> Option<StoreId> {
        self.inner.logged_id()
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let Some(replicas) = inner.replicas.as_ref().filter(|replicas| replicas.last_wait_failed()) else {
            return Ok(());
        };
        let (link, key) = (&replicas.link, [inner.keys.beat()]);
        let waited = run_on_log(link, &inner.scripts.beat, &key, &[]).await;
        inner.settle_on(link, key[0], None, waited)?;
        replicas.wait_acknowledged(key[0]).await
    }

    async fn switches(&self) -> Result<Option<SwitchRecord>, StoreError> {
        switches::read(&self.inner).await
    }

    async fn replace_switches(
        &self,
        replaces: Option<u64>,
        record: &SwitchRecord,
    ) -> Result<bool, StoreError> {
        switches::replace(&self.inner, replaces, record).await
    }
}

impl Inner {
    pub(crate) fn log_keys(&self) -> [&str; 6] {
        self.keys.log.each_ref().map(String::as_str)
    }

    /// Returns the id of this store, if a push can append to the log.
    ///
    /// In a cluster, the two have different slots. Replicas that have to acknowledge an append have
    /// a connection of their own.
    pub(crate) fn logged_id(&self) -> Option<StoreId> {
        (!self.data.is_clustered() && self.replicas.is_none()).then_some(self.id)
    }

    /// Returns the number of entries to read natively and the connection, if this poll can do so.
    ///
    /// A poll that has to begin a new incarnation is left to the script. In a cluster, every poll
    /// is: there, fred has one connection to each node, and cannot say which of them takes `MULTI`.
    fn native_poll(&self, cursor: &Cursor) -> Option<(i64, LinkInUse<'_>)> {
        if cursor.broken || self.log.is_clustered() {
            return None;
        }
        let count = self.poll_budget.native_count()?;
        Some((count, self.poll_link.take(|| self.open_another())?))
    }

    /// Records the size of a page, from which that of the next one is guessed.
    ///
    /// A start without a place reads a few entries at a time, as the script decides. The last page
    /// of a start shows nothing about the next one.
    pub(crate) fn note_page(&self, cursor: &Cursor, page: &LogPage, size: PageSize) {
        let has_replayed = cursor.replaying && !page.more;
        if has_replayed {
            self.poll_link.end_idle();
        }
        let says_nothing = page.is_busy || has_replayed;
        self.poll_budget.read(if says_nothing { PageSize::default() } else { size });
    }

    fn alarm_failed(&self, error: &Error) -> StoreError {
        let explained = self.alarm.to_store_error(error);
        if explained.kind() == StoreErrorKind::Timeout {
            // Otherwise every further alarm would wait behind this one.
            self.alarm.reconnect();
        }
        explained
    }

    fn warn_about_weak_log(&self) {
        if !self.weak_log_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "Redis does not let scripts ask for INFO: a failover or restart that loses part of the \
                 invalidation log is only noticed if the log then ends before what was read of it"
            );
        }
    }
}

fn wait_arguments(events: &str, after: LogId, at_most: Duration) -> Vec<Value> {
    // For Redis, zero means to wait forever.
    let block = i64::try_from(at_most.as_millis()).map_or(i64::MAX, |millis| millis.max(1));
    vec![
        Value::from_static_str("COUNT"),
        Value::Integer(1),
        Value::from_static_str("BLOCK"),
        Value::Integer(block),
        Value::from_static_str("STREAMS"),
        Value::from(events),
        Value::from(after.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_never_waits_for_ever() {
        let arguments = wait_arguments("e", LogId::new(5, 1), Duration::ZERO);
        assert_eq!(arguments[3], Value::Integer(1));
        assert_eq!(arguments[STREAM], Value::from("e"));
        assert_eq!(arguments[STREAM + 1], Value::from("5-1"));
    }
}
