//! Following a fill: its body, for those who wait for it, while it arrives.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use larder_core::http::vary;
use larder_core::outcome::{MissReason, Outcome};
use tracing::Instrument as _;

use crate::engine::coalesce::audience::ClientGuard;
use crate::http::body::CacheBody;
use crate::http::body::follower_body::{FollowerBody, RetryFn};
use crate::http::body::incomplete::incomplete_body_error;
use crate::http::body::service_bounds::CacheableService;
use crate::http::body::shared_body::{SharedBody, SharedBodyReader};
use crate::http::flight_event::{FillEvent, Flight};
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::miss::answer_again;
use crate::http::ready_service::ReadyService;

/// How a body whose rest does not come is ended, for a request that may be answered by a body that is arriving.
///
/// One that may want less than the whole of it waits for the end, and so does one whose body could not fail.
pub(super) fn may_follow<E: 'static>(context: &RequestContext) -> Option<fn() -> E> {
    if context.head || context.conditional || context.range { None } else { incomplete_body_error() }
}

/// What is to be heard of a flight by a request that may follow it, or not.
pub(super) async fn hear(flight: &Flight, context: &RequestContext, may_follow: bool) -> Option<FillEvent> {
    if may_follow {
        match flight.next_event().await? {
            // What it varies on is remembered once it is stored: only then do those wait together who would be given the same.
            FillEvent::HeadReady(body) if !vary::matches(&body.head.meta.selecting, &context.headers) => {}
            heard => return Some(heard),
        }
    }
    flight.finished().await
}

/// A request that follows a fill, and all that it takes to ask again where that breaks off.
pub(super) struct Follower<S, Q, E> {
    pub(super) layer: Arc<LayerState>,
    pub(super) place: ReadyService<S>,
    pub(super) request: Request<Q>,
    pub(super) context: RequestContext,
    /// How often it has waited in vain.
    pub(super) waits: usize,
    pub(super) reason: MissReason,
    pub(super) fail: fn() -> E,
    pub(super) seat: ClientGuard,
}

impl<S, Q, B> Follower<S, Q, B::Error>
where
    S: CacheableService<Q, Body = B>,
    B: http_body::Body<Data = Bytes, Error: Send> + Send + 'static,
    Q: Send + 'static,
{
    /// The answer to it, but for its head.
    pub(super) fn follow(self, body: Arc<SharedBody>) -> CacheBody<B> {
        let Self { layer, place, request, mut context, waits, reason, fail, seat } = self;
        let again: RetryFn<B> = Box::new(move || {
            context.completes = true;
            let span = context.span.clone();
            let again = async move {
                let outcome = Outcome::Miss(reason);
                answer_again(layer, place, request, context, outcome, waits).await.ok()
            };
            Box::pin(again.instrument(span))
        });
        CacheBody::following(FollowerBody::new(SharedBodyReader::new(body), again, fail).counted(seat))
    }
}
