//! The decision whether a request is looked up, and under which key.

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, RANGE, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, Method};
use larder_core::http::range::{self, Requested};
use larder_core::http::storable::Credentials;
use larder_core::key::buf::KeyBuf;
use larder_core::outcome::BypassReason;

use crate::http::layer_state::LayerState;
use crate::http::policy::Policy;
use crate::http::request::target_uri::{Host, TargetUri};

/// The way in which a request is handled.
pub(crate) enum Eligibility {
    /// The request is looked up.
    Lookup(RequestTraits),
    /// The request may change something. It is passed on, and its URI is invalidated if it
    /// succeeds (RFC 9111 §4.4).
    UnsafeMethod,
    /// The request is passed on to the inner service.
    Bypass(BypassReason),
}

/// The properties of a request that affect its lookup, apart from the key.
#[derive(Clone, Copy)]
pub(crate) struct RequestTraits {
    /// Whether the method is `HEAD`.
    pub(crate) head: bool,
    /// Whether the request has `If-None-Match` or `If-Modified-Since`.
    pub(crate) conditional: bool,
    /// Whether the request is a `GET` with a `Range` of bytes, which may be invalid.
    pub(crate) range: bool,
    /// The credentials that the policy does not declare.
    pub(crate) credentials: Credentials,
}

/// Decides how a request is handled.
///
/// Writes the key if the request is to be looked up.
pub(crate) fn classify(layer: &LayerState, parts: &mut Parts, key: &mut KeyBuf) -> Eligibility {
    let head = match parts.method {
        Method::GET => false,
        Method::HEAD => true,
        _ if layer.policy.invalidation_rules.is_write(&parts.method) => return Eligibility::UnsafeMethod,
        _ => return Eligibility::Bypass(BypassReason::Method),
    };
    match eligible_lookup(layer, parts, key, head) {
        Ok(traits) => Eligibility::Lookup(traits),
        Err(reason) => Eligibility::Bypass(reason),
    }
}

fn eligible_lookup(
    layer: &LayerState,
    parts: &mut Parts,
    key: &mut KeyBuf,
    head: bool,
) -> Result<RequestTraits, BypassReason> {
    // This comes first: an inner layer must get the request unaltered.
    if let Some(reason) = layer.reason_to_leave(parts) {
        return Err(reason);
    }
    let params = layer.policy.key_params(parts);
    let fields = RequestFields::of(&parts.headers);
    if let Some(reason) = fields.bypass {
        return Err(reason);
    }
    layer.policy.write_key(key, parts, &params, &TargetUri::with_host_field(fields.host, parts)?)?;
    if key.as_str().is_none() {
        return Err(BypassReason::KeyTooLong);
    }
    let credentials = fields.credentials(&layer.policy, &parts.headers);
    let (conditional, range) = (fields.conditional, fields.range);
    let range = range && has_byte_ranges(&mut parts.headers, head)?;
    Ok(RequestTraits { head, conditional, range, credentials })
}

/// The header fields of a request that affect whether it is looked up.
#[derive(Default)]
struct RequestFields<'a> {
    /// The reason for a bypass, if a field requires one.
    bypass: Option<BypassReason>,
    host: Host<'a>,
    conditional: bool,
    range: bool,
    authorization: bool,
    cookie: bool,
}

impl<'a> RequestFields<'a> {
    /// Reads the fields of a request in one pass.
    ///
    /// That costs less than nine lookups by name, since most of the nine are usually absent.
    #[inline]
    fn of(headers: &'a HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, line) in headers {
            if *name == HOST {
                seen.host = seen.host.push(line);
            } else if *name == IF_NONE_MATCH || *name == IF_MODIFIED_SINCE {
                seen.conditional = true;
            } else if *name == AUTHORIZATION {
                seen.authorization = true;
            } else if *name == COOKIE {
                seen.cookie = true;
            } else if *name == RANGE {
                seen.range = true;
            } else if *name == IF_MATCH || *name == IF_UNMODIFIED_SINCE {
                seen.bypass = Some(BypassReason::Precondition);
            } else if *name == UPGRADE {
                seen.bypass = Some(BypassReason::Upgrade);
            } else if *name == TRANSFER_ENCODING || *name == CONTENT_LENGTH && announces_body(headers) {
                seen.bypass = Some(BypassReason::Body);
            }
        }
        seen
    }

    /// Returns the credentials in the request that the policy does not declare.
    fn credentials(&self, policy: &Policy, headers: &HeaderMap) -> Credentials {
        Credentials {
            authorization: self.authorization && !policy.store.share_authorized,
            cookie: self.cookie && policy.cookies.has_undeclared(headers),
            // Known later, if the cache has such fields at all.
            field: false,
        }
    }
}

/// Whether ranges of bytes apply to a request with a `Range` field.
///
/// If the field is not understood, the request bypasses the cache, and its handler gets the field.
///
/// RFC 9110 §14.2: "A server MUST ignore a Range header field received with a request method that
/// is unrecognized or for which range handling is not defined. For this specification, GET is the
/// only method for which range handling is defined." So a range of bytes is removed from a `HEAD`,
/// and the services behind the cache ignore it as well.
#[cold]
fn has_byte_ranges(headers: &mut HeaderMap, head: bool) -> Result<bool, BypassReason> {
    match range::parse_range(headers) {
        Requested::Unknown => Err(BypassReason::Range),
        Requested::Bytes(_) | Requested::Whole if head => {
            range::strip_range(headers);
            Ok(false)
        }
        // Invalid ranges count as ranges here, since the handler may reject them. What is stored is
        // served whole.
        Requested::Bytes(_) | Requested::Whole => Ok(true),
    }
}

/// Whether `Content-Length` announces a body.
///
/// RFC 9110 §9.3.1: "content received in a GET request has no generally defined semantics". A
/// handler may read it nevertheless. The key does not contain it, so such a request bypasses the
/// cache.
fn announces_body(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
}

/// Returns the reason why a request with these credentials goes to the handler, if any.
pub(crate) const fn credentials_reason(credentials: Credentials) -> Option<BypassReason> {
    match credentials {
        Credentials { authorization: true, .. } => Some(BypassReason::Authorization),
        Credentials { cookie: true, .. } => Some(BypassReason::Cookie),
        Credentials { field: true, .. } => Some(BypassReason::Credentials),
        Credentials { authorization: false, cookie: false, field: false } => None,
    }
}
