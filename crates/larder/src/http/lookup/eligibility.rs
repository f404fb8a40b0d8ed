//! Whether a request is for the cache at all, and under which key.

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

/// What to do with a request.
pub(crate) enum Eligibility {
    /// Look it up.
    Lookup(RequestTraits),
    /// It may change something: pass it on, and invalidate its URI if it succeeds (RFC 9111 §4.4).
    UnsafeMethod,
    /// Pass it on.
    Bypass(BypassReason),
}

/// What a look-up needs of a request, beside its key.
#[derive(Clone, Copy)]
pub(crate) struct RequestTraits {
    pub(crate) head: bool,
    /// Whether it has `If-None-Match` or `If-Modified-Since`.
    pub(crate) conditional: bool,
    /// Whether it asks for ranges of bytes. One that does not has no `Range` any more.
    pub(crate) range: bool,
    /// The credentials that the policy does not declare.
    pub(crate) credentials: Credentials,
}

/// Decides what to do with the request, and writes its key where it is to be looked up.
pub(crate) fn classify(layer: &LayerState, parts: &mut Parts, key: &mut KeyBuf) -> Eligibility {
    let head = match parts.method {
        Method::GET => false,
        Method::HEAD => true,
        // RFC 9110 §9.2.1: the other methods that are safe.
        Method::OPTIONS | Method::TRACE => return Eligibility::Bypass(BypassReason::Method),
        _ if layer.policy.invalidation_rules.safe_methods.contains(&parts.method) => {
            return Eligibility::Bypass(BypassReason::Method);
        }
        _ => return Eligibility::UnsafeMethod,
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
    // First, as a layer further in is to get the request unaltered.
    if layer.nesting.leaves_request(parts) {
        return Err(BypassReason::Nested);
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
    let range = range && keep_byte_ranges(&mut parts.headers, head)?;
    Ok(RequestTraits { head, conditional, range, credentials })
}

/// What the fields of a request say about its being for the cache.
#[derive(Default)]
struct RequestFields<'a> {
    bypass: Option<BypassReason>,
    host: Host<'a>,
    conditional: bool,
    range: bool,
    authorization: bool,
    cookie: bool,
}

impl<'a> RequestFields<'a> {
    /// One walk over the fields that there are costs less than a look-up for each of nine, most of which usually are not.
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

    fn credentials(&self, policy: &Policy, headers: &HeaderMap) -> Credentials {
        Credentials {
            authorization: self.authorization && !policy.store.share_authorized,
            cookie: self.cookie && policy.cookies.has_undeclared(headers),
        }
    }
}

/// Whether a request asks for ranges of bytes. Where it does not, its `Range` is one to be ignored, and is discarded, so that
/// everybody behind the cache ignores it as well; but one in another unit is the handler's.
///
/// RFC 9110 §14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for
/// which range handling is not defined. For this specification, GET is the only method for which range handling is
/// defined."
#[cold]
fn keep_byte_ranges(headers: &mut HeaderMap, head: bool) -> Result<bool, BypassReason> {
    match range::requested(headers) {
        Requested::Bytes(_) if !head => return Ok(true),
        Requested::OtherUnit if !head => return Err(BypassReason::Range),
        Requested::Bytes(_) | Requested::OtherUnit | Requested::Whole => range::strip(headers),
    }
    Ok(false)
}

/// RFC 9110 §9.3.1: "content received in a GET request has no generally defined semantics". A handler may read it all the
/// same, and no key has it.
fn announces_body(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
}

/// The reason for which a request with these credentials goes to the handler.
pub(crate) const fn credentials_reason(credentials: Credentials) -> Option<BypassReason> {
    match credentials {
        Credentials { authorization: true, .. } => Some(BypassReason::Authorization),
        Credentials { cookie: true, .. } => Some(BypassReason::Cookie),
        Credentials { authorization: false, cookie: false } => None,
    }
}
