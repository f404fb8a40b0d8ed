//! Waiting for the head of the handler's response, within the bounds of a fill.

use std::pin::pin;

use http::Response;
use http_body::Body;
use larder_core::outcome::{BypassReason, NotStored, Outcome};
use tokio::time::sleep;

use crate::http::body::CacheBody;
use crate::http::fill::{Fill, ResponseSender};
use crate::http::flight_event::FlightOutcome;
use crate::http::serve::record::record;

/// The reason for which a fill ends before the head of its response has come.
enum Stop {
    /// The policy's `fill_timeout` has passed.
    TimedOut,
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
        let stop = tokio::select! {
            biased;
            answer = &mut call => return Some(answer),
            stop = self.stop() => stop,
        };
        match stop {
            Stop::TimedOut => self.give_up(),
            Stop::Nested => self.end_for_nested(),
            Stop::Abandoned => {
                self.record_store_decision(Err(NotStored::Abandoned));
                return None;
            }
        }
        tokio::select! {
            biased;
            answer = &mut call => Some(answer),
            () = sender.closed() => None,
        }
    }

    /// Waits for a reason to end the fill.
    async fn stop(&self) -> Stop {
        let nested = self.context.outer_run.nested();
        if self.leader.is_none() {
            // The fill runs in the future of its client, and no other request waits for it.
            nested.await;
            return Stop::Nested;
        }
        tokio::select! {
            biased;
            () = nested => Stop::Nested,
            () = sleep(self.layer.policy.fill_limits.head) => Stop::TimedOut,
            () = self.clients.wait_abandoned(&self.layer.engine.background) => Stop::Abandoned,
        }
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
        let _ = sender.send(answer.map(|response| response.map(CacheBody::inner)));
    }
}
