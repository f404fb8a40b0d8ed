//! Classifies a failed request to the origin.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

use crate::idle_timeout::IdleTimeout;
use crate::proxy_error::ProxyError;

/// Returns the reason why there is no response.
pub(crate) fn classify(error: &legacy::Error) -> ProxyError {
    let causes = || std::iter::successors(Some(error as &dyn Error), |&cause| cause.source());
    if causes().any(<dyn Error>::is::<IdleTimeout>) {
        return ProxyError::ClientIdle;
    }
    let io = causes().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    if error.is_connect() {
        return match io {
            Some(io::ErrorKind::TimedOut) => ProxyError::ConnectionTimeout,
            // The connector's text: no kind of error stands for a name without an address.
            _ if causes().any(|cause| cause.to_string() == "dns error") => ProxyError::NoAddress,
            _ => ProxyError::ConnectionRefused,
        };
    }
    match causes().find_map(|cause| cause.downcast_ref::<hyper::Error>()) {
        Some(hyper) if hyper.is_parse() => ProxyError::Protocol,
        Some(hyper) if hyper.is_user() => ProxyError::BadRequest("the body of the request broke off"),
        _ => ProxyError::ConnectionTerminated,
    }
}
