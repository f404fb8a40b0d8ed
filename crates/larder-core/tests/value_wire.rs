//! A typed value for the shared tier reads back as it was written, and no input panics.

#![allow(clippy::unwrap_used)] // The whole file is tests; the lint sees only marked functions.

use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::Tag;
use larder_core::lifetime::Lifetime;
use larder_core::time::WallTime;
use larder_core::value::wire::{decode, encode};
use larder_core::value::{StoredValue, ValueMeta};
use larder_core::wire::error::WireErrorKind;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use twox_hash::XxHash3_64;

proptest! {
    #[test]
    fn a_value_reads_back_as_it_was(value in value()) {
        let mut arrived = value.clone();
        arrived.meta.position.watermark.local = 0;
        prop_assert_eq!(decode(encode(&value), &value.meta.key).unwrap(), arrived);
    }

    #[test]
    fn a_value_is_believed_for_its_own_key_only(value in value(), key in ".{0,20}") {
        prop_assume!(*value.meta.key != *key);
        prop_assert_eq!(decode(encode(&value), &key).unwrap_err().kind(), WireErrorKind::OtherKey);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        decode(bytes.clone().into(), "").unwrap_err();
        decode([b"LR\x01\x05".as_slice(), &bytes].concat().into(), "").unwrap_err();
    }

    #[test]
    fn a_changed_byte_is_found(value in value(), at: Index, change in 1_u8..) {
        let mut bytes = encode(&value).to_vec();
        *at.get_mut(&mut bytes) ^= change;
        decode(bytes.into(), &value.meta.key).unwrap_err();
    }

    #[test]
    fn a_missing_end_is_found(value in value(), at: Index) {
        let bytes = encode(&value);
        let bytes = bytes.slice(..at.index(bytes.len()));
        decode(bytes, &value.meta.key).unwrap_err();
    }

    /// The bytes are wrong although the checksum matches, so that each check behind it is reached.
    #[test]
    fn no_bytes_with_the_right_checksum_are_a_panic(
        value in value(),
        at: Index,
        new in vec(prop_oneof![Just(0xff), Just(0), any::<u8>()], 0..12),
        replaced in 0_usize..12,
    ) {
        let bytes = encode(&value);
        let content = &bytes[..bytes.len() - 8];
        let from = at.index(content.len());
        let to = (from + replaced).min(content.len());
        let changed = [&content[..from], &new, &content[to..]].concat();
        let checksum = XxHash3_64::oneshot(&changed).to_le_bytes();
        // A value that still decodes is one of the same key, and can be written again.
        if let Ok(other) = decode([changed.as_slice(), &checksum].concat().into(), &value.meta.key) {
            prop_assert_eq!(decode(encode(&other), &value.meta.key).unwrap(), other);
        }
    }
}

prop_compose! {
    fn value()(
        payload in option::of(vec(any::<u8>(), 0..300)),
        key in ".{0,20}",
        tags in vec(".{0,9}".prop_map(Tag::new), 0..3),
        incarnation: [u8; 16],
        log: [u64; 2],
        local: u64,
        loaded_at: u64,
        durations: [u64; 4],
        schema: u32,
        format: u8,
    ) -> StoredValue {
        let [fresh, while_revalidate, if_error, cost] = durations.map(Duration::from_nanos);
        StoredValue {
            payload: payload.map(Bytes::from),
            meta: ValueMeta {
                names: Names::of_value(&key, &tags),
                key: key.into(),
                position: Position {
                    incarnation: Incarnation::from_bytes(incarnation),
                    watermark: Watermark { log: LogId::new(log[0], log[1]), local },
                },
                loaded_at: WallTime::from_unix_millis(loaded_at),
                lifetime: Lifetime { fresh, while_revalidate, if_error },
                cost,
                schema,
                format,
            },
        }
    }
}
