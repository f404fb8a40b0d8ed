//! The write queue: partitions of a Stream and what belongs to it, which scripts change.

mod durability;
mod pending;
mod push;
mod push_batch;
mod push_log;
mod push_reply;
mod quarantine;
mod reader;
mod write_reply;

use std::sync::Arc;
use std::time::Duration;

use fred::types::Value;
use larder_core::lease::LeaseId;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{
    Completed, DeadLetterPage, DurabilityState, KeyState, LogFollower, LoggedPush, PartitionId, PushError,
    PushWrite, Pushed, QuarantineReply, QueueStats, ReadReply, ReadRequest, RetryProgress, StoreId,
    WaitReply, WaitRequest, WriteQueue, WriteRef,
};

use crate::queue_names::{PartitionNames, names_in, setup_text};
use crate::store::RedisStore;

impl WriteQueue for RedisStore {
    async fn push(&self, write: PushWrite<'_>) -> Result<Pushed, PushError> {
        push::push(self, write, None).await.map(|pushed| pushed.pushed)
    }

    async fn push_logged(
        &self,
        write: PushWrite<'_>,
        follower: &Arc<dyn LogFollower>,
    ) -> Result<LoggedPush, PushError> {
        push::push(self, write, Some(follower)).await
    }

    fn store_id(&self) -> Option<StoreId> {
        self.inner.logged_id()
    }

    async fn pending(&self, partition: PartitionId<'_>, keys: &[&str]) -> Result<Vec<KeyState>, StoreError> {
        pending::pending(self, partition, keys).await
    }

    async fn claim_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        reader::claim(self, partition, reader, ttl).await
    }

    async fn extend_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        reader::extend(self, partition, reader, ttl).await
    }

    async fn release_reader(&self, partition: PartitionId<'_>, reader: LeaseId) -> Result<(), StoreError> {
        reader::release(self, partition, reader).await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<ReadReply, StoreError> {
        reader::read(self, request).await
    }

    async fn complete(
        &self,
        partition: PartitionId<'_>,
        writes: &[WriteRef<'_>],
    ) -> Result<Completed, StoreError> {
        reader::complete(self, partition, writes).await
    }

    async fn quarantine(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        write: WriteRef<'_>,
        error: &str,
    ) -> Result<QuarantineReply, StoreError> {
        quarantine::quarantine(self, quarantine::Failed { partition, reader, write, error }).await
    }

    async fn dead_letters(
        &self,
        partition: PartitionId<'_>,
        after: Option<u64>,
        count: u32,
    ) -> Result<DeadLetterPage, StoreError> {
        quarantine::dead_letters(self, partition, after, count).await
    }

    async fn retry_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
    ) -> Result<RetryProgress, StoreError> {
        quarantine::retry(self, partition, key).await
    }

    async fn discard_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
        sequence: u64,
    ) -> Result<bool, StoreError> {
        quarantine::discard(self, partition, key, sequence).await
    }

    async fn queue_stats(&self, partition: PartitionId<'_>) -> Result<QueueStats, StoreError> {
        reader::stats(self, partition).await
    }

    async fn durability(&self) -> Result<DurabilityState, StoreError> {
        durability::read(&self.inner).await
    }

    async fn wait_durable(&self, request: WaitRequest<'_>) -> Result<WaitReply, StoreError> {
        durability::wait(self, request).await
    }
}

/// The setup of a collection, as far as a caller knows it.
#[derive(Debug, Clone, Copy)]
struct Setup<'a> {
    partition: PartitionId<'a>,
    names: &'a PartitionNames,
    /// The letter for the kind of the collection. `None` if the caller does not add writes.
    kind: Option<char>,
}

impl Setup<'_> {
    /// Returns the text of the setup. Without a kind, it is empty.
    fn text(&self) -> String {
        self.kind.map_or_else(String::new, |kind| setup_text(&self.partition, kind))
    }

    /// Compares the setup with that of the collection, which is stored if there is none.
    async fn compare(&self, store: &RedisStore) -> Result<(), StoreError> {
        let answer = store.run(&store.inner.queue.setup, &[&self.names.setup], &[self.text().into()]).await?;
        let there = crate::reply::text(&answer).unwrap_or_default();
        let is_same = match self.kind {
            Some(_) => there == self.text(),
            None => there.is_empty() || there.split(' ').next() == Some(&*self.partition.count.to_string()),
        };
        if is_same { Ok(()) } else { Err(self.mismatch(there.as_bytes())) }
    }

    /// Returns the error for a partition or a collection with another setup.
    fn mismatch(&self, there: &[u8]) -> StoreError {
        let there = String::from_utf8_lossy(there);
        let PartitionId { collection, count, .. } = self.partition;
        let what = match there.split_once(' ') {
            Some((other, _)) if *other != count.to_string() => {
                format!("collection {collection}: it has {other} partitions, and not {count}")
            }
            Some((_, "o")) => format!("collection {collection}: it has operations, and no values"),
            Some((_, "v")) => format!("collection {collection}: it has values, and no operations"),
            _ => format!("collection {collection}: its setup cannot be read"),
        };
        StoreError::new(StoreErrorKind::Refused, what)
    }
}

/// Returns the names of the partition's keys.
fn names(store: &RedisStore, partition: &PartitionId<'_>) -> Result<PartitionNames, StoreError> {
    names_in(store.inner.keys.namespace(), partition)
}

/// Returns the reader's id as an argument.
fn owned(reader: LeaseId) -> Value {
    Value::Bytes(bytes::Bytes::copy_from_slice(&reader.to_bytes()))
}

/// Returns a number as an argument.
fn digits(number: u64) -> Value {
    Value::from(number.to_string())
}
