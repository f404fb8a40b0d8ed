//! The elements that responses and values have in common.

use std::time::Duration;

use super::error::WireErrorKind;
use super::reader::Reader;
use super::writer::{self, Sink};
use crate::invalidation::names::{DIGEST_LEN, Names};

/// Writes a duration in nanoseconds, cut to the maximum of about five centuries.
pub fn write_duration(sink: &mut dyn Sink, duration: Duration) {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    sink.put(&nanos.to_le_bytes());
}

/// Reads what [`write_duration`] wrote.
///
/// # Errors
///
/// Returns an error if too few bytes are left.
#[inline]
pub fn read_duration(reader: &mut Reader<'_>) -> Result<Duration, WireErrorKind> {
    read_u64(reader).map(Duration::from_nanos)
}

/// Reads a number of eight bytes.
///
/// # Errors
///
/// Returns an error if too few bytes are left.
#[inline]
pub fn read_u64(reader: &mut Reader<'_>) -> Result<u64, WireErrorKind> {
    reader.array().map(u64::from_le_bytes)
}

/// Writes names: their texts, and a list of digests of eight bytes each.
pub fn write_names(sink: &mut dyn Sink, names: &Names) {
    writer::bytes(sink, names.packed());
    writer::length(sink, names.packed_digests().len() / DIGEST_LEN);
    sink.put(names.packed_digests());
}

/// Reads what [`write_names`] wrote. The names are a slice that keeps the value alive.
///
/// # Errors
///
/// Returns an error if the bytes cannot be names.
#[inline]
pub fn read_names(reader: &mut Reader<'_>) -> Result<Names, WireErrorKind> {
    let texts_len = reader.length()?;
    let before = reader.left();
    reader.take(texts_len)?;
    let digests_len = reader.length()?.checked_mul(DIGEST_LEN).ok_or(WireErrorKind::Malformed)?;
    let digests_at = before - reader.left();
    reader.take(digests_len)?;
    Names::unpack(reader.shared_since(before), texts_len, digests_at).ok_or(WireErrorKind::Malformed)
}
