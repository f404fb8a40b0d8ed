//! Combines two parts into one (RFC 9111 §3.4, RFC 9110 §15.3.7.3).

use bytes::Bytes;
use http::HeaderMap;
use http::header::ETAG;

use super::content_range::ContentRange;
use super::if_range::{strong_date, strong_tag};

/// A part, with the fields that identify its representation.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)] // The rule has these inputs.
pub struct Bytewise<'a> {
    /// The fields of the response that contained the part.
    pub headers: &'a HeaderMap,
    /// The position of the part in the representation.
    pub part: &'a ContentRange,
    /// The bytes of the part, as many as `part` says.
    pub body: &'a Bytes,
}

/// Combines two parts into one.
///
/// Returns `None` if they are not of the same representation, or if there is a gap between them.
///
/// RFC 9111 §3.4: "A cache MAY combine these ranges into a single stored response […] if they all
/// share the same strong validator". The bytes that both parts contain are compared as well. A
/// validator that was given to different bytes is not strong, whatever it looks like.
#[must_use]
pub fn combine(stored: Bytewise<'_>, new: Bytewise<'_>) -> Option<(ContentRange, Bytes)> {
    let are_as_long = |one: Bytewise<'_>| one.part.has_length(one.body.len());
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
        // If there are weak tags, the dates don't count: the tags may differ because the bytes do.
        (None, None) if !one.contains_key(ETAG) && !other.contains_key(ETAG) => {
            strong_date(one).is_some_and(|date| Some(date) == strong_date(other))
        }
        _ => false,
    }
}

/// Returns the length of the whole, if at least one part knows it.
///
/// The outer `None` means that the two parts disagree.
fn common_length(one: &ContentRange, other: &ContentRange) -> Option<Option<u64>> {
    match (one.complete(), other.complete()) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => Some(one.or(other)),
    }
}
