//! The form of a compressed value.
//!
//! ```text
//! the first 36 bytes of the value, with the version 255 | form u8 | version of the value u8
//!     | length of the value, u64 little-endian | a zstd frame | the last 8 bytes of the value
//! ```
//!
//! The frame has everything between the first 36 and the last 8 bytes. The position and the
//! fingerprint of the value stay at their places, so scripts treat the compressed value like the
//! value.
//!
//! An instance that does not know the form finds a value of another version, which is a miss. It
//! leaves the value in Redis. An instance that knows it trusts nothing in it: the length is bounded
//! and has to be that of the frame, and the checksum of the value covers what comes out.

use std::ops::Range;

use bytes::Bytes;
use larder_core::stored::wire;

use super::codec;
use super::noise::is_noise;

/// The version byte of a compressed value. It is not that of any value, and not that of a
/// reference.
const VERSION: u8 = u8::MAX;
/// The version byte of a reference: see [`crate::large_value`].
const REFERENCE: u8 = 0;
/// A version that every instance knows.
const KNOWN_VERSION: u8 = 1;
const VERSION_AT: usize = 2;
/// The form with a zstd frame.
const ZSTD: u8 = 1;

const HEAD: usize = wire::LOG_ID.end;
const FORM_AT: usize = HEAD;
const OWN_VERSION_AT: usize = FORM_AT + 1;
pub(super) const LENGTH: Range<usize> = OWN_VERSION_AT + 1..OWN_VERSION_AT + 9;
pub(super) const FRAME_AT: usize = LENGTH.end;
const FINGERPRINT: usize = 8;

/// The maximum length of a value that is compressed, in bytes.
///
/// A few bytes in Redis may state any length, so a longer value is not believed.
pub(super) const MAX_LEN: usize = 64 * 1024 * 1024;
/// A compressed value has to be smaller by this part of the value.
///
/// The allocator of Redis rounds sizes up by up to a quarter, so less would often save nothing.
const MIN_SAVED: usize = 8;

/// Returns the compressed form of a value, if it is smaller by an eighth.
///
/// A value without a position has none, because scripts compare positions.
pub(super) fn compress(value: &[u8]) -> Option<Bytes> {
    let content = value.get(HEAD..value.len().checked_sub(FINGERPRINT)?)?;
    if !value.starts_with(b"LR") || is_own(value[VERSION_AT]) || value.len() > MAX_LEN || is_noise(content) {
        return None;
    }
    let mut stored = vec![0; value.len() - value.len() / MIN_SAVED];
    let frame = stored.get_mut(FRAME_AT..)?;
    let room = frame.len().checked_sub(FINGERPRINT)?;
    let frame_len = codec::compress(content, frame.get_mut(..room)?)?;
    stored.truncate(FRAME_AT + frame_len);
    stored[..HEAD].copy_from_slice(&value[..HEAD]);
    stored[VERSION_AT] = VERSION;
    stored[FORM_AT] = ZSTD;
    stored[OWN_VERSION_AT] = value[VERSION_AT];
    stored[LENGTH].copy_from_slice(&(value.len() as u64).to_le_bytes());
    stored.extend_from_slice(&value[value.len() - FINGERPRINT..]);
    Some(stored.into())
}

/// Returns the length that a compressed value states. `None` if the value is not compressed.
///
/// It is only a number yet, and may be anything.
pub(super) fn stated_length(stored: &[u8]) -> Option<usize> {
    let is_one = codec::IS_AVAILABLE
        && stored.starts_with(b"LR")
        && stored[VERSION_AT..].first() == Some(&VERSION)
        && stored.get(FORM_AT) == Some(&ZSTD)
        && stored.len() >= FRAME_AT + FINGERPRINT;
    let length = stored.get(LENGTH)?.first_chunk().copied().map(u64::from_le_bytes);
    is_one.then_some(length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX)))
}

/// Returns the value with this compressed form, or a value whose checksum does not fit.
pub(super) fn decompress(stored: &[u8]) -> Bytes {
    restore(stored).unwrap_or_else(|| unreadable(stored))
}

fn restore(stored: &[u8]) -> Option<Bytes> {
    let length = stated_length(stored)?;
    let own_version = stored[OWN_VERSION_AT];
    if length > MAX_LEN || is_own(own_version) {
        return None;
    }
    let (front, fingerprint) = stored.split_at(stored.len() - FINGERPRINT);
    let frame = &front[FRAME_AT..];
    // Before any memory is reserved for it.
    if codec::content_len(frame)? != length.checked_sub(HEAD + FINGERPRINT)? as u64 {
        return None;
    }
    let mut value = vec![0; length];
    value[..HEAD].copy_from_slice(&front[..HEAD]);
    value[VERSION_AT] = own_version;
    let content_end = length - FINGERPRINT;
    codec::decompress(frame, &mut value[HEAD..content_end])?;
    value[content_end..].copy_from_slice(fingerprint);
    Some(value.into())
}

/// Returns a short value for a compressed one that is broken.
///
/// The cache removes it like any value whose checksum does not fit. It has the fingerprint of the
/// broken one, by which a claim of the lease recognizes that.
fn unreadable(stored: &[u8]) -> Bytes {
    let (front, fingerprint) = stored.split_at(stored.len() - FINGERPRINT);
    let mut value = [&front[..HEAD], fingerprint].concat();
    value[VERSION_AT] = KNOWN_VERSION;
    value.into()
}

/// Whether a version byte is one that this store puts into values by itself.
const fn is_own(version: u8) -> bool {
    matches!(version, VERSION | REFERENCE)
}
