//! Waiting for the flight of another request.

use std::pin::pin;
use std::sync::Arc;

use http::StatusCode;
use http::header::{ETAG, IF_NONE_MATCH};
use larder_core::http::field_lines::FieldLines as _;
use larder_core::http::{validators, vary};
use larder_core::outcome::{Outcome, StaleReason};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::http::body::CacheBody;
use crate::http::body::erased_body::ErasedBody;
use crate::http::body::erased_error::ErasedError;
use crate::http::body::follower_body::{FollowerBody, RetryFn};
use crate::http::body::shared_body::SharedBodyReader;
use crate::http::fill::FillPlan;
use crate::http::flight_event::{FillEvent, Flight, FlightOutcome};
use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::QueryScope;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::Miss;
use crate::http::miss::step::{CollapsedBody, Ending, FollowedBody, Seat, Step, Wait};
use crate::http::serve;

impl Miss {
    /// Waits for the head of the flight's response, or for the flight's end.
    pub(super) async fn follow(&mut self, seat: Seat) -> Step {
        let may_stream = self.service.get_ref().can_break_off();
        let waited = wait_as_follower(&self.layer, &self.context, &seat, may_stream, self.deadline).await;
        seat.flight.link(&self.context.span);
        match waited {
            Waited::TooLong => Step::Done(Ending::Rerun(seat.reason)),
            Waited::Slow(stale) => Step::Done(Ending::ServeStale(stale, StaleReason::SlowHandler)),
            Waited::OwnRequest => {
                let Seat { flight, reason, stale, .. } = seat;
                Step::Done(Ending::Fill(FillPlan::early(flight, stale, reason)))
            }
            Waited::Response(outcome, body) => Step::Settle(Wait { seat, outcome: Some(outcome), body }),
            Waited::Retry => Step::Settle(Wait { seat, outcome: None, body: CollapsedBody::Complete }),
        }
    }

    /// Turns the request into a body that follows the flight's body.
    ///
    /// If that one breaks off, the request goes on for the rest.
    pub(super) fn into_body(mut self, followed: FollowedBody, outcome: Outcome) -> CacheBody<ErasedBody> {
        let retry: RetryFn<ErasedBody> = Box::new(move || {
            self.context.purpose = Purpose::ResumeBody;
            // They did not lead to a 304, so this client has the beginning of a 200.
            self.context.traits.conditional = false;
            validators::strip_conditions(&mut self.context.headers);
            validators::strip_conditions(self.request.headers_mut());
            let span = self.context.span.clone();
            let Self { layer, service, request, context, retries, .. } = self;
            let miss = Self::new(layer, service, request, context, retries);
            Box::pin(async move { miss.resume(outcome).await.ok() }.instrument(span))
        });
        let reader = SharedBodyReader::new(followed.body);
        CacheBody::following(
            FollowerBody::new(reader, retry, ErasedError::incomplete).counted(followed.guard),
        )
    }
}

/// The end of a follower's wait.
enum Waited {
    /// The flight's response is known, or how the flight ended without one.
    Response(FlightOutcome, CollapsedBody),
    /// The leader left the flight, or its response is for requests with other fields.
    Retry,
    /// The handler is slow, and this stale response may be served.
    Slow(StaleResponse),
    /// The handler of the flight may have sent this request, and wait for it.
    OwnRequest,
    /// The follower has waited for as long as it may.
    TooLong,
}

/// The moments at which a follower may stop waiting.
struct Timers {
    deadline: Instant,
    /// The moment from which a stale response may be served.
    stale_at: Option<Instant>,
    /// The moment from which the request may be one of the handler itself.
    own_at: Option<Instant>,
}

impl Timers {
    fn new(layer: &LayerState, seat: &Seat, deadline: Instant) -> Self {
        let now = Instant::now();
        let stale_after = layer.policy.fill_limits.stale_after.filter(|_| seat.stale.is_some());
        // The limit is about the handler, which may have run for a while when the follower joined.
        let elapsed = layer.engine.clock.boot().saturating_since(seat.flight.began);
        Self {
            deadline,
            stale_at: stale_after.map(|limit| now + limit.saturating_sub(elapsed)),
            own_at: Some(now + layer.own_request_wait()),
        }
    }

    fn next(&self) -> Instant {
        [self.stale_at, self.own_at].into_iter().flatten().fold(self.deadline, Instant::min)
    }
}

