//! Waiting for the head of the handler's response, within the bounds of a fill.

use std::pin::pin;

use http::Response;
use http_body::Body;
use larder_core::outcome::{BypassReason, NotStored, Outcome};
use tokio::time::sleep;

use crate::http::body::CacheBody;
use crate::http::fill::{Client, Fill};
use crate::http::flight_event::Ended;
use crate::http::serve::record::record;

/// Why a fill ends before the head of its response has come.
enum Stop {
    /// The policy's `fill_timeout` has passed.
    Late,
    /// Its clients have left.
    Abandoned,
    /// A layer further in handles the request.
    Nested,
}

impl Fill {
    /// Waits for the handler's answer. `None` if no client waits for it any more: the handler is cancelled then.
    ///
    /// Where the fill ends before, the handler goes on for its own client alone, as it would without the cache.
    pub(super) async fn await_head<T, B: Body, E>(
        &mut self,
        call: impl Future<Output = T>,
        client: &mut Client<B, E>,
    ) -> Option<T> {
        let mut call = pin!(call);
        let stop = tokio::select! {
            biased;
            answer = &mut call => return Some(answer),
            stop = self.stop() => stop,
        };
        match stop {
            Stop::Late => self.give_up(),
            Stop::Nested => self.leave_to_nested(),
            Stop::Abandoned => {
                self.route.engine.report.store_decision(Err(NotStored::Abandoned));
                return None;
            }
        }
        tokio::select! {
            biased;
            answer = &mut call => Some(answer),
            () = client.closed() => None,
        }
    }

    async fn stop(&self) -> Stop {
        let nested = self.ask.run.nested();
        if self.lead.is_none() {
            // It runs in its client's own future, and no other request waits for it.
            nested.await;
            return Stop::Nested;
        }
        tokio::select! {
            biased;
            () = nested => Stop::Nested,
            () = sleep(self.route.policy.fill_limits.head) => Stop::Late,
            () = self.clients.wait_abandoned(&self.route.engine.background) => Stop::Abandoned,
        }
    }

    /// Ends the flight and the lease. Followers try again.
    fn give_up(&mut self) {
        self.route.engine.report.store_decision(Err(NotStored::FillTimeout));
        self.late = true;
        self.lead = None;
        self.lease = None;
    }

    /// Ends the flight and the lease, which a layer further in may need for itself. Followers are passed on to it.
    fn leave_to_nested(&mut self) {
        self.lease = None;
        if let Some(lead) = self.lead.take() {
            lead.finish(Ended::Nested);
        }
    }

    /// Passes on the answer of a layer further in, as it is.
    pub(super) fn pass_nested<B: Body, E>(mut self, answer: Result<Response<B>, E>, client: Client<B, E>) {
        self.leave_to_nested();
        record(&self.route, &self.ask, Outcome::Bypass(BypassReason::Nested));
        let _ = client.send(answer.map(|response| response.map(CacheBody::inner)));
    }
}
