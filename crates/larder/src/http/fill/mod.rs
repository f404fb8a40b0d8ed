//! Fill: running the handler to make a stored response, once for all who wait for it.

mod await_head;
pub(crate) mod build;
pub(crate) mod claim_fill;
mod commit;
pub(crate) mod fill_result;
mod freshen;
mod partial;
mod publish;
pub(crate) mod refresh;
pub(crate) mod run;
pub(crate) mod store_response;

use std::sync::Arc;

use http::Response;
use larder_core::log::position::Position;
use larder_core::outcome::Outcome;
use larder_core::time::{Boot, Wall};
use tokio::sync::oneshot;

use crate::engine::coalesce::clients::Clients;
use crate::engine::lease::Lease;
use crate::http::body::CacheBody;
use crate::http::flight_event::Lead;
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// A run of the handler, and what it is for.
pub(crate) struct Fill {
    pub(crate) layer: Arc<LayerState>,
    pub(crate) context: RequestContext,
    /// The flight that waits for it; `None` if nobody does.
    pub(crate) leader: Option<Lead>,
    /// What keeps other instances waiting for it, too.
    pub(crate) lease: Option<Lease>,
    /// What may be validated, or served if the handler fails.
    pub(crate) stale: Option<StaleResponse>,
    /// A part of what is stored elsewhere, for a request for others.
    pub(crate) base: Option<Arc<CachedResponse>>,
    /// What the request that started it will be told.
    pub(crate) outcome: Outcome,
    pub(crate) clients: Clients,
    /// Whether the head of the response came after the policy's limit.
    pub(crate) is_late: bool,
}

/// When a fill began, and what was known of the log then (rule 2).
#[derive(Clone, Copy)]
pub(crate) struct FillStart {
    pub(crate) boot: Boot,
    pub(crate) wall: Wall,
    pub(crate) position: Position,
}

/// Where the answer to the client goes. A client that left does not take it.
pub(crate) type ResponseSender<B, E> = oneshot::Sender<Result<Response<CacheBody<B>>, E>>;

impl Fill {
    /// A run that only one request waits for.
    pub(crate) fn for_one(
        layer: &Arc<LayerState>,
        context: RequestContext,
        stale: Option<StaleResponse>,
        base: Option<Arc<CachedResponse>>,
        outcome: Outcome,
    ) -> Self {
        let (layer, clients) = (Arc::clone(layer), Clients::for_one());
        Self { layer, context, leader: None, lease: None, stale, base, outcome, clients, is_late: false }
    }
}
