//! The changes that a 304 or a response to `HEAD` makes to a stored response.
//!
//! See RFC 9111 §3.2, §4.3.4 and §4.3.5.

use http::header::{AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName};

use super::list::trim;
use super::storable_fields::remove_unstorable;
use super::validators::{is_strong, weakly_equal};

/// Updates a stored response with the fields of the 304 that validated it.
///
/// Returns `false` and changes nothing if the 304 is about another representation. The stored
/// response then cannot be used for this request.
///
/// An updated response counts as one that has just arrived, so the rules for storing apply to it
/// again.
#[must_use]
pub fn freshen(stored: &mut HeaderMap, not_modified: &HeaderMap) -> bool {
    if !identifies(stored, not_modified) {
        return false;
    }
    replace(stored, not_modified);
    true
}

/// Updates a stored response to `GET` with the fields of a response (200) to `HEAD`.
///
/// `stored` is the stored response that matches the `HEAD` request. `length` is the length of its
/// body. Returns `false` and changes nothing if the two responses are about different
/// representations. The stored response is then stale.
///
/// RFC 9111 §4.3.5: "if the stored response and HEAD response have matching values for any received
/// validator fields (ETag and Last-Modified) and, if the HEAD response has a Content-Length header
/// field, the value of Content-Length matches that of the stored response, the cache SHOULD update
/// the stored response as described below; otherwise, the cache SHOULD consider the stored response
/// to be stale."
#[must_use]
pub fn freshen_from_head(stored: &mut HeaderMap, length: usize, head: &HeaderMap) -> bool {
    let same = |name| field(head, &name).is_none_or(|received| field(stored, &name) == Some(received));
    let same_length =
        field(head, &CONTENT_LENGTH).is_none_or(|received| received == length.to_string().as_bytes());
    let is_same = same(ETAG) && same(LAST_MODIFIED) && same_length;
    if is_same {
        replace(stored, head);
    }
    is_same
}

/// Replaces the stored fields with the provided ones, with some exceptions.
///
/// RFC 9111 §3.2: "When doing so, the cache MUST add each header field in the provided response to
/// the stored response, replacing field values that are already present, with the following
/// exceptions".
pub fn replace(stored: &mut HeaderMap, provided: &HeaderMap) {
    let mut update = provided.clone();
    remove_unstorable(&mut update);
    KEPT.iter().for_each(|name| {
        update.remove(name);
    });
    // RFC 9110 §6.6.1: a message without `Date` is dated by its own arrival. The stored `Date` is
    // that of an earlier message.
    stored.remove(DATE);
    for name in update.keys() {
        stored.remove(name);
    }
    for (name, value) in &update {
        stored.append(name.clone(), value.clone());
    }
    // If another cache sent the update, `Age` states the age of the response (§4.2.3). This field
    // is not stored, but the rules for storing need it.
    stored.remove(AGE);
    if let Some(age) = provided.get(AGE) {
        stored.insert(AGE, age.clone());
    }
}

/// The stored fields that an update does not replace.
///
/// RFC 9111 §3.2 excepts "Header fields that the cache's stored response depends upon" and "The
/// Content-Length header field". A cache that omits further fields from an update has to limit this
/// "to those fields necessary to assure integrity of the stored response". An update does not
/// replace the body. So it does not replace the fields with the body's coding, range and digest.
///
/// In a 304, the digest fields of RFC 9530 and RFC 1864 describe the content of the 304, which is
/// empty, or bytes that a weak tag does not guarantee.
const KEPT: [HeaderName; 6] = [
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("repr-digest"),
];

/// Whether the 304 is about the stored response.
///
/// RFC 9111 §4.3.4: a strong validator in the 304 must equal that of the stored response. "If none
/// of the initial set contains at least one of the same strong validators, then the cache MUST NOT
/// use the new response to update any stored responses". A weak validator must correspond to that
/// of the stored response. A 304 without a validator can only refer to the conditions that were
/// sent.
fn identifies(stored: &HeaderMap, not_modified: &HeaderMap) -> bool {
    let Some(new) = field(not_modified, &ETAG) else {
        let dates = field(stored, &LAST_MODIFIED).zip(field(not_modified, &LAST_MODIFIED));
        return dates.is_none_or(|(known, new)| known == new);
    };
    field(stored, &ETAG)
        .is_some_and(|known| weakly_equal(new, known) && (is_strong(known) || !is_strong(new)))
}

