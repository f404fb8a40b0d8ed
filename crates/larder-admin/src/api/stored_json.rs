//! The JSON of stored responses and values.

use larder::inspect::{InvalidationPreview, KeyInspection, Listing, StoreInspection};
use serde::Serialize;
use serde_json::{Value, json};

pub(super) fn listing_json<T: Serialize>(listing: &Listing<T>) -> Value {
    json!({
        "entries": listing.entries,
        "next": listing.next.map(|cursor| cursor.to_string()),
        "matched": listing.matched,
    })
}

pub(super) fn inspection_json(found: &KeyInspection) -> Value {
    json!({
        "key": found.key,
        "responses": found.responses,
        "values": found.values,
        "vary": found.vary.iter().map(http::HeaderName::as_str).collect::<Vec<_>>(),
        "hit_for_miss_seconds": found.hit_for_miss.map(|time| time.as_secs_f64()),
        "store": found.store.as_ref().map(store_json),
    })
}

fn store_json(found: &StoreInspection) -> Value {
    json!({
        "responses": found.responses,
        "value": found.value,
        "vary": found.vary.iter().map(http::HeaderName::as_str).collect::<Vec<_>>(),
        "unreadable": found.unreadable,
        "error": found.error.as_ref().map(ToString::to_string),
    })
}

pub(super) fn preview_json(preview: &InvalidationPreview) -> Value {
    json!({
        "responses": preview.responses,
        "values": preview.values,
        "bytes": preview.bytes,
        "already_invalidated": preview.already_invalidated,
        "keys": preview.keys,
    })
}
