//! The query parameters in the key.

use larder_core::key::query::QueryRules;

use crate::http::policy::Policy;

/// Methods for the query parameters in the key.
impl Policy {
    /// Sets the only query parameters that are part of the key.
    ///
    /// Names are compared percent-decoded, as a handler sees them. A cache with such a policy
    /// invalidates a URI together with the response that answers it, even if that response was
    /// requested with other parameters that are not in the key. A later call of this method, of
    /// [`query_ignoring`](Self::query_ignoring) or of [`ignore_query`](Self::ignore_query) replaces
    /// an earlier one.
    ///
    /// Default: the whole query, as it was sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let search = Policy::ttl(ttl::FREQUENT).query_only(["q", "page"]);
    /// ```
    #[must_use]
    pub fn query_only<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.query = QueryRules::only(names);
        self.apply_sorting()
    }

    /// Sets the query parameters that are not part of the key, such as `utm_source`.
    ///
    /// Names and invalidated URIs are treated as with [`query_only`](Self::query_only). A later
    /// call of this method, of `query_only` or of [`ignore_query`](Self::ignore_query) replaces an
    /// earlier one.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let page = Policy::ttl(ttl::STANDARD).query_ignoring(["utm_source", "utm_medium"]);
    /// ```
    #[must_use]
    pub fn query_ignoring<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.query = QueryRules::ignoring(names);
        self.apply_sorting()
    }

    /// Declares that responses do not depend on the query, so that it is not part of the key.
    ///
    /// Invalidated URIs are treated as with [`query_only`](Self::query_only). A later call of
    /// `query_only` or of [`query_ignoring`](Self::query_ignoring) replaces this.
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let user = Policy::ttl(ttl::STANDARD).key("user:{id}").ignore_query();
    /// ```
    #[must_use]
    pub fn ignore_query(mut self) -> Self {
        self.query = QueryRules::none();
        self.apply_sorting()
    }

    /// Sorts the query parameters in the key by name.
    ///
    /// Queries with the same parameters in another order then share a key. Parameters with the same
    /// name keep their order.
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let search = Policy::ttl(ttl::FREQUENT).query_only(["q", "page"]).query_sorted();
    /// ```
    #[must_use]
    pub fn query_sorted(mut self) -> Self {
        self.sort_query = true;
        self.apply_sorting()
    }

    fn apply_sorting(mut self) -> Self {
        if self.sort_query {
            self.query = self.query.sorted();
        }
        self
    }
}
