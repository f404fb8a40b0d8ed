//! `Range`, `If-Range` and `Content-Range` from any bytes: selected ranges lie within the body, and
//! a combination of two parts equals the original.
#![no_main]

use bytes::Bytes;
use http::header::{ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue};
use larder_core::http::range::{
    Bytewise, ContentRange, Parts, Requested, Selected, combine, if_range, requested, strip,
};
use larder_fuzz::fields;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 7] =
    ["range", "if-range", "content-range", "etag", "last-modified", "date", "accept-ranges"];

fuzz_target!(|input: (&[u8], &[u8], u64, [u8; 4])| {
    let (data, body, length, cuts) = input;
    let mut headers = fields(&NAMES, data);
    if let Requested::Bytes(ranges) = requested(&headers) {
        for length in [0, 1, length % 4096, length, u64::MAX] {
            if let Selected::Parts(parts) = ranges.select(length) {
                is_within(&parts, 0, length);
            }
        }
        if let Some(part) = ContentRange::of(&headers) {
            if let Some(parts) = ranges.select_within(&part) {
                is_within(&parts, part.range().start, part.range().end);
            }
        }
    }
    if let Some(part) = ContentRange::of(&headers) {
        let again = HeaderMap::from_iter([(http::header::CONTENT_RANGE, part.to_value())]);
        assert_eq!(ContentRange::of(&again), Some(part));
    }
    let response = headers.clone();
    let _ = if_range(&headers, &response);
    strip(&mut headers);
    assert!(!headers.contains_key(RANGE) && !headers.contains_key(IF_RANGE));
    assert!(if_range(&headers, &response));
    cut(body, cuts);
});

/// Checks that each part lies within the body, is not empty, and overlaps no other part.
fn is_within(parts: &Parts, start: u64, end: u64) {
    assert!(!parts.is_empty());
    for (nth, part) in parts.iter().enumerate() {
        assert!(start <= part.start && part.start < part.end && part.end <= end, "{parts:?}");
        assert!(parts[..nth].iter().all(|other| other.end <= part.start || part.end <= other.start));
    }
}

/// Checks that two parts of a body combine into a part of it, or not at all.
fn cut(body: &[u8], cuts: [u8; 4]) {
    let [a, b, c, d] = cuts.map(|cut| usize::from(cut).min(body.len()));
    let whole = body.len() as u64;
    let headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"a\""))]);
    let part = |from: usize, to: usize| {
        let part = ContentRange::new(from as u64..to as u64, Some(whole))?;
        Some((part, Bytes::copy_from_slice(&body[from..to])))
    };
    let (Some(one), Some(other)) = (part(a, b), part(c, d)) else { return };
    let of = |(part, body)| Bytewise { headers: &headers, part, body };
    let both = combine(of((&one.0, &one.1)), of((&other.0, &other.1)));
    assert_eq!(both.is_some(), a <= d && c <= b, "they touch, or not");
    if let Some((part, bytes)) = both {
        let (from, to) = (a.min(c), b.max(d));
        assert_eq!(part.range(), from as u64..to as u64);
        assert_eq!(bytes, body[from..to]);
    }
}
