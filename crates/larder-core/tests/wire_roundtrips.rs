//! A value for the shared tier reads back as it was written, and no input panics.

#![allow(clippy::unwrap_used)] // The whole file is tests; the lint sees only marked functions.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::http::freshness::Lifetime;
use larder_core::http::no_vary_search::UrlVariation;
use larder_core::http::range::ContentRange;
use larder_core::http::response_flags::{ResponseFlags, SetByHandler};
use larder_core::http::vary::SelectingFields;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Digest, Glob, HashedName, Prefix, Selector, Tag, UriName};
use larder_core::stored::wire::{
    Decoded, WireErrorKind, decode, encode, encode_variants, encode_variation_hint,
};
use larder_core::stored::{Meta, StoredResponse, VariationHint};
use larder_core::time::WallTime;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use twox_hash::XxHash3_64;

/// Unpacks names whose digests are three bytes after their texts.
fn unpacked(texts: &[u8], digests: &[u8]) -> Option<Names> {
    let buffer = [texts, b"???", digests].concat();
    Names::unpack(buffer.into(), texts.len(), texts.len() + 3)
}

proptest! {
    #[test]
    fn a_response_reads_back_as_it_was(response in response()) {
        let value = encode(&response);
        let key = response.meta.key.clone();
        prop_assert_eq!(decode(value, &key).unwrap(), Decoded::Response(arrived(response)));
    }

    #[test]
    fn the_names_of_selecting_fields_read_back_as_they_were(
        fields in vec(field_name(), 0..5),
        key in ".{0,20}",
        position in position(),
    ) {
        let value = encode_variants(&fields, &key, &position);
        prop_assert_eq!(decode(value, &key).unwrap(), Decoded::Variants(fields.into()));
    }

    #[test]
    fn a_variation_hint_reads_back_unchanged(
        text in "o?-(a|%C3%A9|b&c|=)",
        at: u64,
        nanos: u64,
        key in ".{0,20}",
        position in position(),
    ) {
        let variation = UrlVariation::from_text(&text).unwrap();
        let told = VariationHint { variation, at: WallTime::from_unix_millis(at), life: Duration::from_nanos(nanos) };
        let value = encode_variation_hint(&told, &key, &position);
        prop_assert_eq!(decode(value, &key).unwrap(), Decoded::VariationHint(told));
    }

    #[test]
    fn a_response_is_believed_for_its_own_key_only(response in response(), key in ".{0,20}") {
        prop_assume!(*response.meta.key != *key);
        let error = decode(encode(&response), &key).unwrap_err();
        prop_assert_eq!(error.kind(), WireErrorKind::OtherKey);
    }

    #[test]
    fn names_of_values_read_back_and_are_named_by_key_and_tags_only(
        key in ".{0,20}",
        tags in tags(),
        path in "/.{0,20}",
    ) {
        let names = Names::of_value(&key, &tags);
        let again = unpacked(names.packed(), names.packed_digests());
        prop_assert_eq!(again.as_ref(), Some(&names));
        prop_assert_eq!(names.tags().collect::<Vec<_>>(), tags.clone());
        let own = tags.into_iter().map(Selector::from).chain([Selector::Key(key.into())]);
        let mut own: Vec<_> = own.filter_map(|selector| selector.digest()).map(Digest::bits).collect();
        let mut digests: Vec<_> = names.digests().map(Digest::bits).collect();
        own.sort_unstable();
        digests.sort_unstable();
        prop_assert_eq!(digests, own);
        let uri = UriName::from_parts(None, &path, None);
        let of_path = uri.path().map(|path| HashedName::directory_of(&path));
        let paths = [Some(uri.into()), of_path.map(Selector::Hashed), Prefix::new(&path).ok().map(Selector::from)];
        for selector in paths.into_iter().flatten() {
            prop_assert!(names.digests().all(|digest| Some(digest) != selector.digest()), "{}", selector);
        }
        if let Ok(glob) = Glob::new("/*") {
            prop_assert!(!names.matches(&glob));
        }
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        decode(bytes.clone().into(), "").unwrap_err();
        decode([b"LR\x01".as_slice(), &bytes].concat().into(), "").unwrap_err();
    }

    #[test]
    fn a_changed_byte_is_found(response in response(), at: Index, change in 1_u8..) {
        let mut value = encode(&response).to_vec();
        *at.get_mut(&mut value) ^= change;
        decode(value.into(), &response.meta.key).unwrap_err();
    }

    #[test]
    fn a_missing_end_is_found(response in response(), at: Index) {
        let value = encode(&response);
        let value = value.slice(..at.index(value.len()));
        decode(value, &response.meta.key).unwrap_err();
    }

    /// The bytes are wrong although the checksum matches, so that each check behind it is reached.
    #[test]
    fn no_bytes_with_the_right_checksum_are_a_panic(
        response in response(),
        at: Index,
        new in vec(prop_oneof![Just(0xff), Just(0), any::<u8>()], 0..12),
        replaced in 0_usize..12,
    ) {
        let value = encode(&response);
        let content = &value[..value.len() - 8];
        let from = at.index(content.len());
        let to = (from + replaced).min(content.len());
        let changed = [&content[..from], &new, &content[to..]].concat();
        let checksum = XxHash3_64::oneshot(&changed).to_le_bytes();
        let decoded = decode([changed.as_slice(), &checksum].concat().into(), &response.meta.key);
        // A value that still decodes is a response of the same key, and can be written again.
        if let Ok(Decoded::Response(other)) = decoded {
            let again = decode(encode(&other), &response.meta.key);
            prop_assert_eq!(again.unwrap(), Decoded::Response(other));
        }
    }
}

