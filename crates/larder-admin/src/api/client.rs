//! The client of a token, so that a console shows it only what it may do.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::access::authorize::Reader;
use crate::api::AdminState;

pub(super) async fn client(State(state): State<AdminState>, Reader(client): Reader) -> Json<Value> {
    Json(json!({
        "name": &*client.name,
        "role": client.role.as_str(),
        "version": env!("CARGO_PKG_VERSION"),
        "has_application": state.application.is_some(),
        "has_top_keys": state.cache.top_keys().is_some(),
    }))
}
