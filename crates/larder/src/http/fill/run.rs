//! Running the handler for a fill, and classifying its answer.

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use larder_core::key::redact::redact;
use larder_core::time::{BootTime, Clock};
use tokio::sync::oneshot;
use tower_service::Service as _;
use tracing::{Instrument as _, Span};

use crate::engine::catch_panic::{CatchPanic, Panic};
use crate::engine::detach::join_or_resume_panic;
use crate::http::body::erased_body::ErasedBody;
use crate::http::body::erased_error::ErasedError;
use crate::http::erased_service::{ErasedRequest, ErasedResult, ErasedService};
use crate::http::fill::stale_on_error::Failure;
use crate::http::fill::{Fill, FillStart, FillTimes, ResponseSender};
use crate::http::flight_event::Lead;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::ready_service::ReadyService;
use crate::http::response::invalidation_part::apply_invalidation;
use crate::http::serve::record::record;

/// Runs a fill, and returns the answer to the request that started it.
pub(crate) async fn run_fill(
    fill: Fill,
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
) -> ErasedResult {
    match fill.leader {
        Some(_) => run_detached(fill, service, request).await,
        None => run_attached(fill, service, request).await,
    }
}

/// Runs a fill that other requests may wait for, in a task of its own.
///
/// Returns the answer to the request that started the fill. If the client of that request leaves,
/// the task goes on, within the limits of [`Clients`](crate::engine::coalesce::clients::Clients).
async fn run_detached(
    fill: Fill,
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
) -> ErasedResult {
    let _guard = fill.clients.guard();
    let (sender, answer) = oneshot::channel();
    let span = fill.span();
    let engine = Arc::clone(&fill.layer.engine);
    let task = engine.background.spawn(fill.run(service, request, sender).instrument(span));
    match answer.await {
        Ok(answer) => answer,
        // The task ended without an answer.
        Err(_) => {
            join_or_resume_panic(task).await;
            std::future::pending().await
        }
    }
}

