//! The responses that more than one user may get.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use larder_core::http::mark_private::mark_private;

use crate::http::policy::Policy;

/// Methods for responses to requests with credentials.
impl Policy {
    /// Stores the responses of each user separately.
    ///
    /// `user` returns the id of the user that a request is from. The cache then also stores and
    /// serves responses to requests with `Authorization` or cookies. A request for which `user`
    /// returns `None` bypasses the cache. This replaces an earlier [`partition`](Self::partition).
    ///
    /// # Private responses
    ///
    /// A response with `Cache-Control: private` is stored for its user, as in a private cache (RFC
    /// 9111 §5.2.2.7). No cache downstream that serves several users may store the response of one,
    /// so a response whose `Cache-Control` says nothing about that leaves with `private`. A handler
    /// that says `public` is taken at its word. The fields that a qualified `private` lists are not
    /// stored, and a response with `no-store` is not stored either.
    ///
    /// # Identity
    ///
    /// The id must be verified before the request reaches the cache: in a layer around the cache,
    /// which inserts it into the extensions of the request. On a hit, no extractor and no layer
    /// inside of the cache runs. Two sources of the id are therefore wrong:
    ///
    /// * **A raw token or session cookie.** A hit verifies nothing, so a session that has ended
    ///   still gets its stored pages, until they are stale. The id is also part of keys, in memory
    ///   and in Redis, so it must not be a secret.
    /// * **A field that a client can set**, such as `X-User-Id`. A client that sends the id of
    ///   another user gets the responses of that user. Such a field is safe only behind a gateway
    ///   that always replaces it.
    ///
    /// # All responses of a user
    ///
    /// `{user}` in the templates of [`tag`](Self::tag) and [`key`](Self::key) stands for the id,
    /// unless the route has a path parameter `user`. With `.tag("user:{user}")`, an invalidation
    /// of the tag `user:42` removes everything that is stored for user 42, for example if the
    /// permissions of that user change.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use axum::extract::{Extension, Request};
    /// use axum::http::{HeaderMap, StatusCode};
    /// use axum::middleware::{Next, from_fn};
    /// use axum::response::Response;
    /// use axum::routing::get;
    /// use larder::{Cache, Policy, ttl};
    ///
    /// #[derive(Clone, Copy)]
    /// struct UserId(u64);
    ///
    /// /// Runs for every request, also for hits.
    /// async fn identify(mut request: Request, next: Next) -> Result<Response, StatusCode> {
    ///     let user = verify_session(request.headers()).await.ok_or(StatusCode::UNAUTHORIZED)?;
    ///     request.extensions_mut().insert(user);
    ///     Ok(next.run(request).await)
    /// }
    ///
    /// async fn account(Extension(user): Extension<UserId>) -> String {
    ///     format!("account of user {}", user.0)
    /// }
    ///
    /// let cache = Cache::default();
    /// let policy = Policy::ttl(ttl::REALTIME)
    ///     .per_user(|parts| Some(parts.extensions.get::<UserId>()?.0.to_string()))
    ///     .tag("user:{user}");
    /// let app: Router = Router::new()
    ///     .route("/account", get(account).layer(cache.layer(policy)))
    ///     .layer(from_fn(identify)); // added later, so it is around the cache
    /// # async fn verify_session(_: &HeaderMap) -> Option<UserId> { None }
    /// ```
    #[must_use]
    pub fn per_user(self, user: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        let mut policy = self.partition(user);
        policy.is_per_user = true;
        policy
    }

    /// Stores responses separately for each value of `partition`, such as a tenant or a language.
    ///
    /// A request for which `partition` returns `None` bypasses the cache. A policy has one
    /// partition: a later call of this method or of [`per_user`](Self::per_user) replaces it.
    ///
    /// Requests with credentials still go to the handler, and responses with `private` are not
    /// stored. If the value identifies a user, call `per_user` instead.
    ///
    /// Default: no partition.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// // A gateway sets this field. Clients cannot choose it.
    /// let policy = Policy::ttl(ttl::STANDARD)
    ///     .partition(|parts| Some(parts.headers.get("x-tenant")?.to_str().ok()?.to_owned()));
    /// ```
    #[must_use]
    pub fn partition(mut self, partition: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.partition = Some(Arc::new(partition));
        self.is_per_user = false;
        self
    }

    /// Allows sharing responses to requests with `Authorization` (RFC 9111 §3.5).
    ///
    /// This declares that responses do not depend on that field. It also declares the fields of
    /// [`CacheBuilder::credentials`](crate::CacheBuilder::credentials).
    ///
    /// Default: off. Such a response is then shared only if its own fields permit sharing.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let price_list = Policy::ttl(ttl::STANDARD).share_authorized();
    /// ```
    #[must_use]
    pub fn share_authorized(mut self) -> Self {
        self.store.share_authorized = true;
        self
    }

    /// Adds a cookie to the key.
    ///
    /// This also declares the cookie, as [`ignore_cookie`](Self::ignore_cookie) does. A request
    /// with a cookie that the policy does not declare goes to the handler.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).key_cookie("theme").ignore_cookie("_ga");
    /// ```
    #[must_use]
    pub fn key_cookie(mut self, name: &str) -> Self {
        let name = self.validated_cookie_name(name);
        self.cookies.keyed.push(name);
        self
    }

    /// Declares that responses do not depend on this cookie.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).ignore_cookie("_ga").ignore_cookie("consent");
    /// ```
    #[must_use]
    pub fn ignore_cookie(mut self, name: &str) -> Self {
        let name = self.validated_cookie_name(name);
        self.cookies.ignored.push(name);
        self
    }

    /// Declares that no cookies matter, except those of [`key_cookie`](Self::key_cookie).
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let same_for_all = Policy::ttl(ttl::STANDARD).ignore_cookies();
    /// ```
    #[must_use]
    pub fn ignore_cookies(mut self) -> Self {
        self.cookies.ignore_all = true;
        self
    }
}

impl Policy {
    /// Returns the policy with everything that follows from other parts of it.
    ///
    /// This is done last, as a later partition may have replaced that of `per_user`. Nothing about
    /// users applies then.
    pub(crate) fn resolved(mut self) -> Self {
        if self.is_per_user {
            self.store.share_authorized = true;
            self.store.store_private = true;
            self.cookies.ignore_all = true;
        }
        self
    }

    /// Marks the response of one user, so that no shared cache downstream stores it.
    pub(crate) fn mark_private(&self, status: StatusCode, headers: &mut HeaderMap) {
        if self.is_per_user {
            mark_private(status, headers, &self.store.targeted_fields);
        }
    }

    /// Whether each user has responses of its own.
    pub(crate) const fn is_per_user(&self) -> bool {
        self.is_per_user
    }

    /// Returns the user that `{user}` in a template stands for.
    #[cold]
    pub(super) fn user(&self, name: &str, parts: &Parts) -> Option<String> {
        let user = self.partition.as_ref().filter(|_| self.is_user(name))?;
        user(parts)
    }

    /// Whether this name in a template stands for the user, if the route has no such parameter.
    pub(super) fn is_user(&self, name: &str) -> bool {
        self.is_per_user && name == "user"
    }
}
