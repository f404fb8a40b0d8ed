//! The console: the pages with which operators see and steer the cache in a browser.
//!
//! The shell and its scripts are public and have no data. All data comes from the API, with the
//! token that the operator types in.
//!
//! | file | what it does |
//! | --- | --- |
//! | `asset_list.rs` | the files, compiled into the crate |
//! | `assets.rs` | serving them, with an entity tag |
//! | `shell.rs` | serving the HTML, whose links fit the path of the request |
//! | `security_headers.rs` | the content security policy |
//! | `assets/` | the scripts and styles; `assets/pages/index.js` lists the pages |
//! | `vendor/` | libraries of others, with their licences |

mod asset_list;
mod assets;
mod security_headers;
mod shell;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::get;

use crate::console::assets::Assets;
use crate::console::security_headers::set_security_headers;

/// Returns the routes of the console. They need no token.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(shell::shell))
        .route("/assets/{*path}", get(assets::own))
        .route("/vendor/{*path}", get(assets::vendored))
        .layer(map_response(set_security_headers))
        .with_state(Arc::new(Assets::new()))
}