/// Runs a fill that no other request waits for, in the future of its client.
///
/// If the client leaves before the response, the handler is cancelled. If the client gets the
/// response before its body is stored, the fill goes on in a task of its own.
async fn run_attached(
    fill: Fill,
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
) -> ErasedResult {
    let _guard = fill.clients.guard();
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
            // A run ends without an answer only if its client has left.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The meaning of the handler's answer for a fill.
enum HandlerAnswer<B, E> {
    /// The handler failed, and a stale response may be served instead.
    ServeStale(Failure),
    /// The stored response was validated.
    NotModified(Response<B>),
    /// The response to `HEAD` updates this stored response.
    HeadUpdate(Response<B>, StaleResponse),
    /// A response that may be stored.
    Response(Response<B>),
    /// The handler failed, and nothing can be served instead.
    Failed(E),
}

impl Fill {
    /// Calls the handler, and acts on its answer.
    pub(crate) fn run(
        self,
        service: ReadyService<ErasedService>,
        request: ErasedRequest,
        sender: ResponseSender<ErasedBody, ErasedError>,
    ) -> impl Future<Output = ()> + Send + 'static {
        if let Some(lease) = &self.lease {
            self.scope.set_lease(lease.id());
        }
        // Boxed at once: it is large, and each of the futures around it would be a copy of it.
        self.scope.clone().scope(Box::pin(self.run_handler(service, request, sender)))
    }

    async fn run_handler(
        mut self,
        service: ReadyService<ErasedService>,
        mut request: ErasedRequest,
        mut sender: ResponseSender<ErasedBody, ErasedError>,
    ) {
        let start = self.start();
        let is_validating = self.set_conditions(&mut request);
        self.mark(&mut request);
        if let Some(leader) = &self.leader {
            leader.flight().own_requests.note_called();
        }
        let clock = Arc::clone(&self.layer.engine.clock);
        let call = call(service, request, &*clock);
        let Some((called, answer)) = self.await_head(call, &mut sender).await else { return };
        if let Some(flight) = &self.early_for {
            flight.own_requests.note_answered();
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(panic) => return self.handle_panic(panic, sender),
        };
        // This breaks rule 2 on purpose. It is compiled only into a special build, in which
        // `cargo xtask torture` must find the violation.
        #[cfg(larder_broken = "position-after-fill")]
        let start = FillStart { position: self.layer.engine.log.position(), ..start };
        let (cost, arrived) = (clock.boot().saturating_since(called), clock.wall());
        // A response that names itself is refused when it is stored: its fill began before that.
        let mut answer = match answer {
            Ok(response) => Ok(apply_invalidation(&self.layer.engine, response).await),
            Err(error) => Err(error),
        };
        if self.context.outer_run.is_nested() {
            return self.forward_nested(answer, sender);
        }
        self.context.outer_run.note_plain();
        self.record_time(cost);
        let start = self.lowered_start(&mut answer, start);
        self.compare_with_values(&start);
        let times = FillTimes { start, arrived, cost };
        match self.classify(answer, is_validating) {
            HandlerAnswer::ServeStale(failure) => self.serve_stale_on_error(failure, sender),
            // Boxed, as every fill would otherwise have room for them.
            HandlerAnswer::NotModified(response) => Box::pin(self.freshen(response, times, sender)).await,
            HandlerAnswer::HeadUpdate(response, stale) => {
                Box::pin(self.freshen_from_head(response, stale, times, sender)).await;
            }
            HandlerAnswer::Response(response) => self.handle_response(response, times, sender).await,
            HandlerAnswer::Failed(error) => {
                record(&self.layer, &self.context, self.outcome);
                // Send the error to the client of this request before the leader is dropped.
                // Followers then elect another leader.
                let _ = sender.send(Err(error));
            }
        }
    }

    /// Records how long the handler took, in a fill that other requests wait for.
    fn record_time(&self, cost: Duration) {
        let Some(leader) = &self.leader else { return };
        if let Some(top) = &self.layer.engine.report.top_keys {
            top.fill(&self.context.key, cost);
        }
        let path = || self.context.matched_path.as_deref();
        self.layer.with_route(path, |route| route.fill_finished(cost));
        if leader.flight().own_requests.is_time_representative() {
            self.layer.handler_time.record(cost);
        }
    }

    /// Decides what the handler's answer means for this fill.
    fn classify<B, E>(&mut self, answer: Result<Response<B>, E>, is_validating: bool) -> HandlerAnswer<B, E> {
        let response = match answer {
            Ok(response) => response,
            Err(_) if self.may_serve_stale() => return HandlerAnswer::ServeStale(Failure::default()),
            Err(error) => {
                self.record_failed_refresh(Failure::default());
                return HandlerAnswer::Failed(error);
            }
        };
        let status = response.status();
        if self.layer.policy.is_stale_on_error(status) {
            let failure = Failure::of(&response, self.layer.engine.clock.wall());
            if self.may_serve_stale() {
                return HandlerAnswer::ServeStale(failure);
            }
            self.record_failed_refresh(failure);
        }
        if status == StatusCode::NOT_MODIFIED && is_validating {
            return HandlerAnswer::NotModified(response);
        }
        match self.head_update(status) {
            Some(stale) => HandlerAnswer::HeadUpdate(response, stale),
            None => HandlerAnswer::Response(response),
        }
    }

    /// Returns the span that the handler runs in.
    ///
    /// If the span of the fill is disabled, the handler runs in the span of the request, as without
    /// the cache.
    pub(crate) fn span(&self) -> Span {
        let (key, reason) = (&*self.context.key, self.outcome.reason());
        let parent = &self.context.span;
        // Spans are sent to other machines, so the key is redacted.
        let span = tracing::debug_span!(
            target: "larder", parent: parent, "fill", cache.key = &*redact(key), cache.reason = reason
        );
        if span.is_disabled() {
            return Span::current();
        }
        if let Some(leader) = &self.leader {
            leader.flight().set_span(&span);
        }
        span
    }

    /// Returns the start of the fill. A fill for a flight began with that flight.
    fn start(&self) -> FillStart {
        let engine = &self.layer.engine;
        let wall = engine.clock.wall();
        let (boot, position) = match self.leader.as_ref().map(Lead::flight) {
            Some(flight) => (flight.began, flight.position),
            None => (engine.clock.boot(), engine.log.position()),
        };
        FillStart { boot, wall, position, filled_at: Some(boot) }
    }

    /// Takes the stored response if this response to `HEAD` may update it.
    ///
    /// A response to `HEAD` updates the stored response without validating it.
    fn head_update(&mut self, status: StatusCode) -> Option<StaleResponse> {
        let updates =
            self.context.traits.head && status == StatusCode::OK && self.layer.policy.invalidation_rules.head;
        self.stale.take_if(|_| updates)
    }
}

/// Calls the inner service once it is ready. Also returns the moment of the call.
///
/// A panic is returned, because a stale response may be served for it.
async fn call(
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
    clock: &dyn Clock,
) -> (BootTime, Result<Result<Response<ErasedBody>, ErasedError>, Panic>) {
    match service.ready().await {
        Ok(mut inner) => {
            let called = clock.boot();
            (called, CatchPanic::new(async move { inner.call(request).await }).await)
        }
        Err(error) => (clock.boot(), Ok(Err(error))),
    }
}
