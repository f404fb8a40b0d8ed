//! Appending to the invalidation log.
//!
//! Appends are gathered: while some are in flight, further ones wait, and are sent together. Each
//! of them still has entries of its own in the log, because a write-through knows its own
//! event by the id of its entry (rule 18).

use std::sync::Arc;
use std::time::Duration;

use fred::types::Value;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::Event;
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;

use crate::append_queue::{AppendCall, AppendQueue, AppendResult};
use crate::connection::Connection;
use crate::gather::{self, AnswerLost, CallTarget};
use crate::log_call::run_on_log;
use crate::patience::backstop;
use crate::random_id::random;
use crate::reply::{parts, text, unreadable};
use crate::store::{Inner, LogSize, RedisStore};
use crate::stream_entry;
use crate::timeouts::LOG_TIMEOUT;

#[derive(Clone)]
struct AppendTarget(RedisStore);

impl CallTarget for AppendTarget {
    type Call = AppendCall;
    type Answer = AppendResult;

    const MAX_CALLS: usize = 64;
    const MAX_WEIGHT: usize = 128 * 1024;

    fn weight(call: &AppendCall) -> usize {
        call.weight
    }

    fn queue(&self) -> &AppendQueue {
        &self.0.inner.appending
    }

    fn runtime(&self) -> Handle {
        self.0.inner.home.runtime()
    }

    fn backstop(&self) -> Duration {
        backstop(LOG_TIMEOUT)
    }

    async fn send(&self, calls: Vec<AppendCall>) -> Vec<AppendResult> {
        let inner = &*self.0.inner;
        let (mut arguments, count) = (first_arguments(inner.log_size), calls.len());
        for call in calls {
            arguments.push(Value::Integer(i64::try_from(call.fields.len()).unwrap_or(i64::MAX)));
            arguments.extend(call.fields);
        }
        match append_all(inner, &arguments, count).await {
            Ok((incarnation, ids)) => ids.into_iter().map(|id| Ok((incarnation, id))).collect(),
            Err(error) => vec![Err(error); count],
        }
    }
}

/// Appends the events of one invalidation.
pub(crate) async fn append(store: &RedisStore, events: &[Event]) -> AppendResult {
    let fields = stream_entry::fields(events);
    let weight = events.iter().map(|event| event.selector.weight()).sum();
    let target = AppendTarget(store.clone());
    gather::call(&target, AppendCall { fields, weight }).await.unwrap_or_else(|AnswerLost| {
        Err(StoreError::new(StoreErrorKind::Unreachable, "the task that appends has ended"))
    })
}

fn first_arguments(LogSize { length, bytes }: LogSize) -> Vec<Value> {
    vec![random().to_string().into(), length.to_string().into(), bytes.to_string().into()]
}

/// Runs the script for this many invalidations, and waits for the replicas.
async fn append_all(
    inner: &Inner,
    arguments: &[Value],
    count: usize,
) -> Result<(Incarnation, Vec<LogId>), StoreError> {
    let leave = inner.health.admit(inner.keys.events())?;
    let link = connection(inner);
    let waited = run_on_log(link, &inner.scripts.append, &inner.log_keys(), arguments).await;
    let answer = inner.settle_on(link, inner.keys.events(), Some(leave), waited)?;
    let appended = appended(&answer, count).ok_or_else(|| unreadable("the log's answer to an append"))?;
    if let Some(replicas) = &inner.replicas {
        replicas.wait_acknowledged(inner.keys.events()).await?;
    }
    Ok(appended)
}

/// Returns the connection for appends.
fn connection(inner: &Inner) -> &Arc<Connection> {
    inner.replicas.as_ref().map_or(&inner.log, |replicas| &replicas.link)
}

/// Reads the incarnation, and the ids of this many invalidations.
fn appended(answer: &Value, count: usize) -> Option<(Incarnation, Vec<LogId>)> {
    let (incarnation, ids) = parts(answer)?.split_first()?;
    let ids = ids.iter().map(|id| text(id)?.parse().ok()).collect::<Option<Vec<_>>>()?;
    (ids.len() == count).then_some((text(incarnation)?.parse().ok()?, ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invalidation_has_an_id_of_its_own() {
        let id = "0f".repeat(16);
        let array = |parts: &[&str]| Value::Array(parts.iter().map(|part| Value::from(*part)).collect());
        let (incarnation, ids) = appended(&array(&[&id, "5-1", "5-2"]), 2).unwrap();
        assert_eq!(incarnation, Incarnation::from_bytes([15; 16]));
        assert_eq!(ids, [LogId::new(5, 1), LogId::new(5, 2)]);
        for (parts, count) in [
            (&[&*id, "5-1"][..], 2),
            (&[&id, "5-1", "5-2"], 1),
            (&[&id, "x"], 1),
            (&["x", "5-1"], 1),
            (&[], 0),
        ] {
            assert_eq!(appended(&array(parts), count), None, "{parts:?}");
        }
        assert_eq!(appended(&Value::Null, 0), None);
    }
}
