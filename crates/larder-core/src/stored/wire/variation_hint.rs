//! The encoding of a variation hint.
//!
//! It is the milliseconds since 1970 and a number of nanoseconds, eight bytes each, and the
//! [text](UrlVariation::as_text).

use std::time::Duration;

use crate::http::no_vary_search::UrlVariation;
use crate::stored::VariationHint;
use crate::time::WallTime;
use crate::wire::error::WireErrorKind;
use crate::wire::reader::Reader;
use crate::wire::writer::{self, Sink};

pub(super) fn write(sink: &mut dyn Sink, hint: &VariationHint) {
    sink.put(&hint.at.unix_millis().to_le_bytes());
    let life = u64::try_from(hint.life.as_nanos()).unwrap_or(u64::MAX);
    sink.put(&life.to_le_bytes());
    writer::bytes(sink, hint.variation.as_text().as_bytes());
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<VariationHint, WireErrorKind> {
    let mut number = || reader.array().map(u64::from_le_bytes);
    let (at, life) = (number()?, number()?);
    let text = std::str::from_utf8(reader.bytes()?).ok();
    let variation = text.and_then(UrlVariation::from_text).ok_or(WireErrorKind::Malformed)?;
    Ok(VariationHint { variation, at: WallTime::from_unix_millis(at), life: Duration::from_nanos(life) })
}
