//! The reader of a partition.

use std::time::Duration;

use fred::types::Value;
use larder_core::lease::LeaseId;
use larder_core::store::StoreError;
use larder_core::write_queue::{
    Completed, NewestWrite, PartitionId, QueueStats, ReadReply, ReadRequest, WriteBatch, WriteId, WriteRef,
};

use super::{Setup, digits, names, owned, write_reply};
use crate::expiry::millis;
use crate::reply::{bytes, number, parts, text, unreadable};
use crate::store::RedisStore;

/// The maximum number of writes that one read returns, and that one script completes.
const MAX_ENTRIES: u32 = 10_000;

/// Claims the right to read.
pub(super) async fn claim(
    store: &RedisStore,
    partition: PartitionId<'_>,
    reader: LeaseId,
    ttl: Duration,
) -> Result<bool, StoreError> {
    let names = names(store, &partition)?;
    let setup = Setup { partition, names: &names, kind: None };
    let mut arguments = [
        Value::from(partition.count.to_string()),
        owned(reader),
        Value::Integer(millis(ttl)),
        Value::from_static_str(""),
    ];
    for _ in 0..2 {
        let keys = [names.state(), &*names.reader];
        let answer = store.run(&store.inner.queue.claim, &keys, &arguments).await?;
        let unknown = || unreadable("the answer to a reader's claim");
        let (what, rest) = parts(&answer).and_then(<[Value]>::split_first).ok_or_else(unknown)?;
        match (text(what), rest) {
            (Some("yes"), []) => return Ok(true),
            (Some("no"), []) => return Ok(false),
            (Some("other"), [there]) => {
                return Err(setup.mismatch(&bytes(there).unwrap_or_default()));
            }
            (Some("new"), []) => setup.compare(store).await?,
            _ => return Err(unknown()),
        }
        arguments[3] = Value::from_static_str("1");
    }
    Err(unreadable("the answer to a reader's claim"))
}

/// Extends the right to read.
pub(super) async fn extend(
    store: &RedisStore,
    partition: PartitionId<'_>,
    reader: LeaseId,
    ttl: Duration,
) -> Result<bool, StoreError> {
    let names = names(store, &partition)?;
    let arguments = [owned(reader), Value::Integer(millis(ttl))];
    let answer = store.run(&store.inner.queue.extend, &[&names.reader], &arguments).await?;
    Ok(text(&answer) == Some("1"))
}

/// Gives up the right to read.
pub(super) async fn release(
    store: &RedisStore,
    partition: PartitionId<'_>,
    reader: LeaseId,
) -> Result<(), StoreError> {
    let names = names(store, &partition)?;
    let arguments = [owned(reader), Value::from_static_str("")];
    store.run(&store.inner.queue.extend, &[&names.reader], &arguments).await.map(drop)
}

/// Reads the next writes.
pub(super) async fn read(store: &RedisStore, request: ReadRequest<'_>) -> Result<ReadReply, StoreError> {
    let names = names(store, &request.partition)?;
    let arguments = [
        owned(request.reader),
        request.after.map_or_else(|| Value::from_static_str(""), digits),
        digits(request.max_entries.clamp(1, MAX_ENTRIES).into()),
        digits(request.max_bytes),
    ];
    let answer = store.run(&store.inner.queue.read, &names.with_reader(), &arguments).await?;
    read_answer(&answer, request.after).ok_or_else(|| unreadable("the answer to a read of the queue"))
}

fn read_answer(answer: &Value, after: Option<u64>) -> Option<ReadReply> {
    let (what, rest) = parts(answer)?.split_first()?;
    let (entries, rest) = match (text(what)?, rest) {
        ("batch", [entries, rest @ ..]) => (parts(entries)?, rest),
        ("lost", []) => return Some(ReadReply::NotReader),
        _ => return None,
    };
    let [last, more, held, id, sequence] = rest else { return None };
    let mut batch = WriteBatch {
        last_place: write_reply::place(last).or(after),
        has_more: text(more)? == "1",
        held: u64::try_from(number(held)?).ok()?,
        newest: newest(id, sequence),
        ..WriteBatch::default()
    };
    for entry in entries {
        let [id, fields] = parts(entry)? else { return None };
        match write_reply::queued_write(id, fields) {
            Some(write) => batch.writes.push(write),
            None => batch.unreadable.push(write_reply::place(id)?),
        }
    }
    Some(ReadReply::Batch(batch))
}

fn newest(id: &Value, sequence: &Value) -> Option<NewestWrite> {
    let id = <[u8; 16]>::try_from(&*bytes(id)?).ok()?;
    Some(NewestWrite { id: WriteId::from_bytes(id), sequence: write_reply::digits(sequence)? })
}

