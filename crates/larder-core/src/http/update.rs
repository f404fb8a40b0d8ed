//! What a 304 changes in what is stored (RFC 9111 §3.2, §4.3.4).

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName};

use super::fields::remove_unstorable;
use super::list::trim;
use super::validators::{is_strong, weakly_equal};

/// Takes the fields of a 304 into the stored response that was validated. False, and nothing done, if the 304 is about
/// another representation: then the stored one is of no use to this request.
///
/// The result is a response that has just arrived, to be judged like one.
#[must_use]
pub fn freshen(stored: &mut HeaderMap, not_modified: &HeaderMap) -> bool {
    if !identifies(stored, not_modified) {
        return false;
    }
    replace(stored, not_modified);
    true
}

/// Replaces stored fields by those of a response that is newer and about the same representation (§3.2).
pub fn replace(stored: &mut HeaderMap, newer: &HeaderMap) {
    let mut update = newer.clone();
    remove_unstorable(&mut update);
    KEPT.iter().for_each(|name| {
        update.remove(name);
    });
    // RFC 9110 §6.6.1: a message without a date is dated by its arrival, and not by that of the one before.
    stored.remove(DATE);
    for name in update.keys() {
        stored.remove(name);
    }
    for (name, value) in &update {
        stored.append(name.clone(), value.clone());
    }
}

/// §3.2 excepts "Header fields that the cache's stored response depends upon" and "the Content-Length header field": the
/// body stays, and with it what says how to read it.
const KEPT: [HeaderName; 3] = [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE];

/// §4.3.4: a strong validator in the 304 has to be that of the stored response: "If none of the initial set contains at
/// least one of the same strong validators, then the cache MUST NOT use the new response to update any stored responses";
/// a weak one has to correspond to it. One without any confirms the only conditions that were sent.
fn identifies(stored: &HeaderMap, not_modified: &HeaderMap) -> bool {
    let Some(new) = field(not_modified, &ETAG) else {
        let dates = field(stored, &LAST_MODIFIED).zip(field(not_modified, &LAST_MODIFIED));
        return dates.is_none_or(|(known, new)| known == new);
    };
    field(stored, &ETAG)
        .is_some_and(|known| weakly_equal(new, known) && (is_strong(known) || !is_strong(new)))
}

/// The value of a field that has one.
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

    /// RFC 9111 §3.2: "MUST add each header field in the provided response to the stored response, replacing field
    /// values that are already present", with exceptions.
    #[test]
    fn fields_of_the_304_replace_the_stored_ones_and_the_others_stay() {
        let mut stored = fields(&[
            ETAG_A,
            ("cache-control", "max-age=1"),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
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
            ("content-type", "text/html"),
            ("x-kept", "1"),
            ("x-list", "3"),
            ("x-new", "4"),
        ]);
        assert_eq!(stored, expected);
    }

    /// RFC 9110 §6.6.1; otherwise what was just validated would be as old as before.
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
}
