//! The measured cases.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum_response_cache::CacheLayer as PeerLayer;
use clap::ValueEnum;
use larder::{Cache, CacheLayer, Policy};
use tokio::runtime::Runtime;
use tower::Layer;

use super::hit::Hit;
use crate::origin;

const HOUR: Duration = Duration::from_secs(3600);

/// One service, named by what answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// The handler itself, with a body of 1 KiB: the lower bound for every layer.
    Bare,
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
    /// The handler on an axum router.
    RouterBare,
    /// axum-response-cache on a route of an axum router.
    RouterPeer,
    /// Larder on a route of an axum router.
    RouterLarder,
}

impl Case {
    /// Builds the service and warms it. A runtime must be entered.
    ///
    /// # Panics
    ///
    /// Panics if the service does not answer.
    #[must_use]
    pub fn hit(self, runtime: &Runtime) -> Hit {
        let size = match self {
            Self::Larder64k => 64 * 1024,
            Self::Larder1m => 1024 * 1024,
            _ => 1024,
        };
        let bare = origin::service(size);
        let body = origin::body(size);
        let handler = get(move || origin::respond(body.clone()));
        match self {
            Self::Bare => Hit::warm(runtime, bare),
            Self::Peer => Hit::warm(runtime, PeerLayer::with_lifespan(HOUR).layer(bare)),
            Self::Larder | Self::Larder64k | Self::Larder1m => Hit::warm(runtime, larder().layer(bare)),
            Self::RouterLarder => {
                Hit::warm(runtime, Router::new().route(origin::ROUTE, handler.layer(larder())))
            }
            Self::RouterBare => Hit::warm(runtime, Router::new().route(origin::ROUTE, handler)),
            Self::RouterPeer => Hit::warm(
                runtime,
                Router::new().route(origin::ROUTE, handler.layer(PeerLayer::with_lifespan(HOUR))),
            ),
        }
    }
}

fn larder() -> CacheLayer {
    Cache::default().layer(Policy::ttl(HOUR))
}

impl Case {
    /// Returns the name that [`ValueEnum`] parses.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
