//! The request that the functions of a policy see.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use http::request::Parts;
use larder_core::invalidation::selector::Tag;

use crate::http::request::axum_route::PathParams;

/// A function that returns the key of a request.
pub(crate) type RequestKeyFn = Arc<dyn Fn(&RoutedRequest<'_>) -> Option<String> + Send + Sync>;

/// A function that returns the tags of the response to a request.
pub(crate) type RequestTagsFn = Arc<dyn Fn(&RoutedRequest<'_>) -> Vec<Tag> + Send + Sync>;

/// A request, with the path parameters of its route.
///
/// [`Policy::key_with`](crate::Policy::key_with) and [`Policy::tag_with`](crate::Policy::tag_with)
/// give it to their functions. It dereferences to [`http::request::Parts`], which has the method,
/// the URI, the header fields and the extensions.
///
/// # Examples
///
/// ```
/// use larder::{Policy, ttl};
///
/// let policy = Policy::ttl(ttl::STANDARD).key_with(|request| {
///     let version = request.headers.get("x-api-version")?.to_str().ok()?;
///     Some(format!("item:{version}:{}", request.param("id")?))
/// });
/// ```
pub struct RoutedRequest<'a> {
    parts: &'a Parts,
    params: &'a PathParams,
}

impl<'a> RoutedRequest<'a> {
    pub(crate) const fn new(parts: &'a Parts, params: &'a PathParams) -> Self {
        Self { parts, params }
    }

    /// Returns the value of a path parameter, percent-decoded.
    ///
    /// Returns `None` if the route has no parameter with this name. Only axum's router has
    /// parameters: without the feature `axum`, and for layers around a whole router, there are
    /// none.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, Tag, ttl};
    ///
    /// // For the route `/shops/{shop}/products/{id}`.
    /// let policy = Policy::ttl(ttl::STANDARD)
    ///     .tag_with(|request| request.param("shop").map(|shop| Tag::new(format!("shop:{shop}"))));
    /// ```
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.params.get(name)
    }
}

impl Deref for RoutedRequest<'_> {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        self.parts
    }
}

/// Shows the method and the URI. Header fields may hold credentials.
impl fmt::Debug for RoutedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { method, uri, .. } = self.parts;
        f.debug_struct("RoutedRequest").field("method", method).field("uri", uri).finish_non_exhaustive()
    }
}
