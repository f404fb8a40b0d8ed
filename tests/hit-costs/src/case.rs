//! The measured cases.

use std::time::Duration;

use axum::Router;
use axum::routing::{MethodRouter, get};
use axum_response_cache::CacheLayer as PeerLayer;
use clap::ValueEnum;
use larder::{Cache, CacheLayer, Policy};
use tokio::runtime::Runtime;
use tower::Layer;

use crate::bypassed::Way;
use crate::hit::Hit;
use crate::least::LeastLayer;
use crate::{bypassed, filled, origin, routed};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// One service, named by what answers, and one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// The handler itself, with a body of 1 KiB: the lower bound for every layer.
    Bare,
    /// The least that a layer could do, 1 KiB.
    Least,
    /// axum-response-cache, 1 KiB.
    Peer,
    /// Larder with all features, 1 KiB.
    Larder,
    /// Larder, 64 KiB. A body is never copied.
    #[value(name = "larder-64k")]
    Larder64k,
    /// Larder, 1 MiB.
    #[value(name = "larder-1m")]
    Larder1m,
    /// The handler on a route of an axum router, without a path parameter.
    RouterBare,
    /// The least layer on that route.
    RouterLeast,
    /// axum-response-cache on that route.
    RouterPeer,
    /// Larder on that route.
    RouterLarder,
    /// The handler on a route with a path parameter.
    ParameterBare,
    /// The least layer on a route with a path parameter.
    ParameterLeast,
    /// axum-response-cache on a route with a path parameter.
    ParameterPeer,
    /// Larder on a route with a path parameter.
    ParameterLarder,
    /// Larder with a key that is a template with the path parameter.
    TemplateKey,
    /// Larder with a tag that has the path parameter.
    Tag,
    /// Larder, and a query with two parameters.
    Query,
    /// Larder, and a response with `Vary`.
    Vary,
    /// Larder answers a conditional request with a 304.
    NotModified,
    /// Larder answers a `HEAD`.
    Head,
    /// Larder answers a request for a range of the body.
    Range,
    /// Larder serves a stale response while it is refreshed.
    Stale,
    /// The handler itself, with a method that no cache answers.
    MethodBare,
    /// Larder passes that method to the handler.
    MethodBypass,
    /// The handler itself, with credentials.
    UnstoredBare,
    /// Larder runs the handler for a request with credentials, and does not store its response.
    Unstored,
    /// Larder runs the handler for an unknown key, and stores its response in memory.
    Miss,
    /// Larder runs the handler once for two requests with an unknown key.
    MissWithFollower,
    /// Larder serves a stale response, and runs the handler in the background.
    Refresh,
}

impl Case {
    /// Builds the service and warms it. A runtime must be entered.
    ///
    /// # Panics
    ///
    /// Panics if the service does not answer.
    #[must_use]
    pub fn hit(self, runtime: &Runtime) -> Hit {
        let plain = || origin::service(1024);
        match self {
            Self::Bare => Hit::warm(runtime, plain()),
            Self::Least => Hit::warm(runtime, LeastLayer::new().layer(plain())),
            Self::Peer => Hit::warm(runtime, PeerLayer::with_lifespan(HOUR).layer(plain())),
            Self::Larder => Hit::warm(runtime, larder().layer(plain())),
            Self::Larder64k => Hit::warm(runtime, larder().layer(origin::service(64 * 1024))),
            Self::Larder1m => Hit::warm(runtime, larder().layer(origin::service(1024 * 1024))),
            Self::RouterBare => on_router(runtime, origin::PATH, handler()),
            Self::RouterLeast => on_router(runtime, origin::PATH, with_least(handler())),
            Self::RouterPeer => on_router(runtime, origin::PATH, with_peer(handler())),
            Self::RouterLarder => on_router(runtime, origin::PATH, handler().layer(larder())),
            Self::ParameterBare => on_router(runtime, routed::PARAMETER, handler()),
            Self::ParameterLeast => on_router(runtime, routed::PARAMETER, with_least(handler())),
            Self::ParameterPeer => on_router(runtime, routed::PARAMETER, with_peer(handler())),
            Self::ParameterLarder => on_router(runtime, routed::PARAMETER, handler().layer(larder())),
            Self::TemplateKey => routed::template_key(runtime),
            Self::Tag => routed::tag(runtime),
            Self::Query => routed::query(runtime),
            Self::Vary => routed::vary(runtime),
            Self::NotModified => routed::not_modified(runtime),
            Self::Head => routed::head(runtime),
            Self::Range => routed::range(runtime),
            Self::Stale => routed::stale(runtime),
            Self::MethodBare => bypassed::method(runtime, Way::Bare),
            Self::MethodBypass => bypassed::method(runtime, Way::Larder),
            Self::UnstoredBare => bypassed::unstored(runtime, Way::Bare),
            Self::Unstored => bypassed::unstored(runtime, Way::Larder),
            Self::Miss => filled::miss(),
            Self::MissWithFollower => filled::miss_with_follower(),
            Self::Refresh => filled::refresh(),
        }
    }

    /// Whether the handler runs for each request.
    #[must_use]
    pub const fn runs_handler(self) -> bool {
        let is_bare = matches!(self, Self::Bare | Self::RouterBare | Self::ParameterBare);
        let is_bypass = matches!(self, Self::MethodBare | Self::MethodBypass);
        let is_fill = matches!(self, Self::Miss | Self::MissWithFollower | Self::Refresh);
        is_bare || is_bypass || is_fill || matches!(self, Self::UnstoredBare | Self::Unstored)
    }

    /// Returns the name that [`ValueEnum`] parses.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

fn larder() -> CacheLayer {
    Cache::default().layer(Policy::ttl(HOUR))
}

fn handler() -> MethodRouter {
    let body = origin::body(1024);
    get(move || origin::respond(body.clone()))
}

fn with_least(handler: MethodRouter) -> MethodRouter {
    handler.layer(LeastLayer::new())
}

fn with_peer(handler: MethodRouter) -> MethodRouter {
    handler.layer(PeerLayer::with_lifespan(HOUR))
}

fn on_router(runtime: &Runtime, route: &str, handler: MethodRouter) -> Hit {
    Hit::warm(runtime, Router::new().route(route, handler))
}
