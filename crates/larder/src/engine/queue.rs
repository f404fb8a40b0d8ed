//! The write queue as one object, whatever its type.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use larder_core::lease::LeaseId;
use larder_core::write_queue::{
    Completed, DeadLetterPage, DurabilityState, KeyState, LogFollower, LoggedPush, PartitionId, PushError,
    PushWrite, Pushed, QuarantineReply, QueueStats, ReadReply, ReadRequest, RetryProgress, StoreId,
    WaitReply, WaitRequest, WriteQueue, WriteRef,
};

use crate::engine::store::StoreFuture;

type PushFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, PushError>> + Send + 'a>>;

/// [`WriteQueue`] as an object.
pub(crate) trait Queue: Send + Sync + 'static {
    fn push<'a>(&'a self, write: PushWrite<'a>) -> PushFuture<'a, Pushed>;
    fn push_logged<'a>(
        &'a self,
        write: PushWrite<'a>,
        follower: &'a Arc<dyn LogFollower>,
    ) -> PushFuture<'a, LoggedPush>;
    fn store_id(&self) -> Option<StoreId>;
    fn pending<'a>(
        &'a self,
        partition: PartitionId<'a>,
        keys: &'a [&'a str],
    ) -> StoreFuture<'a, Vec<KeyState>>;
    fn claim_reader<'a>(
        &'a self,
        partition: PartitionId<'a>,
        reader: LeaseId,
        ttl: Duration,
    ) -> StoreFuture<'a, bool>;
    fn extend_reader<'a>(
        &'a self,
        partition: PartitionId<'a>,
        reader: LeaseId,
        ttl: Duration,
    ) -> StoreFuture<'a, bool>;
    fn release_reader<'a>(&'a self, partition: PartitionId<'a>, reader: LeaseId) -> StoreFuture<'a, ()>;
    fn read<'a>(&'a self, request: ReadRequest<'a>) -> StoreFuture<'a, ReadReply>;
    fn complete<'a>(
        &'a self,
        partition: PartitionId<'a>,
        writes: &'a [WriteRef<'a>],
    ) -> StoreFuture<'a, Completed>;
    fn quarantine<'a>(
        &'a self,
        partition: PartitionId<'a>,
        reader: LeaseId,
        write: WriteRef<'a>,
        error: &'a str,
    ) -> StoreFuture<'a, QuarantineReply>;
    fn dead_letters<'a>(
        &'a self,
        partition: PartitionId<'a>,
        after: Option<u64>,
        count: u32,
    ) -> StoreFuture<'a, DeadLetterPage>;
    fn retry_dead_letter<'a>(
        &'a self,
        partition: PartitionId<'a>,
        key: &'a str,
    ) -> StoreFuture<'a, RetryProgress>;
    fn discard_dead_letter<'a>(
        &'a self,
        partition: PartitionId<'a>,
        key: &'a str,
        sequence: u64,
    ) -> StoreFuture<'a, bool>;
    fn queue_stats<'a>(&'a self, partition: PartitionId<'a>) -> StoreFuture<'a, QueueStats>;
    fn durability(&self) -> StoreFuture<'_, DurabilityState>;
    fn wait_durable<'a>(&'a self, request: WaitRequest<'a>) -> StoreFuture<'a, WaitReply>;
}

impl<T: WriteQueue> Queue for T {
    fn push<'a>(&'a self, write: PushWrite<'a>) -> PushFuture<'a, Pushed> {
        Box::pin(WriteQueue::push(self, write))
    }

    fn push_logged<'a>(
        &'a self,
        write: PushWrite<'a>,
        follower: &'a Arc<dyn LogFollower>,
    ) -> PushFuture<'a, LoggedPush> {
        Box::pin(WriteQueue::push_logged(self, write, follower))
    }

    fn store_id(&self) -> Option<StoreId> {
        WriteQueue::store_id(self)
    }

    fn pending<'a>(
        &'a self,
        partition: PartitionId<'a>,
        keys: &'a [&'a str],
    ) -> StoreFuture<'a, Vec<KeyState>> {
        Box::pin(WriteQueue::pending(self, partition, keys))
    }

    fn claim_reader<'a>(
        &'a self,
        partition: PartitionId<'a>,
        reader: LeaseId,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(WriteQueue::claim_reader(self, partition, reader, ttl))
    }

    fn extend_reader<'a>(
        &'a self,
        partition: PartitionId<'a>,
        reader: LeaseId,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(WriteQueue::extend_reader(self, partition, reader, ttl))
    }

    fn release_reader<'a>(&'a self, partition: PartitionId<'a>, reader: LeaseId) -> StoreFuture<'a, ()> {
        Box::pin(WriteQueue::release_reader(self, partition, reader))
    }

    fn read<'a>(&'a self, request: ReadRequest<'a>) -> StoreFuture<'a, ReadReply> {
        Box::pin(WriteQueue::read(self, request))
    }

    fn complete<'a>(
        &'a self,
        partition: PartitionId<'a>,
        writes: &'a [WriteRef<'a>],
    ) -> StoreFuture<'a, Completed> {
        Box::pin(WriteQueue::complete(self, partition, writes))
    }

    fn quarantine<'a>(
        &'a self,
        partition: PartitionId<'a>,
        reader: LeaseId,
        write: WriteRef<'a>,
        error: &'a str,
    ) -> StoreFuture<'a, QuarantineReply> {
        Box::pin(WriteQueue::quarantine(self, partition, reader, write, error))
    }

    fn dead_letters<'a>(
        &'a self,
        partition: PartitionId<'a>,
        after: Option<u64>,
        count: u32,
    ) -> StoreFuture<'a, DeadLetterPage> {
        Box::pin(WriteQueue::dead_letters(self, partition, after, count))
    }

    fn retry_dead_letter<'a>(
        &'a self,
        partition: PartitionId<'a>,
        key: &'a str,
    ) -> StoreFuture<'a, RetryProgress> {
        Box::pin(WriteQueue::retry_dead_letter(self, partition, key))
    }

    fn discard_dead_letter<'a>(
        &'a self,
        partition: PartitionId<'a>,
        key: &'a str,
        sequence: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(WriteQueue::discard_dead_letter(self, partition, key, sequence))
    }

    fn queue_stats<'a>(&'a self, partition: PartitionId<'a>) -> StoreFuture<'a, QueueStats> {
        Box::pin(WriteQueue::queue_stats(self, partition))
    }

    fn durability(&self) -> StoreFuture<'_, DurabilityState> {
        Box::pin(WriteQueue::durability(self))
    }

    fn wait_durable<'a>(&'a self, request: WaitRequest<'a>) -> StoreFuture<'a, WaitReply> {
        Box::pin(WriteQueue::wait_durable(self, request))
    }
}
