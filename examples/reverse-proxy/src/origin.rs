//! The service behind the proxy.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, InvalidUriParts, PathAndQuery, Scheme};

/// The service that requests are forwarded to: a host and a port. It speaks HTTP/1.1 without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Authority);

/// The reason why a URL is not a valid origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseOriginError(&'static str);

impl Origin {
    /// Returns the host, and the port if the URL has one.
    pub(crate) const fn authority(&self) -> &Authority {
        &self.0
    }

    /// Returns the URI for this path and query at the origin.
    pub(crate) fn uri(&self, path: PathAndQuery) -> Result<Uri, InvalidUriParts> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.0.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts)
    }
}

impl FromStr for Origin {
    type Err = ParseOriginError;

    fn from_str(url: &str) -> Result<Self, ParseOriginError> {
        let uri: Uri = url.parse().map_err(|_| ParseOriginError("it is not a URL"))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(ParseOriginError("it is not of the form http://host:port"));
        };
        if scheme != Scheme::HTTP {
            return Err(ParseOriginError("only http:// origins are spoken to"));
        }
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(ParseOriginError("an origin has no path: requests bring their own"));
        }
        if authority.as_str().contains('@') {
            return Err(ParseOriginError("an origin has no user"));
        }
        Ok(Self(authority))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl fmt::Display for ParseOriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ParseOriginError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_host_and_a_port() {
        for (url, expected) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://old.example/", "http://old.example"),
            ("http://[::1]:80", "http://[::1]:80"),
        ] {
            let origin: Origin = url.parse().unwrap();
            assert_eq!(origin.to_string(), expected);
        }
        for (url, why) in [
            ("old.example:80", "http://host:port"),
            ("https://old.example", "only http://"),
            ("http://old.example/app", "has no path"),
            ("http://old.example/?a", "has no path"),
            ("http://me:secret@old.example", "has no user"),
            ("http://", "not a URL"),
        ] {
            let error = url.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn the_whole_server_can_be_asked() {
        let origin: Origin = "http://127.0.0.1:8000".parse().unwrap();
        let uri = origin.uri(PathAndQuery::from_static("*")).unwrap();
        assert_eq!(uri.path(), "*");
    }
}
