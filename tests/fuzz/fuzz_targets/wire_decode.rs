//! Stored responses from any bytes: decoding never panics, and never accepts more than the bytes
//! contain.
#![no_main]

use bytes::Bytes;
use larder_core::log::position::{Incarnation, Mark, Position};
use larder_core::stored::wire::{Decoded, decode, encode, encode_told, encode_variants};
use libfuzzer_sys::fuzz_target;
use twox_hash::XxHash3_64;

/// The key of the lookup. The bytes begin with magic, version and kind.
const KEY: &str = "k|a";

fuzz_target!(|data: &[u8]| {
    // Without changes: the checksum rejects nearly all of them.
    let _ = decode(Bytes::copy_from_slice(data), KEY);
    // With a valid checksum, position and key, so that the input reaches every later check.
    let Some((kind, rest)) = data.split_first() else { return };
    let mut value = b"LR\x01".to_vec();
    value.push(kind % 5);
    value.extend_from_slice(&[7; 32]);
    value.push(3);
    value.extend_from_slice(KEY.as_bytes());
    value.extend_from_slice(rest);
    let checksum = XxHash3_64::oneshot(&value);
    value.extend_from_slice(&checksum.to_le_bytes());
    let length = value.len();
    match decode(value.into(), KEY) {
        Ok(Decoded::Response(response)) => {
            assert!(response.body.len() <= length);
            let again = decode(encode(&response), KEY).expect("what was read can be written");
            assert_eq!(again, Decoded::Response(response));
        }
        Ok(Decoded::Variants(fields)) => {
            let position = Position { incarnation: Incarnation::from_bytes([7; 16]), mark: Mark::ZERO };
            let again = decode(encode_variants(&fields, KEY, &position), KEY).expect("it can be written");
            assert_eq!(again, Decoded::Variants(fields));
        }
        Ok(Decoded::Told(told)) => {
            let position = Position { incarnation: Incarnation::from_bytes([7; 16]), mark: Mark::ZERO };
            let again = decode(encode_told(&told, KEY, &position), KEY).expect("it can be written");
            assert_eq!(again, Decoded::Told(told));
        }
        Err(_) => {}
    }
});
