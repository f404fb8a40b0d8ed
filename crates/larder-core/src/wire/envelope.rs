//! The envelope of a value: magic, version and kind, position, key and checksum.
//!
//! Numbers are little-endian unless stated otherwise:
//!
//! ```text
//! "LR" | version u8 | kind u8 | incarnation, 16 bytes | log id, 16 bytes big-endian
//!      | the cache key | the content
//!      | XXH3-64 of all before it
//! ```
//!
//! The position stands at fixed offsets, and the bytes of its log id order as the ids do. So a
//! script in the store can compare two values without knowing the rest. The key is preceded by its
//! length.
//!
//! The versions 0 and 255 are never those of a value. Stores may use them for forms of their own,
//! such as compressed values.

use std::hash::Hasher as _;
use std::ops::Range;

use bytes::Bytes;
use twox_hash::XxHash3_64;

use super::error::WireErrorKind;
use super::reader::Reader;
use super::writer::{self, Count, Sink};
use crate::invalidation::position::{Incarnation, LogId, Position, Watermark};

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
const CHECKSUM_LEN: usize = 8;
/// The number of bytes that are copied, and then hashed while they are in the processor's cache.
const COPIED_AT_ONCE: usize = 8 * 1024;

/// The start of a value, up to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Each form has all of it.
pub struct Envelope {
    /// The version of the content's form.
    pub version: u8,
    /// The kind of the content.
    pub kind: u8,
    /// The position. Its local number is zero, because it means nothing in another process.
    pub position: Position,
}

/// Returns the last bytes of a value, which distinguish it from others at its address.
///
/// They do so in every version. Returns `None` for a value that is too short to have been encoded
/// here.
#[must_use]
pub fn fingerprint(value: &[u8]) -> Option<[u8; CHECKSUM_LEN]> {
    value.last_chunk().copied()
}

/// Encodes a value with this envelope and content.
///
/// The content is written twice: first to count its bytes, then into one allocation of exactly that
/// size.
#[must_use]
pub fn enclosed(envelope: &Envelope, key: &str, content: &dyn Fn(&mut dyn Sink)) -> Bytes {
    let position = &envelope.position;
    let write = |sink: &mut dyn Sink| {
        sink.put(&MAGIC);
        sink.put(&[envelope.version, envelope.kind]);
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
/// # Errors
///
/// Returns an error if the value has another version than 1 to `newest`, or was changed.
#[inline]
pub fn checked(value: &[u8], newest: u8) -> Result<usize, WireErrorKind> {
    match split(value, newest)? {
        (content, checksum) if XxHash3_64::oneshot(content) == checksum => Ok(content.len()),
        _ => Err(WireErrorKind::Corrupt),
    }
}

/// Returns a copy of the value without its checksum.
///
/// The copy is hashed while it is made, so a large value is read from memory once.
///
/// # Errors
///
/// Returns an error if the value has another version than 1 to `newest`, or was changed.
pub fn checked_copy(value: &[u8], newest: u8) -> Result<Bytes, WireErrorKind> {
    let (content, checksum) = split(value, newest)?;
    let mut copy = Vec::with_capacity(content.len());
    let hash = if content.len() <= COPIED_AT_ONCE {
        copy.extend_from_slice(content);
        XxHash3_64::oneshot(&copy)
    } else {
        let mut hasher = XxHash3_64::new();
        for part in content.chunks(COPIED_AT_ONCE) {
            copy.extend_from_slice(part);
            hasher.write(part);
        }
        hasher.finish()
    };
    if hash == checksum { Ok(copy.into()) } else { Err(WireErrorKind::Corrupt) }
}

/// Divides a value into what its checksum covers, and the checksum.
#[inline]
fn split(value: &[u8], newest: u8) -> Result<(&[u8], u64), WireErrorKind> {
    match value {
        [m, n, version, ..] if [*m, *n] == MAGIC => {
            if !(1..=newest).contains(version) {
                return Err(WireErrorKind::Version);
            }
        }
        _ => return Err(WireErrorKind::Foreign),
    }
    let (content, checksum) = value.split_last_chunk::<CHECKSUM_LEN>().ok_or(WireErrorKind::Corrupt)?;
    Ok((content, u64::from_le_bytes(*checksum)))
}

/// Reads the envelope of a [checked] value that was stored under `key`.
///
/// # Errors
///
/// Returns an error if the value is too short, or belongs to another key.
#[inline]
pub fn open(reader: &mut Reader<'_>, key: &str) -> Result<Envelope, WireErrorKind> {
    let [_, _, version, kind] = reader.array()?;
    let position = Position {
        incarnation: Incarnation::from_bytes(reader.array()?),
        watermark: Watermark { log: LogId::from_be_bytes(reader.array()?), local: 0 },
    };
    if reader.bytes()? != key.as_bytes() {
        return Err(WireErrorKind::OtherKey);
    }
    Ok(Envelope { version, kind, position })
}
