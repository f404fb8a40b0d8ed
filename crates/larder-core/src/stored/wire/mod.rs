//! The encoding of a stored response for the shared tier.
//!
//! There are two versions. A response is version 2 if its handler set a part of its lifetime, which
//! version 1 cannot express. Everything else is version 1, which all instances read. So a deploy
//! that brings version 2 costs the older instances misses for such responses only.
//!
//! A value has an [envelope](crate::wire::envelope), and one of these contents:
//!
//! ```text
//! a response, its body last;
//! or the names of the fields that select a variant;
//! or the range of a part, the complete length, and the response with it;
//! or a variation hint: its time, its duration, and its text
//! ```
//!
//! Texts, lists and the like are preceded by their length.
//!
//! A kind that the reader does not know is a miss. So a reader that does not know parts never takes
//! a part for the whole.
//!
//! A value that is read back is untrusted. Every length is checked before it is used, no memory is
//! reserved that the input does not justify, and a value that does not decode is a miss.

mod coded_body;
mod field_name;
mod part;
mod response;
mod variation_hint;

#[cfg(test)]
mod tests;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName};

use super::{StoredResponse, VariationHint};
use crate::http::response_flags::SetByHandler;
use crate::invalidation::position::Position;
use crate::wire::envelope::{Envelope, checked, checked_copy, enclosed, open};
use crate::wire::reader::Reader;
use crate::wire::writer;

pub use coded_body::{BodyDigest, decode_coded_body, encode_coded_body};

pub use crate::wire::envelope::{INCARNATION, LOG_ID, fingerprint};
pub use crate::wire::error::{WireError, WireErrorKind};

const VERSION: u8 = 1;
/// The version of a response whose flags say which parts of its lifetime the handler set.
const SET_BY_HANDLER: u8 = 2;
const RESPONSE: u8 = 1;
const VARIANTS: u8 = 2;
const PART: u8 = 3;
const VARIATION_HINT: u8 = 4;
// Kind 5 is a value: see `crate::value::wire`. Kind 6 is a coded body, at an address of its own:
// see
// `coded_body.rs`.

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
    let envelope = Envelope { version, kind, position: meta.position };
    enclosed(&envelope, &meta.key, &|sink| {
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
    let envelope = Envelope { version: VERSION, kind: VARIANTS, position: *position };
    enclosed(&envelope, key, &|sink| {
        writer::list(sink, fields, |sink, name| field_name::write(sink, name));
    })
}

/// Encodes a variation hint: what responses said last about the queries that they answer.
#[must_use]
pub fn encode_variation_hint(hint: &VariationHint, key: &str, position: &Position) -> Bytes {
    let envelope = Envelope { version: VERSION, kind: VARIATION_HINT, position: *position };
    enclosed(&envelope, key, &|sink| variation_hint::write(sink, hint))
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
    let content_len = checked(&value, SET_BY_HANDLER)?;
    value.truncate(content_len);
    decode_content(fields, value, key)
}

/// Decodes a copy of a value like [`decode_after`]. It does not keep the value alive.
///
/// It is for a caller that keeps the response, and whose value is a slice of a larger buffer.
///
/// # Errors
///
/// Returns an error if the value is not what [`encode`], [`encode_variants`] or
/// [`encode_variation_hint`] returned for this key.
pub fn decode_copy_after(fields: HeaderMap, value: &[u8], key: &str) -> Result<Decoded, WireError> {
    decode_content(fields, checked_copy(value, SET_BY_HANDLER)?, key)
}

/// Decodes a checked value without its checksum.
#[inline]
fn decode_content(fields: HeaderMap, mut value: Bytes, key: &str) -> Result<Decoded, WireError> {
    let mut reader = Reader::new(&value);
    let Envelope { version, kind, position } = open(&mut reader, key)?;
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
