//! Helpers for the tests of the queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use larder_core::lease::LeaseId;
use larder_core::write_queue::{
    PartitionId, PushWrite, Pushed, QueueLimits, QueuedWrite, ReadReply, ReadRequest, WriteBatch, WriteId,
    WritePayload, WriteQueue, WriteRef,
};
use larder_testing::RedisServer;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const PARTITION: PartitionId<'static> = PartitionId { collection: "cart", number: 0, count: 1 };
pub(crate) const READER: LeaseId = LeaseId::from_bytes(*b"\x00\xff reader 1\x00\n %s");
pub(crate) const OTHER: LeaseId = LeaseId::from_bytes(*b"\x00\xff reader 2\x00\n %s");
pub(crate) const UNLIMITED: QueueLimits = QueueLimits { entries: u32::MAX as u64, bytes: u32::MAX as u64 };

/// Returns the name of a key of [`PARTITION`] in the default namespace.
pub(crate) fn name(what: &str) -> String {
    format!("larder:{{larder:queue:cart:0}}:{what}")
}

/// Returns the number of entries of the Stream of [`PARTITION`].
pub(crate) async fn entries(server: &RedisServer) -> i64 {
    server.command(&["XLEN", &name("writes")]).await.unwrap().as_integer().unwrap()
}

/// Returns the fields of the state of [`PARTITION`].
pub(crate) async fn state_fields(server: &RedisServer) -> Vec<String> {
    let fields = server.command(&["HKEYS", &name("state")]).await.unwrap();
    fields.as_array().unwrap().iter().map(|field| field.as_str().unwrap().to_owned()).collect()
}

pub(crate) fn value(text: &str) -> WritePayload {
    WritePayload::Value(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) fn operation(text: &str) -> WritePayload {
    WritePayload::Operation(Bytes::copy_from_slice(text.as_bytes()))
}

/// Returns an id that no other write of the test has.
pub(crate) fn new_id() -> WriteId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    WriteId::from_bytes(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
}

/// Returns a write to [`PARTITION`] with a new id.
pub(crate) fn write(key: &str, payload: WritePayload) -> PushWrite<'_> {
    PushWrite { partition: PARTITION, key, payload, id: new_id(), limits: UNLIMITED }
}

/// Pushes a write, and returns its sequence number.
pub(crate) async fn push(queue: &impl WriteQueue, key: &str, payload: WritePayload) -> u64 {
    queued(queue.push(write(key, payload)).await.unwrap())
}

pub(crate) fn queued(pushed: Pushed) -> u64 {
    match pushed {
        Pushed::Queued(sequence) => sequence,
        other => panic!("{other:?}"),
    }
}

/// Returns a request for all writes.
pub(crate) fn all() -> ReadRequest<'static> {
    ReadRequest {
        partition: PARTITION,
        reader: READER,
        after: None,
        max_entries: 10_000,
        max_bytes: u64::MAX >> 12,
    }
}

pub(crate) async fn read(queue: &impl WriteQueue, request: ReadRequest<'_>) -> WriteBatch {
    match queue.read(request).await.unwrap() {
        ReadReply::Batch(batch) => batch,
        ReadReply::NotReader => panic!("not the reader"),
    }
}

/// Claims the right to read, and reads everything.
pub(crate) async fn read_all(queue: &impl WriteQueue) -> Vec<QueuedWrite> {
    assert!(queue.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    let batch = read(queue, all()).await;
    assert!(!batch.has_more && batch.unreadable.is_empty());
    batch.writes
}

/// Returns the key and the payload of each write, in order.
pub(crate) fn texts(writes: &[QueuedWrite]) -> Vec<String> {
    let text = |write: &QueuedWrite| match &write.payload {
        WritePayload::Deletion => format!("{} deleted", write.key),
        payload => format!("{}={}", write.key, String::from_utf8_lossy(payload.bytes())),
    };
    writes.iter().map(text).collect()
}

pub(crate) fn refs(writes: &[QueuedWrite]) -> Vec<WriteRef<'_>> {
    writes.iter().map(QueuedWrite::to_ref).collect()
}

/// Returns the pending value of a key as a text.
pub(crate) async fn pending(queue: &impl WriteQueue, key: &str) -> Option<String> {
    let state = queue.pending(PARTITION, &[key]).await.unwrap().pop().unwrap();
    state.value.map(|value| match value.payload {
        WritePayload::Deletion => "deleted".to_owned(),
        payload => String::from_utf8_lossy(payload.bytes()).into_owned(),
    })
}

/// Returns all keys of the server, apart from those that expire.
pub(crate) async fn keys_that_stay(server: &RedisServer) -> Vec<String> {
    let names = server.command(&["KEYS", "*"]).await.unwrap();
    let mut stay = Vec::new();
    for name in names.as_array().unwrap() {
        let name = name.as_str().unwrap();
        if server.command(&["PTTL", name]).await.unwrap().as_integer() == Some(-1) {
            stay.push(name.to_owned());
        }
    }
    stay.sort();
    stay
}