/// Removes writes that the sink has committed.
pub(super) async fn complete(
    store: &RedisStore,
    partition: PartitionId<'_>,
    writes: &[WriteRef<'_>],
) -> Result<Completed, StoreError> {
    let names = names(store, &partition)?;
    let [state, stream, quarantined, ids] = names.main();
    let arguments: Vec<Value> = writes
        .iter()
        .flat_map(|write| [digits(write.place), digits(write.sequence), Value::from(write.key)])
        .collect();
    let keys = [state, stream, quarantined, ids];
    let answer = store.run(&store.inner.queue.complete, &keys, &arguments).await?;
    let removed = write_reply::digits(&answer).ok_or_else(|| unreadable("the answer to a completion"))?;
    let all = u64::try_from(writes.len()).unwrap_or(u64::MAX);
    Ok(Completed { removed, superseded: all.saturating_sub(removed) })
}

/// Reads the size of a partition.
pub(super) async fn stats(store: &RedisStore, partition: PartitionId<'_>) -> Result<QueueStats, StoreError> {
    let names = names(store, &partition)?;
    let answer = store.run(&store.inner.queue.stats, &names.with_reader(), &[]).await?;
    read_stats(&answer).ok_or_else(|| unreadable("the size of the queue"))
}

fn read_stats(answer: &Value) -> Option<QueueStats> {
    let [entries, bytes_in_queue, dead, dead_bytes, oldest, age, reader] = parts(answer)? else {
        return None;
    };
    let oldest = match text(oldest)? {
        "" => None,
        _ => Some(write_reply::digits(oldest)?),
    };
    let mut stats = QueueStats::new();
    stats.entries = write_reply::digits(entries)?;
    stats.bytes = write_reply::digits(bytes_in_queue)?;
    stats.dead = write_reply::digits(dead)?;
    stats.dead_bytes = write_reply::digits(dead_bytes)?;
    stats.oldest_sequence = oldest;
    stats.oldest_age = oldest.and(write_reply::digits(age)).map(Duration::from_micros);
    let reader = bytes(reader)?;
    stats.reader = <[u8; 16]>::try_from(&*reader).ok().map(LeaseId::from_bytes);
    Some(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_names_what_it_cannot_read() {
        let entry = |id: &str, fields: &[&str]| {
            let fields = fields.iter().map(|field| Value::from(*field)).collect();
            Value::Array(vec![id.into(), Value::Array(fields)])
        };
        let entries = Value::Array(vec![entry("5-0", &["k", "a", "v", "x"]), entry("6-3", &["a", "b"])]);
        let answer = |last: &str, newest: &str| {
            let rest = [last.into(), "1".into(), 2.into(), newest.into(), "5".into()];
            Value::Array([vec!["batch".into(), entries.clone()], rest.to_vec()].concat())
        };
        let Some(ReadReply::Batch(batch)) = read_answer(&answer("6-3", "0123456789abcdef"), None) else {
            panic!("no batch")
        };
        assert_eq!((batch.writes.len(), &*batch.unreadable, batch.held), (1, &[6][..], 2));
        assert_eq!((batch.last_place, batch.has_more), (Some(6), true));
        let id = WriteId::from_bytes(*b"0123456789abcdef");
        assert_eq!(batch.newest, Some(NewestWrite { id, sequence: 5 }));
        let Some(ReadReply::Batch(batch)) = read_answer(&answer("", ""), Some(4)) else { panic!("no batch") };
        assert_eq!((batch.last_place, batch.newest), (Some(4), None));
        let lost = Value::Array(vec!["lost".into()]);
        assert_eq!(read_answer(&lost, None), Some(ReadReply::NotReader));
        for wrong in [Value::Null, Value::Array(vec![]), Value::Array(vec!["batch".into()])] {
            assert_eq!(read_answer(&wrong, None), None);
        }
    }

    #[test]
    fn numbers_of_a_partition_are_read() {
        let answer = |oldest: &str| {
            let mut parts = vec![3.into()];
            parts.extend(["30", "2", "20", oldest, "1500", "0123456789abcdef"].map(Value::from));
            Value::Array(parts)
        };
        let stats = read_stats(&answer("7")).unwrap();
        assert_eq!((stats.entries, stats.bytes, stats.dead, stats.dead_bytes), (3, 30, 2, 20));
        assert_eq!((stats.oldest_sequence, stats.oldest_age), (Some(7), Some(Duration::from_micros(1500))));
        assert_eq!(stats.reader, Some(LeaseId::from_bytes(*b"0123456789abcdef")));
        let empty = read_stats(&answer("")).unwrap();
        assert_eq!((empty.oldest_sequence, empty.oldest_age), (None, None));
        assert_eq!(read_stats(&answer("x")), None);
        assert_eq!(read_stats(&Value::Array(vec![])), None);
    }
}
