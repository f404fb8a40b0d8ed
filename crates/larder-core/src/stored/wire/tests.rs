//! Tests of the wire form, as tables.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use twox_hash::XxHash3_64;

use super::*;
use crate::http::freshness::Lifetime;
use crate::http::no_vary_search::UrlVariation;
use crate::http::range::ContentRange;
use crate::http::response_flags::ResponseFlags;
use crate::invalidation::names::Names;
use crate::invalidation::position::{Incarnation, LogId, Watermark};
use crate::invalidation::selector::Tag;
use crate::stored::Meta;
use crate::time::WallTime;

const KEY: &str = "k|user:42";

/// Version 1, byte for byte.
///
/// If this fails, the wire form has changed and needs another version.
const GOLDEN_RESPONSE: &str = "\
    4c520101 000102030405060708090a0b0c0d0e0f 0000019aaf0d22ab0000000000000007 \
    096b7c757365723a3432 \
    c800 05 ab220daf9a010000 \
    00ca9a3b00000000 00b864d945000000 00e40b5402000000 0000000000000000 40420f0000000000 \
    02 24 01 02656e 26 00 \
    25 7005000000 2f75736572 6b0a000000 757365722d3432616263 7407000000 757365723a3432 \
    06 adc9a62d8b3fd1d8 c173772254e598f3 aee1a43724fb8016 9d3324aa55cf67b1 \
    bf54ec38a758c389 aa7471fa05e6c19f \
    03 01 0a746578742f706c61696e 00 04782d6964 0131 00 04782d6964 0132 \
    68656c6c6f";
const GOLDEN_VARIANTS: &str = "\
    4c520102 000102030405060708090a0b0c0d0e0f 0000019aaf0d22ab0000000000000007 \
    096b7c757365723a3432 \
    02 23 00 03646e74";

const GOLDEN_TOLD: &str = "\
    4c520104 000102030405060708090a0b0c0d0e0f 0000019aaf0d22ab0000000000000007 \
    096b7c757365723a3432 \
    ab220daf9a010000 00ca9a3b00000000 05 6f2d612662";

/// The same response, of which only these five bytes of ten are stored.
const PART: &str = "03 00000000000000 08 00000000000000 0b 00000000000000";

fn position() -> Position {
    Position {
        incarnation: Incarnation::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        watermark: Watermark { log: LogId::new(0x19a_af0d_22ab, 7), local: 0 },
    }
}

