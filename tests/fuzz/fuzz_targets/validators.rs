//! Conditions and dates from any bytes.
#![no_main]

use http::header::{CONTENT_TYPE, DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};
use larder_core::http::{age, date, freshen, storable_fields as stored, validators};
use larder_fuzz::{fields, values};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 10] = [
    "if-none-match",
    "if-modified-since",
    "etag",
    "last-modified",
    "date",
    "age",
    "expires",
    "connection",
    "content-length",
    "content-type",
];

fuzz_target!(|data: (&[u8], &[u8])| {
    let (mut request, mut response) = (fields(&NAMES, data.0), fields(&NAMES, data.1));
    dates(data.0);
    let _ = age::age_field(&response);
    let not_modified = validators::not_modified(&request, &response);
    if !request.contains_key(IF_NONE_MATCH) && !request.contains_key(IF_MODIFIED_SINCE) {
        assert!(!not_modified);
    }
    conditions(&mut request, &response);

    let _ = freshen::freshen(&mut response.clone(), &request);
    stored::remove_unstorable(&mut response);
    assert!(!response.contains_key("connection") && !response.contains_key("age"));
});

/// Checks that a parsed date is formatted as the same date.
fn dates(bytes: &[u8]) {
    for value in values(bytes) {
        if let Some(wall) = date::parse(&value) {
            assert_eq!(date::parse(&date::format(wall)), Some(wall), "{value:?}");
        }
    }
}

/// Checks that a revalidation request has none of the client's conditions, and that the response
/// matches its validators.
fn conditions(request: &mut HeaderMap, response: &HeaderMap) {
    let asked = validators::set_conditions(request, response, false);
    assert_eq!(asked, validators::has_validator(response));
    if !asked {
        assert!(!request.contains_key(IF_NONE_MATCH) && !request.contains_key(IF_MODIFIED_SINCE));
    }
    validators::strip_conditions(request);
    assert!(!validators::not_modified(request, response));

    let mut own = response.clone();
    let tag = validators::strong_etag(response, b"body");
    own.insert(ETAG, tag.clone());
    own.entry(DATE).or_insert(HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
    request.insert(IF_NONE_MATCH, tag);
    assert!(validators::not_modified(request, &own), "it matches itself");
    validators::strip_to_not_modified(&mut own);
    assert!(own.contains_key(ETAG) && !own.contains_key(CONTENT_TYPE));
}
