//! Typed values from any bytes: decoding never panics, and what is read can be written again.
#![no_main]

use bytes::Bytes;
use larder_core::value::wire::{decode, encode};
use libfuzzer_sys::fuzz_target;
use twox_hash::XxHash3_64;

/// The key of the lookup. The bytes begin with magic, version and kind.
const KEY: &str = "v|a|1";

fuzz_target!(|data: &[u8]| {
    // Without changes: the checksum rejects nearly all of them.
    let _ = decode(Bytes::copy_from_slice(data), KEY);
    // With a valid checksum, position and key, so that the input reaches every later check.
    let mut value = b"LR\x01\x05".to_vec();
    value.extend_from_slice(&[7; 32]);
    value.push(5);
    value.extend_from_slice(KEY.as_bytes());
    value.extend_from_slice(data);
    let checksum = XxHash3_64::oneshot(&value);
    value.extend_from_slice(&checksum.to_le_bytes());
    let length = value.len();
    if let Ok(read) = decode(value.into(), KEY) {
        assert!(read.payload.as_ref().is_none_or(|payload| payload.len() <= length));
        assert_eq!(decode(encode(&read), KEY).expect("what was read can be written"), read);
    }
});
