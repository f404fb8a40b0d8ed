//! What a handler tells the cache about its response.

use std::time::Duration;

use larder_core::http::freshness::Override;
use larder_core::log::selector::Tag;

/// Tags that a handler gives its response, beside those of the policy.
///
/// With the feature `axum` it is a response part; elsewhere put it into the response's extensions.
///
/// ```
/// use larder::Tags;
///
/// let tags = Tags::from(["catalogue", "season:winter"]);
/// let listed = Tags::from_iter((1..=3).map(|id| format!("product:{id}")));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

impl Tags {
    pub(crate) fn into_vec(self) -> Vec<Tag> {
        self.0
    }
}

impl<T: Into<Tag>, const N: usize> From<[T; N]> for Tags {
    fn from(tags: [T; N]) -> Self {
        tags.into_iter().collect()
    }
}

impl<T: Into<Tag>> FromIterator<T> for Tags {
    fn from_iter<I: IntoIterator<Item = T>>(tags: I) -> Self {
        Self(tags.into_iter().map(Into::into).collect())
    }
}

/// How long a handler wants its response to be fresh. It comes before the policy and before `Cache-Control`.
///
/// With the feature `axum` it is a response part; elsewhere put it into the response's extensions.
///
/// ```
/// use std::time::Duration;
/// use larder::CacheFor;
///
/// let half_a_minute = CacheFor::secs(30);
/// let longer_if_need_be = CacheFor::secs(30).stale_if_error(Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheFor(Override);

impl CacheFor {
    /// Fresh for this long. With zero it is not stored, unless it can be validated.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self(Override { fresh: Some(lifetime), ..Override::default() })
    }

    /// Fresh for this many seconds.
    #[must_use]
    pub fn secs(seconds: u64) -> Self {
        Self::new(Duration::from_secs(seconds))
    }

    /// Served for this long after that, while it is being refreshed.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.0.while_revalidate = Some(window);
        self
    }

    /// Served for this long after that, if the handler fails.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.0.if_error = Some(window);
        self
    }

    pub(crate) const fn as_override(&self) -> &Override {
        &self.0
    }
}

/// As response parts they travel in the extensions, where the layer finds them.
#[cfg(feature = "axum")]
mod parts {
    use std::convert::Infallible;

    use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};

    use super::{CacheFor, Tags};
    use crate::log::Invalidation;

    macro_rules! response_part {
        ($($kind:ty),+) => { $(
            impl IntoResponseParts for $kind {
                type Error = Infallible;

                fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
                    response.extensions_mut().insert(self);
                    Ok(response)
                }
            }

            impl IntoResponse for $kind {
                fn into_response(self) -> Response {
                    (self, ()).into_response()
                }
            }
        )+ };
    }
    response_part!(CacheFor, Tags, Invalidation);
}
