//! Combines two parts into one (RFC 9111 §3.4, RFC 9110 §15.3.7.3).

use bytes::Bytes;
use http::HeaderMap;
use http::header::ETAG;

use super::content_range::ContentRange;
use super::if_range::{strong_date, strong_tag};

/// A part of a representation, with the fields that identify the representation.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)] // The rule has these inputs.
pub struct PartialBody<'a> {
    /// The fields of the response that contained the part.
    pub headers: &'a HeaderMap,
    /// The position of the part in the representation.
    pub part: &'a ContentRange,
    /// The bytes of the part. Their number has to match `part`.
    pub body: &'a Bytes,
}

/// Combines two parts into one.
///
/// Returns `None` if they belong to different representations, or if there is a gap between them.
///
/// RFC 9111 §3.4: "A cache MAY combine these ranges into a single stored response […] if they all
/// share the same strong validator". If the parts overlap, the overlapping bytes are compared as
/// well. If these bytes differ, the validator is not strong, even if it looks like a strong one.
#[must_use]
pub fn combine(stored: PartialBody<'_>, new: PartialBody<'_>) -> Option<(ContentRange, Bytes)> {
    let are_as_long = |one: PartialBody<'_>| one.part.has_length(one.body.len());
    if !are_as_long(stored) || !are_as_long(new) || !share_a_strong_validator(stored.headers, new.headers) {
        return None;
    }
    let complete = common_length(stored.part, new.part)?;
    let (before, behind) =
        if stored.part.range().start <= new.part.range().start { (stored, new) } else { (new, stored) };
    let (first, last) = (before.part.range(), behind.part.range());
    let overlap = usize::try_from(first.end.checked_sub(last.start)?).ok()?;
    let common = overlap.min(behind.body.len());
    let from = before.body.len() - overlap;
    if before.body[from..from + common] != behind.body[..common] {
        return None;
    }
    let part = ContentRange::new(first.start..first.end.max(last.end), complete)?;
    let mut body = Vec::with_capacity(before.body.len() + behind.body.len() - common);
    body.extend_from_slice(before.body);
    body.extend_from_slice(&behind.body[common..]);
    Some((part, body.into()))
}

fn share_a_strong_validator(one: &HeaderMap, other: &HeaderMap) -> bool {
    match (strong_tag(one), strong_tag(other)) {
        (Some(one), Some(other)) => one == other,
        // If there is a weak tag, the dates don't count: two tags may differ because the bytes do.
        (None, None) if !one.contains_key(ETAG) && !other.contains_key(ETAG) => {
            strong_date(one).is_some_and(|date| Some(date) == strong_date(other))
        }
        _ => false,
    }
}

/// Returns the length of the whole representation, if at least one part states it.
///
/// The outer `None` means that the two parts disagree.
fn common_length(one: &ContentRange, other: &ContentRange) -> Option<Option<u64>> {
    match (one.complete(), other.complete()) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => Some(one.or(other)),
    }
}
