//! The implementations of axum's response parts.
//!
//! Response parts travel in the extensions of the response, where the layer finds them.

use std::convert::Infallible;

use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};

use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::http::response::cache_for::CacheFor;
use crate::http::response::tags::Tags;

/// A part that a handler and the layers between it and the cache may each add.
trait MergeParts: Sized {
    /// Returns the part as it travels in the response.
    fn prepared(self) -> Self {
        self
    }

    /// Merges this part with the one that was added before it.
    ///
    /// Everything that prevents a response from being served stale must be kept.
    fn after(self, other: Self) -> Self;
}

impl MergeParts for Tags {
    fn after(self, other: Self) -> Self {
        self.merge_after(other)
    }
}

impl MergeParts for CacheFor {
    fn after(self, other: Self) -> Self {
        self.merge_after(other)
    }
}

impl MergeParts for Invalidation {
    fn prepared(self) -> Self {
        self.into_part()
    }

    fn after(self, other: Self) -> Self {
        self.merge_after(other)
    }
}

macro_rules! response_part {
    ($($kind:ty),+) => { $(
        impl IntoResponseParts for $kind {
            type Error = Infallible;

            fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
                let extensions = response.extensions_mut();
                let part = MergeParts::prepared(self);
                let merged = match extensions.remove::<Self>() {
                    Some(other) => MergeParts::after(part, other),
                    None => part,
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

    use larder_core::invalidation::selector::{Event, Mode, Selector, Tag};

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
        let expected =
            [event(Mode::Soft, "d"), event(Mode::Soft, "a"), event(Mode::Soft, "b"), event(Mode::Hard, "c")];
        assert_eq!(said::<Invalidation>(&response).events(), expected);
    }
}
