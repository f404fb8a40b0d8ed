//! The effects of requests and responses on other stored responses.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};
use larder_core::http::groups::{self, CACHE_GROUPS};
use larder_core::invalidation::selector::Tag;
use larder_core::key::template::Template;

use crate::http::policy::Policy;
use crate::http::policy::routed_request::RoutedRequest;

/// The rules for the effects of requests and responses on other stored responses.
#[derive(Debug, Clone)]
pub(crate) struct InvalidationRules {
    /// Whether a write invalidates the URIs in its `Location` and `Content-Location`.
    pub(crate) locations: bool,
    /// Whether a response to `HEAD` updates the stored response to `GET`.
    pub(crate) head: bool,
    /// Whether responses name the groups that they belong to or invalidate.
    pub(crate) groups: bool,
    /// The response fields that list tags.
    pub(crate) tag_fields: Vec<HeaderName>,
    /// The safe methods that the policy adds.
    safe_methods: Vec<Method>,
    /// Whether a failed write invalidates its URI too.
    pub(crate) failed_writes: bool,
    /// The tags that a write invalidates.
    pub(crate) written_tags: Vec<Template>,
}

/// RFC 10008 §2: "The QUERY method is safe".
const QUERY: &str = "QUERY";

impl Default for InvalidationRules {
    fn default() -> Self {
        Self {
            locations: false,
            head: false,
            groups: false,
            tag_fields: Vec::new(),
            safe_methods: Vec::new(),
            failed_writes: true,
            written_tags: Vec::new(),
        }
    }
}

impl InvalidationRules {
    /// Whether a request with this method may change a resource, so that its URI is invalidated.
    ///
    /// RFC 9111 §4.4: "Methods that are unsafe […] have the potential for changing state on the
    /// origin server". A method counts as unsafe unless it is known to be safe. `CONNECT` is not
    /// safe, but it asks for a tunnel (RFC 9110 §9.3.6) and has no target resource.
    pub(crate) fn is_write(&self, method: &Method) -> bool {
        let is_safe = method.is_safe() || method.as_str() == QUERY || self.safe_methods.contains(method);
        !is_safe && *method != Method::CONNECT
    }

    /// Returns the tags that a response states in its fields.
    ///
    /// `origin` is the origin of the request. Without it, cache groups are ignored.
    pub(crate) fn tags(&self, response: &HeaderMap, origin: Option<&str>) -> Vec<Tag> {
        let mut tags =
            origin.map(|origin| groups::groups(response, &CACHE_GROUPS, origin)).unwrap_or_default();
        tags.extend(self.tag_fields.iter().flat_map(|name| groups::tags(response, name)));
        tags
    }
}

/// Methods for invalidation.
impl Policy {
    /// Adds a tag to each response.
    ///
    /// `{name}` stands for a path parameter of the route, as in `product:{id}`. A request whose
    /// route lacks a parameter bypasses the cache, because its response could not be invalidated.
    /// The reason is `missing-parameter`, which is logged as a warning, once for each template and
    /// route.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).tag("product:{id}").tag("products");
    /// // Later, on any instance: cache.invalidate(Tag::new("product:42")).await;
    /// ```
    #[must_use]
    pub fn tag(mut self, template: impl AsRef<str>) -> Self {
        if let Some(template) = self.parsed_template(template.as_ref()) {
            self.tags.push(template);
        }
        self
    }

