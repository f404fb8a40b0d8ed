//! The bodies of responses that come through the layer.
//!
//! * [`collect`]: reads a body that is to be stored.
//! * [`tee`]: a body that is passed on to its client while a fill collects it.
//! * [`shared_body`]: a body that is arriving, shared with the followers of its fill.
//! * [`follower_body`]: the body of a response that follows another request's fill.
//! * [`erased_body`] and [`erased_error`]: bodies and errors without their type.
//! * [`incomplete`]: the error of a body whose rest did not arrive.
//! * [`service_bounds`]: the bounds of a service whose responses can be cached.

pub(crate) mod collect;
pub(crate) mod erased_body;
pub(crate) mod erased_error;
pub(crate) mod follower_body;
pub(crate) mod incomplete;
pub(crate) mod service_bounds;
pub(crate) mod shared_body;
pub(crate) mod tee;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::http::body::erased_body::ErasedBody;
use crate::http::body::follower_body::FollowerBody;
use crate::http::body::tee::TeeBody;

pin_project! {
    /// The body of a response that came through a [`CacheLayer`](crate::CacheLayer).
    ///
    /// It contains the inner service's body untouched, or the bytes of a stored response. These
    /// bytes are shared and never copied. Its errors are those of the inner service's body.
    pub struct CacheBody<B>
    where
        B: Body,
    {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B>
    where
        B: Body,
    {
        Full { bytes: Bytes },
        Inner { #[pin] body: B },
        // A body that came through a fill, or past one.
        Erased { body: Box<CacheBody<ErasedBody>> },
        Tee { body: TeeBody<B> },
        Following { body: Box<FollowerBody<B>> },
    }
}

impl<B: Body> CacheBody<B> {
    pub(crate) const fn full(bytes: Bytes) -> Self {
        Self { kind: Kind::Full { bytes } }
    }

    /// Returns its bytes if they are all there.
    pub(crate) const fn as_full(&self) -> Option<&Bytes> {
        match &self.kind {
            Kind::Full { bytes } => Some(bytes),
            Kind::Inner { .. } | Kind::Erased { .. } | Kind::Tee { .. } | Kind::Following { .. } => None,
        }
    }

    pub(crate) const fn inner(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    /// Returns the body with the type that was erased.
    pub(crate) fn from_erased(body: CacheBody<ErasedBody>) -> Self {
        match body.kind {
            Kind::Full { bytes } => Self::full(bytes),
            kind => Self { kind: Kind::Erased { body: Box::new(CacheBody { kind }) } },
        }
    }

    pub(crate) const fn tee(body: TeeBody<B>) -> Self {
        Self { kind: Kind::Tee { body } }
    }

    /// Returns a body that was read and does not have the length that its response states.
    pub(crate) fn misfit(hint: SizeHint, frames: &[Bytes]) -> Self
    where
        B: Body<Data = Bytes>,
    {
        // If a body is known to be empty, the server sees that the response states another length.
        if hint.exact() == Some(0) { Self::default() } else { Self::tee(TeeBody::misfit(hint, frames)) }
    }

    /// Returns the body of a follower. It is boxed, so that the other kinds are not larger for it.
    pub(crate) fn following(body: FollowerBody<B>) -> Self {
        Self { kind: Kind::Following { body: Box::new(body) } }
    }
}

impl<B: Body> Default for CacheBody<B> {
    /// A body without bytes.
    fn default() -> Self {
        Self::full(Bytes::new())
    }
}

impl<B: Body> std::fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.kind {
            Kind::Full { .. } => "stored",
            Kind::Inner { .. } => "inner",
            Kind::Erased { body } => return body.fmt(f),
            Kind::Tee { .. } => "being stored",
            Kind::Following { .. } => "following a fill",
        };
        f.debug_tuple("CacheBody").field(&kind).finish()
    }
}

impl<B: Body<Data = Bytes, Error: 'static>> Body for CacheBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Full { bytes } if bytes.is_empty() => Poll::Ready(None),
            KindProjection::Full { bytes } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            KindProjection::Inner { body } => body.poll_frame(cx),
            KindProjection::Erased { body } => match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Err(error)) => {
                    error.into_inner().map_or(Poll::Pending, |error| Poll::Ready(Some(Err(error))))
                }
                Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
                None => Poll::Ready(None),
            },
            KindProjection::Tee { body } => body.poll_frame(cx),
            KindProjection::Following { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Full { bytes } => bytes.is_empty(),
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Erased { body } => body.is_end_stream(),
            Kind::Tee { body } => body.is_end_stream(),
            Kind::Following { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Full { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Inner { body } => body.size_hint(),
            Kind::Erased { body } => body.size_hint(),
            Kind::Tee { body } => body.size_hint(),
            Kind::Following { body } => body.size_hint(),
        }
    }
}
