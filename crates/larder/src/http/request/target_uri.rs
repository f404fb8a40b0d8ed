//! The target URI of a request (RFC 9110 §7.1), as far as this server can determine it.

use std::borrow::Cow;

use http::header::HOST;
use http::request::Parts;
use http::uri::Uri;
use http::{HeaderValue, Version};
use larder_core::key::{authority, normalize};
use larder_core::log::selector::UriName;
use larder_core::outcome::BypassReason;

/// The parts of a target URI, borrowed from its request.
pub(crate) struct TargetUri<'a> {
    /// The scheme as it is written in the key.
    pub(crate) key_scheme: &'a str,
    pub(crate) authority: Cow<'a, str>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
}

/// The `Host` lines of a request.
#[derive(Clone, Copy, Default)]
pub(crate) enum Host<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    Several,
}

impl<'a> Host<'a> {
    /// Returns these lines and one more.
    #[inline]
    pub(crate) const fn push(self, line: &'a HeaderValue) -> Self {
        match self {
            Self::None => Self::One(line),
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

impl<'a> TargetUri<'a> {
    /// Returns the target of the request, or the reason why it is not certain.
    pub(crate) fn from_request(parts: &'a Parts) -> Result<Self, BypassReason> {
        Self::with_host_field(parts.headers.get_all(HOST).iter().fold(Host::default(), Host::push), parts)
    }

    /// Returns the target of a request whose `Host` lines have been read already.
    pub(crate) fn with_host_field(field: Host<'a>, parts: &'a Parts) -> Result<Self, BypassReason> {
        let uri = crate::http::request::axum_route::whole_uri(parts);
        let scheme = uri.scheme_str().unwrap_or("http");
        let (path, query) = (uri.path(), uri.query());
        Ok(Self {
            key_scheme: key_scheme(parts, uri, scheme),
            authority: effective_host(field, uri, scheme)?,
            path,
            query,
        })
    }

    /// Returns the target itself if its host is valid.
    ///
    /// A host must not contain a character that ends a host: the URI would be that of another path
    /// on another host.
    pub(crate) fn require_valid_host(self) -> Result<Self, BypassReason> {
        if self.authority.contains(['/', '?', '#']) { Err(BypassReason::Authority) } else { Ok(self) }
    }

    /// Returns the origin (RFC 9110 §4.3.1) in the form that names use: host and port.
    ///
    /// The scheme is left out, because a server behind a proxy that terminates TLS cannot determine
    /// it.
    pub(crate) fn origin(&self) -> Box<str> {
        format!("//{}", normalize::host(&self.authority)).into()
    }

    /// Returns the name of the URI with this query on its own host.
    ///
    /// Without a host, it is the name of the URI on every host.
    pub(crate) fn uri_name(&self, query: Option<&str>) -> UriName {
        UriName::from_parts(Some(&self.authority), self.path, query)
    }

    /// Returns the names of the URI with this query, on every host and on its own.
    pub(crate) fn uri_names(&self, query: Option<&str>) -> [UriName; 2] {
        [UriName::from_parts(None, self.path, query), self.uri_name(query)]
    }
}

/// Returns the scheme for the key.
///
/// A server receives either a path or the whole URI (RFC 9112 §3.2.2; always the whole URI in
/// HTTP/2). The handler sees the form and may repeat it, so each form has its own key. A request
/// with a whole URI and without `Host` was not sent to a server: a client calls the service
/// directly.
fn key_scheme<'a>(parts: &Parts, uri: &Uri, scheme: &'a str) -> &'a str {
    let is_sent = || parts.version > Version::HTTP_11 || parts.headers.contains_key(HOST);
    if uri.authority().is_some() && scheme == "http" && is_sent() { "http:" } else { scheme }
}

/// Returns the host of the target.
///
/// RFC 9112 §3.2.2: "When an origin server receives a request with an absolute-form of
/// request-target, the origin server MUST ignore the received Host header field (if any)". A
/// handler may read `Host` anyway. So a client that sends two different hosts could plant one
/// host's response under the other's key. Such a request bypasses the cache. A request with two
/// `Host` lines bypasses it too: RFC 9112 §3.2 demands a 400 for it, and a handler may read the
/// other line.
fn effective_host<'a>(field: Host<'a>, uri: &'a Uri, scheme: &str) -> Result<Cow<'a, str>, BypassReason> {
    let field = match field {
        Host::One(value) => {
            let value = value.to_str().map_err(|_| BypassReason::Authority)?;
            Some(authority::normal(scheme, value))
        }
        Host::None => None,
        Host::Several => return Err(BypassReason::Authority),
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
            assert_eq!(TargetUri::from_request(&parts).unwrap().authority, expected, "{uri} {host:?}");
        }
    }

    #[test]
    fn a_request_with_a_whole_uri_has_another_key() {
        let form = |uri, host| TargetUri::from_request(&parts(uri, host)).unwrap().key_scheme.to_owned();
        assert_eq!(form("/a", Some("x")), "http");
        assert_eq!(form("http://x/a", Some("x")), "http:");
        assert_eq!(form("http://x/a", None), "http");
        assert_eq!(form("https://x/a", Some("x")), "https");
        let mut two = parts("http://x/a", None);
        two.version = Version::HTTP_2;
        assert_eq!(TargetUri::from_request(&two).unwrap().key_scheme, "http:");
    }

    #[test]
    fn a_host_has_no_character_that_ends_it() {
        for (host, is_host) in
            [("x", true), ("x:1", true), ("", true), ("x/a", false), ("x?", false), ("#", false)]
        {
            let parts = parts("/b", Some(host));
            assert_eq!(
                TargetUri::from_request(&parts).unwrap().require_valid_host().is_ok(),
                is_host,
                "{host}"
            );
        }
    }

    #[test]
    fn two_hosts_in_one_request_are_none() {
        let parts = parts("http://a.example/", Some("b.example"));
        assert_eq!(TargetUri::from_request(&parts).err(), Some(BypassReason::Authority));
    }
}
