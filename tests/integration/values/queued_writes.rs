//! Writes as they stand in the queue, and caches over a queue in the memory of the test.

use larder::Cache;
use larder::write_queue::{
    PartitionId, PushWrite, Pushed, QueueLimits, WriteId, WritePayload, WriteQueue as _,
};
use larder_testing::MemoryStore;

use crate::support::ready;

/// Returns a cache whose queue and store are in the memory of the test.
pub(crate) async fn over(store: &MemoryStore) -> Cache {
    ready(Cache::builder().write_queue(store.clone()).shared_store(store.clone())).await
}

/// The payload of a value in the queue, which all versions must be able to read.
pub(crate) fn payload(key: &str, value: &str) -> WritePayload {
    let mut bytes = vec![1, 1, 1, 0, 0, 0, 1, 0, 0, 0, u8::try_from(key.len()).unwrap()];
    bytes.extend([key.as_bytes(), value.as_bytes()].concat());
    WritePayload::Value(bytes.into())
}

/// Pushes a write as an instance does that ends before it appends the event.
pub(crate) async fn push_without_event(store: &MemoryStore, key: u64, payload: WritePayload) {
    let text = format!("v|cart|{key}");
    let partition = PartitionId::of_key("cart", 2, &text);
    let limits = QueueLimits { entries: 10, bytes: 10_000 };
    let push = PushWrite { partition, key: &text, payload, id: WriteId::from_bytes([9; 16]), limits };
    assert!(matches!(store.push(push).await, Ok(Pushed::Queued(_))));
}