    /// Adds the tags that a function returns to each response.
    ///
    /// The function gets the request with the path parameters of its route, before the handler
    /// runs: see [`RoutedRequest`](crate::RoutedRequest). It runs only for requests that are not a
    /// hit in memory. Use it for what a template cannot say. A handler that knows more returns
    /// [`Tags`](crate::Tags). The tags of several calls add up.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, Tag, ttl};
    ///
    /// // The route is `/files/{*path}`: each file has the tags of all its folders.
    /// let policy = Policy::ttl(ttl::STANDARD).tag_with(|request| {
    ///     let path = request.param("path").unwrap_or_default();
    ///     let ends = path.match_indices('/').map(|(end, _)| end);
    ///     ends.map(|end| Tag::new(format!("folder:{}", &path[..end]))).collect::<Vec<_>>()
    /// });
    /// ```
    #[must_use]
    pub fn tag_with<I>(mut self, tags: impl Fn(&RoutedRequest<'_>) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        let function = move |request: &RoutedRequest<'_>| tags(request).into_iter().map(Into::into).collect();
        self.tag_functions.push(Arc::new(function));
        self
    }

    /// Adds a tag that requests with an unsafe method invalidate.
    ///
    /// A successful write through a layer with this policy then invalidates every response with the
    /// tag, together with its own URI. After a write that failed, the tag is invalidated if the URI
    /// is: see [`invalidate_failed_writes`](Self::invalidate_failed_writes). The template is like
    /// that of [`tag`](Self::tag). If the route of a write lacks a parameter, the tag is not
    /// invalidated, and this is logged as a warning.
    ///
    /// The policy's own tags are not invalidated by default: a tag may name much more than one
    /// write changes.
    ///
    /// Default: none. Each call adds a tag.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use axum::routing::get;
    /// use larder::{Cache, Policy, ttl};
    ///
    /// let cache = Cache::default();
    /// let policy = Policy::ttl(ttl::STANDARD)
    ///     .tag("product:{id}")
    ///     .invalidates("product:{id}")
    ///     .invalidates("products");
    /// let product = get(async || "a product").put(async || "saved");
    /// let app: Router = Router::new().route("/products/{id}", product.layer(cache.layer(policy)));
    /// ```
    #[must_use]
    pub fn invalidates(mut self, template: impl AsRef<str>) -> Self {
        if let Some(template) = self.parsed_template(template.as_ref()) {
            self.invalidation_rules.written_tags.push(template);
        }
        self
    }

    /// Adds a response field whose values are tags of the response.
    ///
    /// The response gets these tags in addition to those of the policy. `Surrogate-Key` and `xkey`
    /// are split at white space, `Cache-Tag` and all other fields at commas. The field is passed on
    /// with the response.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().tags_from(HeaderName::from_static("surrogate-key"));
    /// // Later, on any instance: cache.invalidate(Tag::new("product-42")).await;
    /// ```
    #[must_use]
    pub fn tags_from(mut self, field: HeaderName) -> Self {
        self.invalidation_rules.tag_fields.push(field);
        self
    }

    /// Allows responses to name cache groups (RFC 9875).
    ///
    /// A response belongs to the groups in its `Cache-Groups`. A response to a request with an
    /// unsafe method invalidates the groups in its `Cache-Group-Invalidation`. Groups are separate
    /// for each host and port.
    ///
    /// The RFC leaves two cases open. If a response is invalidated in another way, the other
    /// responses of its groups stay. They also stay if it is validated.
    ///
    /// Default: off with [`ttl`](Self::ttl), on with [`rfc9111`](Self::rfc9111).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).cache_groups();
    /// ```
    #[must_use]
    pub const fn cache_groups(mut self) -> Self {
        self.invalidation_rules.groups = true;
        self
    }

    /// Turns [`cache_groups`](Self::cache_groups) off.
    ///
    /// The cache then ignores `Cache-Groups` and `Cache-Group-Invalidation`.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().no_cache_groups();
    /// ```
    #[must_use]
    pub const fn no_cache_groups(mut self) -> Self {
        self.invalidation_rules.groups = false;
        self
    }

    /// Invalidates the URIs in `Location` and `Content-Location` of a response to a write.
    ///
    /// This applies to successful requests with an unsafe method, and to URIs with the same host
    /// and port as the request (RFC 9111 §4.4).
    ///
    /// If such a response redirects to a page that all users read, this page becomes a miss each
    /// time. A login is an example.
    ///
    /// Default: off with [`ttl`](Self::ttl), on with [`rfc9111`](Self::rfc9111).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).invalidate_locations();
    /// ```
    #[must_use]
    pub const fn invalidate_locations(mut self) -> Self {
        self.invalidation_rules.locations = true;
        self
    }

    /// Turns [`invalidate_locations`](Self::invalidate_locations) off.
    ///
    /// A request with an unsafe method then invalidates no URI but its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().no_invalidate_locations();
    /// ```
    #[must_use]
    pub const fn no_invalidate_locations(mut self) -> Self {
        self.invalidation_rules.locations = false;
        self
    }

    /// Invalidates the URI of a write even if its handler answers with 408 or a 5xx status code.
    ///
    /// A handler may fail after it has committed its changes. An error of the service, a panic and
    /// a cancellation always invalidate the URI.
    ///
    /// Default: on with [`ttl`](Self::ttl), off with [`rfc9111`](Self::rfc9111), because RFC 9111
    /// §4.4 asks for a "non-error response".
    ///
    /// # Examples
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

    /// Adds a method whose requests invalidate nothing, such as `PROPFIND`, `REPORT` or `SEARCH`.
    ///
    /// A request invalidates its URI unless its method is known to be safe (RFC 9111 §4.4). A
    /// request with an added method still goes to the handler.
    ///
    /// Default: `GET`, `HEAD`, `OPTIONS`, `TRACE` and `QUERY` (RFC 10008) are known to be safe, and
    /// no other method. `CONNECT` invalidates nothing either.
    ///
    /// # Examples
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
