//! The form of a write in the queue.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::values::behind::write_error::{WriteError, WriteErrorKind};
use crate::values::codec::AnyCodec;
use crate::values::value_key::{ValueKey, encoded_key, shared_key};

/// The version of this form.
const VERSION: u8 = 1;
/// Version, presence, format of the codec, schema, and length of the key.
const HEAD: usize = 11;
/// The last part of them: the length of the key.
const LENGTH: usize = 4;

/// How the writes of a collection are encoded. `V` is its type of values or of operations.
pub(super) struct EntryForm<'a, V> {
    /// The name of the collection.
    pub(super) collection: &'a str,
    pub(super) codec: &'a dyn AnyCodec<V>,
    pub(super) schema: u32,
    /// The maximum size of an encoded value.
    pub(super) max_bytes: usize,
}

/// A write, as the queue gets it.
pub(super) struct QueueEntry {
    /// The key in the queue. For a value, it is also its name in an invalidation.
    pub(super) text: Arc<str>,
    pub(super) payload: Bytes,
    /// The size of the encoded value.
    pub(super) value_bytes: usize,
}

/// A write from the queue: its key, and its value or `None` for a deletion.
pub(super) struct EntryContent<K, V> {
    pub(super) key: K,
    pub(super) value: Option<V>,
}

impl<V> EntryForm<'_, V> {
    /// Encodes a write.
    ///
    /// A deletion has a payload as well, because it needs the key.
    ///
    /// # Errors
    /// If the key or the value cannot be encoded, or is too large.
    pub(super) fn encode<K>(&self, key: &K, value: Option<&V>) -> Result<QueueEntry, WriteError>
    where
        K: ValueKey + Serialize,
    {
        let invalid = |what: &str| WriteError::new(WriteErrorKind::Invalid, what);
        let text = shared_key(self.collection, key).ok_or_else(|| invalid("the key is too long"))?;
        let value = match value.map(|value| self.codec.encode(value)).transpose() {
            Ok(value) => value,
            Err(error) => return Err(WriteError::caused(WriteErrorKind::Invalid, error)),
        };
        let size = value.as_ref().map_or(0, Vec::len);
        if size > self.max_bytes {
            return Err(invalid("the value or the operation is larger than the maximum size"));
        }
        // The JSON of a key is often about as long as its text.
        let mut payload = Vec::with_capacity(HEAD + text.len() + size);
        payload.extend([VERSION, u8::from(value.is_some()), self.codec.format()]);
        payload.extend_from_slice(&self.schema.to_be_bytes());
        payload.extend_from_slice(&[0; LENGTH]);
        serde_json::to_writer(&mut payload, key)
            .map_err(|error| WriteError::caused(WriteErrorKind::Invalid, error))?;
        let length = u32::try_from(payload.len() - HEAD).map_err(|_| invalid("the key is too long"))?;
        payload[HEAD - LENGTH..HEAD].copy_from_slice(&length.to_be_bytes());
        payload.extend_from_slice(value.as_deref().unwrap_or_default());
        Ok(QueueEntry { text, payload: payload.into(), value_bytes: size })
    }

    /// Decodes a payload. Returns `None` for another version, schema or codec, and for other bytes.
    pub(super) fn decode<K>(&self, payload: &[u8]) -> Option<EntryContent<K, V>>
    where
        K: DeserializeOwned,
    {
        let (head, rest) = payload.split_first_chunk::<HEAD>()?;
        let [version, is_present, format, s0, s1, s2, s3, l0, l1, l2, l3] = *head;
        let is_known = version == VERSION
            && format == self.codec.format()
            && u32::from_be_bytes([s0, s1, s2, s3]) == self.schema;
        if !is_known {
            return None;
        }
        let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).ok()?;
        let (key, value) = rest.split_at_checked(length)?;
        let key = serde_json::from_slice(key).ok()?;
        let value = match (is_present, value) {
            (0, []) => None,
            (1, value) => Some(self.codec.decode(value).ok()?),
            _ => return None,
        };
        Some(EntryContent { key, value })
    }

    /// Decodes the payload of the key with this text. Returns `None` for one of another key, too.
    pub(super) fn decode_of<K>(&self, text: &str, payload: &[u8]) -> Option<EntryContent<K, V>>
    where
        K: ValueKey + DeserializeOwned,
    {
        let content = self.decode::<K>(payload)?;
        (encoded_key(self.collection, &content.key).as_deref() == Some(text)).then_some(content)
    }
}
