//! Running the handler for a fill, detached from the client that started it.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body::Body;
use larder_core::http::storable::is_error;
use larder_core::http::{range, validators};
use larder_core::time::{Boot, Clock};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use crate::engine::detach::join_or_resume_panic;
use crate::http::body::service_bounds::{ServiceResult, CacheableService};
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::fill_result::FillResult;
use crate::http::fill::{FillStart, ResponseSender, Fill};
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::ready_service::ReadyService;
use crate::http::serve;
use crate::http::serve::record::record;

/// Runs a fill that others may wait for in a task of its own, and waits for the answer to the request that started it. The
/// task goes on when that request's client leaves, within the bounds of [`Clients`].
pub(crate) async fn run_detached<S, Q>(
    fill: Fill,
    place: ReadyService<S>,
    request: Request<Q>,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let _seat = fill.clients.guard();
    let (client, answer) = oneshot::channel();
    let span = fill.span();
    let cache = Arc::clone(&fill.route.engine);
    let task = cache.background.spawn(fill.run(place, request, client).instrument(span));
    match answer.await {
        Ok(answer) => answer,
        // The task ended without one.
        Err(_) => {
            join_or_resume_panic(task).await;
            std::future::pending().await
        }
    }
}

/// Runs a fill that no other request waits for in its client's own future, so that the handler is cancelled when the client
/// leaves. A body that is still to be stored is read in a task of its own.
pub(crate) async fn run_attached<S, Q>(
    fill: Fill,
    place: ReadyService<S>,
    request: Request<Q>,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let _seat = fill.clients.guard();
    let (client, mut answer) = oneshot::channel();
    let span = fill.span();
    let cache = Arc::clone(&fill.route.engine);
    let mut run = Box::pin(fill.run(place, request, client).instrument(span));
    tokio::select! {
        biased;
        Ok(answer) = &mut answer => {
            cache.background.spawn(run);
            answer
        }
        () = &mut run => match answer.try_recv() {
            Ok(answer) => answer,
            // A run ends without an answer only where its client has left.
            Err(_) => std::future::pending().await,
        },
    }
}

impl Fill {
    pub(crate) async fn run<S, Q>(
        mut self,
        place: ReadyService<S>,
        mut request: Request<Q>,
        mut client: ResponseSender<S::Body, S::Error>,
    ) where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let began = self.start();
        let validating = self.set_conditions(&mut request);
        let clock = Arc::clone(&self.route.engine.clock);
        let call = call(place, request, &*clock);
        let Some((called, answer)) = self.await_head(call, &mut client).await else { return };
        // Rule 2 broken on purpose: what `cargo xtask torture` has to find in a build that is made for that alone.
        #[cfg(larder_broken = "position-after-fill")]
        let began = FillStart { position: self.route.engine.log.position(), ..began };
        if self.ask.outer_run.is_nested() {
            return self.forward_nested(answer, client);
        }
        self.ask.outer_run.note_plain();
        let cost = clock.boot().saturating_since(called);
        if self.leader.is_some() {
            self.route.engine.report.fill_finished(cost);
        }
        match answer {
            Ok(response) if is_error(response.status()) && self.may_serve_stale() => {
                self.serve_stale_on_error(Some(response.status()), client);
            }
            Ok(response) if response.status() == StatusCode::NOT_MODIFIED && validating => {
                self.freshen(response, began, cost, client).await;
            }
            Ok(response) => match self.head_update(response.status()) {
                Some(stale) => self.freshen_from_head(response, stale, began, cost, client).await,
                None => self.handle_response(response, began, cost, client).await,
            },
            Err(_) if self.may_serve_stale() => self.serve_stale_on_error(None, client),
            Err(error) => {
                record(&self.route, &self.ask, self.outcome);
                // Before the lead is dropped: the client's own answer is the error, and those who wait go on.
                let _ = client.send(Err(error));
            }
        }
    }

    /// The span that the handler runs in: where nobody listens to ours, the one that the request came in, as it would
    /// without the cache.
    pub(crate) fn span(&self) -> Span {
        let (key, reason) = (&*self.ask.key, self.outcome.reason());
        let span = tracing::debug_span!(target: "larder", parent: &self.ask.span, "fill", key, reason);
        if span.is_disabled() { Span::current() } else { span }
    }

    fn start(&self) -> FillStart {
        let cache = &self.route.engine;
        let wall = cache.clock.wall();
        match self.leader.as_ref().map(Lead::flight) {
            Some(flight) => FillStart { boot: flight.began, wall, position: flight.position },
            None => FillStart { boot: cache.clock.boot(), wall, position: cache.log.position() },
        }
    }

    /// Makes the request one whose response can be stored; tells whether it validates the stale response.
    ///
    /// RFC 9111 §4.3.1 for validation. Where nobody waits, the response is likely not to be stored, and the client's own
    /// conditions and ranges go to the handler as they are.
    fn set_conditions<Q>(&self, request: &mut Request<Q>) -> bool {
        if self.ask.is_provisional {
            return false;
        }
        if self.leader.is_some() {
            // Who waits may want another part, or the whole.
            range::strip(request.headers_mut());
        }
        match (&self.leader, &self.stale) {
            (None, _) => false,
            (Some(_), None) => {
                validators::strip_conditions(request.headers_mut());
                false
            }
            // A tag that is weak, or a date, may stay as it is where the body does not; and who invalidated an equivalent of this
            // URI, which may be unknown here, must not be given under that what was made before.
            (Some(_), Some(stale)) if self.is_equivalent_response(&stale.held) && !stale.held.has_strong_etag() => {
                validators::strip_conditions(request.headers_mut());
                false
            }
            (Some(_), Some(stale)) => {
                let own_etag = stale.held.meta.flags.own_etag;
                validators::set_conditions(request.headers_mut(), &stale.held.headers, own_etag)
            }
        }
    }

    fn is_equivalent_response(&self, held: &CachedResponse) -> bool {
        self.ask.scope.as_ref().is_some_and(|search| search.is_equivalent_response(held))
    }

    /// What the response to this request may update without having validated it.
    fn head_update(&mut self, status: StatusCode) -> Option<StaleResponse> {
        let updates = self.ask.head && status == StatusCode::OK && self.route.policy.invalidation_rules.head;
        self.stale.take_if(|_| updates)
    }

    fn may_serve_stale(&self) -> bool {
        self.stale.as_ref().is_some_and(|stale| may_serve_on_error(&self.route, &self.ask, stale))
    }

    /// RFC 5861 §4: serves what is stale because the handler failed, to all who wait.
    fn serve_stale_on_error<B: Body, E>(self, status: Option<StatusCode>, client: ResponseSender<B, E>) {
        let Some(stale) = self.stale else { return };
        let failed = ForwardInfo::failed(status, false);
        let _ = client.send(Ok(serve::stale_on_error(&self.route, &self.ask, &stale.held, stale.tier, failed)));
        if let Some(lead) = self.leader {
            lead.finish(FlightOutcome::ServedStale(stale));
        }
        if let Some(lease) = self.lease {
            lease.finish_with(FillResult::ServedStale.into_bytes());
        }
    }
}

/// Calls the inner service once it is ready. Also returns when it was called.
async fn call<S, Q>(
    place: ReadyService<S>,
    request: Request<Q>,
    clock: &dyn Clock,
) -> (Boot, Result<Response<S::Body>, S::Error>)
where
    S: CacheableService<Q>,
{
    match place.ready().await {
        Ok(mut inner) => {
            let called = clock.boot();
            (called, inner.call(request).await)
        }
        Err(error) => (clock.boot(), Err(error)),
    }
}
