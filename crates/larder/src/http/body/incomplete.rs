//! The error of a body whose rest did not arrive.

use std::any::Any;
use std::error::Error;
use std::{fmt, io};

/// The handler's response broke off, and the retry did not get the same response.
#[derive(Debug)]
struct IncompleteBody;

impl fmt::Display for IncompleteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("incomplete response body: it broke off and could not be completed")
    }
}

impl Error for IncompleteBody {}

/// Returns a function that makes this error as an `E`. `None` if an `E` cannot be made.
///
/// A body with errors of such a type could only end as if it were complete, or never.
pub(crate) fn incomplete_body_error<E: 'static>() -> Option<fn() -> E> {
    let boxed: fn() -> Box<dyn Error + Send + Sync> = || Box::new(IncompleteBody);
    let io: fn() -> io::Error = || io::Error::other(IncompleteBody);
    let make = cast(boxed).or_else(|| cast(io));
    #[cfg(feature = "axum")]
    let make = make.or_else(|| {
        let axum: fn() -> axum::Error = || axum::Error::new(IncompleteBody);
        cast(axum)
    });
    make
}

/// Returns `make` if `E` is the type `T`.
fn cast<T: 'static, E: 'static>(make: fn() -> T) -> Option<fn() -> E> {
    let make: &dyn Any = &make;
    make.downcast_ref::<fn() -> E>().copied()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn it_is_made_of_the_errors_that_bodies_usually_have() {
        let text = IncompleteBody.to_string();
        assert_eq!(incomplete_body_error::<Box<dyn Error + Send + Sync>>().unwrap()().to_string(), text);
        assert_eq!(incomplete_body_error::<io::Error>().unwrap()().to_string(), text);
        #[cfg(feature = "axum")]
        assert_eq!(incomplete_body_error::<axum::Error>().unwrap()().to_string(), text);
        assert!(incomplete_body_error::<Infallible>().is_none());
        assert!(incomplete_body_error::<fmt::Error>().is_none());
        assert!(incomplete_body_error::<Box<dyn Error + Send>>().is_none());
    }
}
