//! The error of a body whose rest did not come.

use std::any::Any;
use std::error::Error;
use std::{fmt, io};

/// The handler's response broke off, and the one that it gave when it was asked again was another one.
#[derive(Debug)]
struct IncompleteBody;

impl fmt::Display for IncompleteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response broke off, and could not be completed")
    }
}

impl Error for IncompleteBody {}

/// What makes this error of a body whose errors are of type `E`, where that is one that can be made. Where it is not, such a
/// body could only end as if it were whole, or never.
pub(crate) fn incomplete_body_error<E: 'static>() -> Option<fn() -> E> {
    let boxed: fn() -> Box<dyn Error + Send + Sync> = || Box::new(IncompleteBody);
    let io: fn() -> io::Error = || io::Error::other(IncompleteBody);
    let made = cast(boxed).or_else(|| cast(io));
    #[cfg(feature = "axum")]
    let made = made.or_else(|| {
        let axum: fn() -> axum::Error = || axum::Error::new(IncompleteBody);
        cast(axum)
    });
    made
}

/// `make`, if `E` is the type `T`.
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
