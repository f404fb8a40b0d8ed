//! The service for each connection: the rules for proxies, then the cache, then the origin.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use larder::{Cache, CacheBody, CacheService};
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::args::Args;
use crate::origin_service::{OriginBody, OriginService, Peer};
use crate::via::ViaName;
use crate::{hop_by_hop, max_forwards, policy, target};

/// A response from the cache, from the origin, or from the proxy itself.
pub(crate) type Answer = Response<Either<CacheBody<OriginBody>, Full<Bytes>>>;

/// The service that every connection has a clone of.
#[derive(Debug, Clone)]
pub(crate) struct ProxyService {
    cached: CacheService<OriginService>,
    name: ViaName,
}

impl ProxyService {
    pub(crate) fn new(cache: &Cache, origin: OriginService, args: &Args) -> Self {
        Self { cached: cache.layer(policy::policy(args)).layer(origin), name: args.name.clone() }
    }

    /// Answers a request of this peer.
    pub(crate) async fn answer(mut self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        match self.accept(request) {
            Ok(mut request) => {
                request.extensions_mut().insert(Peer(peer));
                // Both errors are those of the wrapped service, which has none and is always ready.
                let Ok(mut response) = self.cached.call(request).await;
                // This comes last: the fields that `Connection` lists may forbid the cache to store
                // the response.
                hop_by_hop::strip_response(response.headers_mut());
                response.map(Either::Left)
            }
            Err(answer) => (*answer).map(Either::Right),
        }
    }

    /// Returns the request for the cache, without connection-specific fields, or a response if it
    /// ends here.
    fn accept(&self, request: Request<Incoming>) -> Result<Request<Incoming>, Box<Response<Full<Bytes>>>> {
        let (mut parts, body) = request.into_parts();
        if let Err(error) = target::resolve(&mut parts) {
            return Err(Box::new(error.response(&self.name)));
        }
        hop_by_hop::strip_request(&mut parts.headers);
        match max_forwards::check(&mut parts) {
            Some(answer) => Err(Box::new(answer)),
            None => Ok(Request::from_parts(parts, body)),
        }
    }
}
