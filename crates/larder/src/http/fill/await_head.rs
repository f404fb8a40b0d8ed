//! Waiting for the head of the handler's response, within the bounds of a fill.

use std::future::pending;
use std::pin::pin;

use http::Response;
use http_body::Body;
use larder_core::outcome::{BypassReason, NotStored, Outcome, StaleReason};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::http::body::CacheBody;
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::{Fill, ResponseSender};
use crate::http::flight_event::FlightOutcome;
use crate::http::lookup::request_context::Purpose;
use crate::http::serve;
use crate::http::serve::record::record;

/// An event that comes before the head of the response. All but one end the fill.
enum Stop {
    /// The policy's `fill_timeout` has passed.
    TimedOut,
    /// The policy's `serve_stale_after` has passed. The fill goes on.
    Slow,
    /// Its clients have left.
    Abandoned,
    /// A layer further in handles the request.
    Nested,
}

impl Fill {
    /// Waits for the handler's answer.
    ///
    /// Returns `None`, and cancels the handler, if no client waits for the answer any more. If the
    /// fill ends first for another reason, the handler goes on for its own client alone, as it
    /// would without the cache.
    pub(super) async fn await_head<T, B: Body, E>(
        &mut self,
        call: impl Future<Output = T>,
        sender: &mut ResponseSender<B, E>,
    ) -> Option<T> {
        let mut call = pin!(call);
        let deadline = Instant::now() + self.layer.policy.fill_limits.head;
        let mut stale_at = self.stale_at();
        loop {
            let stop = tokio::select! {
                biased;
                answer = &mut call => return Some(answer),
                stop = self.stop(deadline, stale_at) => stop,
            };
            match stop {
                Stop::Slow => {
                    stale_at = None;
                    self.answer_with_stale(sender);
                }
                Stop::TimedOut => break self.give_up(),
                Stop::Nested => break self.end_for_nested(),
                Stop::Abandoned => {
                    self.record_store_decision(Err(NotStored::Abandoned));
                    return None;
                }
            }
        }
        tokio::select! {
            biased;
            answer = &mut call => Some(answer),
            () = sender.closed() => None,
        }
    }

    /// Waits for the next event before the head.
    async fn stop(&self, deadline: Instant, stale_at: Option<Instant>) -> Stop {
        let nested = self.context.outer_run.nested();
        let slow = async {
            match stale_at {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        if self.leader.is_none() && self.context.purpose != Purpose::Refresh {
            // The fill runs in the future of its client, and no other request waits for it.
            return tokio::select! {
                biased;
                () = nested => Stop::Nested,
                () = slow => Stop::Slow,
            };
        }
        tokio::select! {
            biased;
            () = nested => Stop::Nested,
            () = slow => Stop::Slow,
            () = sleep_until(deadline) => Stop::TimedOut,
            () = self.clients.wait_abandoned(&self.layer.engine.background) => Stop::Abandoned,
        }
    }

    /// Returns when the client gets a stale response if the handler has not answered.
    fn stale_at(&self) -> Option<Instant> {
        let limit = self.layer.policy.fill_limits.stale_after?;
        let may_apply = self.stale.is_some() && self.context.purpose == Purpose::Answer;
        may_apply.then(|| Instant::now() + limit)
    }

    /// Answers the client with the stale response, if it may be used on error at this moment.
    ///
    /// The fill goes on without its client, as if that had left.
    fn answer_with_stale<B: Body, E>(&mut self, sender: &mut ResponseSender<B, E>) {
        let Some(stale) = self.stale.as_ref().filter(|_| self.may_serve_stale()) else { return };
        let outcome = Outcome::Stale(stale.tier, StaleReason::SlowHandler);
        let (layer, context) = (&self.layer, &self.context);
        let response = serve::stale_on_error(layer, context, &stale.cached, outcome, ForwardInfo::default());
        let (unused, _) = oneshot::channel();
        let _ = std::mem::replace(sender, unused).send(Ok(response));
        self.context.purpose = Purpose::Refresh;
    }

    /// Ends the flight and the lease, so that followers retry.
    fn give_up(&mut self) {
        self.record_store_decision(Err(NotStored::FillTimeout));
        self.is_late = true;
        self.leader = None;
        self.lease = None;
    }

    /// Ends the flight and the lease, as a layer further in handles the request.
    ///
    /// That layer may need the lease for itself. Followers are passed on to it.
    fn end_for_nested(&mut self) {
        self.lease = None;
        if let Some(leader) = self.leader.take() {
            leader.finish(FlightOutcome::Nested);
        }
    }

    /// Passes on the answer of a layer further in, as it is.
    pub(super) fn forward_nested<B: Body, E>(
        mut self,
        answer: Result<Response<B>, E>,
        sender: ResponseSender<B, E>,
    ) {
        self.end_for_nested();
        record(&self.layer, &self.context, Outcome::Bypass(BypassReason::Nested));
        let _ = sender.send(answer.map(|response| self.without_position(response).map(CacheBody::inner)));
    }
}