/// Returns the value of a field, or `None` if it is missing or empty.
fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let value = trim(headers.get(name)?.as_bytes());
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    const ETAG_A: (&str, &str) = ("etag", "\"a\"");
    const WEAK_A: (&str, &str) = ("etag", "W/\"a\"");
    const ETAG_B: (&str, &str) = ("etag", "\"b\"");
    const MONDAY: (&str, &str) = ("last-modified", "Mon, 07 Nov 1994 08:49:37 GMT");
    const SUNDAY: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");

    /// RFC 9111 §3.2: the fields of the 304 replace the stored ones, with exceptions.
    ///
    /// "MUST add each header field in the provided response to the stored response, replacing field
    /// values that are already present".
    #[test]
    fn fields_of_the_304_replace_the_stored_ones_and_the_others_stay() {
        let mut stored = fields(&[
            ETAG_A,
            ("cache-control", "max-age=1"),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-md5", "a"),
            ("content-digest", "b"),
            ("x-kept", "1"),
            ("x-list", "1"),
            ("x-list", "2"),
        ]);
        let not_modified = fields(&[
            ETAG_A,
            ("cache-control", "max-age=2"),
            ("cache-control", "public"),
            ("content-length", "0"),
            ("content-encoding", "br"),
            ("content-range", "bytes 0-1/2"),
            ("content-md5", "c"),
            ("content-digest", "d"),
            ("repr-digest", "e"),
            ("content-type", "text/html"),
            ("x-list", "3"),
            ("x-new", "4"),
            ("age", "7"),
            ("connection", "x-hop"),
            ("x-hop", "5"),
            ("transfer-encoding", "chunked"),
        ]);
        assert!(freshen(&mut stored, &not_modified));
        let expected = fields(&[
            ETAG_A,
            ("cache-control", "max-age=2"),
            ("cache-control", "public"),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-md5", "a"),
            ("content-digest", "b"),
            ("age", "7"),
            ("content-type", "text/html"),
            ("x-kept", "1"),
            ("x-list", "3"),
            ("x-new", "4"),
        ]);
        assert_eq!(stored, expected);
    }

    /// RFC 9110 §6.6.1. With the old date, a validated response would be as old as before.
    #[test]
    fn the_date_is_that_of_the_304_or_none() {
        let old = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let new = ("date", "Mon, 07 Nov 1994 08:49:37 GMT");
        for update in [&[][..], &[new]] {
            let mut stored = fields(&[old]);
            assert!(freshen(&mut stored, &fields(update)));
            assert_eq!(stored, fields(update));
        }
    }

    /// RFC 9111 §4.3.4.
    #[test]
    fn a_304_about_another_representation_changes_nothing() {
        for (stored, not_modified, expected) in [
            (&[ETAG_A][..], &[ETAG_A][..], true),
            (&[ETAG_A], &[ETAG_B], false),
            (&[WEAK_A], &[WEAK_A], true),
            (&[ETAG_A], &[WEAK_A], true),
            (&[WEAK_A], &[ETAG_A], false),
            (&[], &[ETAG_A], false),
            (&[ETAG_A], &[], true),
            (&[ETAG_A], &[("etag", "")], true),
            (&[SUNDAY], &[SUNDAY], true),
            (&[SUNDAY], &[MONDAY], false),
            (&[SUNDAY], &[], true),
            (&[ETAG_A, SUNDAY], &[ETAG_A, MONDAY], true),
            (&[ETAG_A], &[MONDAY], true),
        ] {
            let mut headers = fields(stored);
            let update = fields(&[not_modified, &[("x-new", "1")]].concat());
            assert_eq!(freshen(&mut headers, &update), expected, "{stored:?} {not_modified:?}");
            assert_eq!(headers.contains_key("x-new"), expected);
        }
    }

    /// RFC 9111 §4.3.5.
    #[test]
    fn a_response_to_head_updates_what_is_of_the_same_representation() {
        for (stored, head, expected) in [
            (&[][..], &[][..], true),
            (&[ETAG_A], &[ETAG_A], true),
            (&[ETAG_A], &[ETAG_B], false),
            (&[ETAG_A], &[WEAK_A], false),
            (&[], &[ETAG_A], false),
            (&[ETAG_A], &[], true),
            (&[SUNDAY], &[SUNDAY], true),
            (&[SUNDAY], &[MONDAY], false),
            (&[ETAG_A, SUNDAY], &[ETAG_A, MONDAY], false),
            (&[], &[("content-length", "5")], true),
            (&[], &[("content-length", "6")], false),
            (&[("content-length", "5")], &[("content-length", "x")], false),
        ] {
            let mut headers = fields(stored);
            let update = fields(&[head, &[("x-new", "1")]].concat());
            assert_eq!(freshen_from_head(&mut headers, 5, &update), expected, "{stored:?} {head:?}");
            assert_eq!(headers.contains_key("x-new"), expected);
        }
    }
}
