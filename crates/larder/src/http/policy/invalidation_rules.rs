//! What requests and responses do to other responses that are stored.

use http::{HeaderMap, HeaderName, Method};
use larder_core::http::groups::{self, CACHE_GROUPS};
use larder_core::log::selector::Tag;

use crate::http::policy::Policy;

/// What follows from a response for others.
#[derive(Debug, Clone)]
pub(crate) struct InvalidationRules {
    /// A write invalidates what its `Location` and `Content-Location` name.
    pub(crate) locations: bool,
    /// A response to `HEAD` updates the stored one to `GET`.
    pub(crate) head: bool,
    /// Responses name the groups that they belong to, or that they invalidate.
    pub(crate) groups: bool,
    /// These fields list tags of their response.
    pub(crate) tag_fields: Vec<HeaderName>,
    /// These methods are safe, beside those of RFC 9110 §9.2.1.
    pub(crate) safe_methods: Vec<Method>,
    /// A write that failed invalidates its URI, too.
    pub(crate) failed_writes: bool,
}

impl Default for InvalidationRules {
    fn default() -> Self {
        Self {
            locations: false,
            head: false,
            groups: false,
            tag_fields: Vec::new(),
            safe_methods: Vec::new(),
            failed_writes: true,
        }
    }
}

impl InvalidationRules {
    /// The tags that a response from this origin gives itself, if responses are asked.
    pub(crate) fn tags(&self, response: &HeaderMap, origin: Option<&str>) -> Vec<Tag> {
        let mut tags =
            origin.map(|origin| groups::groups(response, &CACHE_GROUPS, origin)).unwrap_or_default();
        tags.extend(self.tag_fields.iter().flat_map(|name| groups::tags(response, name)));
        tags
    }
}

impl Policy {
    /// A response that says so belongs to groups (`Cache-Groups`), and a response to a request with an unsafe method
    /// invalidates groups (`Cache-Group-Invalidation`), each of its own host and port alone (RFC 9875). With
    /// [`rfc9111`](Self::rfc9111) that is on.
    ///
    /// What shares a group with what was invalidated in another way stays, as does what shares a group with what was
    /// validated: the RFC leaves both open.
    #[must_use]
    pub const fn cache_groups(mut self) -> Self {
        self.invalidation_rules.groups = true;
        self
    }

    /// Takes no notice of `Cache-Groups` and `Cache-Group-Invalidation`.
    #[must_use]
    pub const fn no_cache_groups(mut self) -> Self {
        self.invalidation_rules.groups = false;
        self
    }

    /// Gives responses the tags that they list in this field, beside those of the policy: `Surrogate-Key` and `xkey` by
    /// white space, `Cache-Tag` and any other by commas. The field is passed on with the response.
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().tags_from(HeaderName::from_static("surrogate-key"));
    /// // … and then, on any instance: cache.invalidate(Tag::new("product-42")).await;
    /// ```
    #[must_use]
    pub fn tags_from(mut self, field: HeaderName) -> Self {
        self.invalidation_rules.tag_fields.push(field);
        self
    }

    /// A successful request with an unsafe method also invalidates the URIs that the `Location` and `Content-Location` of
    /// its response name, if they have the same host and port (RFC 9111 §4.4). With [`rfc9111`](Self::rfc9111) that is on.
    ///
    /// A response that redirects to a page which everybody reads makes that page a miss each time: a login, say.
    #[must_use]
    pub const fn invalidate_locations(mut self) -> Self {
        self.invalidation_rules.locations = true;
        self
    }

    /// A request with an unsafe method invalidates its own URI and nothing else.
    #[must_use]
    pub const fn no_invalidate_locations(mut self) -> Self {
        self.invalidation_rules.locations = false;
        self
    }

    /// Invalidates the URI of a request with an unsafe method also where its handler answers with 408 or a 5xx status.
    ///
    /// A handler may fail after it has committed what it wrote. On by default; off with [`rfc9111`](Self::rfc9111), as RFC 9111
    /// §4.4 asks for a "non-error response". An error of the service, a panic and a cancellation always count.
    ///
    /// ```
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().invalidate_failed_writes();
    /// ```
    #[must_use]
    pub const fn invalidate_failed_writes(mut self) -> Self {
        self.invalidation_rules.failed_writes = true;
        self
    }

    /// Requests with this method invalidate nothing: `PROPFIND`, `REPORT`, `SEARCH`, `QUERY`. Every method invalidates its
    /// URI whose safety is not known (RFC 9111 §4.4), and known to be safe are `GET`, `HEAD`, `OPTIONS` and `TRACE` alone.
    ///
    /// ```
    /// use axum::http::Method;
    /// use larder::Policy;
    ///
    /// let propfind = Method::from_bytes(b"PROPFIND")?;
    /// let policy = Policy::rfc9111().safe_method(propfind);
    /// # Ok::<(), axum::http::method::InvalidMethod>(())
    /// ```
    #[must_use]
    pub fn safe_method(mut self, method: Method) -> Self {
        self.invalidation_rules.safe_methods.push(method);
        self
    }
}
