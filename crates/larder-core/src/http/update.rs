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
    let mut update = not_modified.clone();
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
    true
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
