//! The encoding of the part of a body that is stored: three numbers of eight bytes each.
//!
//! They are the first byte, the byte after the last, and the length of the whole plus one. The last
//! number is zero if that length is not known.

use crate::http::range::ContentRange;
use crate::wire::error::WireErrorKind;
use crate::wire::reader::Reader;
use crate::wire::writer::Sink;

pub(super) fn write(sink: &mut dyn Sink, part: &ContentRange) {
    let range = part.range();
    // No body has as many bytes as can be counted.
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
