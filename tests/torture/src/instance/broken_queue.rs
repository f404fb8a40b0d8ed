//! Queues that break a rule of write-behind. Torture must find the violations.

use std::time::Duration;

use larder_core::lease::LeaseId;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{
    Completed, DeadLetterPage, DurabilityState, KeyState, PartitionId, PushError, PushOutcome, PushWrite,
    Pushed, QuarantineReply, QueueStats, ReadReply, ReadRequest, RetryProgress, WaitReply, WaitRequest,
    WriteId, WriteQueue, WriteRef,
};
use larder_redis::RedisStore;

use super::broken::Rule;

/// By how much a push is late.
const LATE: Duration = Duration::from_millis(1_500);

/// How long a right lasts that no worker has when it is needed.
const CLAIM: Duration = Duration::from_secs(1);

/// A queue that breaks a rule.
#[derive(Debug, Clone)]
pub(super) struct BrokenQueue {
    pub(super) store: RedisStore,
    pub(super) rule: Rule,
}

impl BrokenQueue {
    /// Answers at once that the effect is not known, and pushes later.
    fn push_late(&self, write: &PushWrite<'_>) -> PushError {
        let (store, count, payload) = (self.store.clone(), write.partition.count, write.payload.clone());
        let (collection, key) = (write.partition.collection.to_owned(), write.key.to_owned());
        let (number, id, limits) = (write.partition.number, write.id, write.limits);
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            let partition = PartitionId { collection: &collection, number, count };
            store.push(PushWrite { partition, key: &key, payload, id, limits }).await
        });
        PushError::new(PushOutcome::Unknown, StoreError::new(StoreErrorKind::Timeout, "no answer"))
    }

    /// Reads in the name of the reader that has the right.
    async fn read_as_other(&self, request: ReadRequest<'_>) -> Result<ReadReply, StoreError> {
        // It may have died. Then no other worker claims the right, because all believe that they
        // have it.
        self.store.claim_reader(request.partition, request.reader, CLAIM).await?;
        let holder = self.store.queue_stats(request.partition).await?.reader;
        self.store.read(ReadRequest { reader: holder.unwrap_or(request.reader), ..request }).await
    }
}

impl WriteQueue for BrokenQueue {
    async fn push(&self, mut write: PushWrite<'_>) -> Result<Pushed, PushError> {
        match self.rule {
            Rule::PushesLate if fastrand::u8(..10) == 0 => return Err(self.push_late(&write)),
            Rule::ForgetsIds => {
                write.id = WriteId::from_bytes(fastrand::u128(..).to_be_bytes());
                let pushed = self.store.push(write).await;
                if fastrand::u8(..10) == 0 {
                    let lost = StoreError::new(StoreErrorKind::Timeout, "no answer");
                    return Err(PushError::new(PushOutcome::Unknown, lost));
                }
                return pushed;
            }
            _ => {}
        }
        self.store.push(write).await
    }

    async fn pending(&self, partition: PartitionId<'_>, keys: &[&str]) -> Result<Vec<KeyState>, StoreError> {
        match self.rule {
            Rule::IgnoresPending => Ok(vec![KeyState::default(); keys.len()]),
            _ => self.store.pending(partition, keys).await,
        }
    }

    async fn claim_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let claimed = self.store.claim_reader(partition, reader, ttl).await?;
        Ok(claimed || self.rule == Rule::IgnoresLostLease)
    }

    async fn extend_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let extended = self.store.extend_reader(partition, reader, ttl).await?;
        Ok(extended || self.rule == Rule::IgnoresLostLease)
    }

    async fn release_reader(&self, partition: PartitionId<'_>, reader: LeaseId) -> Result<(), StoreError> {
        self.store.release_reader(partition, reader).await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<ReadReply, StoreError> {
        let reply = self.store.read(request).await?;
        match (&reply, self.rule) {
            (ReadReply::NotReader, Rule::IgnoresLostLease) => self.read_as_other(request).await,
            (ReadReply::Batch(batch), Rule::CompletesEarly) => {
                let writes: Vec<_> = batch.writes.iter().map(|write| write.to_ref()).collect();
                self.store.complete(request.partition, &writes).await?;
                Ok(reply)
            }
            _ => Ok(reply),
        }
    }

    async fn complete(
        &self,
        partition: PartitionId<'_>,
        writes: &[WriteRef<'_>],
    ) -> Result<Completed, StoreError> {
        self.store.complete(partition, writes).await
    }

    async fn quarantine(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        write: WriteRef<'_>,
        error: &str,
    ) -> Result<QuarantineReply, StoreError> {
        self.store.quarantine(partition, reader, write, error).await
    }

    async fn dead_letters(
        &self,
        partition: PartitionId<'_>,
        after: Option<u64>,
        count: u32,
    ) -> Result<DeadLetterPage, StoreError> {
        self.store.dead_letters(partition, after, count).await
    }

    async fn retry_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
    ) -> Result<RetryProgress, StoreError> {
        self.store.retry_dead_letter(partition, key).await
    }

    async fn discard_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
        sequence: u64,
    ) -> Result<bool, StoreError> {
        self.store.discard_dead_letter(partition, key, sequence).await
    }

    async fn queue_stats(&self, partition: PartitionId<'_>) -> Result<QueueStats, StoreError> {
        self.store.queue_stats(partition).await
    }

    async fn durability(&self) -> Result<DurabilityState, StoreError> {
        self.store.durability().await
    }

    async fn wait_durable(&self, request: WaitRequest<'_>) -> Result<WaitReply, StoreError> {
        match self.rule {
            Rule::DoesNotWait => Ok(WaitReply::Durable),
            _ => self.store.wait_durable(request).await,
        }
    }
}
