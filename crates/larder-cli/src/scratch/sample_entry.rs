//! Stored responses of a given size, in the form in which a cache writes them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use larder_core::http::freshness::Lifetime;
use larder_core::http::response_flags::ResponseFlags;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Tag, UriName};
use larder_core::stored::{Meta, StoredResponse, address, wire};
use larder_core::time::WallTime;

/// The shape of the responses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The length of the body.
    pub(crate) body: usize,
    pub(crate) tags: usize,
}

/// The key of a response, and where it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredKey {
    path: String,
    pub(crate) key: String,
    pub(crate) address: String,
}

/// Returns the key of a response, of a usual length.
pub(crate) fn stored_key(index: u64) -> StoredKey {
    let path = format!("/products/{index:08}");
    let key = format!("u|http|shop.example|{path}");
    let address = address::primary(&key);
    StoredKey { path, key, address }
}

impl Shape {
    /// Returns the stored form of a response.
    pub(crate) fn encode(self, key: &StoredKey) -> Bytes {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ETAG, HeaderValue::from_static("\"9f86d081884c7d65\""));
        let position = Position {
            incarnation: Incarnation::from_bytes([1; 16]),
            watermark: Watermark { log: LogId::new(1, 0), local: 0 },
        };
        wire::encode(&StoredResponse {
            status: StatusCode::OK,
            headers,
            body: body(self.body),
            meta: Meta {
                key: key.key.as_str().into(),
                selecting: Box::default(),
                names: self.names(key),
                position,
                response_time: WallTime::from_unix_millis(1_750_000_000_000),
                initial_age: Duration::ZERO,
                lifetime: Lifetime {
                    fresh: Duration::from_secs(300),
                    while_revalidate: Duration::ZERO,
                    if_error: Duration::ZERO,
                },
                cost: Duration::from_millis(5),
                flags: ResponseFlags { shareable: true, ..ResponseFlags::default() },
                part: None,
            },
        })
    }

    fn names(self, key: &StoredKey) -> Names {
        let uris = [
            UriName::from_parts(None, &key.path, None),
            UriName::from_parts(Some("shop.example"), &key.path, None),
        ];
        let tags: Vec<Tag> = (0..self.tags).map(|tag| Tag::new(format!("product:{tag:04}"))).collect();
        Names::new(&key.path, &[key.key.as_str().into()], &uris, &tags)
    }
}

/// Returns a body that cannot be mistaken for zeros.
pub(crate) fn body(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_what_a_cache_reads_back() {
        let (shape, key) = (Shape { body: 56, tags: 3 }, stored_key(7));
        let value = shape.encode(&key);
        let decoded = wire::decode(value.clone(), &key.key).unwrap();
        let wire::Decoded::Response(response) = decoded else { panic!("{decoded:?}") };
        assert_eq!((response.body.len(), response.meta.names.tags().count()), (56, 3));
        assert_eq!(address::key_of(&key.address), Some(&*key.key));
    }
}
