//! Bodies without their type.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::http::body::erased_error::ErasedError;

/// The body of a request, which is only passed on to the inner service.
pub(crate) struct ErasedRequestBody(Box<dyn Any + Send>);

impl ErasedRequestBody {
    pub(crate) fn new<Q: Send + 'static>(body: Q) -> Self {
        Self(Box::new(body))
    }

    /// Returns the body with its type, or `None` if it has another one.
    pub(crate) fn into_inner<Q: 'static>(self) -> Option<Q> {
        self.0.downcast().ok().map(|body| *body)
    }
}

/// The body of a response of the inner service.
///
/// The lock makes the body `Sync`. Polling has `&mut self` and does not take it.
pub(crate) struct ErasedBody(Mutex<BoxedBody>);

type BoxedBody = Pin<Box<dyn Body<Data = Bytes, Error = ErasedError> + Send>>;

impl ErasedBody {
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Send> + Send + 'static,
    {
        Self(Mutex::new(Box::pin(Erasing { body })))
    }

    fn lock(&self) -> MutexGuard<'_, BoxedBody> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for ErasedBody {
    type Data = Bytes;
    type Error = ErasedError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErasedError>>> {
        let body = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}

pin_project! {
    /// A body whose errors are erased.
    struct Erasing<B> {
        #[pin]
        body: B,
    }
}

impl<B> Body for Erasing<B>
where
    B: Body<Data = Bytes, Error: Send> + 'static,
{
    type Data = Bytes;
    type Error = ErasedError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErasedError>>> {
        self.project().body.poll_frame(cx).map_err(ErasedError::new)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
