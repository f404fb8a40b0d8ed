//! The response parts with which a handler controls how its response is cached.

use std::time::Duration;

use larder_core::http::freshness::Override;
use larder_core::log::selector::Tag;

/// Tags of a response, in addition to those of the policy.
///
/// With the feature `axum`, this is a response part, and a response gets the tags of all such
/// parts. Otherwise, insert it into the extensions of the response.
///
/// # Examples
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

/// The lifetime of a response. It takes precedence over `Cache-Control` and over the policy.
///
/// With the feature `axum`, this is a response part. Otherwise, insert it into the extensions of
/// the response.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use larder::CacheFor;
///
/// let half_a_minute = CacheFor::from_secs(30);
/// let longer_on_errors = CacheFor::from_secs(30).stale_if_error(Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheFor(Override);

impl CacheFor {
    /// Creates a part that sets the freshness lifetime.
    ///
    /// The policy varies the lifetime by its [jitter](crate::Policy::jitter).
    /// With zero, the response is not stored unless it can be validated.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self(Override { fresh: Some(lifetime), ..Override::default() })
    }

    /// Creates a part that sets the freshness lifetime in seconds.
    #[must_use]
    pub fn from_secs(seconds: u64) -> Self {
        Self::new(Duration::from_secs(seconds))
    }

    /// Sets how long the response may then be served stale while it is refreshed.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.0.while_revalidate = Some(window);
        self
    }

    /// Sets how long the response may then be served stale if the handler fails.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.0.if_error = Some(window);
        self
    }

    pub(crate) const fn as_override(&self) -> &Override {
        &self.0
    }
}

/// The implementations for axum.
///
/// Response parts travel in the extensions of the response, where the layer finds them.
#[cfg(feature = "axum")]
mod parts {
    use std::convert::Infallible;

    use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};

    use super::Override;
    use crate::engine::invalidation_log::invalidation::Invalidation;
    use crate::http::response::parts::CacheFor;
    use crate::http::response::parts::Tags;

    /// A part that a handler and the layers between it and the cache may each add.
    trait MergeParts {
        /// Merges this part with the one that was added before it.
        ///
        /// Everything that prevents a response from being served stale must be kept.
        fn after(self, other: Self) -> Self;
    }

    impl MergeParts for Tags {
        fn after(self, mut other: Self) -> Self {
            other.0.extend(self.0);
            other
        }
    }

    impl MergeParts for CacheFor {
        fn after(self, Self(other): Self) -> Self {
            Self(Override {
                fresh: self.0.fresh.or(other.fresh),
                while_revalidate: self.0.while_revalidate.or(other.while_revalidate),
                if_error: self.0.if_error.or(other.if_error),
            })
        }
    }

    impl MergeParts for Invalidation {
        fn after(self, other: Self) -> Self {
            Self::merge_after(self, &other)
        }
    }

    macro_rules! response_part {
        ($($kind:ty),+) => { $(
            impl IntoResponseParts for $kind {
                type Error = Infallible;

                fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
                    let extensions = response.extensions_mut();
                    let merged = match extensions.remove::<Self>() {
                        Some(other) => MergeParts::after(self, other),
                        None => self,
                    };
                    extensions.insert(merged);
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

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use larder_core::log::selector::{Event, Mode, Selector, Tag};

        use super::*;

        fn said<T: Clone + Send + Sync + 'static>(response: &Response) -> T {
            response.extensions().get::<T>().unwrap().clone()
        }

        fn event(mode: Mode, tag: &str) -> Event {
            Event { mode, selector: Selector::Tag(Tag::new(tag)) }
        }

        #[test]
        fn parts_travel_in_the_extensions_with_the_rest_of_the_response() {
            let tags = Tags::from(["a"]);
            let cache_for = CacheFor::from_secs(30);
            let invalidation = Invalidation::tag("b");
            let response = (tags.clone(), cache_for, invalidation.clone(), "hello").into_response();
            assert_eq!(said::<Tags>(&response), tags);
            assert_eq!(said::<CacheFor>(&response), cache_for);
            assert_eq!(said::<Invalidation>(&response), invalidation);
            assert_eq!(response.status(), 200);
            assert_eq!(said::<Tags>(&tags.clone().into_response()), tags, "alone");
        }

        #[test]
        fn tags_add_up() {
            let response = (Tags::from(["a", "b"]), Tags::from(["c"]), "hello").into_response();
            assert_eq!(said::<Tags>(&response), Tags::from(["a", "b", "c"]));
        }

        #[test]
        fn of_two_lifetimes_the_last_one_counts_for_what_it_says() {
            let minute = Duration::from_secs(60);
            let first = CacheFor::from_secs(1).stale_if_error(minute);
            let response = (first, CacheFor::from_secs(2).stale_while_revalidate(minute), "").into_response();
            let both = CacheFor::from_secs(2).stale_if_error(minute).stale_while_revalidate(minute);
            assert_eq!(said::<CacheFor>(&response), both);
        }

        #[test]
        fn each_invalidation_counts_in_its_own_mode() {
            let soft = Invalidation::tag("a").soft().and_tag("b");
            let response = (soft, Invalidation::tag("c"), Invalidation::tag("d").soft()).into_response();
            // The last part of the tuple becomes the response, and the others are added to it.
            let expected = [
                event(Mode::Soft, "d"),
                event(Mode::Soft, "a"),
                event(Mode::Soft, "b"),
                event(Mode::Hard, "c"),
            ];
            assert_eq!(said::<Invalidation>(&response).events(), expected);
        }
    }
}
