//! The conditions and ranges of the request that goes to the handler.

use http::Request;
use http::header::LAST_MODIFIED;
use larder_core::http::{range, validators};

use crate::http::fill::Fill;
use crate::http::memory::cached_response::CachedResponse;

impl Fill {
    /// Changes the request to one whose response can be stored.
    ///
    /// Returns whether the request validates the stale response (RFC 9111 §4.3.1). If no follower
    /// waits and there is nothing to validate, the response is not likely to be stored. The
    /// client's own conditions and ranges then go to the handler as they are. A provisional fill
    /// does not change the request either.
    pub(super) fn set_conditions<Q>(&self, request: &mut Request<Q>) -> bool {
        if self.context.is_provisional || self.leader.is_none() && !self.validates_alone() {
            return false;
        }
        // Followers may want another part, or the whole.
        range::strip_range(request.headers_mut());
        match &self.stale {
            Some(stale) if self.may_validate(&stale.cached) => {
                let own_etag = stale.cached.meta.flags.own_etag;
                validators::set_conditions(request.headers_mut(), &stale.cached.fields.to_table(), own_etag)
            }
            _ => {
                validators::strip_conditions(request.headers_mut());
                false
            }
        }
    }

    /// Whether a run that no follower waits for validates the stale response.
    ///
    /// It does so for a response that is never fresh: each request validates it for itself.
    fn validates_alone(&self) -> bool {
        let traits = self.context.traits;
        !(traits.head || traits.range)
            && self.stale.as_ref().is_some_and(|stale| {
                let (cached, headers) = (&stale.cached, stale.cached.fields.to_table());
                let has_validator = match cached.meta.flags.own_etag {
                    true => headers.contains_key(LAST_MODIFIED),
                    false => validators::has_validator(&headers),
                };
                has_validator && self.may_validate(cached)
            })
    }

    /// Whether a confirmation of this response by the handler is enough to serve it.
    ///
    /// A weak tag or a date may stay the same where the body does not. After an invalidation of an
    /// equivalent URI, which may be unknown here, the old body must not be served under that URI.
    fn may_validate(&self, cached: &CachedResponse) -> bool {
        let is_equivalent =
            self.context.scope.as_ref().is_some_and(|scope| scope.is_equivalent_response(cached));
        !is_equivalent || cached.has_strong_etag()
    }
}
