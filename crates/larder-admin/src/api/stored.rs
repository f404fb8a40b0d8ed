//! Stored responses and values: pages of them, and everything under one key.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use larder::Cache;
use larder::inspect::{ListPage, Listing, StoredFilter, StoredInfo, ValueInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::authorize::Reader;
use crate::api::stored_json::{inspection_json, listing_json};
use crate::api_error::ApiError;

/// The longest text in a query. A key has at most 8 KiB.
const MAX_TEXT: usize = 16 * 1024;

/// The entries of a page, and where it begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PageQuery {
    /// The name of a collection, for values.
    collection: Option<String>,
    prefix: Option<String>,
    tag: Option<String>,
    key: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

impl PageQuery {
    fn filter(&self) -> Result<StoredFilter, ApiError> {
        let texts = [&self.prefix, &self.tag, &self.key];
        if texts.into_iter().flatten().any(|text| text.len() > MAX_TEXT) {
            return Err(ApiError::Invalid("a filter is too long".to_owned()));
        }
        let mut filter = StoredFilter::default();
        if let Some(prefix) = &self.prefix {
            filter = filter.path_prefix(&**prefix);
        }
        if let Some(tag) = &self.tag {
            filter = filter.tag(&**tag);
        }
        if let Some(key) = &self.key {
            filter = filter.key_contains(&**key);
        }
        Ok(filter)
    }

    fn page(&self) -> Result<ListPage, ApiError> {
        let mut page = ListPage::default();
        if let Some(limit) = self.limit {
            page = page.limit(limit);
        }
        if let Some(after) = &self.after {
            page = page.after(after.parse().map_err(|error| ApiError::Invalid(format!("`after`: {error}")))?);
        }
        Ok(page)
    }
}

pub(super) async fn responses(
    State(cache): State<Cache>,
    _: Reader,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query?;
    if query.collection.is_some() {
        return Err(ApiError::Invalid("responses have no `collection`".to_owned()));
    }
    let listing: Listing<StoredInfo> = cache.stored_responses(&query.filter()?, query.page()?).await;
    Ok(Json(listing_json(&listing)))
}

pub(super) async fn values(
    State(cache): State<Cache>,
    _: Reader,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query?;
    let Some(collection) = &query.collection else {
        return Ok(Json(json!({ "collections": cache.collections() })));
    };
    let listing = cache.stored_values(collection, &query.filter()?, query.page()?).await;
    let listing: Listing<ValueInfo> = listing.ok_or(ApiError::NotFound)?;
    Ok(Json(listing_json(&listing)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyQuery {
    key: String,
}

pub(super) async fn inspect(
    State(cache): State<Cache>,
    _: Reader,
    query: Result<Query<KeyQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(KeyQuery { key }) = query?;
    if key.len() > MAX_TEXT {
        return Err(ApiError::Invalid("the key is too long".to_owned()));
    }
    Ok(Json(inspection_json(&cache.inspect(&key).await)))
}
