//! The errors that the proxy answers itself.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::via::ViaName;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The reason why a request or a response is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyError {
    /// The request breaks a rule of HTTP.
    BadRequest(&'static str),
    /// The request is for another scheme.
    Misdirected,
    /// The request asks for something that no resource behind this proxy supports.
    NotImplemented(&'static str),
    /// The request has an expectation that the proxy does not know.
    Expectation,
    /// The request is one to purge, and the proxy has no token for it.
    PurgeOff,
    /// The request is one to purge, without the token.
    PurgeToken,
    /// The body of the request stopped.
    ClientIdle,
    /// The request came through this proxy before.
    Loop,
    /// The origin's name has no address.
    NoAddress,
    /// The origin refuses connections.
    ConnectionRefused,
    /// The origin did not accept the connection in time.
    ConnectionTimeout,
    /// The origin closed the connection.
    ConnectionTerminated,
    /// The origin accepted the request, and did not begin to answer in time.
    ResponseTimeout,
    /// The origin's response has a transfer coding that the request did not ask for.
    TransferCoding,
    /// The origin does not speak HTTP.
    Protocol,
    /// The proxy is at fault.
    Internal,
}

impl ProxyError {
    /// Returns the status, the type of error as in RFC 9209 §2.3, and a text for the reader.
    const fn describe(self) -> (StatusCode, Option<&'static str>, &'static str) {
        match self {
            Self::BadRequest(why) => (StatusCode::BAD_REQUEST, Some("http_request_error"), why),
            Self::Misdirected => (
                StatusCode::MISDIRECTED_REQUEST,
                Some("http_request_error"),
                "only http:// URIs are served here",
            ),
            Self::NotImplemented(what) => (StatusCode::NOT_IMPLEMENTED, Some("http_request_error"), what),
            Self::Expectation => (
                StatusCode::EXPECTATION_FAILED,
                Some("http_request_error"),
                "no expectation but 100-continue can be met",
            ),
            Self::PurgeOff => (
                StatusCode::FORBIDDEN,
                Some("http_request_denied"),
                "the proxy was started without --purge-token",
            ),
            Self::PurgeToken => (
                StatusCode::UNAUTHORIZED,
                Some("http_request_denied"),
                "a purge needs the token in Authorization, as Bearer",
            ),
            Self::ClientIdle => (StatusCode::REQUEST_TIMEOUT, None, "the body of the request stopped coming"),
            Self::Loop => {
                (StatusCode::BAD_GATEWAY, Some("proxy_loop_detected"), "the request came through here before")
            }
            Self::NoAddress => (StatusCode::BAD_GATEWAY, Some("dns_error"), "the origin cannot be found"),
            Self::ConnectionRefused => {
                (StatusCode::BAD_GATEWAY, Some("connection_refused"), "the origin cannot be reached")
            }
            Self::ConnectionTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                Some("connection_timeout"),
                "the origin cannot be reached in time",
            ),
            Self::ConnectionTerminated => {
                (StatusCode::BAD_GATEWAY, Some("connection_terminated"), "the origin hung up")
            }
            Self::ResponseTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                Some("http_response_timeout"),
                "the origin did not answer in time",
            ),
            Self::TransferCoding => (
                StatusCode::BAD_GATEWAY,
                Some("http_response_transfer_coding"),
                "the origin's response has a transfer coding that was not asked for",
            ),
            Self::Protocol => {
                (StatusCode::BAD_GATEWAY, Some("http_protocol_error"), "the origin's response cannot be read")
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, Some("proxy_internal_error"), "the proxy failed")
            }
        }
    }

    /// Creates a short response for a reader, which no cache may store.
    pub(crate) fn response(self, by: &ViaName) -> Response<Full<Bytes>> {
        let (status, error, text) = self.describe();
        let mut answer = text_response(status, format!("{status}: {text}\n"));
        let mut proxy_status = format!("{:?}", by.as_str());
        if let Some(error) = error {
            // Writing to a string does not fail.
            let _ = write!(proxy_status, "; error={error}");
        }
        if let Ok(proxy_status) = HeaderValue::try_from(proxy_status) {
            answer.headers_mut().insert(PROXY_STATUS, proxy_status);
        }
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self == Self::PurgeToken {
            // RFC 9110 §15.5.2: a 401 has "at least one challenge applicable to the target
            // resource".
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"purge\""));
        }
        answer
    }
}

/// Creates a response with this text.
pub(crate) fn text_response(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_and_the_type_of_error_are_those_that_rfc_9209_recommends() {
        let cases = [
            (ProxyError::NoAddress, 502, "\"edge\"; error=dns_error"),
            (ProxyError::ConnectionRefused, 502, "\"edge\"; error=connection_refused"),
            (ProxyError::ConnectionTimeout, 504, "\"edge\"; error=connection_timeout"),
            (ProxyError::ConnectionTerminated, 502, "\"edge\"; error=connection_terminated"),
            (ProxyError::ResponseTimeout, 504, "\"edge\"; error=http_response_timeout"),
            (ProxyError::TransferCoding, 502, "\"edge\"; error=http_response_transfer_coding"),
            (ProxyError::Protocol, 502, "\"edge\"; error=http_protocol_error"),
            (ProxyError::Loop, 502, "\"edge\"; error=proxy_loop_detected"),
            (ProxyError::Internal, 500, "\"edge\"; error=proxy_internal_error"),
            (ProxyError::BadRequest("why"), 400, "\"edge\"; error=http_request_error"),
            (ProxyError::PurgeOff, 403, "\"edge\"; error=http_request_denied"),
            (ProxyError::PurgeToken, 401, "\"edge\"; error=http_request_denied"),
            (ProxyError::ClientIdle, 408, "\"edge\""),
        ];
        for (error, status, said) in cases {
            let answer = error.response(&"edge".parse().unwrap());
            assert_eq!(answer.status().as_u16(), status, "{error:?}");
            assert_eq!(answer.headers()[PROXY_STATUS], said, "{error:?}");
            assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        }
    }
}
