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
use crate::http::body::service_bounds::{CacheableService, ServiceResult};
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::fill_result::FillResult;
use crate::http::fill::{Fill, FillStart, ResponseSender};
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::ready_service::ReadyService;
use crate::http::serve;
use crate::http::serve::record::record;

/// Runs a fill, and waits for the answer to the request that started it.
pub(crate) async fn run_fill<S, Q>(
    fill: Fill,
    service: ReadyService<S>,
    request: Request<Q>,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    match fill.leader {
        Some(_) => run_detached(fill, service, request).await,
        None => run_attached(fill, service, request).await,
    }
}

/// Runs a fill that others may wait for in a task of its own, and waits for the answer to the request that started it. The
/// task goes on when that request's client leaves, within the bounds of [`Clients`].
async fn run_detached<S, Q>(
    fill: Fill,
    service: ReadyService<S>,
    request: Request<Q>,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let _seat = fill.clients.guard();
    let (sender, answer) = oneshot::channel();
    let span = fill.span();
    let engine = Arc::clone(&fill.layer.engine);
    let task = engine.background.spawn(fill.run(service, request, sender).instrument(span));
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
async fn run_attached<S, Q>(
    fill: Fill,
    service: ReadyService<S>,
    request: Request<Q>,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let _seat = fill.clients.guard();
    let (sender, mut answer) = oneshot::channel();
    let span = fill.span();
    let engine = Arc::clone(&fill.layer.engine);
    let mut run = Box::pin(fill.run(service, request, sender).instrument(span));
    tokio::select! {
        biased;
        Ok(answer) = &mut answer => {
            engine.background.spawn(run);
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
        service: ReadyService<S>,
        mut request: Request<Q>,
        mut sender: ResponseSender<S::Body, S::Error>,
    ) where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let start = self.start();
        let validating = self.set_conditions(&mut request);
        let clock = Arc::clone(&self.layer.engine.clock);
        let call = call(service, request, &*clock);
        let Some((called, answer)) = self.await_head(call, &mut sender).await else { return };
        // Rule 2 broken on purpose: what `cargo xtask torture` has to find in a build that is made for that alone.
        #[cfg(larder_broken = "position-after-fill")]
        let start = FillStart { position: self.layer.engine.log.position(), ..start };
        if self.context.outer_run.is_nested() {
            return self.forward_nested(answer, sender);
        }
        self.context.outer_run.note_plain();
        let cost = clock.boot().saturating_since(called);
        if self.leader.is_some() {
            self.layer.engine.report.fill_finished(cost);
        }
        match answer {
            Ok(response) if is_error(response.status()) && self.may_serve_stale() => {
                self.serve_stale_on_error(Some(response.status()), sender);
            }
            Ok(response) if response.status() == StatusCode::NOT_MODIFIED && validating => {
                self.freshen(response, start, cost, sender).await;
            }
            Ok(response) => match self.head_update(response.status()) {
                Some(stale) => self.freshen_from_head(response, stale, start, cost, sender).await,
                None => self.handle_response(response, start, cost, sender).await,
            },
            Err(_) if self.may_serve_stale() => self.serve_stale_on_error(None, sender),
            Err(error) => {
                record(&self.layer, &self.context, self.outcome);
                // Before the lead is dropped: the client's own answer is the error, and those who wait go on.
                let _ = sender.send(Err(error));
            }
        }
    }

    /// The span that the handler runs in: where nobody listens to ours, the one that the request came in, as it would
    /// without the cache.
    pub(crate) fn span(&self) -> Span {
        let (key, reason) = (&*self.context.key, self.outcome.reason());
        let span = tracing::debug_span!(target: "larder", parent: &self.context.span, "fill", key, reason);
        if span.is_disabled() { Span::current() } else { span }
    }

    fn start(&self) -> FillStart {
        let engine = &self.layer.engine;
        let wall = engine.clock.wall();
        match self.leader.as_ref().map(Lead::flight) {
            Some(flight) => FillStart { boot: flight.began, wall, position: flight.position },
            None => FillStart { boot: engine.clock.boot(), wall, position: engine.log.position() },
        }
    }

    /// Makes the request one whose response can be stored; tells whether it validates the stale response.
    ///
    /// RFC 9111 §4.3.1 for validation. Where nobody waits, the response is likely not to be stored, and the client's own
    /// conditions and ranges go to the handler as they are.
    fn set_conditions<Q>(&self, request: &mut Request<Q>) -> bool {
        if self.context.is_provisional {
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
            (Some(_), Some(stale))
                if self.is_equivalent_response(&stale.cached) && !stale.cached.has_strong_etag() =>
            {
                validators::strip_conditions(request.headers_mut());
                false
            }
            (Some(_), Some(stale)) => {
                let own_etag = stale.cached.meta.flags.own_etag;
                validators::set_conditions(request.headers_mut(), &stale.cached.headers, own_etag)
            }
        }
    }

    fn is_equivalent_response(&self, cached: &CachedResponse) -> bool {
        self.context.scope.as_ref().is_some_and(|scope| scope.is_equivalent_response(cached))
    }

    /// What the response to this request may update without having validated it.
    fn head_update(&mut self, status: StatusCode) -> Option<StaleResponse> {
        let updates =
            self.context.traits.head && status == StatusCode::OK && self.layer.policy.invalidation_rules.head;
        self.stale.take_if(|_| updates)
    }

    fn may_serve_stale(&self) -> bool {
        self.stale.as_ref().is_some_and(|stale| may_serve_on_error(&self.layer, &self.context, stale))
    }

    /// RFC 5861 §4: serves what is stale because the handler failed, to all who wait.
    fn serve_stale_on_error<B: Body, E>(self, status: Option<StatusCode>, sender: ResponseSender<B, E>) {
        let Some(stale) = self.stale else { return };
        let failed = ForwardInfo::failed(status, false);
        let _ = sender.send(Ok(serve::stale_on_error(
            &self.layer,
            &self.context,
            &stale.cached,
            stale.tier,
            failed,
        )));
        if let Some(leader) = self.leader {
            leader.finish(FlightOutcome::ServedStale(stale));
        }
        if let Some(lease) = self.lease {
            lease.finish_with(FillResult::ServedStale.into_bytes());
        }
    }
}

/// Calls the inner service once it is ready. Also returns when it was called.
async fn call<S, Q>(
    service: ReadyService<S>,
    request: Request<Q>,
    clock: &dyn Clock,
) -> (Boot, Result<Response<S::Body>, S::Error>)
where
    S: CacheableService<Q>,
{
    match service.ready().await {
        Ok(mut inner) => {
            let called = clock.boot();
            (called, inner.call(request).await)
        }
        Err(error) => (clock.boot(), Err(error)),
    }
}
