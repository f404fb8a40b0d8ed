//! Serving the files of the console.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

use crate::console::asset_list::{ASSETS, Asset};

/// The files by path, each with its entity tag.
#[derive(Debug)]
pub(super) struct Assets(BTreeMap<&'static str, (&'static Asset, String)>);

impl Assets {
    pub(super) fn new() -> Self {
        Self(ASSETS.iter().map(|asset| (asset.path, (asset, entity_tag(asset)))).collect())
    }

    fn serve(&self, path: &str, headers: &HeaderMap) -> Response {
        let Some((asset, tag)) = self.0.get(path) else { return StatusCode::NOT_FOUND.into_response() };
        if has_tag(headers, tag) {
            return (StatusCode::NOT_MODIFIED, [(ETAG, tag.clone())]).into_response();
        }
        ([(CONTENT_TYPE, media_type(path).to_owned()), (ETAG, tag.clone())], asset.text).into_response()
    }
}

pub(super) async fn own(
    State(assets): State<Arc<Assets>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    assets.serve(&format!("assets/{path}"), &headers)
}

pub(super) async fn vendored(
    State(assets): State<Arc<Assets>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    assets.serve(&format!("vendor/{path}"), &headers)
}

/// Returns the entity tag of a file. Programs of different builds may have different ones.
fn entity_tag(asset: &Asset) -> String {
    let mut hasher = DefaultHasher::new();
    asset.text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether the client has the file with this tag (RFC 9110 §13.1.2).
///
/// "A recipient MUST use the weak comparison function when comparing entity tags for
/// If-None-Match".
fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
