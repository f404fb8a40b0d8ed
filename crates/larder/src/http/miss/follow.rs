//! Waiting for the flight of another request.

use std::pin::pin;
use std::sync::Arc;

use http_body::Body;
use larder_core::http::vary;
use larder_core::outcome::{Outcome, StaleReason};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::http::body::CacheBody;
use crate::http::body::follower_body::{FollowerBody, RetryFn};
use crate::http::body::incomplete::incomplete_body_error;
use crate::http::body::service_bounds::CacheableService;
use crate::http::body::shared_body::SharedBodyReader;
use crate::http::flight_event::{FillEvent, Flight, FlightOutcome};
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::memory::stale_response::StaleResponse;
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
        let waited = wait_as_follower(&self.layer, &self.context, &seat, may_stream, self.deadline).await;
        seat.flight.link(&self.context.span);
        match waited {
            Waited::TooLong => Step::Done(Ending::Rerun(seat.reason)),
            Waited::Slow(stale) => Step::Done(Ending::ServeStale(stale, StaleReason::SlowHandler)),
            Waited::Event(Some(FillEvent::HeadReady(body))) => {
                let outcome = Some(FlightOutcome::Stored(Arc::clone(&body.head)));
                Step::Settle(Wait { seat, outcome, body: Some(FollowedBody { body, guard }) })
            }
            Waited::Event(Some(FillEvent::Finished(outcome))) => {
                Step::Settle(Wait { seat, outcome: Some(outcome), body: None })
            }
            Waited::Event(None) => Step::Settle(Wait { seat, outcome: None, body: None }),
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

/// The end of a follower's wait.
enum Waited {
    /// An event came, or the leader left the flight.
    Event(Option<FillEvent>),
    /// The handler is slow, and this stale response may be served.
    Slow(StaleResponse),
    /// The follower has waited for as long as it may.
    TooLong,
}

/// Waits for the flight until `deadline`, or until a stale response may be served.
async fn wait_as_follower(
    layer: &LayerState,
    context: &RequestContext,
    seat: &Seat,
    may_stream: bool,
    deadline: Instant,
) -> Waited {
    let mut event = pin!(wait_for_flight(&seat.flight, context, may_stream));
    if let Some((limit, stale)) = layer.policy.fill_limits.stale_after.zip(seat.stale.as_ref()) {
        // The limit is about the handler, which may have run for a while when the follower joined.
        let elapsed = layer.engine.clock.boot().saturating_since(seat.flight.began);
        let stale_at = deadline.min(Instant::now() + limit.saturating_sub(elapsed));
        if let Ok(event) = timeout_at(stale_at, &mut event).await {
            return Waited::Event(event);
        }
        if may_serve_on_error(layer, context, stale) {
            return Waited::Slow(stale.clone());
        }
    }
    timeout_at(deadline, event).await.map_or(Waited::TooLong, Waited::Event)
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
