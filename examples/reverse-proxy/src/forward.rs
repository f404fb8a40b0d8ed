//! Forwards a request to the origin, and answers for it where it cannot.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use crate::args::Args;
use crate::origin::Origin;
use crate::patient::Patient;
use crate::refused::Refused;
use crate::surrogate::SURROGATE_CONTROL;
use crate::upload::Upload;
use crate::via::Pseudonym;
use crate::{failure, forwarded, surrogate};

/// Services close connections that nobody uses after five seconds and more; who asks at that very moment is hung up on.
const KEEP_CONNECTIONS: Duration = Duration::from_secs(4);

/// How long the origin may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    connect: Duration,
    response: Duration,
    idle: Duration,
}

/// Whom a request is from, in its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What the origin sent, or what is said in its place.
pub(crate) type Forwarded = Either<Patient, Full<Bytes>>;

/// The service that the cache wraps.
#[derive(Debug, Clone)]
pub(crate) struct Forward(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    client: Client<HttpConnector, Upload>,
    origin: Origin,
    name: Pseudonym,
    limits: Limits,
    /// Whether `Surrogate-Control` is one of the fields that the cache looks at.
    is_surrogate: bool,
}

impl Forward {
    pub(crate) fn new(args: &Args) -> Self {
        let limits = Limits {
            connect: args.connect_timeout,
            response: args.response_timeout,
            idle: args.idle_timeout,
        };
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits.connect));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_CONNECTIONS)
            .set_host(false)
            .build(connector);
        let (origin, name) = (args.origin.clone(), args.name.clone());
        let is_surrogate = args.targets.contains(&SURROGATE_CONTROL);
        Self(Arc::new(Shared { client, origin, name, limits, is_surrogate }))
    }
}

impl Service<Request<Incoming>> for Forward {
    type Response = Response<Forwarded>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Forwarded>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { Ok(shared.answer(request).await) })
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Forwarded> {
        let (mut parts, body) = request.into_parts();
        let answered = match self.outbound(&mut parts) {
            Ok(()) => self.send(parts, body).await,
            Err(refused) => Err(refused),
        };
        match answered {
            Ok(response) => response.map(|body| Either::Left(Patient::new(body, self.limits.idle))),
            Err(refused) => {
                tracing::warn!(?refused, "a request was not answered by the origin");
                refused.answer(&self.name).map(Either::Right)
            }
        }
    }

    /// Makes the request the one that the origin is sent.
    fn outbound(&self, parts: &mut Parts) -> Result<(), Refused> {
        if self.name.is_looping(&parts.headers) {
            return Err(Refused::Loop);
        }
        let path = parts.uri.path_and_query().cloned().ok_or(Refused::Internal)?;
        parts.uri = self.origin.uri(path).map_err(|_| Refused::Internal)?;
        if let Some(Peer(peer)) = parts.extensions.get() {
            forwarded::append(&mut parts.headers, *peer);
        }
        self.name.append(&mut parts.headers, parts.version);
        if self.is_surrogate {
            surrogate::announce(&mut parts.headers, &self.name);
        }
        parts.version = Version::HTTP_11;
        let fields = &mut parts.headers;
        // hyper frames the body anew.
        fields.remove(TRANSFER_ENCODING);
        // RFC 9110 §10.1.4: "A sender of TE MUST also send a "TE" connection option within the Connection header field".
        if fields.contains_key(TE) {
            fields.insert(CONNECTION, HeaderValue::from_static("te"));
        }
        // RFC 9112 §3.2: "A client MUST send a Host header field … in all HTTP/1.1 request messages."
        if !fields.contains_key(HOST) {
            let host =
                HeaderValue::try_from(self.origin.authority().as_str()).map_err(|_| Refused::Internal)?;
            fields.insert(HOST, host);
        }
        Ok(())
    }

    async fn send(&self, parts: Parts, body: Incoming) -> Result<Response<Incoming>, Refused> {
        let (body, progress) = Upload::new(body, self.limits.idle);
        let response = self.client.request(Request::from_parts(parts, body));
        // Connecting has a limit of its own.
        let limit = self.limits.connect + self.limits.response;
        let response = progress.in_time(response, limit).await.ok_or(Refused::ResponseTimeout)?;
        let mut response = response.map_err(|error| {
            tracing::debug!(%error, source = ?std::error::Error::source(&error), "no response");
            failure::of(&error)
        })?;
        if has_coding(response.headers()) {
            return Err(Refused::TransferCoding);
        }
        response.headers_mut().remove(TRANSFER_ENCODING);
        if self.is_surrogate {
            surrogate::settle(response.headers_mut(), &self.name);
        }
        let received = response.version();
        self.name.append(response.headers_mut(), received);
        Ok(response)
    }
}

/// The codings that RFC 9112 §7.2 and the registry know beside `chunked`. hyper undoes none of them, nor were they asked for
/// (`TE`). What is none of them is no coding either: `identity`, which was one until RFC 7230, or a slip.
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