fn response() -> StoredResponse {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.append("x-id", HeaderValue::from_static("1"));
    headers.append("x-id", HeaderValue::from_static("2"));
    StoredResponse {
        status: StatusCode::OK,
        headers,
        body: Bytes::from_static(b"hello"),
        meta: Meta {
            key: KEY.into(),
            selecting: Box::new([
                (header::ACCEPT_LANGUAGE, Some(HeaderValue::from_static("en"))),
                (header::COOKIE, None),
            ]),
            names: Names::new("/user", &["user-42abc".into()], &[], &[Tag::new("user:42")]),
            position: position(),
            response_time: WallTime::from_unix_millis(0x19a_af0d_22ab),
            initial_age: Duration::from_secs(1),
            lifetime: Lifetime {
                fresh: Duration::from_secs(300),
                while_revalidate: Duration::from_secs(10),
                if_error: Duration::ZERO,
            },
            cost: Duration::from_millis(1),
            flags: ResponseFlags { shareable: true, no_cache: true, ..ResponseFlags::default() },
            part: None,
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

/// Decodes a value, and a copy of it, which has the same result.
fn decode(value: Bytes, key: &str) -> Result<Decoded, WireError> {
    let copied = decode_copy_after(HeaderMap::new(), &value, key);
    let read = super::decode(value, key);
    assert_eq!(copied, read);
    read
}

fn kind(result: Result<Decoded, WireError>) -> WireErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn version_1_is_what_it_always_was() {
    let value = with_checksum(hex(GOLDEN_RESPONSE));
    assert_eq!(encode(&response()), value);
    assert_eq!(decode(value, KEY), Ok(Decoded::Response(response())));

    let fields = [header::ACCEPT_ENCODING, HeaderName::from_static("dnt")];
    let value = with_checksum(hex(GOLDEN_VARIANTS));
    assert_eq!(encode_variants(&fields, KEY, &position()), value);
    assert_eq!(decode(value, KEY), Ok(Decoded::Variants(fields.into())));
}

/// A reader that does not know this kind finds it malformed, which is a miss.
#[test]
fn the_wire_form_of_a_variation_hint_is_stable() {
    let told = VariationHint {
        variation: UrlVariation::from_text("o-a&b").unwrap(),
        at: WallTime::from_unix_millis(0x19a_af0d_22ab),
        life: Duration::from_secs(1),
    };
    let value = with_checksum(hex(GOLDEN_TOLD));
    assert_eq!(encode_variation_hint(&told, KEY, &position()), value);
    assert_eq!(decode(value, KEY), Ok(Decoded::VariationHint(told)));
    // No variation, one in another spelling, the default one, no UTF-8, too long, too short, too
    // much.
    for to in
        ["00", "05 6f2d622661", "01 2d", "03 2d61ff", "06 6f2d612662", "04 6f2d612662", "05 6f2d612662 00"]
    {
        let value = with_checksum(hex(&GOLDEN_TOLD.replacen("05 6f2d612662", to, 1)));
        assert_eq!(kind(decode(value, KEY)), WireErrorKind::Malformed, "{to}");
    }
}

/// RFC 9111 §3.3: a part is "recorded as being incomplete".
///
/// It is a kind of its own. A reader that knows only the others, as all did at first, finds it
/// malformed, which is a miss.
#[test]
fn a_part_is_distinguished_from_the_full_response() {
    let golden = |part: &str| {
        let text = GOLDEN_RESPONSE.replacen("4c520101", "4c520103", 1).replacen(
            "c800 05",
            &format!("{part} c800 05"),
            1,
        );
        with_checksum(hex(&text))
    };
    let mut stored = response();
    stored.meta.part = ContentRange::new(3..8, Some(10));
    assert_eq!(encode(&stored), golden(PART));
    assert_eq!(decode(golden(PART), KEY), Ok(Decoded::Response(stored.clone())));
    stored.meta.part = ContentRange::new(3..8, None);
    assert_eq!(decode(encode(&stored), KEY), Ok(Decoded::Response(stored)));
    for (from, to) in [("08", "09"), ("08", "03"), ("0b", "08"), ("03", "ff")] {
        let value = golden(&PART.replacen(from, to, 1));
        assert_eq!(kind(decode(value, KEY)), WireErrorKind::Malformed, "{from} → {to}");
    }
}

#[test]
fn the_position_stands_where_scripts_look_for_it() {
    let variation = UrlVariation::from_text("=").unwrap();
    let told = VariationHint { variation, at: WallTime::from_unix_millis(0), life: Duration::ZERO };
    let values = [
        encode(&response()),
        encode_variants(&[], KEY, &position()),
        encode_variation_hint(&told, KEY, &position()),
    ];
    for value in values {
        assert_eq!(value[INCARNATION], position().incarnation.to_bytes());
        assert_eq!(value[LOG_ID], position().watermark.log.to_be_bytes());
    }
}

#[test]
fn the_local_number_does_not_travel() {
    let mut stored = response();
    stored.meta.position.watermark.local = 9;
    assert_eq!(decode(encode(&stored), KEY), Ok(Decoded::Response(response())));
}

#[test]
fn the_body_and_the_values_are_slices_of_what_was_read() {
    let value = encode(&response());
    let lies_within = |bytes: &[u8]| value.as_ptr_range().contains(&bytes.as_ptr());
    let Ok(Decoded::Response(read)) = decode(value.clone(), KEY) else {
        panic!("it decodes");
    };
    assert!(lies_within(&read.body));
    assert!(read.headers.values().all(|value| lies_within(value.as_bytes())));
}

/// A copy is hashed in parts, of 8 KiB each.
#[test]
fn a_copy_has_the_same_content_and_is_no_slice() {
    for body in [0, 100, 7_900, 8_192, 16_384, 70_000, 300_000] {
        let body = Bytes::from(
            (0..body).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect::<Vec<_>>(),
        );
        for cut in (0..body.len().min(300)).step_by(7) {
            let stored = StoredResponse { body: body.slice(cut..), ..response() };
            let value = encode(&stored);
            let Ok(Decoded::Response(copy)) = decode_copy_after(HeaderMap::new(), &value, KEY) else {
                panic!("it decodes");
            };
            assert_eq!(copy, stored);
            assert!(!value.as_ptr_range().contains(&copy.body.as_ptr()) || copy.body.is_empty());
            if cut % 3 == 0 {
                let mut changed = value.to_vec();
                let at = (cut * 7_919 + 200) % changed.len();
                changed[at] ^= 0x10;
                assert!(decode(changed.into(), KEY).is_err(), "{at}");
            }
        }
    }
}

#[test]
fn foreign_values_are_recognized() {
    let value = with_checksum(hex(GOLDEN_RESPONSE));
    let with = |at: usize, byte: u8| {
        let mut value = value.to_vec();
        value[at] = byte;
        decode(value.into(), KEY)
    };
    assert_eq!(kind(decode(Bytes::new(), KEY)), WireErrorKind::Foreign);
    assert_eq!(kind(decode(Bytes::from_static(b"L"), KEY)), WireErrorKind::Foreign);
    assert_eq!(kind(decode(Bytes::from_static(b"{\"a\":1}"), KEY)), WireErrorKind::Foreign);
    assert_eq!(kind(decode(Bytes::from_static(b"LR\x01"), KEY)), WireErrorKind::Corrupt);
    assert_eq!(kind(with(2, 0)), WireErrorKind::Version);
    assert_eq!(kind(with(2, 3)), WireErrorKind::Version);
    assert_eq!(kind(with(3, 2)), WireErrorKind::Corrupt);
    assert_eq!(kind(with(value.len() - 9, b'0')), WireErrorKind::Corrupt);
    assert_eq!(kind(decode(value.clone(), "k|user:43")), WireErrorKind::OtherKey);
    assert_eq!(kind(decode(value, "k|user:4")), WireErrorKind::OtherKey);
}

/// Lengths far beyond the input and impossible field values, behind a checksum that matches.
#[test]
fn invalid_values_are_errors() {
    let changes = [
        ("4c520101", "4c520105"),
        ("4c520101", "4c520104"),
        // A part: the status and the bytes after it are read as its range.
        ("4c520101", "4c520103"),
        ("c800 05", "0000 05"),
        ("c800 05", "e803 05"),
        ("c800 05", "c800 15"),
        ("02 24 01 02656e", "ffffffffffffffff7f 24 01 02656e"),
        ("02 24 01 02656e", "02 24 02 02656e"),
        ("02 24 01 02656e", "02 2a 01 02656e"),
        ("02 24 01 02656e", "02 24 01 020a6e"),
        ("02 24 01 02656e", "02 24 01 8080808002656e"),
        ("7005000000 2f75736572", "7005000000 2f757365ff"),
        ("7005000000 2f75736572", "7105000000 2f75736572"),
        ("7407000000", "7408000000"),
        ("7407000000", "74ffffffff"),
        ("25 70", "ffffffffffffffffff01 70"),
        ("25 70", "ffffffffffffffffffff01 70"),
        ("06 adc9", "ffffffff0f adc9"),
        ("03 01 0a", "ffffffff0f 01 0a"),
        ("03 01 0a", "03 01 80808080024a"),
        ("00 04782d6964 0131", "00 04782d4964 0131"),
        ("00 04782d6964 0131", "00 00 0131"),
    ];
    for (from, to) in changes {
        assert!(GOLDEN_RESPONSE.contains(from), "{from}");
        let value = with_checksum(hex(&GOLDEN_RESPONSE.replacen(from, to, 1)));
        assert_eq!(kind(decode(value, KEY)), WireErrorKind::Malformed, "{from} → {to}");
    }
    for (from, to) in [("02 23", "01 23"), ("02 23", "03 23"), ("02 23", "02 fe")] {
        let value = with_checksum(hex(&GOLDEN_VARIANTS.replacen(from, to, 1)));
        assert_eq!(kind(decode(value, KEY)), WireErrorKind::Malformed, "{from} → {to}");
    }
}

#[test]
fn one_field_name_more_than_a_map_can_hold_is_an_error() {
    let mut content = hex(GOLDEN_RESPONSE.split_once("03 01 0a").unwrap().0);
    writer::length(&mut content, 40_000);
    for number in 0..40_000 {
        content.push(0);
        writer::bytes(&mut content, format!("x{number}").as_bytes());
        content.push(0);
    }
    assert_eq!(kind(decode(with_checksum(content), KEY)), WireErrorKind::Malformed);
}

/// Lifetimes, ages and windows of less than a second reach other instances unchanged.
#[test]
fn times_of_less_than_a_second_survive() {
    let mut response = response();
    response.meta.initial_age = Duration::from_millis(3);
    response.meta.lifetime = Lifetime {
        fresh: Duration::from_millis(500),
        while_revalidate: Duration::from_millis(1),
        if_error: Duration::from_nanos(1),
    };
    assert_eq!(decode(encode(&response), KEY).unwrap(), Decoded::Response(response));
}

/// Version 2, byte for byte. It differs from version 1 in its number and in three flags.
#[test]
fn a_lifetime_that_the_handler_set_is_version_2() {
    for (fresh, while_revalidate, if_error, bits) in [
        (true, false, false, "15"),
        (false, true, false, "25"),
        (false, false, true, "45"),
        (true, true, true, "75"),
    ] {
        let mut stored = response();
        stored.meta.flags.by_handler = SetByHandler { fresh, while_revalidate, if_error };
        let golden = |version: &str, bits: &str| {
            let text = GOLDEN_RESPONSE.replacen("4c520101", &format!("4c52{version}01"), 1);
            with_checksum(hex(&text.replacen("c800 05", &format!("c800 {bits}"), 1)))
        };
        assert_eq!(encode(&stored), golden("02", bits));
        assert_eq!(decode(golden("02", bits), KEY), Ok(Decoded::Response(stored)));
        // Version 1 does not have this flag, and version 2 has to have one.
        assert_eq!(kind(decode(golden("01", bits), KEY)), WireErrorKind::Malformed);
        assert_eq!(kind(decode(golden("02", "05"), KEY)), WireErrorKind::Malformed);
        assert_eq!(kind(decode(golden("03", bits), KEY)), WireErrorKind::Version);
    }
}
