//! The codings that a request accepts, as each thread has read them last.

use std::cell::RefCell;

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;
use larder_core::http::content_coding::accepted::AcceptedCodings;

use crate::http::layer_state::LayerState;

/// The number of fields that each thread remembers. Most clients send one of a few.
const PLACES: usize = 16;
/// Maximum length of a field that is remembered.
const MAX_LENGTH: usize = 128;

#[derive(Clone)]
struct Known {
    field: Box<[u8]>,
    accepted: AcceptedCodings,
}

thread_local! {
    static KNOWN: RefCell<Vec<Option<Known>>> = const { RefCell::new(Vec::new()) };
}

/// Returns the codings that a request accepts, if the policy codes responses.
///
/// A hit compares the field with the one that had its place last. That takes a tenth of the
/// instructions of parsing it.
#[inline]
pub(crate) fn accepted_codings(layer: &LayerState, request: &HeaderMap) -> AcceptedCodings {
    if layer.policy.codings().is_empty() { AcceptedCodings::NONE } else { of_request(request) }
}

#[inline]
fn of_request(request: &HeaderMap) -> AcceptedCodings {
    let mut lines = request.get_all(ACCEPT_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => AcceptedCodings::NONE,
        (Some(only), None) => known(only.as_bytes()).unwrap_or_else(|| parse(request, only.as_bytes())),
        (Some(_), Some(_)) => AcceptedCodings::of(request),
    }
}

#[inline]
fn known(field: &[u8]) -> Option<AcceptedCodings> {
    let known = KNOWN.try_with(|known| match known.try_borrow().ok()?.get(field.len() % PLACES) {
        Some(Some(known)) if *known.field == *field => Some(known.accepted),
        _ => None,
    });
    known.ok().flatten()
}

#[cold]
fn parse(request: &HeaderMap, field: &[u8]) -> AcceptedCodings {
    let accepted = AcceptedCodings::of(request);
    if field.len() <= MAX_LENGTH {
        // A thread that is ending remembers nothing.
        let _ = KNOWN.try_with(|known| {
            let Ok(mut known) = known.try_borrow_mut() else { return };
            known.resize(PLACES, None);
            known[field.len() % PLACES] = Some(Known { field: field.into(), accepted });
        });
    }
    accepted
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use larder_core::http::content_coding::ContentCoding;

    use super::*;

    /// All of them have the same place. None may get the codings of another one.
    #[test]
    fn each_field_has_its_own_meaning() {
        let fields = [("br", Some("br")), ("xx", None), ("gzip;q=0.25, zstd;", Some("gzip"))];
        for _ in 0..3 {
            for (field, expected) in fields {
                assert_eq!(field.len() % PLACES, 2);
                let request = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(field))]);
                let coding = of_request(&request).prefer(&ContentCoding::ALL).coding;
                assert_eq!(coding.map(ContentCoding::as_str), expected, "{field}");
            }
        }
    }

    #[test]
    fn all_lines_count() {
        let mut request = HeaderMap::new();
        assert_eq!(of_request(&request), AcceptedCodings::NONE);
        for line in ["gzip", "br"] {
            request.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        assert_eq!(of_request(&request).prefer(&ContentCoding::ALL).coding, Some(ContentCoding::Br));
        let long = format!("{}, gzip", "x".repeat(200));
        let request = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::try_from(long).unwrap())]);
        for _ in 0..2 {
            assert_eq!(of_request(&request).prefer(&ContentCoding::ALL).coding, Some(ContentCoding::Gzip));
        }
    }
}
