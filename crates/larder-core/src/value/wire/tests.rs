//! Tests of the wire form of values, as tables.

use std::time::Duration;

use twox_hash::XxHash3_64;

use super::*;
use crate::invalidation::names::Names;
use crate::invalidation::position::{Incarnation, LogId, Position, Watermark};
use crate::invalidation::selector::Tag;
use crate::stored;

const KEY: &str = "v|product|42";

/// Version 1 of a value, byte for byte.
///
/// If this fails, the wire form has changed and needs another version.
const GOLDEN_VALUE: &str = "\
    4c520105 000102030405060708090a0b0c0d0e0f 0000019aaf0d22ab0000000000000007 \
    0c767c70726f647563747c3432 \
    01 02000000 03 ab220daf9a010000 \
    00b864d945000000 00e40b5402000000 0000000000000000 40420f0000000000 \
    25 6b0c000000 767c70726f647563747c3432 740f000000 70726f64756374733a636865657365 \
    02 4d125e2123506eac 222682fe330b8485 \
    68656c6c6f";

fn value() -> StoredValue {
    StoredValue {
        payload: Some(Bytes::from_static(b"hello")),
        meta: ValueMeta {
            key: KEY.into(),
            names: Names::of_value(KEY, &[Tag::new("products:cheese")]),
            position: Position {
                incarnation: Incarnation::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
                watermark: Watermark { log: LogId::new(0x19a_af0d_22ab, 7), local: 0 },
            },
            loaded_at: WallTime::from_unix_millis(0x19a_af0d_22ab),
            lifetime: Lifetime {
                fresh: Duration::from_secs(300),
                while_revalidate: Duration::from_secs(10),
                if_error: Duration::ZERO,
            },
            cost: Duration::from_millis(1),
            schema: 2,
            format: 3,
        },
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn with_checksum(mut content: Vec<u8>) -> Bytes {
    let checksum = XxHash3_64::oneshot(&content);
    content.extend_from_slice(&checksum.to_le_bytes());
    content.into()
}

/// Returns the encoded value without its checksum.
fn content() -> Vec<u8> {
    let mut content = encode(&value()).to_vec();
    content.truncate(content.len() - 8);
    content
}

fn kind(content: Vec<u8>) -> WireErrorKind {
    decode(with_checksum(content), KEY).unwrap_err().kind()
}

#[test]
fn version_1_is_what_it_always_was() {
    let bytes = with_checksum(hex(GOLDEN_VALUE));
    assert_eq!(encode(&value()), bytes);
    assert_eq!(decode(bytes, KEY), Ok(value()));
}

#[test]
fn an_absence_is_not_an_empty_value() {
    for payload in [None, Some(Bytes::new())] {
        let stored = StoredValue { payload, ..value() };
        assert_eq!(decode(encode(&stored), KEY), Ok(stored));
    }
    let mut absence = content();
    absence[49] = ABSENT;
    assert_eq!(kind(absence), WireErrorKind::Malformed, "an absence with a payload");
}

#[test]
fn a_value_that_is_not_what_was_written_is_not_believed() {
    let whole = content();
    assert_eq!(
        decode(with_checksum(whole.clone()), "v|product|43").unwrap_err().kind(),
        WireErrorKind::OtherKey
    );
    // Up to the names, each byte is needed. After them, the payload only becomes shorter.
    for length in 4..whole.len() - 5 {
        assert_eq!(kind(whole[..length].to_vec()), WireErrorKind::Malformed, "{length}");
    }
    let changed = |at: usize, byte: u8| {
        let mut content = content();
        content[at] = byte;
        kind(content)
    };
    assert_eq!(changed(0, b'X'), WireErrorKind::Foreign);
    assert_eq!(changed(2, 2), WireErrorKind::Version);
    assert_eq!(changed(2, 0), WireErrorKind::Version);
    assert_eq!(changed(3, 1), WireErrorKind::Malformed);
    assert_eq!(changed(49, 2), WireErrorKind::Malformed);
}

/// Readers of responses and of values tell the two apart.
#[test]
fn a_value_is_no_response() {
    let error = stored::wire::decode(encode(&value()), KEY).unwrap_err();
    assert_eq!(error.kind(), WireErrorKind::Malformed);
    let variants = stored::wire::encode_variants(&[], KEY, &value().meta.position);
    assert_eq!(decode(variants, KEY).unwrap_err().kind(), WireErrorKind::Malformed);
}
