//! The form of a write in the queue.

use bytes::Bytes;
use larder_core::write_queue::{QueuedWrite, WritePayload};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::values::behind::sink::Write;
use crate::values::behind::write_error::{WriteError, WriteErrorKind};
use crate::values::collection_state::Collection;
use crate::values::value_key::{ValueKey, encoded_key};

/// The version of this form.
const VERSION: u8 = 1;
/// Version, presence, format of the codec, schema, and length of the key.
const HEAD: usize = 11;

/// A write, as the queue gets it.
pub(super) struct QueueEntry {
    /// The key in the queue. It is also the name of the value in an invalidation.
    pub(super) text: Box<str>,
    pub(super) payload: Bytes,
}

/// A write from the queue: its key, and its value or `None` for a deletion.
pub(super) struct EntryContent<K, V> {
    pub(super) key: K,
    pub(super) value: Option<V>,
}

/// Encodes a write.
///
/// A deletion has a payload as well, because it needs the key.
///
/// # Errors
/// If the key or the value cannot be encoded, or is too large.
pub(super) fn encode<K, V>(
    collection: &Collection<K, V>,
    key: &K,
    value: Option<&V>,
) -> Result<QueueEntry, WriteError>
where
    K: ValueKey + Serialize,
    V: Send + Sync + 'static,
{
    let invalid = |what: &str| WriteError::new(WriteErrorKind::Invalid, what);
    let text = encoded_key(&collection.name, key).ok_or_else(|| invalid("the key is too long"))?;
    let codec = &collection.functions.codec;
    let value = match value.map(|value| codec.encode(value)).transpose() {
        Ok(value) => value,
        Err(error) => return Err(WriteError::caused(WriteErrorKind::Invalid, error)),
    };
    let size = value.as_ref().map_or(0, Vec::len);
    if size > collection.options.max_value_bytes {
        return Err(invalid("the value is larger than `max_value_bytes`"));
    }
    let json = serde_json::to_vec(key).map_err(|error| WriteError::caused(WriteErrorKind::Invalid, error))?;
    let length = u32::try_from(json.len()).map_err(|_| invalid("the key is too long"))?;
    let mut payload = Vec::with_capacity(HEAD + json.len() + size);
    payload.extend([VERSION, u8::from(value.is_some()), codec.format()]);
    payload.extend(collection.options.schema.to_be_bytes());
    payload.extend(length.to_be_bytes());
    payload.extend(json);
    payload.extend(value.unwrap_or_default());
    Ok(QueueEntry { text, payload: payload.into() })
}

/// Decodes a payload. Returns `None` for another version, schema or codec, and for other bytes.
pub(super) fn decode<K, V>(collection: &Collection<K, V>, payload: &[u8]) -> Option<EntryContent<K, V>>
where
    K: DeserializeOwned,
{
    let (head, rest) = payload.split_first_chunk::<HEAD>()?;
    let [version, is_present, format, s0, s1, s2, s3, l0, l1, l2, l3] = *head;
    let codec = &collection.functions.codec;
    let is_known = version == VERSION
        && format == codec.format()
        && u32::from_be_bytes([s0, s1, s2, s3]) == collection.options.schema;
    if !is_known {
        return None;
    }
    let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).ok()?;
    let (key, value) = rest.split_at_checked(length)?;
    let key = serde_json::from_slice(key).ok()?;
    let value = match (is_present, value) {
        (0, []) => None,
        (1, value) => Some(codec.decode(value).ok()?),
        _ => return None,
    };
    Some(EntryContent { key, value })
}

/// Decodes a write of the queue.
///
/// Returns `None` for another version, schema or codec, and for a write of another key.
pub(super) fn decode_write<K, V>(collection: &Collection<K, V>, queued: &QueuedWrite) -> Option<Write<K, V>>
where
    K: ValueKey + DeserializeOwned,
{
    let WritePayload::Value(payload) = &queued.payload else { return None };
    let EntryContent { key, value } = decode(collection, payload)?;
    let is_its_key = encoded_key(&collection.name, &key).as_deref() == Some(&*queued.key);
    is_its_key.then_some(Write { key, sequence: queued.sequence, value })
}
