//! The service for each connection: the rules for proxies, then the cache, then the origin.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use larder::{Cache, CacheBody, CacheService};
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::args::Args;
use crate::origin_service::{OriginBody, OriginService, Peer};
use crate::proxy_error::ProxyError;
use crate::purge::{self, Purge};
use crate::tags::TagFields;
use crate::via::ViaName;
use crate::{hop_by_hop, max_forwards, policy, surrogate, target};

/// A response from the cache, from the origin, or from the proxy itself.
pub(crate) type Answer = Response<Either<CacheBody<OriginBody>, Full<Bytes>>>;

/// The service that every connection has a clone of.
#[derive(Debug, Clone)]
pub(crate) struct ProxyService {
    cached: CacheService<OriginService>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: ViaName,
    purge: Purge,
    /// The response fields that clients do not get.
    consumed: Box<[HeaderName]>,
}

impl ProxyService {
    pub(crate) fn new(cache: &Cache, args: &Args) -> Self {
        let tags = TagFields::new(&args.tags_from);
        let consumed = surrogate::consumed_fields(&args.targets, &tags);
        let origin = OriginService::new(args, tags.clone());
        let shared = Shared { name: args.name.clone(), purge: Purge::new(cache, tags, args), consumed };
        Self { cached: cache.layer(policy::policy(args)).layer(origin), shared: Arc::new(shared) }
    }

    /// Answers a request of this peer.
    pub(crate) async fn answer(mut self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        match self.shared.accept(request).await {
            Ok(mut request) => {
                request.extensions_mut().insert(Peer(peer));
                // Both errors are those of the wrapped service, which has none and is always ready.
                let Ok(mut response) = self.cached.call(request).await;
                self.shared.strip(response.headers_mut());
                response.map(Either::Left)
            }
            Err(answer) => (*answer).map(Either::Right),
        }
    }
}

impl Shared {
    /// Returns the request for the cache, without connection-specific fields, or a response if it
    /// ends here.
    async fn accept(
        &self,
        request: Request<Incoming>,
    ) -> Result<Request<Incoming>, Box<Response<Full<Bytes>>>> {
        let (mut parts, body) = request.into_parts();
        let refused = |error: ProxyError| Box::new(error.response(&self.name));
        target::resolve(&mut parts).map_err(refused)?;
        hop_by_hop::strip_request(&mut parts.headers);
        if purge::is_purge(&parts.method) {
            return Err(Box::new(self.purge.answer(&parts).await.map_err(refused)?));
        }
        match max_forwards::check(&mut parts) {
            Some(answer) => Err(Box::new(answer)),
            None => Ok(Request::from_parts(parts, body)),
        }
    }

    /// Removes the fields that are not for the client.
    ///
    /// This comes after the cache: the fields that `Connection` lists may forbid it to store the
    /// response, and it needs the fields for surrogates again when the response is validated.
    fn strip(&self, fields: &mut HeaderMap) {
        hop_by_hop::strip_response(fields);
        for name in &self.consumed {
            fields.remove(name);
        }
    }
}
