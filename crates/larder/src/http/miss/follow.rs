//! Waiting for the flight of another request.

use std::sync::Arc;

use http_body::Body;
use larder_core::http::vary;
use larder_core::outcome::Outcome;
use tokio::time::timeout_at;
use tracing::Instrument as _;

use crate::http::body::CacheBody;
use crate::http::body::follower_body::{FollowerBody, RetryFn};
use crate::http::body::incomplete::incomplete_body_error;
use crate::http::body::service_bounds::CacheableService;
use crate::http::body::shared_body::SharedBodyReader;
use crate::http::flight_event::{FillEvent, Flight, FlightOutcome};
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::miss::Miss;
use crate::http::miss::step::{Ending, FollowedBody, Seat, Step, Wait};

impl<S, Q> Miss<S, Q>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    /// Waits for the head of the flight's response, or for the flight's end.
    pub(super) async fn follow(&mut self, seat: Seat) -> Step {
        let guard = seat.flight.clients.guard();
        let may_stream = incomplete_error_for::<<S::Body as Body>::Error>(&self.context).is_some();
        let event = wait_for_flight(&seat.flight, &self.context, may_stream);
        let event = timeout_at(self.deadline, event).await;
        seat.flight.link(&self.context.span);
        match event {
            Err(_) => Step::Done(Ending::Rerun(seat.reason)),
            Ok(Some(FillEvent::HeadReady(body))) => {
                let outcome = Some(FlightOutcome::Stored(Arc::clone(&body.head)));
                Step::Settle(Wait { seat, outcome, body: Some(FollowedBody { body, guard }) })
            }
            Ok(Some(FillEvent::Finished(outcome))) => {
                Step::Settle(Wait { seat, outcome: Some(outcome), body: None })
            }
            Ok(None) => Step::Settle(Wait { seat, outcome: None, body: None }),
        }
    }

    /// Turns the request into a body that follows the flight's body.
    ///
    /// If that one breaks off, the request goes on for the rest.
    pub(super) fn into_body(
        mut self,
        followed: FollowedBody,
        outcome: Outcome,
        error: fn() -> <S::Body as Body>::Error,
    ) -> CacheBody<S::Body> {
        let retry: RetryFn<S::Body> = Box::new(move || {
            self.context.purpose = Purpose::ResumeBody;
            let span = self.context.span.clone();
            let Self { layer, service, request, context, retries, .. } = self;
            let miss = Self::new(layer, service, request, context, retries);
            Box::pin(async move { miss.resume(outcome).await.ok() }.instrument(span))
        });
        let reader = SharedBodyReader::new(followed.body);
        CacheBody::following(FollowerBody::new(reader, retry, error).counted(followed.guard))
    }
}

/// Returns the error that ends a body whose rest does not come.
///
/// Returns `None` for a request that has to wait for the end of a flight: one that may need less
/// than the whole body, and one whose body cannot fail.
pub(super) fn incomplete_error_for<E: 'static>(context: &RequestContext) -> Option<fn() -> E> {
    let traits = context.traits;
    if traits.head || traits.conditional || traits.range { None } else { incomplete_body_error() }
}

/// Waits for the next event that is of use to this request.
///
/// Returns `None` if the leader left the flight.
async fn wait_for_flight(flight: &Flight, context: &RequestContext, may_stream: bool) -> Option<FillEvent> {
    if may_stream {
        match flight.next_event().await? {
            // The fields that the response varies on are remembered once it is stored. From then
            // on, only requests that would get the same response wait together.
            FillEvent::HeadReady(body) if !vary::matches(&body.head.meta.selecting, &context.headers) => {}
            event => return Some(event),
        }
    }
    flight.finished().await
}
