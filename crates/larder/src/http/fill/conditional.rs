//! The conditions and ranges of the request that goes to the handler.

use http::Request;
use larder_core::http::{range, validators};

use crate::http::fill::Fill;
use crate::http::memory::cached_response::CachedResponse;

impl Fill {
    /// Changes the request to one whose response can be stored.
    ///
    /// Returns whether the request validates the stale response (RFC 9111 §4.3.1). If no follower
    /// waits, the response is not likely to be stored. The client's own conditions and ranges then
    /// go to the handler as they are. A provisional fill does not change the request either.
    pub(super) fn set_conditions<Q>(&self, request: &mut Request<Q>) -> bool {
        if self.context.is_provisional || self.leader.is_none() {
            return false;
        }
        // Followers may want another part, or the whole.
        range::strip(request.headers_mut());
        match &self.stale {
            Some(stale) if self.may_validate(&stale.cached) => {
                let own_etag = stale.cached.meta.flags.own_etag;
                validators::set_conditions(request.headers_mut(), &stale.cached.headers, own_etag)
            }
            _ => {
                validators::strip_conditions(request.headers_mut());
                false
            }
        }
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
