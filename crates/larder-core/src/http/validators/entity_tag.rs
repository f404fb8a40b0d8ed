//! Entity tags (RFC 9110 §8.8.3).

use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use twox_hash::XxHash3_128;

use crate::http::list::trim;

/// Returns the entity tags in a list. Malformed tags are returned as they are.
///
/// The general rules for lists don't apply: inside a tag, a backslash is a byte like any other
/// (`etagc`) and does not escape a quote.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let end = end_of_tag(value);
        let (tag, after) = value.split_at(end);
        rest = after.split_first().map(|(_comma, after)| after);
        Some(trim(tag))
    })
}

/// Returns the position of the comma that ends the first tag of `value`, or the end of `value`.
fn end_of_tag(value: &[u8]) -> usize {
    let mut quoted = false;
    value
        .iter()
        .position(|&byte| {
            quoted ^= byte == b'"';
            byte == b',' && !quoted
        })
        .unwrap_or(value.len())
}

/// Whether two entity tags are equal by weak comparison. An empty tag equals nothing.
///
/// RFC 9110 §8.8.3.2: "two entity tags are equivalent if their opaque-tags match
/// character-by-character, regardless of either or both being tagged as "weak"".
pub(in crate::http) fn weakly_equal(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (opaque(one), opaque(other));
    !one.is_empty() && one == other
}

/// Whether a tag is strong, which means that it changes with every byte of the representation.
pub(in crate::http) fn is_strong(tag: &[u8]) -> bool {
    !tag.is_empty() && !tag.starts_with(b"W/")
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Generates a strong entity tag for a whole representation.
///
/// The tag is a hash (XXH3, 128 bits) of the bytes and of the fields that say what the bytes mean.
#[must_use]
pub fn strong_etag(headers: &HeaderMap, body: &[u8]) -> HeaderValue {
    etag("", headers, body)
}

/// Generates a weak entity tag, with the same hash as the [strong](strong_etag) one.
///
/// A weak tag stays true if a service in front of the cache changes the bytes but not their
/// meaning, as a compression does.
#[must_use]
pub fn weak_etag(headers: &HeaderMap, body: &[u8]) -> HeaderValue {
    etag("W/", headers, body)
}

fn etag(prefix: &str, headers: &HeaderMap, body: &[u8]) -> HeaderValue {
    let mut hasher = XxHash3_128::new();
    for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
        for value in headers.get_all(name) {
            // A field value contains no line feed. So two lists of values never give the hash the
            // same input.
            hasher.write(value.as_bytes());
            hasher.write(b"\n");
        }
        hasher.write(b"\n");
    }
    hasher.write(body);
    let text = format!("{prefix}\"{:032x}\"", hasher.finish_128());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""))
}
