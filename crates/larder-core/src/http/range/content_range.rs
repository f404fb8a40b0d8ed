//! The part of a representation that a response contains (RFC 9110 §14.4).

use std::ops::Range;

use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderValue};

use crate::http::list::trim;

/// A part of a representation: its byte range, and the length of the whole representation if known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentRange {
    range: Range<u64>,
    complete: Option<u64>,
}

impl ContentRange {
    /// Creates a part of a representation, or returns `None` if the range is invalid.
    ///
    /// RFC 9110 §14.4: "A Content-Range field value is invalid if it contains a range-resp that has
    /// a last-pos value less than its first-pos value, or a complete-length value less than or
    /// equal to its last-pos value."
    #[must_use]
    pub fn new(range: Range<u64>, complete: Option<u64>) -> Option<Self> {
        let fits = !range.is_empty() && complete.is_none_or(|complete| range.end <= complete);
        fits.then_some(Self { range, complete })
    }

    /// Parses the `Content-Range` of a response.
    ///
    /// Returns `None` if the field is missing, occurs more than once, has a unit other than bytes,
    /// has no range, or is invalid.
    #[must_use]
    pub fn of(response: &HeaderMap) -> Option<Self> {
        let mut lines = response.get_all(CONTENT_RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return None;
        };
        parse(trim(line.as_bytes()))
    }

    /// Returns the range of bytes that the part covers.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Returns the length of the whole representation, or `None` if it is not known.
    #[must_use]
    pub const fn complete(&self) -> Option<u64> {
        self.complete
    }

    /// Whether the part has this many bytes.
    #[must_use]
    pub fn has_length(&self, bytes: usize) -> bool {
        u64::try_from(bytes) == Ok(self.range.end - self.range.start)
    }

    /// Whether the part is the whole representation (RFC 9110 §15.3.7.3).
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complete == Some(self.range.end) && self.range.start == 0
    }

    /// Returns the value of `Content-Range` for this part.
    #[must_use]
    pub fn to_value(&self) -> HeaderValue {
        let (first, last) = (self.range.start, self.range.end - 1);
        let text = match self.complete {
            Some(complete) => format!("bytes {first}-{last}/{complete}"),
            None => format!("bytes {first}-{last}/*"),
        };
        value(text)
    }

    /// Returns the value of `Content-Range` in a 416 (RFC 9110 §15.5.17).
    ///
    /// `complete` is the length of the whole representation.
    #[must_use]
    pub fn unsatisfied(complete: u64) -> HeaderValue {
        value(format!("bytes */{complete}"))
    }
}

/// Converts a text to a field value. The texts of this module are always valid values.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

/// Parses a value such as `bytes 0-4/10`. The name of the unit is case-insensitive (§14.1).
fn parse(value: &[u8]) -> Option<ContentRange> {
    let (unit, rest) = value.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes ") {
        return None;
    }
    let (range, complete) = split(rest, b'/')?;
    let (first, last) = split(range, b'-')?;
    let complete = match complete {
        b"*" => None,
        digits => Some(number(digits)?),
    };
    let end = number(last)?.checked_add(1)?;
    ContentRange::new(number(first)?..end, complete)
}

fn split(value: &[u8], sign: u8) -> Option<(&[u8], &[u8])> {
    let at = value.iter().position(|&byte| byte == sign)?;
    Some((&value[..at], &value[at + 1..]))
}

/// Parses a number. Returns `None` if it exceeds 64 bits, because no body of that size is stored.
fn number(digits: &[u8]) -> Option<u64> {
    // `parse` alone would also accept a leading plus sign.
    let are_digits = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| are_digits)?.parse().ok()
}
