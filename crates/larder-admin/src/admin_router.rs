//! The builder of the router.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use larder::Cache;
use tower::Service;

use crate::access::authorize::Gatekeeper;
use crate::access::role::Role;
use crate::access::token::{TokenError, Tokens};
use crate::api::warm_jobs::WarmJobs;
use crate::api::{self, AdminState};
use crate::console;

/// Returns a builder of the router with the operations of this cache.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use larder::Cache;
///
/// let cache = Cache::default();
/// let token = "a token of at least 16 bytes".replace(' ', "-");
/// let admin = larder_admin::router(&cache).bearer_token(&token);
/// // Now the console is at `/ops/cache` and at `/ops/cache/`.
/// let app: Router = Router::new().nest_service("/ops/cache", admin);
/// ```
pub fn router(cache: &Cache) -> AdminRouter {
    AdminRouter {
        cache: cache.clone(),
        application: None,
        tokens: Tokens::default(),
        has_console: true,
        error: None,
    }
}

/// A builder of the router with the operations of a cache.
///
/// Returned by [`router`]. No data is reachable without a token, and there is no default token. The
/// pages of the console are public, and have no data.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct AdminRouter {
    cache: Cache,
    application: Option<Router>,
    tokens: Tokens,
    has_console: bool,
    /// The first token that is not accepted.
    error: Option<TokenError>,
}

impl AdminRouter {
    /// Sets the service whose responses are cached, so that requests can be explained and responses
    /// be filled.
    ///
    /// Pass the application's router with its layers, before this router is nested in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use axum::routing::get;
    /// use larder::{Cache, Policy, ttl};
    ///
    /// let cache = Cache::default();
    /// let token = "correct-horse-battery-staple";
    /// let shop = Router::new().route("/", get("hello")).layer(cache.layer(Policy::ttl(ttl::STANDARD)));
    /// let admin = larder_admin::router(&cache).application(shop.clone()).bearer_token(token);
    /// let app: Router = shop.nest("/ops/cache", admin);
    /// ```
    pub fn application<A>(mut self, application: A) -> Self
    where
        A: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        A::Response: IntoResponse,
        A::Future: Send + 'static,
    {
        self.application = Some(Router::new().fallback_service(application));
        self
    }

    /// Adds a token with this role. The name stands in logs, to tell who made a change.
    ///
    /// A token has 16 to 512 visible ASCII characters. [`build`](Self::build) returns an error for
    /// any other one.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use larder::Cache;
    /// use larder_admin::{Role, TokenError};
    ///
    /// fn operations(cache: &Cache, dashboard: &str, on_call: &str) -> Result<Router, TokenError> {
    ///     larder_admin::router(cache)
    ///         .token("dashboard", Role::Read, dashboard)
    ///         .token("on-call", Role::Purge, on_call)
    ///         .build()
    /// }
    /// ```
    pub fn token(mut self, name: &str, role: Role, token: &str) -> Self {
        if let Err(error) = self.tokens.add(name, role, token) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Leaves the console out: the router has the API alone.
    ///
    /// Default: the router has it.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use larder::Cache;
    ///
    /// let token = "correct-horse-battery-staple";
    /// let admin = larder_admin::router(&Cache::default());
    /// let api: Router = admin.without_console().bearer_token(token);
    /// ```
    pub fn without_console(mut self) -> Self {
        self.has_console = false;
        self
    }

    /// Builds the router with one more token, which permits everything.
    ///
    /// The name of its client is `admin`.
    ///
    /// # Panics
    ///
    /// Panics if a token is not accepted. [`build`](Self::build) returns an error instead.
    #[allow(clippy::panic)] // A token that protects nothing must not go unnoticed.
    #[track_caller]
    pub fn bearer_token<S: Clone + Send + Sync + 'static>(self, token: &str) -> Router<S> {
        match self.token("admin", Role::Purge, token).build() {
            Ok(router) => router,
            Err(error) => panic!("{error}"),
        }
    }

    /// Builds the router.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no token, or if one is not accepted.
    pub fn build<S: Clone + Send + Sync + 'static>(self) -> Result<Router<S>, TokenError> {
        let Self { cache, application, tokens, has_console, error } = self;
        match error {
            Some(error) => Err(error),
            None if tokens.is_empty() => Err(TokenError::MISSING),
            None => {
                let state = AdminState { cache, application, jobs: WarmJobs::default() };
                let api = api::router(state, Arc::new(Gatekeeper::new(tokens)));
                Ok(if has_console { api.merge(console::router()) } else { api })
            }
        }
    }
}
