//! The operations of the cache, nested at `/ops/cache`.

use std::fmt::Write as _;

use axum::Router;
use larder_admin::{Role, TokenError};

use crate::caching::Caching;

/// Where the router of operations is nested.
pub(crate) const PATH: &str = "/ops/cache";

/// Nests the operations of the cache, for operators with this token.
///
/// # Errors
///
/// Fails if the token is too short, or has characters that a header field cannot have.
pub(crate) fn nest(shop: Router, cache: &Caching, token: &str) -> Result<Router, TokenError> {
    let admin = larder_admin::router(cache.cache())
        .application(shop.clone())
        .token("operator", Role::Purge, token)
        .build()?;
    Ok(shop.nest_service(PATH, admin))
}

/// Returns a random token, which cannot be guessed.
pub(crate) fn random_token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
