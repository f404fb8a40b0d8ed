//! The request that fills a stored response again.

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri};
use larder_core::key::redact::is_shown_field;
use larder_core::key::request_parts::{RequestParts, request_parts};

use crate::http::memory::cached_response::CachedResponse;

/// The host of a request whose policy ignores the host.
const ANY_HOST: &str = "localhost";

/// Returns a request that fills this response again.
///
/// It has the URI and the fields in the key, and the fields that select the variant. Returns `None`
/// if that is not the whole request: if the key is the application's own, or if the request
/// had a credential. A partial response is not filled again either.
pub(crate) fn refill_request<B: Default>(
    cached: &CachedResponse,
    credentials: &[HeaderName],
) -> Option<Request<B>> {
    let meta = &cached.meta;
    if meta.part().is_some() {
        return None;
    }
    let parts = request_parts(&meta.key)?;
    let is_sent = |name: &HeaderName| is_shown_field(name.as_str()) && !credentials.contains(name);
    let mut request = Request::new(B::default());
    let authority = match &*parts.authority {
        "" if parts.scheme != "http" => ANY_HOST,
        authority => authority,
    };
    *request.uri_mut() = target(&parts, authority)?;
    let headers = request.headers_mut();
    for (name, line) in &parts.fields {
        if credentials.contains(name) {
            return None;
        }
        headers.append(name, line.clone());
    }
    for (name, value) in meta.selecting() {
        // A field in the key has its lines already.
        let Some(value) = value.as_ref().filter(|_| !headers.contains_key(name)) else { continue };
        if !is_sent(name) {
            return None;
        }
        headers.insert(name, value.clone());
    }
    if !authority.is_empty() {
        headers.insert(HOST, HeaderValue::from_str(authority).ok()?);
    }
    Some(request)
}

/// Returns the target of the request, in the form that the key has.
///
/// The key of a request with a whole URI has the scheme `http:` or `https`.
fn target(parts: &RequestParts<'_>, authority: &str) -> Option<Uri> {
    let path = match &parts.query {
        Some(query) => PathAndQuery::try_from(format!("{}?{query}", parts.path)),
        None => PathAndQuery::try_from(&*parts.path),
    };
    let mut uri = http::uri::Parts::default();
    uri.path_and_query = Some(path.ok()?);
    uri.scheme = match &*parts.scheme {
        "http" => return Uri::from_parts(uri).ok(),
        "http:" => Some(Scheme::HTTP),
        "https" => Some(Scheme::HTTPS),
        _ => return None,
    };
    uri.authority = Some(Authority::try_from(authority).ok()?);
    Uri::from_parts(uri).ok()
}
