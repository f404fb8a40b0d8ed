//! The error of a shop that cannot start.

use std::error::Error;
use std::fmt;

/// The error of a shop that cannot start: the failed step, with the cause as its source.
#[derive(Debug)]
pub struct StartError {
    what: String,
    cause: Box<dyn Error + Send + Sync>,
}

impl StartError {
    /// Creates an error for this step.
    pub fn new(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what: what.into(), cause: cause.into() }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
