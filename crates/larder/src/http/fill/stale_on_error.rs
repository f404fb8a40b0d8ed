//! Serving a stale response because the handler failed (RFC 5861 §4).

use http::StatusCode;
use http_body::Body;

use crate::http::cache_status::ForwardInfo;
use crate::http::fill::fill_result::FillResult;
use crate::http::fill::{Fill, ResponseSender};
use crate::http::flight_event::FlightOutcome;
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::serve;

impl Fill {
    /// Whether a stale response may be served instead of the handler's failure.
    pub(super) fn may_serve_stale(&self) -> bool {
        self.stale.as_ref().is_some_and(|stale| may_serve_on_error(&self.layer, &self.context, stale))
    }

    /// Serves the stale response to the client and to all followers, here and on other instances.
    pub(super) fn serve_stale_on_error<B: Body, E>(
        self,
        status: Option<StatusCode>,
        sender: ResponseSender<B, E>,
    ) {
        let Some(stale) = self.stale else { return };
        let failed = ForwardInfo::failed(status, false);
        let (layer, context) = (&self.layer, &self.context);
        let response = serve::stale_on_error(layer, context, &stale.cached, stale.tier, failed);
        let _ = sender.send(Ok(response));
        if let Some(leader) = self.leader {
            leader.finish(FlightOutcome::ServedStale(stale));
        }
        if let Some(lease) = self.lease {
            lease.finish_with(FillResult::ServedStale.into_bytes());
        }
    }
}
