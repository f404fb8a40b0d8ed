//! The encoding of a stored response for the shared tier.
//!
//! There are two versions. A response is version 2 if its handler set a part of its lifetime, which
//! version 1 cannot express. Everything else is version 1, which all instances read. So a deploy
//! that brings version 2 costs the older instances misses for such responses only.
//!
//! Numbers are little-endian unless stated otherwise:
//!
//! ```text
//! "LR" | version u8 | kind u8 | incarnation, 16 bytes | log id, 16 bytes big-endian
//!      | the cache key | a response, its body last;
//!      |               | or the names of the fields that select a variant;
//!      |               | or the range of a part, the complete length, and the response with it;
//!      |               | or a variation hint: its time, its duration, and its text
//!      | XXH3-64 of all before it
//! ```
//!
//! The position stands at fixed offsets, and the bytes of its log id order as the ids do. So a
//! script in the store can compare two values without knowing the rest. Texts, lists and the like
//! are preceded by their length.
//!
//! A kind that the reader does not know is a miss. So a reader that does not know parts never takes
//! a part for the whole.
//!
//! A value that is read back is untrusted. Every length is checked before it is used, no memory is
//! reserved that the input does not justify, and a value that does not decode is a miss.

mod error;
mod field_name;
mod part;
mod reader;
mod response;
mod variation_hint;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName};
use twox_hash::XxHash3_64;

use self::reader::Reader;
use self::writer::{Count, Sink};
use super::{StoredResponse, VariationHint};
use crate::http::response_flags::SetByHandler;
use crate::invalidation::position::{Incarnation, LogId, Position, Watermark};

pub use self::error::{WireError, WireErrorKind};

/// The offsets of the incarnation in every value: see [`Incarnation::to_bytes`].
///
/// They are fixed for all versions, because instances of two versions share a store during a
/// deploy.
pub const INCARNATION: Range<usize> = 4..20;
/// The offsets of the log id in every value: see [`LogId::to_be_bytes`].
///
/// They are fixed for all versions.
pub const LOG_ID: Range<usize> = 20..36;

const MAGIC: [u8; 2] = *b"LR";
const VERSION: u8 = 1;
/// The version of a response whose flags say which parts of its lifetime the handler set.
const SET_BY_HANDLER: u8 = 2;
const RESPONSE: u8 = 1;
const VARIANTS: u8 = 2;
const PART: u8 = 3;
const VARIATION_HINT: u8 = 4;
const CHECKSUM_LEN: usize = 8;

/// A decoded value.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each kind.
#[allow(clippy::large_enum_variant)] // Moved once, on its way to the caller.
pub enum Decoded {
    /// A response.
    Response(StoredResponse),
    /// The fields that select one of several responses of the key.
    Variants(Box<[HeaderName]>),
    /// A variation hint: responses answer equivalent queries.
    ///
    /// They are found under the key that these queries have in common.
    VariationHint(VariationHint),
}

/// Encodes a response, to be stored at the address of its key or variant.
#[must_use]
pub fn encode(response: &StoredResponse) -> Bytes {
    let meta = &response.meta;
    let kind = if meta.part.is_some() { PART } else { RESPONSE };
    let is_plain = meta.flags.by_handler == SetByHandler::default();
    let version = if is_plain { VERSION } else { SET_BY_HANDLER };
    framed([version, kind], &meta.key, &meta.position, &|sink| {
        if let Some(part) = &meta.part {
            part::write(sink, part);
        }
        response::write(sink, response);
    })
}

/// Encodes the fields that select one of several responses of the key.
///
/// The value is to be stored at the address of the key itself.
#[must_use]
pub fn encode_variants(fields: &[HeaderName], key: &str, position: &Position) -> Bytes {
    framed([VERSION, VARIANTS], key, position, &|sink| {
        writer::list(sink, fields, |sink, name| field_name::write(sink, name));
    })
}

/// Encodes a variation hint: what responses said last about the queries that they answer.
#[must_use]
pub fn encode_variation_hint(hint: &VariationHint, key: &str, position: &Position) -> Bytes {
    framed([VERSION, VARIATION_HINT], key, position, &|sink| variation_hint::write(sink, hint))
}

/// Decodes a value that was stored under `key`.
///
/// The body and the values of the header fields are slices of `value`, and keep all of it alive.
/// The local number of the position is zero, because it means nothing in another process.
///
/// # Errors
///
/// Returns an error if the value is not what [`encode`], [`encode_variants`] or
/// [`encode_variation_hint`] returned for this key.
pub fn decode(value: Bytes, key: &str) -> Result<Decoded, WireError> {
    decode_after(HeaderMap::new(), value, key)
}

/// Decodes a value like [`decode`], and appends the header fields of the response to `fields`.
///
/// It is for a caller that adds some fields to each response.
///
/// # Errors
///
/// Returns an error if the value is not what [`encode`], [`encode_variants`] or
/// [`encode_variation_hint`] returned for this key.
#[inline]
pub fn decode_after(fields: HeaderMap, mut value: Bytes, key: &str) -> Result<Decoded, WireError> {
    let content_len = checked(&value)?;
    value.truncate(content_len);
    let mut reader = Reader::new(&value);
    let [_, _, version, kind] = reader.array()?;
    let position = position(&mut reader)?;
    if reader.bytes()? != key.as_bytes() {
        return Err(WireErrorKind::OtherKey.into());
    }
    match kind {
        RESPONSE | PART => {
            let part = if kind == PART { Some(part::read(&mut reader)?) } else { None };
            let head = response::read_head(&mut reader, key, position, fields, part)?;
            if head.is_set_by_handler() != (version == SET_BY_HANDLER) {
                return Err(WireErrorKind::Malformed.into());
            }
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
        VARIATION_HINT => {
            let hint = variation_hint::read(&mut reader)?;
            reader.end()?;
            Ok(Decoded::VariationHint(hint))
        }
        _ => Err(WireErrorKind::Malformed.into()),
    }
}

/// Returns the last bytes of a value, which distinguish it from others at its address.
///
/// They do so in every version. Returns `None` for a value that is too short to have been encoded
/// here.
#[must_use]
pub fn fingerprint(value: &[u8]) -> Option<[u8; CHECKSUM_LEN]> {
    value.last_chunk().copied()
}

/// Encodes a value with this version, kind and content.
///
/// The content is written twice: first to count its bytes, then into one allocation of exactly that
/// size.
fn framed(form: [u8; 2], key: &str, position: &Position, content: &dyn Fn(&mut dyn Sink)) -> Bytes {
    let write = |sink: &mut dyn Sink| {
        sink.put(&MAGIC);
        sink.put(&form);
        sink.put(&position.incarnation.to_bytes());
        sink.put(&position.watermark.log.to_be_bytes());
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

/// Returns the length of the value without its checksum.
///
/// The value must be of a known version and unchanged.
fn checked(value: &[u8]) -> Result<usize, WireErrorKind> {
    match value {
        [m, n, VERSION | SET_BY_HANDLER, ..] if [*m, *n] == MAGIC => {}
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
        watermark: Watermark { log: LogId::from_be_bytes(reader.array()?), local: 0 },
    })
}
