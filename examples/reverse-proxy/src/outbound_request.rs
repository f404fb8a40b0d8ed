//! Turns a client's request into the request for the origin.

use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Version};

use crate::args::Args;
use crate::forwarded_header;
use crate::origin::Origin;
use crate::origin_service::Peer;
use crate::proxy_error::ProxyError;
use crate::surrogate::{self, SURROGATE_CONTROL};
use crate::via::ViaName;

/// The parts that are the same in each request to the origin.
#[derive(Debug)]
pub(crate) struct Outbound {
    origin: Origin,
    name: ViaName,
    /// Whether `Surrogate-Control` is one of the fields that the cache evaluates.
    pub(crate) is_surrogate: bool,
}

impl Outbound {
    pub(crate) fn new(args: &Args) -> Self {
        let is_surrogate = args.targets.contains(&SURROGATE_CONTROL);
        Self { origin: args.origin.clone(), name: args.name.clone(), is_surrogate }
    }

    /// Prepares the request for the origin.
    ///
    /// # Errors
    ///
    /// Fails if the request came through this proxy before.
    pub(crate) fn make(&self, parts: &mut Parts) -> Result<(), ProxyError> {
        if self.name.is_looping(&parts.headers) {
            return Err(ProxyError::Loop);
        }
        let path = parts.uri.path_and_query().cloned().ok_or(ProxyError::Internal)?;
        parts.uri = self.origin.uri(path).map_err(|_| ProxyError::Internal)?;
        let fields = &mut parts.headers;
        if let Some(Peer(peer)) = parts.extensions.get() {
            forwarded_header::append(fields, *peer);
        }
        self.name.append(fields, parts.version);
        if self.is_surrogate {
            surrogate::announce(fields, &self.name);
        }
        parts.version = Version::HTTP_11;
        // hyper frames the body itself.
        fields.remove(TRANSFER_ENCODING);
        // RFC 9110 §10.1.4: "A sender of TE MUST also send a "TE" connection option within the
        // Connection header field".
        if fields.contains_key(TE) {
            fields.insert(CONNECTION, HeaderValue::from_static("te"));
        }
        // RFC 9112 §3.2: "A client MUST send a Host header field … in all HTTP/1.1 request
        // messages." A client that speaks HTTP/1.0 may leave it out.
        if !fields.contains_key(HOST) {
            let host =
                HeaderValue::try_from(self.origin.authority().as_str()).map_err(|_| ProxyError::Internal)?;
            fields.insert(HOST, host);
        }
        Ok(())
    }

    pub(crate) const fn name(&self) -> &ViaName {
        &self.name
    }
}
