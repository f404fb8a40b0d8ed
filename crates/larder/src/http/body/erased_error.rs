//! Errors without their type.

use std::any::Any;

use crate::http::body::incomplete::incomplete_body_error;

/// An error of the inner service or of its body, without its type.
///
/// Only the service that has erased the type needs it again.
pub(crate) struct ErasedError(Kind);

enum Kind {
    /// An error of the inner service or of its body.
    Inner(Box<dyn Any + Send>),
    /// The rest of a body did not arrive.
    Incomplete,
}

impl ErasedError {
    pub(crate) fn new<E: Send + 'static>(error: E) -> Self {
        Self(Kind::Inner(Box::new(error)))
    }

    /// Returns the error of a body whose rest did not arrive.
    pub(crate) fn incomplete() -> Self {
        Self(Kind::Incomplete)
    }

    /// Returns the error with its type.
    ///
    /// Returns `None` if it has another type, or if it is about a body that broke off and no error
    /// of this type says so. Neither occurs: a service erases and restores the same type, and a
    /// request follows no body whose errors are of such a type.
    pub(crate) fn into_inner<E: 'static>(self) -> Option<E> {
        match self.0 {
            Kind::Inner(error) => error.downcast().ok().map(|error| *error),
            Kind::Incomplete => incomplete_body_error::<E>().map(|make| make()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::{fmt, io};

    use super::*;

    #[test]
    fn an_error_gets_its_type_back() {
        assert!(ErasedError::new(fmt::Error).into_inner::<fmt::Error>().is_some());
        assert!(ErasedError::new(fmt::Error).into_inner::<io::Error>().is_none());
        let text = ErasedError::incomplete().into_inner::<io::Error>().unwrap().to_string();
        assert!(text.starts_with("incomplete response body"));
        assert!(ErasedError::incomplete().into_inner::<Infallible>().is_none());
    }
}
