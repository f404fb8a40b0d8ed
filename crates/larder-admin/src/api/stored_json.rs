//! The JSON of stored responses and values.

use larder::inspect::{
    InvalidationPreview, KeyInspection, Listing, StoreInspection, StoredInfo, ValueInfo, VariantField,
};
use serde_json::{Value, json};

pub(super) fn listing_json<T>(listing: &Listing<T>, entry: impl Fn(&T) -> Value) -> Value {
    json!({
        "entries": listing.entries.iter().map(entry).collect::<Vec<_>>(),
        "next": listing.next.map(|cursor| cursor.to_string()),
        "matched": listing.matched,
    })
}

pub(super) fn response_json(info: &StoredInfo) -> Value {
    json!({
        "key": info.key,
        "path": info.path,
        "uris": info.uris,
        "status": info.status.as_u16(),
        "state": info.state.as_str(),
        "age_seconds": info.age.as_secs_f64(),
        "remaining_seconds": info.remaining.as_secs_f64(),
        "body_bytes": info.body_bytes,
        "stored_bytes": info.stored_bytes,
        "tags": info.tags.iter().map(larder::Tag::as_str).collect::<Vec<_>>(),
        "position": info.position,
        "variant": info.variant.iter().map(variant_json).collect::<Vec<_>>(),
        "is_partial": info.is_partial,
    })
}

fn variant_json(field: &VariantField) -> Value {
    json!({ "name": field.name.as_str(), "value": field.value })
}

pub(super) fn value_json(info: &ValueInfo) -> Value {
    json!({
        "key": info.key,
        "state": info.state.as_str(),
        "age_seconds": info.age.as_secs_f64(),
        "remaining_seconds": info.remaining.as_secs_f64(),
        "stored_bytes": info.stored_bytes,
        "tags": info.tags.iter().map(larder::Tag::as_str).collect::<Vec<_>>(),
        "position": info.position,
        "load_seconds": info.load_time.as_secs_f64(),
        "is_absence": info.is_absence,
    })
}

pub(super) fn inspection_json(found: &KeyInspection) -> Value {
    json!({
        "key": found.key,
        "responses": found.responses.iter().map(response_json).collect::<Vec<_>>(),
        "values": found.values.iter().map(value_json).collect::<Vec<_>>(),
        "vary": found.vary.iter().map(http::HeaderName::as_str).collect::<Vec<_>>(),
        "hit_for_miss_seconds": found.hit_for_miss.map(|time| time.as_secs_f64()),
        "store": found.store.as_ref().map(store_json),
    })
}

fn store_json(found: &StoreInspection) -> Value {
    json!({
        "responses": found.responses.iter().map(response_json).collect::<Vec<_>>(),
        "value": found.value.as_ref().map(value_json),
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
