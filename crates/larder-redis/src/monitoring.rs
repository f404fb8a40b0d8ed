//! The view of operators: the statistics of the server, the circuits, and the instances.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use fred::types::Value;
use larder_core::invalidation::selector::Selector;
use larder_core::monitoring::{
    ANNOUNCE_INTERVAL, EntryPage, FORGET_AFTER, Instance, InstanceId, InstanceRecord, LeaseState,
    MAX_INSTANCES, MAX_RECORD_BYTES, Monitoring, NodeCircuit, StoreStats, StoredEntry,
};
use larder_core::store::{ScanCursor, StoreError};

use crate::entries;
use crate::expiry::millis;
use crate::reply::{bytes, number, parts, unreadable};
use crate::store::RedisStore;

/// The maximum length of the lag before a record: a number of milliseconds and a space.
const MAX_LAG_LEN: usize = 21;

impl Monitoring for RedisStore {
    async fn store_stats(&self) -> Result<StoreStats, StoreError> {
        self.stats().await
    }

    fn circuits(&self) -> Option<Vec<NodeCircuit>> {
        Some(self.inner.health.circuits())
    }

    async fn announce(&self, record: &InstanceRecord) -> Result<(), StoreError> {
        let (names, [sights, records]) = (&self.inner.keys, self.inner.keys.instances());
        let keys = [sights, records, names.events(), names.incarnation()];
        let arguments = [
            record.id.to_string().into(),
            Value::Bytes(record.encode()),
            record.incarnation.to_string().into(),
            record.position.to_string().into(),
            Value::Integer(millis(FORGET_AFTER)),
            count(MAX_INSTANCES),
            Value::Integer(millis(ANNOUNCE_INTERVAL)),
        ];
        let answer = self.run(&self.inner.instance_scripts.announce, &keys, &arguments).await?;
        let instances = number(&answer).and_then(|number| u64::try_from(number).ok());
        self.inner.instance_count.store(instances.unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    }

    fn instance_count(&self) -> Option<u64> {
        Some(self.inner.instance_count.load(Ordering::Relaxed)).filter(|count| *count > 0)
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        let longest = MAX_RECORD_BYTES + MAX_LAG_LEN;
        let arguments = [Value::Integer(millis(FORGET_AFTER)), count(MAX_INSTANCES), count(longest)];
        let keys = self.inner.keys.instances();
        let answer = self.run(&self.inner.instance_scripts.list, &keys, &arguments).await?;
        read(&answer).ok_or_else(|| unreadable("the list of instances"))
    }

    async fn withdraw(&self, id: InstanceId) -> Result<(), StoreError> {
        let keys = self.inner.keys.instances();
        self.run(&self.inner.instance_scripts.withdraw, &keys, &[id.to_string().into()]).await.map(drop)
    }

    async fn find_entries(
        &self,
        selector: &Selector,
        from: Option<ScanCursor>,
    ) -> Result<EntryPage, StoreError> {
        entries::find(&self.inner, selector, from).await
    }

    async fn entry(&self, address: &str) -> Result<Option<StoredEntry>, StoreError> {
        let Some(stored) = self.get_as_stored(address).await? else { return Ok(None) };
        let size = stored.len() as u64;
        let value = self.decompress(stored).await?;
        Ok(Some(StoredEntry { value, size }))
    }

    async fn lease(&self, address: &str) -> Result<Option<LeaseState>, StoreError> {
        entries::lease(&self.inner, address).await
    }
}

fn count(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Reads the answer of `list_instances.lua`. Leaves out instances that cannot be read.
///
/// The instances that began first come first.
fn read(answer: &Value) -> Option<Vec<Instance>> {
    let mut instances: Vec<Instance> =
        parts(answer)?.iter().take(MAX_INSTANCES).filter_map(read_instance).collect();
    instances.sort_by_key(|instance| (instance.record.started_at, instance.record.id.to_bytes()));
    Some(instances)
}

fn read_instance(answer: &Value) -> Option<Instance> {
    let [id, seen_ago, record] = parts(answer)? else { return None };
    let seen_ago = Duration::from_millis(u64::try_from(number(seen_ago)?).ok()?);
    let (lag, record) = split_lag(&bytes(record)?)?;
    let record = InstanceRecord::decode(&record)?;
    // A record under the id of another instance would hide that one.
    let is_its_own = record.id.to_string().as_bytes() == &*bytes(id)?;
    is_its_own.then(|| Instance::new(record, seen_ago, lag))
}

/// Splits the lag in milliseconds from the record behind it. A negative lag is not known.
fn split_lag(bytes: &Bytes) -> Option<(Option<Duration>, Bytes)> {
    let end = bytes.iter().take(MAX_LAG_LEN).position(|byte| *byte == b' ')?;
    let lag: i64 = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    Some((u64::try_from(lag).ok().map(Duration::from_millis), bytes.slice(end + 1..)))
}

#[cfg(test)]
mod tests {
    use larder_core::time::WallTime;

    use super::*;

    fn record(id: u8, started: u64) -> InstanceRecord {
        let mut record = InstanceRecord::new(InstanceId::from_bytes([id; 16]));
        record.started_at = WallTime::from_unix_millis(started);
        record
    }

    fn entry(id: u8, seen_ago: i64, lag: &str, record: &InstanceRecord) -> Value {
        let record = [lag.as_bytes(), &record.encode()].concat();
        let id = InstanceId::from_bytes([id; 16]).to_string();
        Value::Array(vec![id.into(), seen_ago.into(), Value::Bytes(record.into())])
    }

    #[test]
    fn instances_are_read_in_the_order_of_their_start() {
        let answer = Value::Array(vec![
            entry(1, 40, "0 ", &record(1, 9)),
            entry(2, 7_000, "1500 ", &record(2, 5)),
            entry(3, 1, "-1 ", &record(3, 7)),
        ]);
        let ms = Duration::from_millis;
        let expected = vec![
            Instance::new(record(2, 5), ms(7_000), Some(ms(1_500))),
            Instance::new(record(3, 7), ms(1), None),
            Instance::new(record(1, 9), ms(40), Some(ms(0))),
        ];
        assert_eq!(read(&answer), Some(expected));
        assert_eq!(read(&Value::Array(vec![])), Some(vec![]));
        assert_eq!(read(&Value::Null), None);
    }

    #[test]
    fn an_instance_that_makes_no_sense_is_left_out() {
        let good = entry(1, 40, "0 ", &record(1, 9));
        let text = |text: &str| Value::Array(vec!["01".repeat(16).into(), 0.into(), text.into()]);
        let wrong = [
            entry(2, 40, "0 ", &record(1, 9)),
            entry(1, -1, "0 ", &record(1, 9)),
            entry(1, 40, "", &record(1, 9)),
            entry(1, 40, "? ", &record(1, 9)),
            entry(1, 40, "00000000000000000000000 ", &record(1, 9)),
            text("0 not a record"),
            text(""),
            Value::Null,
            Value::Array(vec![]),
        ];
        for wrong in wrong {
            let read = read(&Value::Array(vec![wrong.clone(), good.clone()])).unwrap();
            assert_eq!(read.len(), 1, "{wrong:?}");
        }
    }

    #[test]
    fn no_more_instances_are_read_than_may_be_listed() {
        let answer = vec![entry(1, 40, "0 ", &record(1, 9)); MAX_INSTANCES + 1];
        assert_eq!(read(&Value::Array(answer)).unwrap().len(), MAX_INSTANCES);
    }
}
