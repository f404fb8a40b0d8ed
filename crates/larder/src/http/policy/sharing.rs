//! The responses that more than one user may get.

use std::sync::Arc;

use http::request::Parts;

use crate::http::policy::Policy;

/// Methods for responses to requests with credentials.
impl Policy {
    /// Stores the responses of each user separately.
    ///
    /// `user` returns the id of the user that a request is from. The cache then also stores and
    /// serves responses to requests with `Authorization` or cookies. A request for which `user`
    /// returns `None` bypasses the cache. This replaces an earlier [`partition`](Self::partition).
    ///
    /// The id is part of keys, in memory and in Redis, so it must not be a secret. A client must
    /// not be able to choose it freely: a client that can send the id of another user gets the
    /// responses of that user.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// // A layer around the cache has verified the session and inserted the id.
    /// #[derive(Clone)]
    /// struct UserId(u64);
    ///
    /// let policy = Policy::ttl(ttl::REALTIME)
    ///     .per_user(|parts| Some(parts.extensions.get::<UserId>()?.0.to_string()));
    /// ```
    #[must_use]
    pub fn per_user(self, user: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.partition(user).share_authorized().ignore_cookies()
    }

    /// Stores responses separately for each value of `partition`, such as a tenant or a language.
    ///
    /// A request for which `partition` returns `None` bypasses the cache. A policy has one
    /// partition: a later call of this method or of [`per_user`](Self::per_user) replaces it.
    ///
    /// Requests with credentials still go to the handler. If the value identifies a user, call
    /// `per_user` instead.
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
        self
    }

    /// Allows sharing responses to requests with `Authorization` (RFC 9111 §3.5).
    ///
    /// This declares that responses do not depend on that field.
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
