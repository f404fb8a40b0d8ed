//! The trait of a durable queue of writes, and its types.
//!
//! A write-behind collection puts each write into the queue, and acknowledges it. A worker brings
//! it to the database later. The queue of a collection has several partitions. Each partition has
//! an order of its own, and one reader at a time.
//!
//! Every method is a bounded exchange with the store, as in [`crate::store`].
//!
//! # Order
//!
//! A write gets a *sequence number*. The sequence numbers of a partition grow, even if the store
//! loses writes or its clock goes back. Within one key, the queue returns writes in the order of
//! their sequence numbers. A sink that compares the sequence number with the one it stored for the
//! same key can therefore ignore a write that comes again or too late.
//!
//! A *place* is where a write stands in the queue. It is the sequence number, except after
//! [`WriteQueue::retry_dead_letter`]: that gives the write a new place at the end of the queue, and
//! the write keeps its sequence number. So a sink must never compare sequence numbers of different
//! keys.
//!
//! # Values and operations
//!
//! A collection has either values or operations. Of the values of one key, only the last one
//! counts: a push removes the older value from the queue. Until a value is completed, it is
//! *pending*, and is more recent than what the database has. Operations are kept and returned one
//! by one, and nothing is pending.
//!
//! # Quarantine
//!
//! A write that the sink keeps refusing is moved to the quarantine, where it is a *dead letter*. It
//! does not block other keys. A value stays pending there until a later push replaces it. The later
//! operations of its key are held in the quarantine as well, so that their order stays. Nothing
//! leaves the quarantine by itself.

mod dead_letter;
mod durability;
mod logged_push;
mod memory;
mod partition;
mod push;
mod reading;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::dead_letter::{DeadLetter, DeadLetterPage, QuarantineReply, RetryProgress};
pub use self::durability::{
    Durability, DurabilityGap, DurabilityMethod, DurabilityState, EvictionPolicy, FsyncPolicy, WaitReply,
    WaitRequest,
};
pub use self::logged_push::{LogFollower, LoggedEvent, LoggedPush, PollStart, PushedPage, StoreId};
pub use self::memory::{MemoryQueue, MemoryQueueAccess, QueueTime};
pub use self::partition::{MAX_PARTITIONS, PartitionId};
pub use self::push::{PushError, PushOutcome, PushWrite, Pushed, QueueLimits, WriteId, WritePayload};
pub use self::reading::{
    Completed, KeyState, NewestWrite, PendingValue, QueueStats, QueuedWrite, ReadReply, ReadRequest,
    WriteBatch, WriteRef,
};
use crate::lease::LeaseId;
use crate::store::StoreError;

