//! The fields for another cache behind this one, which shares the log.

use http::{Request, Response};

use crate::engine::lease::Lease;
use crate::http::fill::{Fill, FillStart};
use crate::http::gateway::{StatedPosition, asks_for_position, mark_request, take_position};

impl Fill {
    /// Marks the request as part of this fill, for a cache behind this one.
    pub(super) fn mark<Q>(&self, request: &mut Request<Q>) {
        if self.layer.engine.store.is_some() {
            mark_request(request.headers_mut(), self.lease.as_ref().map(Lease::id));
        }
    }

    /// Lowers the start of the fill to the position that the response states.
    ///
    /// A cache behind this one may serve what was invalidated, for as long as it may not know. The
    /// response then counts as one from before. Like a response of the shared tier, it has no
    /// `filled_at` of this process: another one filled it (rule 10).
    pub(super) fn lowered_start<B, E>(
        &mut self,
        answer: &mut Result<Response<B>, E>,
        start: FillStart,
    ) -> FillStart {
        let Ok(response) = answer else { return start };
        let stated = take_position(response.headers_mut(), start.position.watermark.local);
        // Without a shared store, this cache has a log of its own, and asks for no position.
        if stated == StatedPosition::None || self.layer.engine.store.is_none() {
            return start;
        }
        let StatedPosition::At(position) = stated else {
            self.is_of_other_log = true;
            return start;
        };
        // A cache in front of this one gets it, too.
        self.context.stated_position = Some(position);
        match start.position.combined(position) {
            Some(position) => FillStart { position, filled_at: None, ..start },
            None => {
                self.is_of_other_log = true;
                start
            }
        }
    }

    /// Removes the position from a response that this cache passes on, unless the client asks.
    ///
    /// An inner layer of this process has seen the mark of this fill.
    pub(super) fn without_position<B>(&self, mut response: Response<B>) -> Response<B> {
        if !asks_for_position(&self.context.headers) {
            take_position(response.headers_mut(), 0);
        }
        response
    }
}
