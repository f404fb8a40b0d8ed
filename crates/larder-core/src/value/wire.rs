//! The encoding of a stored value for the shared tier.
//!
//! A value has an [envelope](crate::wire::envelope) of kind 5, and this content. Numbers are
//! little-endian:
//!
//! ```text
//! 1 for a value or 0 for an absence, u8 | schema u32 | format u8 | loaded at, milliseconds u64
//!     | fresh, while-revalidate, if-error, cost: nanoseconds, each u64
//!     | the names | the encoded value, up to the end
//! ```
//!
//! A value that is read back is untrusted, as everything in the shared tier: see [`crate::wire`].

#[cfg(test)]
mod tests;

use bytes::{Buf as _, Bytes};

use super::{StoredValue, ValueMeta};
use crate::lifetime::Lifetime;
use crate::time::WallTime;
use crate::wire::elements::{read_duration, read_names, read_u64, write_duration, write_names};
use crate::wire::envelope::{Envelope, checked, enclosed, open};
use crate::wire::error::{WireError, WireErrorKind};
use crate::wire::reader::Reader;

const VERSION: u8 = 1;
/// The kind of a value. The kinds 1 to 4 are in [`crate::stored::wire`].
const VALUE: u8 = 5;
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// Encodes a value, to be stored at the address of its key.
#[must_use]
pub fn encode(value: &StoredValue) -> Bytes {
    let StoredValue { payload, meta } = value;
    let envelope = Envelope { version: VERSION, kind: VALUE, position: meta.position };
    enclosed(&envelope, &meta.key, &|sink| {
        sink.put(&[if payload.is_some() { PRESENT } else { ABSENT }]);
        sink.put(&meta.schema.to_le_bytes());
        sink.put(&[meta.format]);
        sink.put(&meta.loaded_at.unix_millis().to_le_bytes());
        let Lifetime { fresh, while_revalidate, if_error } = meta.lifetime;
        for duration in [fresh, while_revalidate, if_error, meta.cost] {
            write_duration(sink, duration);
        }
        write_names(sink, &meta.names);
        sink.put(payload.as_deref().unwrap_or_default());
    })
}

/// Decodes a value that was stored under `key`.
///
/// The payload and the names are slices of `value`, and keep all of it alive. The local number of
/// the position is zero, because it means nothing in another process.
///
/// # Errors
///
/// Returns an error if the value is not what [`encode`] returned for this key.
pub fn decode(mut value: Bytes, key: &str) -> Result<StoredValue, WireError> {
    let content_len = checked(&value, VERSION)?;
    value.truncate(content_len);
    let mut reader = Reader::new(&value);
    let envelope = open(&mut reader, key)?;
    if envelope.kind != VALUE {
        return Err(WireErrorKind::Malformed.into());
    }
    let (is_present, meta) = read_head(&mut reader, key, &envelope)?;
    let rest = reader.left();
    if !is_present && rest > 0 {
        return Err(WireErrorKind::Malformed.into());
    }
    value.advance(value.len() - rest);
    Ok(StoredValue { payload: is_present.then_some(value), meta })
}

/// Reads everything before the payload. Also returns whether there is a payload.
fn read_head(
    reader: &mut Reader<'_>,
    key: &str,
    envelope: &Envelope,
) -> Result<(bool, ValueMeta), WireErrorKind> {
    let is_present = match reader.array()? {
        [ABSENT] => false,
        [PRESENT] => true,
        _ => return Err(WireErrorKind::Malformed),
    };
    let schema = reader.array().map(u32::from_le_bytes)?;
    let [format] = reader.array()?;
    let loaded_at = WallTime::from_unix_millis(read_u64(reader)?);
    let lifetime = Lifetime {
        fresh: read_duration(reader)?,
        while_revalidate: read_duration(reader)?,
        if_error: read_duration(reader)?,
    };
    let cost = read_duration(reader)?;
    let names = read_names(reader)?;
    let position = envelope.position;
    let meta = ValueMeta { key: key.into(), names, position, loaded_at, lifetime, cost, schema, format };
    Ok((is_present, meta))
}
