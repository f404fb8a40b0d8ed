//! Serving a stale response because the handler failed (RFC 5861 §4).

use std::panic::resume_unwind;
use std::time::Duration;

use http::{Response, StatusCode};
use http_body::Body;
use larder_core::http::retry_after::retry_after;
use larder_core::outcome::{Outcome, StaleReason};
use larder_core::time::WallTime;

use crate::engine::catch_panic::Panic;
use crate::engine::lease::fill_result::FillResult;
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::{Fill, ResponseSender};
use crate::http::flight_event::FlightOutcome;
use crate::http::lookup::request_context::Purpose;
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::serve;

/// A failure of the handler, for which a stale response is served.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failure {
    /// The status of the handler's response, if there is one.
    status: Option<StatusCode>,
    /// The time after which the handler wants to be asked again.
    retry_after: Option<Duration>,
}

impl Failure {
    /// Returns the failure that a response is.
    pub(super) fn of<B>(response: &Response<B>, received: WallTime) -> Self {
        let retry_after = retry_after(response.headers(), received);
        Self { status: Some(response.status()), retry_after }
    }
}

impl Fill {
    /// Whether a stale response may be served instead of the handler's failure.
    pub(super) fn may_serve_stale(&self) -> bool {
        self.stale.as_ref().is_some_and(|stale| may_serve_on_error(&self.layer, &self.context, stale))
    }

    /// Records the failure of a refresh whose stale response may not be served on error.
    ///
    /// The handler is then not asked by every request that still gets the stale response. Requests
    /// that wait for the refresh get the failure.
    pub(super) fn record_failed_refresh(&self, failure: Failure) {
        if let Some(stale) = self.stale.as_ref().filter(|_| self.context.purpose == Purpose::Refresh) {
            self.layer.record_failure(&stale.cached, failure.retry_after);
        }
    }

    /// Serves the stale response after a panic of the handler. Without one, the panic goes on.
    pub(super) fn handle_panic<B: Body, E>(self, panic: Panic, sender: ResponseSender<B, E>) {
        if self.context.outer_run.is_nested() {
            resume_unwind(panic);
        }
        if !self.may_serve_stale() {
            self.record_failed_refresh(Failure::default());
            resume_unwind(panic);
        }
        self.serve_stale_on_error(Failure::default(), sender);
    }

    /// Serves the stale response to the client and to all followers, here and on other instances.
    ///
    /// For a while, the handler is not asked again.
    pub(super) fn serve_stale_on_error<B: Body, E>(self, failure: Failure, sender: ResponseSender<B, E>) {
        let Some(stale) = self.stale else { return };
        let delay = self.layer.record_failure(&stale.cached, failure.retry_after);
        let failed = ForwardInfo::failed(failure.status, false);
        let outcome = Outcome::Stale(stale.tier, StaleReason::IfError);
        let (layer, context) = (&self.layer, &self.context);
        let response = serve::stale_on_error(layer, context, &stale.cached, outcome, failed);
        let _ = sender.send(Ok(response));
        if let Some(leader) = self.leader {
            leader.finish(FlightOutcome::ServedStale(stale, StaleReason::IfError));
        }
        if let Some(lease) = self.lease {
            let result = FillResult::ServedStale.into_bytes();
            if delay.is_zero() { lease.finish_with(result) } else { lease.finish_with_failure(result, delay) }
        }
    }
}