/// Returns the response as another process has it.
fn arrived(mut response: StoredResponse) -> StoredResponse {
    response.meta.position.watermark.local = 0;
    response
}

prop_compose! {
    fn response()(
        status in 100_u16..1000,
        headers in vec((field_name(), field_value()), 0..8),
        body in vec(any::<u8>(), 0..300),
        part in option::of((0..u64::MAX / 2, option::of(0..u64::MAX / 4))),
        mut meta in meta(),
    ) -> StoredResponse {
        meta.part = part.and_then(|(start, behind)| {
            let end = start + body.len() as u64;
            ContentRange::new(start..end, behind.map(|behind| end + behind))
        });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        StoredResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: Bytes::from(body),
            meta,
        }
    }
}

prop_compose! {
    fn meta()(
        key in ".{0,20}",
        selecting in vec((field_name(), option::of(field_value())), 0..3),
        names in names(),
        position in position(),
        response_time: u64,
        durations: [u64; 5],
        flags: [bool; 7],
    ) -> Meta {
        let [initial_age, fresh, while_revalidate, if_error, cost] = durations.map(Duration::from_nanos);
        let [shareable, must_revalidate, no_cache, own_etag, handler @ ..] = flags;
        let by_handler = SetByHandler { fresh: handler[0], while_revalidate: handler[1], if_error: handler[2] };
        Meta {
            key: key.into(),
            selecting: SelectingFields::from(selecting),
            names,
            position,
            response_time: WallTime::from_unix_millis(response_time),
            initial_age,
            lifetime: Lifetime { fresh, while_revalidate, if_error },
            cost,
            flags: ResponseFlags { shareable, must_revalidate, no_cache, own_etag, by_handler },
            part: None,
        }
    }
}

fn names() -> impl Strategy<Value = Names> {
    prop_oneof![4 => names_of_response(), 1 => names_of_value()]
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    vec(".{0,9}".prop_map(Tag::new), 0..3)
}

prop_compose! {
    fn names_of_response()(
        path in "/.{0,200}",
        keys in vec(".{0,9}", 0..3),
        uris in vec("/.{0,9}", 0..3),
        tags in tags(),
    ) -> Names {
        let keys: Vec<Box<str>> = keys.into_iter().map(Into::into).collect();
        let uris: Vec<_> = uris.iter().map(|path| UriName::from_parts(None, path, None)).collect();
        Names::new(&path, &keys, &uris, &tags)
    }
}

prop_compose! {
    fn names_of_value()(key in ".{0,20}", tags in tags()) -> Names {
        Names::of_value(&key, &tags)
    }
}

prop_compose! {
    fn position()(incarnation: [u8; 16], millis: u64, sequence: u64, local: u64) -> Position {
        Position {
            incarnation: Incarnation::from_bytes(incarnation),
            watermark: Watermark { log: LogId::new(millis, sequence), local },
        }
    }
}

fn field_name() -> impl Strategy<Value = HeaderName> {
    let usual = prop_oneof![
        Just("content-type"),
        Just("etag"),
        Just("vary"),
        Just("link"),
        Just("user-agent"),
        Just("dnt"),
    ];
    let any = "[a-z0-9!#$%&'*+.^_`|~-]{1,20}";
    prop_oneof![usual.prop_map(str::to_owned), any].prop_map(|name| name.parse().unwrap())
}

fn field_value() -> impl Strategy<Value = HeaderValue> {
    vec(prop_oneof![Just(b'\t'), 32_u8..127, 128_u8..], 0..20)
        .prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}
