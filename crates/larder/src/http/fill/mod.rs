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
use crate::http::lookup::request_context::Ask;
use crate::http::memory::cached_response::Held;
use crate::http::memory::stale_response::Stale;

/// A run of the handler, and what it is for.
pub(crate) struct Fill {
    pub(crate) route: Arc<LayerState>,
    pub(crate) ask: Ask,
    /// The flight that waits for it; `None` if nobody does.
    pub(crate) lead: Option<Lead>,
    /// What keeps other instances waiting for it, too.
    pub(crate) lease: Option<Lease>,
    /// What may be validated, or served if the handler fails.
    pub(crate) stale: Option<Stale>,
    /// A part of what is stored elsewhere, for a request for others.
    pub(crate) base: Option<Arc<Held>>,
    /// What the request that started it will be told.
    pub(crate) outcome: Outcome,
    pub(crate) clients: Clients,
    /// Whether the head of the response came after the policy's limit.
    pub(crate) late: bool,
}

/// When a fill began, and what was known of the log then (rule 2).
#[derive(Clone, Copy)]
pub(crate) struct Began {
    pub(crate) boot: Boot,
    pub(crate) wall: Wall,
    pub(crate) position: Position,
}

/// Where the answer to the client goes. A client that left does not take it.
pub(crate) type Client<B, E> = oneshot::Sender<Result<Response<CacheBody<B>>, E>>;

impl Fill {
    /// A run that only one request waits for.
    pub(crate) fn of_one(
        route: &Arc<LayerState>,
        ask: Ask,
        stale: Option<Stale>,
        base: Option<Arc<Held>>,
        outcome: Outcome,
    ) -> Self {
        let (route, clients) = (Arc::clone(route), Clients::for_one());
        Self { route, ask, lead: None, lease: None, stale, base, outcome, clients, late: false }
    }
}
