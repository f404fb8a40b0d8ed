//! The method `PURGE`, by which a client with the token invalidates stored responses.
//!
//! There is no standard for it. Varnish, Squid and Fastly take `PURGE <uri>` with the host and the
//! path of the resource, so their clients work. A field of `--tags-from` in the request names tags
//! to purge instead of the URI, and `Fastly-Soft-Purge: 1` only makes responses stale.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use larder::{Cache, Invalidation, InvalidationOutcome, UriName};

use crate::args::Args;
use crate::proxy_error::ProxyError;
use crate::purge_token::PurgeToken;
use crate::tags::TagFields;

const SOFT: HeaderName = HeaderName::from_static("fastly-soft-purge");

/// Answers requests to purge.
#[derive(Debug)]
pub(crate) struct Purge {
    cache: Cache,
    /// Without a token, no client may purge.
    token: Option<PurgeToken>,
    tags: TagFields,
}

/// Whether a request is one to purge. These requests never reach the origin.
pub(crate) fn is_purge(method: &Method) -> bool {
    method.as_str() == "PURGE"
}

impl Purge {
    pub(crate) fn new(cache: &Cache, tags: TagFields, args: &Args) -> Self {
        Self { cache: cache.clone(), token: args.purge_token.clone(), tags }
    }

    /// Invalidates what the request names, on every instance.
    ///
    /// # Errors
    ///
    /// Fails if the client may not purge, or if it names tags that cannot be purged.
    pub(crate) async fn answer(&self, parts: &Parts) -> Result<Response<Full<Bytes>>, ProxyError> {
        self.authorize(&parts.headers)?;
        let what = self.what(parts)?;
        let outcome = self.cache.invalidate(what).await;
        tracing::info!(uri = %parts.uri, ?outcome, "purged");
        Ok(report(outcome))
    }

    fn authorize(&self, fields: &HeaderMap) -> Result<(), ProxyError> {
        let token = self.token.as_ref().ok_or(ProxyError::PurgeOff)?;
        let mut lines = fields.get_all(AUTHORIZATION).iter();
        match (lines.next(), lines.next()) {
            (Some(sent), None) if token.is_in(sent) => Ok(()),
            _ => Err(ProxyError::PurgeToken),
        }
    }

    /// Returns the responses to invalidate: those with the tags of the request, or with its URI.
    fn what(&self, parts: &Parts) -> Result<Invalidation, ProxyError> {
        let mut tags = self.tags.of_purge(&parts.headers)?.into_iter();
        let what = match tags.next() {
            Some(first) => tags.fold(Invalidation::tag(first), Invalidation::and_tag),
            None => Invalidation::of(uri(parts)),
        };
        let is_soft = parts.headers.get(SOFT).is_some_and(|value| value == "1");
        Ok(if is_soft { what.soft() } else { what })
    }
}

/// Returns the name of the URI on the host of the request, with all variants.
fn uri(parts: &Parts) -> UriName {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    UriName::from_parts(host, parts.uri.path(), parts.uri.query())
}

/// A deferred purge has taken effect here, and on other instances once Redis can be reached.
fn report(outcome: InvalidationOutcome) -> Response<Full<Bytes>> {
    let (status, text) = match outcome {
        InvalidationOutcome::Applied => (StatusCode::OK, r#"{"status":"ok","outcome":"applied"}"#),
        // RFC 9110 §15.3.3: "the processing has not been completed".
        InvalidationOutcome::Deferred => (StatusCode::ACCEPTED, r#"{"status":"ok","outcome":"deferred"}"#),
    };
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
