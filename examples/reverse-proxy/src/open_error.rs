//! The error of a proxy that cannot be opened.

use std::error::Error;
use std::fmt;

use larder::redis::ConnectError;

/// The reason why a proxy cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL of Redis or the namespace is invalid.
    Redis(ConnectError),
    /// An option is invalid, or contradicts another one.
    Options(String),
}

impl From<ConnectError> for OpenError {
    fn from(error: ConnectError) -> Self {
        Self::Redis(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The URL may contain a password, so the message does not repeat it.
            Self::Redis(error) => write!(f, "cannot use this Redis: {error}"),
            Self::Options(why) => f.write_str(why),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Redis(error) => error.source(),
            Self::Options(_) => None,
        }
    }
}
