//! The `Range` field of a request (RFC 9110 §14.1, §14.2).

use http::HeaderMap;
use http::header::RANGE;
use smallvec::SmallVec;

use crate::http::list::{members, trim};

/// The maximum number of ranges in a request.
///
/// RFC 9110 §14.2 lets a server ignore "a set of many small ranges that are not listed in ascending
/// order", as they are "indications of either a broken client or a deliberate denial-of-service
/// attack". A client that fetches the missing parts of a file names few ranges, in any order.
const MAX_RANGES: usize = 16;

/// The part of a representation that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // A caller has to treat each.
pub enum Requested {
    /// The whole: there is no `Range`, or its ranges of bytes are invalid and are ignored.
    Whole,
    /// Something that only the handler may understand: another unit, or another syntax.
    Unknown,
    /// These bytes.
    Bytes(Ranges),
}

/// The ranges of bytes that a request names, in its order. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(pub(super) SmallVec<[Spec; 2]>);

/// One range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spec {
    /// The bytes from a first one to a last one, or to the end if no last byte is named.
    From(u64, Option<u64>),
    /// This many bytes at the end.
    Last(u64),
}

/// Parses the `Range` of a `GET`. RFC 9110 defines no byte ranges for other methods (§14.2).
///
/// A field that does not begin with `bytes=` is unknown. Some APIs page through items by such a
/// field, as in `Range: 0-24` or `items=0-24`.
///
/// RFC 9110 §14.2: "A server that supports range requests MAY ignore or reject a Range header field
/// that contains an invalid ranges-specifier". Such a field is ignored. A field with several lines
/// is ignored too, because none of them can be right. The same applies to a field with more ranges
/// than a client has a use for.
#[must_use]
pub fn parse_range(request: &HeaderMap) -> Requested {
    let mut lines = request.get_all(RANGE).iter().map(|line| byte_range_set(line.as_bytes()));
    match (lines.next(), lines.next()) {
        (None, _) => Requested::Whole,
        (Some(None), _) | (_, Some(None)) => Requested::Unknown,
        (Some(Some(set)), None) => {
            specs(set).map_or(Requested::Whole, |specs| Requested::Bytes(Ranges(specs)))
        }
        (Some(Some(_)), Some(Some(_))) if lines.any(|line| line.is_none()) => Requested::Unknown,
        (Some(Some(_)), Some(Some(_))) => Requested::Whole,
    }
}

/// Returns what a line says after `bytes=`, or `None` if it does not begin with that.
///
/// RFC 9110 §14.1: "All range unit names are case-insensitive".
fn byte_range_set(line: &[u8]) -> Option<&[u8]> {
    let (unit, set) = trim(line).split_at_checked(BYTES_UNIT.len())?;
    unit.eq_ignore_ascii_case(BYTES_UNIT).then_some(set)
}

const BYTES_UNIT: &[u8] = b"bytes=";

/// Parses a set of ranges, or returns `None` if it is invalid.
///
/// RFC 9110 §14.1.1: "A ranges-specifier is invalid if it contains any range-spec that is invalid
/// or undefined for the indicated range-unit." RFC 9110 §5.6.1.2: empty members of a list are
/// ignored.
fn specs(set: &[u8]) -> Option<SmallVec<[Spec; 2]>> {
    let mut specs = SmallVec::new();
    for member in members(set).filter(|member| !member.is_empty()) {
        if specs.len() == MAX_RANGES {
            return None;
        }
        specs.push(spec(member)?);
    }
    (!specs.is_empty()).then_some(specs)
}

fn spec(member: &[u8]) -> Option<Spec> {
    let dash = member.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&member[..dash], &member[dash + 1..]);
    match (first, last) {
        ([], suffix) => Some(Spec::Last(position(suffix)?)),
        (first, []) => Some(Spec::From(position(first)?, None)),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            // §14.1.1: "An int-range is invalid if the last-pos value is present and less than the
            // first-pos."
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

/// Parses a position.
///
/// RFC 9110 §14.1.2: "recipients MUST anticipate potentially large decimal numerals and prevent
/// parsing errors due to integer conversion overflows". A number that does not fit becomes the
/// largest one, which lies behind every end.
fn position(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    })
}
