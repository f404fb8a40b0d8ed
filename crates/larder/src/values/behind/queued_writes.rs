//! Writing to a write-behind collection.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::write_queue::{
    DurabilityMethod, LogFollower, LoggedEvent, LoggedPush, PushOutcome, PushWrite, Pushed, WaitReply,
    WaitRequest, WriteId, WritePayload,
};
use serde::Serialize;

use crate::engine::invalidate::logged_push::may_log_pushes;
use crate::values::behind::behind_state::{BehindState, new_write_id};
use crate::values::behind::queue_entry::QueueEntry;
use crate::values::behind::queued_collection::value_form;
use crate::values::behind::write_behind::WriteBehind;
use crate::values::behind::write_error::{WriteError, WriteErrorKind};
use crate::values::pending_write::{PendingWrite, QueuedForm};
use crate::values::value_key::ValueKey;

/// Writes.
impl<K: ValueKey + Serialize, V: Send + Sync + 'static, L> WriteBehind<K, V, L> {
    /// Writes a value. Returns when the write is durable, and invalidated on this instance.
    ///
    /// # Errors
    ///
    /// Returns an error if the write is not acknowledged. Its
    /// [`kind`](crate::values::WriteError::kind) says whether it may take effect.
    pub async fn write(&self, key: &K, value: V) -> Result<(), WriteError> {
        self.write_with_id(new_write_id(), key, value).await
    }

    /// Deletes a value, like a [`write`](Self::write) of nothing.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn delete(&self, key: &K) -> Result<(), WriteError> {
        self.write_with_id(new_write_id(), key, None).await
    }

    /// Repeats a write whose effect is [unknown](crate::values::WriteErrorKind::Unknown).
    ///
    /// The id is that of the [error](crate::values::WriteError::id). A write that is queued already
    /// is not queued again. The queue remembers ids for ten minutes. `None` is a deletion.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn write_with_id(
        &self,
        id: WriteId,
        key: &K,
        value: impl Into<Option<V>>,
    ) -> Result<(), WriteError> {
        let written = self.put(id, key, value.into()).await;
        self.state.count(&written);
        written
    }

    async fn put(&self, id: WriteId, key: &K, value: Option<V>) -> Result<(), WriteError> {
        let state = &*self.state;
        state.check_open()?;
        let entry = value_form(&state.collection).encode(key, value.as_ref())?;
        let method = state.durability.method().await?;
        // The queue stands for the database: a push is the commit of a write-through. If this
        // future is dropped, the key is invalidated, because the write may be queued.
        let own = state.own_writes.begin(Arc::clone(&entry.text));
        let write = PendingWrite::named(&state.collection, key, Some(Arc::clone(&entry.text)));
        let also_invalidates = state.collection.functions.also_invalidates.is_some();
        let follower = if also_invalidates { None } else { state.follower_for(method) };
        let Queued { sequence, is_first, event } =
            match state.push(id, &entry, WritePayload::Value, follower).await {
                Ok(queued) => queued,
                Err(error) if error.kind() == WriteErrorKind::Unknown => {
                    write.abort().await;
                    return Err(error);
                }
                Err(error) => {
                    write.forget();
                    return Err(error);
                }
            };
        if let Err(error) = state.wait_durable(id, &entry, method).await {
            write.abort().await;
            return Err(error);
        }
        // A write that was pushed before may have been replaced by a later one.
        let position = if is_first {
            write.finish_queued(value, QueuedForm { bytes: entry.value_bytes, event }).await.1
        } else {
            write.abort().await;
            None
        };
        let is_refused = |key: &str, position: &_| state.is_refused(key, position);
        own.acknowledge(sequence, entry.payload.clone(), position, is_refused);
        state.wake(state.partition_of(&entry.text));
        Ok(())
    }
}

/// A write that is in the queue.
pub(super) struct Queued {
    sequence: u64,
    /// Whether it was not there before.
    is_first: bool,
    /// The event of its key, if it was appended with the push.
    event: Option<LoggedEvent>,
}

impl<C> BehindState<C> {
    /// Fails if the cache is closed.
    pub(super) fn check_open(&self) -> Result<(), WriteError> {
        if self.engine.background.is_closed() {
            return Err(WriteError::new(WriteErrorKind::NotQueued, "the cache is closed"));
        }
        Ok(())
    }

    /// Returns the follower for a push that appends its event, if it may do that now.
    ///
    /// Such a push needs no other wait until it is durable.
    fn follower_for(&self, method: DurabilityMethod) -> Option<&Arc<dyn LogFollower>> {
        let follower = self.follower.as_ref().filter(|_| method == DurabilityMethod::Reply)?;
        may_log_pushes(&self.engine).then_some(follower)
    }

    /// Puts a write of this kind into the queue. With a follower, its event is appended as well.
    pub(super) async fn push(
        &self,
        id: WriteId,
        entry: &QueueEntry,
        kind: fn(Bytes) -> WritePayload,
        follower: Option<&Arc<dyn LogFollower>>,
    ) -> Result<Queued, WriteError> {
        let push = PushWrite {
            partition: self.partition_of(&entry.text),
            key: &entry.text,
            payload: kind(entry.payload.clone()),
            id,
            limits: self.options.limits(),
        };
        let pushed = match follower {
            Some(follower) => self.queue.push_logged(push, follower).await,
            None => self.queue.push(push).await.map(LoggedPush::from),
        };
        match pushed {
            Ok(LoggedPush { pushed: Pushed::Queued(sequence), event }) => {
                Ok(Queued { sequence, is_first: true, event })
            }
            Ok(LoggedPush { pushed: Pushed::Duplicate(sequence), .. }) => {
                Ok(Queued { sequence, is_first: false, event: None })
            }
            Ok(LoggedPush { pushed: Pushed::Full, .. }) => {
                Err(WriteError::new(WriteErrorKind::Full, "`max_queued` or `max_queued_bytes` is reached"))
            }
            Err(error) if error.outcome() == PushOutcome::NotQueued => {
                Err(WriteError::caused(WriteErrorKind::NotQueued, error))
            }
            Err(error) => Err(WriteError::unknown(id, error)),
        }
    }

    pub(super) async fn wait_durable(
        &self,
        id: WriteId,
        entry: &QueueEntry,
        method: DurabilityMethod,
    ) -> Result<(), WriteError> {
        if method == DurabilityMethod::Reply {
            return Ok(());
        }
        let timeout = self.options.durability_timeout();
        let request =
            WaitRequest { partition: self.partition_of(&entry.text), id, sequence: None, method, timeout };
        match self.queue.wait_durable(request).await {
            Ok(WaitReply::Durable) => Ok(()),
            Ok(WaitReply::NotYet) => Err(WriteError::unknown(id, "the write was not durable in time")),
            Ok(WaitReply::Lost) => Err(WriteError::unknown(id, "a failover may have lost the write")),
            Err(error) => Err(WriteError::unknown(id, error)),
        }
    }
}
