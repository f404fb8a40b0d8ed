//! The service that forwards a request to the origin, or answers in its place.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tower_service::Service;

use crate::args::Args;
use crate::idle_timeout::IdleTimeoutBody;
use crate::origin_client::OriginClient;
use crate::outbound_request::Outbound;
use crate::proxy_error::ProxyError;
use crate::surrogate;
use crate::tags::TagFields;

/// The peer that a request came from, in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The origin's body, or the text of an error.
pub(crate) type OriginBody = Either<IdleTimeoutBody, Full<Bytes>>;

/// The service that the cache wraps.
#[derive(Debug, Clone)]
pub(crate) struct OriginService(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    outbound: Outbound,
    client: OriginClient,
    tags: TagFields,
    idle: Duration,
}

impl OriginService {
    pub(crate) fn new(args: &Args, tags: TagFields) -> Self {
        let (outbound, client) = (Outbound::new(args), OriginClient::new(args));
        Self(Arc::new(Shared { outbound, client, tags, idle: args.idle_timeout }))
    }
}

impl Service<Request<Incoming>> for OriginService {
    type Response = Response<OriginBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<OriginBody>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { Ok(shared.answer(request).await) })
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<OriginBody> {
        match self.forward(request).await {
            Ok(response) => response.map(|body| Either::Left(IdleTimeoutBody::new(body, self.idle))),
            Err(error) => {
                tracing::warn!(?error, "a request was not answered by the origin");
                error.response(self.outbound.name()).map(Either::Right)
            }
        }
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Incoming>, ProxyError> {
        let (mut parts, body) = request.into_parts();
        self.outbound.make(&mut parts)?;
        let mut response = self.client.send(parts, body).await?;
        let received = response.version();
        // RFC 9110 §6.2: "When a message is forwarded by an intermediary, the protocol version is
        // updated to reflect the version used by that intermediary." With the version of an origin
        // that speaks HTTP/1.0, the connection of the client would be closed.
        *response.version_mut() = Version::HTTP_11;
        let fields = response.headers_mut();
        if has_coding(fields) {
            return Err(ProxyError::TransferCoding);
        }
        fields.remove(TRANSFER_ENCODING);
        if self.outbound.is_surrogate {
            surrogate::filter_directives(fields, self.outbound.name());
        }
        self.tags.limit(fields);
        self.outbound.name().append(fields, received);
        Ok(response)
    }
}

/// The codings that RFC 9112 §7.2 and the registry list beside `chunked`. hyper decodes none of
/// them, and the request did not ask for them (`TE`). Other names are no codings: `identity`, which
/// was one until RFC 7230, or a typing error.
const CODINGS: [&str; 5] = ["compress", "x-compress", "deflate", "gzip", "x-gzip"];

fn has_coding(fields: &HeaderMap) -> bool {
    let lines = fields.get_all(TRANSFER_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut names = lines.flat_map(|line| line.split(',')).map(str::trim);
    names.any(|name| CODINGS.iter().any(|coding| coding.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_that_nobody_undoes_is_not_passed_on() {
        for (line, has) in [
            ("chunked", false),
            ("gzip, chunked", true),
            ("chunked, GZIP", true),
            ("deflate", true),
            ("identity", false),
            ("", false),
        ] {
            let fields = HeaderMap::from_iter([(TRANSFER_ENCODING, line.parse().unwrap())]);
            assert_eq!(has_coding(&fields), has, "{line}");
        }
    }
}
