//! How a stored response is written for the shared tier, and read back.
//!
//! Version 1, numbers little-endian where nothing else is said:
//!
//! ```text
//! "LR" | version u8 | kind u8 | incarnation, 16 bytes | log id, 16 bytes big-endian
//!      | the cache key | a response, its body last; or the names of the fields that select a variant;
//!      |               | or of which bytes a part is, of how many, and a response that has those alone;
//!      |               | or what was said last of the queries that responses answer, when, and for how long
//!      | XXH3-64 of all before it
//! ```
//!
//! The position stands at fixed offsets and its log id orders as its bytes do, so that a script in the store can
//! compare two values without knowing the rest. Texts, lists and the like are preceded by their length.
//!
//! A reader that does not know a kind has a miss: so one that does not know parts never takes one for the whole.
//!
//! What comes back is untrusted: every length is checked before it is used, nothing is reserved that the input does not
//! justify, and whatever does not decode is a miss.

mod error;
mod field_name;
mod part;
mod reader;
mod response;
mod told;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName};
use twox_hash::XxHash3_64;

use self::reader::Reader;
use self::writer::{Count, Sink};
use super::{StoredResponse, Told};
use crate::log::position::{Incarnation, LogId, Mark, Position};

pub use self::error::{WireError, WireErrorKind};

/// Where the incarnation stands in every value: see [`Incarnation::to_bytes`]. Fixed for all versions, as instances of
/// two versions share a store during a deploy.
pub const INCARNATION: Range<usize> = 4..20;
/// Where the log id stands in every value: see [`LogId::to_be_bytes`]. Fixed for all versions.
pub const LOG_ID: Range<usize> = 20..36;

const MAGIC: [u8; 2] = *b"LR";
const VERSION: u8 = 1;
const RESPONSE: u8 = 1;
const VARIANTS: u8 = 2;
const PART: u8 = 3;
const TOLD: u8 = 4;
const CHECKSUM_LEN: usize = 8;

/// What a value turned out to be.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_enums)] // Each kind has to be treated.
#[allow(clippy::large_enum_variant)] // Moved once, on its way to the caller.
pub enum Decoded {
    /// A response.
    Response(StoredResponse),
    /// The key has several responses, selected by these fields.
    Variants(Box<[HeaderName]>),
    /// Responses answer equivalent queries, and are to be looked for under the key that these have in common.
    Told(Told),
}

/// The value for a response, to be stored at the address of its key or variant.
#[must_use]
pub fn encode(response: &StoredResponse) -> Bytes {
    let meta = &response.meta;
    let kind = if meta.part.is_some() { PART } else { RESPONSE };
    framed(kind, &meta.key, &meta.position, &|sink| {
        if let Some(part) = &meta.part {
            part::write(sink, part);
        }
        response::write(sink, response);
    })
}

/// The value that says that the key's responses are selected by these fields, to be stored at the key's own address.
#[must_use]
pub fn encode_variants(fields: &[HeaderName], key: &str, position: &Position) -> Bytes {
    framed(VARIANTS, key, position, &|sink| {
        writer::list(sink, fields, |sink, name| field_name::write(sink, name));
    })
}

/// The value that says what was said last of the queries that responses answer.
#[must_use]
pub fn encode_told(told: &Told, key: &str, position: &Position) -> Bytes {
    framed(TOLD, key, position, &|sink| told::write(sink, told))
}

/// Reads a value that was stored under `key`. The body and the values of the header fields are slices of `value`, and
/// keep all of it alive. The local part of the position is zero, as it means nothing in another process.
///
/// # Errors
/// If the value is not what [`encode`], [`encode_variants`] or [`encode_told`] gave for this key.
pub fn decode(value: Bytes, key: &str) -> Result<Decoded, WireError> {
    decode_after(HeaderMap::new(), value, key)
}

/// Reads a value like [`decode`], and puts the response's header fields behind `fields`: for who adds some to each.
///
/// # Errors
/// If the value is not what [`encode`], [`encode_variants`] or [`encode_told`] gave for this key.
#[inline]
pub fn decode_after(fields: HeaderMap, mut value: Bytes, key: &str) -> Result<Decoded, WireError> {
    let content_len = checked(&value)?;
    value.truncate(content_len);
    let mut reader = Reader::new(&value);
    let [_, _, _, kind] = reader.array()?;
    let position = position(&mut reader)?;
    if reader.bytes()? != key.as_bytes() {
        return Err(WireErrorKind::OtherKey.into());
    }
    match kind {
        RESPONSE | PART => {
            let part = if kind == PART { Some(part::read(&mut reader)?) } else { None };
            let head = response::read_head(&mut reader, key, position, fields, part)?;
            if !head.is_as_long(reader.left()) {
                return Err(WireErrorKind::Malformed.into());
            }
            let body_at = value.len() - reader.left();
            value.advance(body_at);
            Ok(Decoded::Response(head.with_body(value)))
        }
        VARIANTS => {
            let fields = reader.list(field_name::read)?;
            reader.end()?;
            Ok(Decoded::Variants(fields.into()))
        }
        TOLD => {
            let told = told::read(&mut reader)?;
            reader.end()?;
            Ok(Decoded::Told(told))
        }
        _ => Err(WireErrorKind::Malformed.into()),
    }
}

/// What tells a value from the others that may stand at its address: its last bytes, in every version. Values too short
/// to have been encoded here have none.
#[must_use]
pub fn fingerprint(value: &[u8]) -> Option<[u8; CHECKSUM_LEN]> {
    value.last_chunk().copied()
}

/// The content, written twice: first to count its bytes, then into one allocation of exactly that size.
fn framed(kind: u8, key: &str, position: &Position, content: &dyn Fn(&mut dyn Sink)) -> Bytes {
    let write = |sink: &mut dyn Sink| {
        sink.put(&MAGIC);
        sink.put(&[VERSION, kind]);
        sink.put(&position.incarnation.to_bytes());
        sink.put(&position.mark.log.to_be_bytes());
        writer::bytes(sink, key.as_bytes());
        content(sink);
    };
    let mut count = Count(CHECKSUM_LEN);
    write(&mut count);
    let mut value = Vec::with_capacity(count.0);
    write(&mut value);
    let checksum = XxHash3_64::oneshot(&value);
    value.put(&checksum.to_le_bytes());
    value.into()
}

/// The length of the value without its checksum, if it is one of this version and nothing of it was changed.
fn checked(value: &[u8]) -> Result<usize, WireErrorKind> {
    match value {
        [m, n, VERSION, ..] if [*m, *n] == MAGIC => {}
        [m, n, _, ..] if [*m, *n] == MAGIC => return Err(WireErrorKind::Version),
        _ => return Err(WireErrorKind::Foreign),
    }
    match value.split_last_chunk::<CHECKSUM_LEN>() {
        Some((content, checksum)) if XxHash3_64::oneshot(content).to_le_bytes() == *checksum => {
            Ok(content.len())
        }
        _ => Err(WireErrorKind::Corrupt),
    }
}

fn position(reader: &mut Reader<'_>) -> Result<Position, WireErrorKind> {
    Ok(Position {
        incarnation: Incarnation::from_bytes(reader.array()?),
        mark: Mark { log: LogId::from_be_bytes(reader.array()?), local: 0 },
    })
}
