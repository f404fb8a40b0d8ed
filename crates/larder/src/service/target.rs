//! What a request is for: its target URI (RFC 9110 §7.1), as far as this server can tell.

use std::borrow::Cow;

use http::header::HOST;
use http::request::Parts;
use http::uri::Uri;
use larder_core::key::authority;
use larder_core::outcome::BypassReason;

/// The parts of a target URI, borrowed from its request.
pub(crate) struct Target<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: Cow<'a, str>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// The target of the request, or why there is none to be sure of.
    pub(crate) fn of(parts: &'a Parts) -> Result<Self, BypassReason> {
        let uri = crate::route::whole_uri(parts);
        let scheme = uri.scheme_str().unwrap_or("http");
        Ok(Self { scheme, authority: host(parts, uri, scheme)?, path: uri.path(), query: uri.query() })
    }

    /// The URI with this query, for every host and for its own.
    pub(crate) fn uris(&self, query: Option<&str>) -> Vec<Box<str>> {
        let mut path = self.path.to_owned();
        if let Some(query) = query {
            path.push('?');
            path.push_str(query);
        }
        let whole = format!("{}://{}{path}", self.scheme, self.authority);
        vec![path.into(), whole.into()]
    }
}

/// RFC 9112 §3.2.2: "When an origin server receives a request with an absolute-form of request-target, the origin server
/// MUST ignore the received Host header field (if any)". A handler may look at `Host` all the same, so that whoever sends
/// two different hosts could plant one host's response under the other's key: such a request is not for a cache. Nor is
/// one with two `Host` lines, to which RFC 9112 §3.2 wants a 400, and of which a handler may read the other one.
fn host<'a>(parts: &'a Parts, uri: &'a Uri, scheme: &str) -> Result<Cow<'a, str>, BypassReason> {
    let mut lines = parts.headers.get_all(HOST).iter();
    let field = match (lines.next(), lines.next()) {
        (Some(value), None) => {
            let value = value.to_str().map_err(|_| BypassReason::Authority)?;
            Some(authority::normal(scheme, value))
        }
        (None, _) => None,
        (Some(_), Some(_)) => return Err(BypassReason::Authority),
    };
    let Some(named) = uri.authority() else {
        return Ok(field.unwrap_or_default());
    };
    let named = authority::normal(scheme, named.as_str());
    match field {
        Some(field) if field != named => Err(BypassReason::Authority),
        _ => Ok(named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(uri: &str, host: Option<&str>) -> Parts {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_host_comes_from_the_uri_or_the_field_in_one_spelling() {
        let cases = [
            ("/a", Some("Shop.Example:80"), "shop.example"),
            ("http://shop.example/a", None, "shop.example"),
            ("https://shop.example:443/a", Some("shop.example"), "shop.example"),
            ("https://shop.example:80/a", None, "shop.example:80"),
            ("/a", None, ""),
        ];
        for (uri, host, expected) in cases {
            let parts = parts(uri, host);
            assert_eq!(Target::of(&parts).unwrap().authority, expected, "{uri} {host:?}");
        }
    }

    #[test]
    fn two_hosts_in_one_request_are_none() {
        let parts = parts("http://a.example/", Some("b.example"));
        assert_eq!(Target::of(&parts).err(), Some(BypassReason::Authority));
    }
}
