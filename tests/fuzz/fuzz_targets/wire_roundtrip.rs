//! Stored responses: each one decodes to the original, for its own key and for no other.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use http::{HeaderMap, StatusCode};
use larder_core::http::freshness::Lifetime;
use larder_core::http::range::ContentRange;
use larder_core::http::response_flags::{ResponseFlags, SetByHandler};
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Tag, UriName};
use larder_core::stored::wire::{Decoded, WireErrorKind, decode, encode};
use larder_core::stored::{Meta, StoredResponse};
use larder_core::time::WallTime;
use larder_fuzz::{Name, Value};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    status: u16,
    headers: Vec<(Name, Value)>,
    body: Vec<u8>,
    key: String,
    other_key: String,
    selecting: Vec<(Name, Option<Value>)>,
    path: String,
    names: [Vec<String>; 3],
    incarnation: [u8; 16],
    log_id: (u64, u64),
    response_time: u64,
    durations: [u64; 5],
    flags: [bool; 7],
    part: Option<(u64, Option<u64>)>,
}

fuzz_target!(|input: Input| {
    let (key, other) = (input.key.clone(), input.other_key.clone());
    let Some(response) = response(input) else { return };
    let value = encode(&response);
    if key != other {
        let error = decode(value.clone(), &other).expect_err("it is another key's");
        assert_eq!(error.kind(), WireErrorKind::OtherKey);
    }
    assert_eq!(decode(value, &key).expect("it is this key's"), Decoded::Response(response));
});

fn response(input: Input) -> Option<StoredResponse> {
    let mut headers = HeaderMap::new();
    for (name, value) in input.headers {
        headers.append(name.0, value.0);
    }
    let [initial_age, fresh, while_revalidate, if_error, cost] = input.durations.map(Duration::from_nanos);
    let [shareable, must_revalidate, no_cache, own_etag, handler @ ..] = input.flags;
    let by_handler = SetByHandler { fresh: handler[0], while_revalidate: handler[1], if_error: handler[2] };
    let boxed = |texts: Vec<String>| texts.into_iter().map(Into::into).collect::<Vec<Box<str>>>();
    let [keys, uris, tags] = input.names;
    let tags: Vec<_> = tags.into_iter().map(Tag::new).collect();
    let uris: Vec<_> = uris.iter().map(|path| UriName::from_parts(None, path, None)).collect();
    let part = input.part.and_then(|(start, behind)| {
        let end = start.checked_add(input.body.len() as u64)?;
        let complete = behind.map(|behind| end.saturating_add(behind).min(u64::MAX - 1));
        ContentRange::new(start..end, complete)
    });
    let meta = Meta {
        key: input.key.into(),
        selecting: input.selecting.into_iter().map(|(name, value)| (name.0, value.map(|it| it.0))).collect(),
        names: Names::new(&input.path, &boxed(keys), &uris, &tags),
        position: Position {
            incarnation: Incarnation::from_bytes(input.incarnation),
            watermark: Watermark { log: LogId::new(input.log_id.0, input.log_id.1), local: 0 },
        },
        response_time: WallTime::from_unix_millis(input.response_time),
        initial_age,
        lifetime: Lifetime { fresh, while_revalidate, if_error },
        cost,
        flags: ResponseFlags { shareable, must_revalidate, no_cache, own_etag, by_handler },
        part,
    };
    let status = StatusCode::from_u16(input.status).ok()?;
    Some(StoredResponse { status, headers, body: input.body.into(), meta })
}