/// A durable queue of writes that instances share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot keep writes for write-behind",
    label = "not a write queue",
    note = "`larder::redis::RedisStore` is one, with the feature `redis`"
)]
pub trait WriteQueue: Send + Sync + 'static {
    /// Puts a write into the queue.
    ///
    /// A value replaces the older value of its key, in the queue or in the quarantine. A write
    /// whose id the queue remembers is not queued again: the reply is [`Pushed::Duplicate`]. A
    /// queue remembers the ids of at least the 10,000 newest writes of a partition for ten minutes,
    /// even after they are completed or replaced.
    ///
    /// A push that fails has no effect later. Otherwise a push that was delayed could replace a
    /// value that was pushed after it.
    ///
    /// The first push to a partition may take a few exchanges more, because it compares the number
    /// of partitions with that of the other instances.
    ///
    /// # Errors
    ///
    /// The error says whether the write may be queued: see [`PushError::outcome`]. If so, push it
    /// again with the same id.
    ///
    /// The number of partitions and the kind of the collection must be the same on all instances.
    /// Otherwise the error is [`Refused`](crate::store::StoreErrorKind::Refused), and nothing is
    /// queued.
    fn push(&self, write: PushWrite<'_>) -> impl Future<Output = Result<Pushed, PushError>> + Send;

    /// Puts a write into the queue, like [`push`](Self::push), and may append the invalidation of
    /// its key to the log and poll it in the same step.
    ///
    /// The key of the write is that of the value that the invalidation names. The event is appended
    /// after the write is queued, so a reader that has read the event finds the write. Then the
    /// store calls [`LogFollower::appended`], before this returns. If the result has no event, the
    /// caller appends it. It may then be in the log twice, which costs misses only.
    ///
    /// Call this only if the log has the same [`store_id`](Self::store_id). The default
    /// implementation appends nothing.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    fn push_logged(
        &self,
        write: PushWrite<'_>,
        follower: &Arc<dyn LogFollower>,
    ) -> impl Future<Output = Result<LoggedPush, PushError>> + Send {
        let _ = follower;
        async { self.push(write).await.map(LoggedPush::from) }
    }

    /// Returns the id of the store, if [`push_logged`](Self::push_logged) can append to its log.
    ///
    /// The default implementation returns `None`.
    fn store_id(&self) -> Option<StoreId> {
        None
    }

    /// Returns the pending value of each key, in order of `keys`.
    ///
    /// Ask this before a value is loaded from the database. Only a store that accepts writes
    /// answers, so that a replica cannot hide a pending value.
    fn pending(
        &self,
        partition: PartitionId<'_>,
        keys: &[&str],
    ) -> impl Future<Output = Result<Vec<KeyState>, StoreError>> + Send;

    /// Claims the right to read the partition, for `ttl`. Returns whether the claim succeeded.
    ///
    /// It also succeeds if `reader` has the right already. The right limits work, not harm: a
    /// reader that lost it may still be flushing. The sink has to compare sequence numbers.
    fn claim_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Keeps the right to read for another `ttl`. Returns `false` if the right was lost.
    fn extend_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Gives up the right to read, if `reader` still has it.
    fn release_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the next writes, in the order of their places. They stay in the queue.
    ///
    /// Operations of a key in quarantine are moved to the quarantine and not returned.
    fn read(&self, request: ReadRequest<'_>) -> impl Future<Output = Result<ReadReply, StoreError>> + Send;

    /// Removes writes that the sink has committed.
    ///
    /// A value that was pushed later stays. This needs no right to read: each write is named by
    /// its place and sequence number, which no other write ever gets, and the database has it. So
    /// a reader that lost its right removes only writes that need no other flush.
    fn complete(
        &self,
        partition: PartitionId<'_>,
        writes: &[WriteRef<'_>],
    ) -> impl Future<Output = Result<Completed, StoreError>> + Send;

    /// Moves a write that the sink refuses from the queue to the quarantine, with its error.
    ///
    /// An operation that was read after it, of the same key, must not be flushed. Read again from
    /// before the place of `write`: this holds those operations. The error text may be shortened.
    fn quarantine(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        write: WriteRef<'_>,
        error: &str,
    ) -> impl Future<Output = Result<QuarantineReply, StoreError>> + Send;

    /// Returns up to `count` keys in quarantine, each with its oldest dead letter.
    ///
    /// `after` is the [`next`](DeadLetterPage::next) of the previous page. A page of large
    /// payloads may be shorter.
    fn dead_letters(
        &self,
        partition: PartitionId<'_>,
        after: Option<u64>,
        count: u32,
    ) -> impl Future<Output = Result<DeadLetterPage, StoreError>> + Send;

    /// Moves dead letters of a key back to the end of the queue, under their sequence numbers.
    ///
    /// One call moves a limited number. Repeat it until [`RetryProgress::is_done`].
    ///
    /// A write keeps its sequence number because an earlier attempt may have been committed: the
    /// sink then ignores the write. With a new number, an operation would be applied twice. The
    /// order of the key stays, because its later operations wait in the quarantine or behind it.
    fn retry_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
    ) -> impl Future<Output = Result<RetryProgress, StoreError>> + Send;

    /// Drops one dead letter. Returns whether it was there.
    ///
    /// The other dead letters of the key stay in the quarantine. The caller appends an invalidation
    /// of the key.
    fn discard_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
        sequence: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Returns the size of a partition.
    fn queue_stats(
        &self,
        partition: PartitionId<'_>,
    ) -> impl Future<Output = Result<QueueStats, StoreError>> + Send;

    /// Reads how durable the store's writes are, from its settings.
    fn durability(&self) -> impl Future<Output = Result<DurabilityState, StoreError>> + Send;

    /// Waits until a write that was pushed is durable.
    ///
    /// # Errors
    ///
    /// Returns an error if the store could not be asked. The write may be durable or lost.
    fn wait_durable(
        &self,
        request: WaitRequest<'_>,
    ) -> impl Future<Output = Result<WaitReply, StoreError>> + Send;
}
