//! The pages of the handler, some of them with wrong framing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use larder_testing::Gate;

/// The kind of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// One piece of known length: `Body::from`.
    Full,
    /// A stream of unknown length, whose chunks are immediately ready.
    Ready,
    /// A stream that is pending before each chunk and before its end.
    Yielding,
}

/// Where a page waits for its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// In the handler, before there is a response.
    Handler,
    /// In the body, after the first chunk.
    Body,
}

/// A response of the handler.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) kind: BodyKind,
    pub(super) chunks: Vec<Bytes>,
    pub(super) hold: Hold,
}

impl Page {
    /// Creates a page with these chunks and no header fields.
    pub(super) fn new(kind: BodyKind, chunks: &[&'static str]) -> Self {
        let chunks = chunks.iter().map(|chunk| Bytes::from(*chunk)).collect();
        Self { status: StatusCode::OK, fields: Vec::new(), kind, chunks, hold: Hold::Handler }
    }

    /// Creates a page with a `Content-Length` and a body of another length, in chunks of four
    /// bytes.
    pub(super) fn saying(said: usize, sent: usize, kind: BodyKind) -> Self {
        let text = &"abcdefghijklmnopqrstuvwxyz"[..sent];
        let chunks = text.as_bytes().chunks(4).map(Bytes::from_static).collect();
        let page = Self { chunks, ..Self::new(kind, &[]) };
        page.with("content-length", &said.to_string())
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.to_owned()));
        self
    }

    /// Returns all bytes of the body.
    pub(super) fn sent(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    /// Whether the body has another length than the page announces.
    ///
    /// RFC 9112 §6.3: "If a message is received with both a Transfer-Encoding and a Content-Length
    /// header field, the Transfer-Encoding overrides the Content-Length." In this case the page
    /// announces no length.
    pub(super) fn is_misfit(&self) -> bool {
        let length = self.sent().len().to_string();
        let is_wrong = |(name, said): &(&str, String)| *name == "content-length" && *said != length;
        let is_chunked = self.fields.iter().any(|(name, _)| *name == "transfer-encoding");
        !is_chunked && self.fields.iter().any(is_wrong)
    }

    pub(super) async fn response(self: Arc<Self>, gate: Gate) -> Response {
        let mut in_body = Some(gate).filter(|_| self.hold == Hold::Body);
        let body = match self.kind {
            BodyKind::Full => Body::from(self.sent()),
            BodyKind::Ready | BodyKind::Yielding => {
                let yields = self.kind == BodyKind::Yielding;
                let chunks = self.chunks.iter().cloned().collect();
                let body = Chunks { chunks, yields, pending: yields, gate: in_body.take(), held: None };
                // Through a stream, like most handlers.
                Body::from_stream(Body::new(body).into_data_stream())
            }
        };
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.fields {
            response = response.header(*name, value);
        }
        response.body(body).unwrap()
    }
}

struct Chunks {
    chunks: VecDeque<Bytes>,
    yields: bool,
    /// Whether the next poll is pending.
    pending: bool,
    /// Stops the body after its first chunk.
    gate: Option<Gate>,
    held: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(held) = &mut self.held {
            ready!(held.as_mut().poll(cx));
            self.held = None;
        }
        if self.pending {
            self.pending = false;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.pending = self.yields;
        let chunk = self.chunks.pop_front();
        if let Some(gate) = self.gate.take() {
            self.held = Some(Box::pin(async move { gate.pass().await }));
        }
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
