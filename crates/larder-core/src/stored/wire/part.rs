//! Which part of a body is stored: its first byte, the byte behind its last, and the length of the whole plus one; zero
//! where that is not known. Eight bytes each.

use super::error::WireErrorKind;
use super::reader::Reader;
use super::writer::Sink;
use crate::http::range::ContentRange;

pub(super) fn write(sink: &mut dyn Sink, part: &ContentRange) {
    let range = part.range();
    // No body takes all the bytes that can be counted.
    let complete = part.complete().map_or(0, |complete| complete.saturating_add(1));
    for number in [range.start, range.end, complete] {
        sink.put(&number.to_le_bytes());
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<ContentRange, WireErrorKind> {
    let mut number = || reader.array().map(u64::from_le_bytes);
    let (start, end, complete) = (number()?, number()?, number()?);
    ContentRange::new(start..end, complete.checked_sub(1)).ok_or(WireErrorKind::Malformed)
}
