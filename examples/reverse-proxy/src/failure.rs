//! What a failed request to the origin means.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

use crate::patient::Stalled;
use crate::refused::Refused;

/// Why there is no response.
pub(crate) fn of(error: &legacy::Error) -> Refused {
    let causes = || std::iter::successors(Some(error as &dyn Error), |&cause| cause.source());
    if causes().any(<dyn Error>::is::<Stalled>) {
        return Refused::ClientIdle;
    }
    let io = causes().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    if error.is_connect() {
        return match io {
            Some(io::ErrorKind::TimedOut) => Refused::ConnectionTimeout,
            // The connector's word: no kind of error tells that a name has no address.
            _ if causes().any(|cause| cause.to_string() == "dns error") => Refused::NoAddress,
            _ => Refused::NobodyThere,
        };
    }
    match causes().find_map(|cause| cause.downcast_ref::<hyper::Error>()) {
        Some(hyper) if hyper.is_parse() => Refused::Protocol,
        Some(hyper) if hyper.is_user() => Refused::BadRequest("the body of the request broke off"),
        _ => Refused::ConnectionTerminated,
    }
}
