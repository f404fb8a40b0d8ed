use std::time::Duration;

use bytes::Bytes;
use larder_core::lease::LeaseId;
use larder_core::store::StoreErrorKind;
use larder_core::write_queue::{
    Completed, Durability, DurabilityGap, DurabilityMethod, KeyState, PartitionId, PushOutcome, PushWrite,
    Pushed, QueueLimits, ReadReply, ReadRequest, WaitReply, WaitRequest, WriteId, WritePayload,
    WriteQueue as _,
};

use super::*;

const PARTITION: PartitionId<'static> = PartitionId { collection: "cart", number: 0, count: 1 };
const READER: LeaseId = LeaseId::from_bytes([1; 16]);
const OTHER: LeaseId = LeaseId::from_bytes([2; 16]);

fn write(id: u8, text: &'static str) -> PushWrite<'static> {
    PushWrite {
        partition: PARTITION,
        key: "a",
        payload: WritePayload::Value(Bytes::from_static(text.as_bytes())),
        id: WriteId::from_bytes([id; 16]),
        limits: QueueLimits { entries: 10, bytes: 1000 },
    }
}

/// `larder-redis` compares this queue with the one in Redis by random operations.
#[tokio::test(start_paused = true)]
async fn a_write_is_pending_until_it_is_completed_and_the_right_to_read_expires() {
    let store = MemoryStore::new();
    store.push(write(1, "old")).await.unwrap();
    store.push(write(2, "new")).await.unwrap();
    assert!(matches!(store.push(write(1, "old")).await.unwrap(), Pushed::Duplicate(_)));
    let state = store.pending(PARTITION, &["a"]).await.unwrap().remove(0);
    assert_eq!(state.value.unwrap().payload.bytes(), b"new");

    let second = Duration::from_secs(1);
    assert!(store.claim_reader(PARTITION, READER, second).await.unwrap());
    assert!(!store.claim_reader(PARTITION, OTHER, second).await.unwrap());
    tokio::time::advance(second).await;
    assert!(store.claim_reader(PARTITION, OTHER, second).await.unwrap());
    let request =
        ReadRequest { partition: PARTITION, reader: OTHER, after: None, max_entries: 10, max_bytes: 1000 };
    assert_eq!(store.read(ReadRequest { reader: READER, ..request }).await.unwrap(), ReadReply::NotReader);
    let ReadReply::Batch(batch) = store.read(request).await.unwrap() else { panic!("not the reader") };
    let completed = store.complete(PARTITION, &[batch.writes[0].to_ref()]).await.unwrap();
    assert_eq!(completed, Completed { removed: 1, superseded: 0 });
    assert_eq!(store.pending(PARTITION, &["a"]).await.unwrap(), [KeyState::default()]);
}

#[tokio::test]
async fn a_store_that_fails_takes_no_writes_and_one_that_works_keeps_them_in_memory_alone() {
    let store = MemoryStore::new();
    store.fail(StoreErrorKind::Unreachable);
    let error = store.push(write(1, "x")).await.unwrap_err();
    assert_eq!((error.outcome(), error.kind()), (PushOutcome::NotQueued, StoreErrorKind::Unreachable));
    assert!(store.durability().await.is_err());
    store.heal();
    store.push(write(1, "x")).await.unwrap();
    let state = store.durability().await.unwrap();
    assert_eq!(state.method_for(Durability::Fsync), Err(DurabilityGap::NoAppendOnlyFile));
    let wait = |id| WaitRequest {
        partition: PARTITION,
        id: WriteId::from_bytes([id; 16]),
        sequence: None,
        method: DurabilityMethod::Reply,
        timeout: Duration::from_secs(1),
    };
    assert_eq!(store.wait_durable(wait(1)).await.unwrap(), WaitReply::Durable);
    assert_eq!(store.wait_durable(wait(2)).await.unwrap(), WaitReply::Lost);
}
