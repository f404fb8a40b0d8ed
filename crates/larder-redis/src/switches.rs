//! The record of the switches that an operator has set for all instances.
//!
//! It is beside the log, in its slot. Its text begins with its version and a line feed, so that the
//! script which replaces it can compare versions.

use bytes::Bytes;
use fred::interfaces::KeysInterface;
use fred::types::Value;
use larder_core::store::{StoreError, SwitchRecord};

use crate::log_call::run_on_log;
use crate::patience::{backstop, wait_within};
use crate::reply::unreadable;
use crate::store::Inner;
use crate::timeouts::LOG_TIMEOUT;

/// Reads the record. Returns `None` if there is none, or none that can be read.
pub(crate) async fn read(inner: &Inner) -> Result<Option<SwitchRecord>, StoreError> {
    inner.leave_ended_runtime();
    let (link, key) = (&inner.log, inner.keys.switches());
    let client = link.within(backstop(LOG_TIMEOUT));
    let waited = wait_within(LOG_TIMEOUT, client.get::<Option<Bytes>, _>(key)).await;
    let text = inner.settle_on(link, key, None, waited)?;
    // An unreadable record is as good as none, and the next change replaces it.
    Ok(text.and_then(|text| decode(&text)))
}

/// Replaces the record. Returns `false` if it has another version than `replaces`.
pub(crate) async fn replace(
    inner: &Inner,
    replaces: Option<u64>,
    record: &SwitchRecord,
) -> Result<bool, StoreError> {
    let (link, key) = (&inner.log, inner.keys.switches());
    let arguments = [
        replaces.map_or_else(String::new, |version| version.to_string()).into(),
        Value::Bytes(encode(record)),
    ];
    let waited = run_on_log(link, &inner.scripts.switches, &[key], &arguments).await;
    match inner.settle_on(link, key, None, waited)? {
        Value::Integer(done) => Ok(done == 1),
        _ => Err(unreadable("the answer to a new record of the switches")),
    }
}

fn encode(record: &SwitchRecord) -> Bytes {
    let mut text = record.version.to_string().into_bytes();
    text.push(b'\n');
    text.extend_from_slice(&record.data);
    text.into()
}

fn decode(text: &Bytes) -> Option<SwitchRecord> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let version = std::str::from_utf8(&text[..end]).ok()?;
    let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let version = is_number.then(|| version.parse().ok()).flatten()?;
    let data = Bytes::copy_from_slice(&text[end + 1..]);
    (data.len() <= SwitchRecord::MAX_BYTES).then_some(SwitchRecord { version, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_what_it_writes_and_nothing_else_is_one() {
        for data in ["", "{}", "a\nb"] {
            let record = SwitchRecord { version: 17, data: data.into() };
            assert_eq!(decode(&encode(&record)), Some(record));
        }
        let large = SwitchRecord { version: 1, data: vec![b'x'; SwitchRecord::MAX_BYTES + 1].into() };
        assert_eq!(decode(&encode(&large)), None);
        for text in ["", "1", "\n", "+1\n", "x\n", "99999999999999999999\n"] {
            assert_eq!(decode(&Bytes::from_static(text.as_bytes())), None, "{text:?}");
        }
    }
}