/// Waits for the flight until `deadline`, or until something else may be done.
async fn wait_as_follower(
    layer: &LayerState,
    context: &RequestContext,
    seat: &Seat,
    may_stream: bool,
    deadline: Instant,
) -> Waited {
    let own_requests = &seat.flight.own_requests;
    let arrival = own_requests.arrive();
    let mut timers = Timers::new(layer, seat, deadline);
    let mut event = pin!(wait_for_flight(layer, context, &seat.flight, may_stream));
    let mut stored = pin!(own_requests.stored());
    loop {
        let now = timers.next();
        tokio::select! {
            biased;
            waited = &mut event => return waited,
            () = &mut stored => return Waited::Retry,
            () = sleep_until(now) => {}
        }
        if timers.stale_at.take_if(|at| *at <= now).is_some() {
            if let Some(stale) = seat.stale.as_ref().filter(|stale| may_serve_on_error(layer, context, stale))
            {
                return Waited::Slow(stale.clone());
            }
        }
        if timers.own_at.take_if(|at| *at <= now).is_some()
            // The handler has not answered yet.
            && seat.flight.latest().is_none()
            && arrival.is_some_and(|arrival| own_requests.may_run_early(arrival))
        {
            return Waited::OwnRequest;
        }
        if now >= deadline {
            return Waited::TooLong;
        }
    }
}

/// Waits for the next event that is of use to this request.
async fn wait_for_flight(
    layer: &LayerState,
    context: &RequestContext,
    flight: &Flight,
    may_stream: bool,
) -> Waited {
    let guard = flight.clients.guard();
    let (head, body) = match flight.next_event().await {
        None => return Waited::Retry,
        Some(FillEvent::Finished(outcome)) => return Waited::Response(outcome, CollapsedBody::Complete),
        Some(FillEvent::HeadReady(body)) => (Arc::clone(&body.head), Some(body)),
        Some(FillEvent::HeadOnly(head)) => (head, None),
    };
    match (head_use(layer, context, &head), body) {
        (HeadUse::Retry, _) => return Waited::Retry,
        (HeadUse::Answer, body) => {
            let length = body.and_then(|body| body.hint.exact());
            return Waited::Response(FlightOutcome::Stored(head), CollapsedBody::Unread(length));
        }
        (HeadUse::Follow, Some(body)) if may_stream => {
            let body = CollapsedBody::Followed(FollowedBody { body, guard });
            return Waited::Response(FlightOutcome::Stored(head), body);
        }
        (HeadUse::Follow | HeadUse::Wait, _) => {}
    }
    match flight.finished().await {
        Some(FillEvent::Finished(outcome)) => Waited::Response(outcome, CollapsedBody::Complete),
        _ => Waited::Retry,
    }
}

/// The use that a follower has for a response, by its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeadUse {
    /// The answer has no body, so the head is enough.
    Answer,
    /// The follower needs the whole body, and may read it as it arrives.
    Follow,
    /// The follower has to wait for the end.
    Wait,
    /// The response is for requests with other fields.
    Retry,
}

/// Decides what a follower does with the head of the flight's response.
///
/// The caller checks the log afterwards (rule 13): for an answer from the head, that is the same
/// check as for a body that is still arriving.
fn head_use(layer: &LayerState, context: &RequestContext, head: &CachedResponse) -> HeadUse {
    let (traits, fields) = (context.traits, &context.headers);
    if !vary::matches(head.meta.selecting(), fields) {
        return HeadUse::Retry;
    }
    // The whole decides about a part. A response to other queries is refused with its head.
    let is_answered = |scope: &QueryScope| scope.is_answered_by(&head.meta.key, &head.fields.to_table());
    if context.scope.as_deref().is_some_and(|scope| !is_answered(scope)) {
        return HeadUse::Answer;
    }
    // An entity tag that the cache generates is known once the body is.
    let may_get_etag = layer.policy.generated_etag.is_on() && head.status == StatusCode::OK;
    let needs_etag = may_get_etag && fields.contains_key(IF_NONE_MATCH) && head.fields.line(&ETAG).is_none();
    if traits.range || traits.conditional && needs_etag {
        return HeadUse::Wait;
    }
    if traits.head || traits.conditional && serve::is_not_modified(head, fields) {
        return HeadUse::Answer;
    }
    HeadUse::Follow
}
