//! The service itself: it counts and records its calls, and answers by its script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower_service::Service;

use crate::lock::lock;
use crate::{Answer, AnswerBody};

/// A service that answers by a script and records its requests.
///
/// Clones are the same origin. It accepts requests with any body, and does not read the body. A
/// call counts from the moment when `call` is invoked.
///
/// # Panics
///
/// `call` panics if there was no `poll_ready` of the same clone before it. A service behind a layer
/// may rely on that `poll_ready`.
pub struct Origin {
    shared: Arc<Shared>,
    ready: bool,
}

struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<Parts>>,
    running: AtomicUsize,
}

type Script = dyn Fn(&Parts, usize) -> Answer + Send + Sync;

impl Origin {
    /// Creates an origin that asks `script` for each answer.
    ///
    /// The script gets the request and the number of the call, counted from 1.
    pub fn new(script: impl Fn(&Parts, usize) -> Answer + Send + Sync + 'static) -> Self {
        let shared =
            Shared { script: Box::new(script), requests: Mutex::default(), running: AtomicUsize::new(0) };
        Self { shared: Arc::new(shared), ready: false }
    }

    /// Creates an origin that gives the same answer to every call.
    #[must_use]
    pub fn always(answer: Answer) -> Self {
        Self::new(move |_, _| answer.clone())
    }

    /// Creates an origin that gives these answers, one to each call.
    ///
    /// A call without a scripted answer gets a response with status 500 that says so.
    pub fn queue(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Mutex<VecDeque<_>> = Mutex::new(answers.into_iter().collect());
        Self::new(move |_, call| lock(&answers).pop_front().unwrap_or_else(|| unscripted(call)))
    }

    /// Returns how often the origin was called.
    #[must_use]
    pub fn calls(&self) -> usize {
        lock(&self.shared.requests).len()
    }

    /// Returns how many calls have not ended yet, by an answer or by a cancellation.
    #[must_use]
    pub fn running(&self) -> usize {
        self.shared.running.load(Ordering::Acquire)
    }

    /// Returns the requests in the order of the calls.
    ///
    /// Each has its method, URI, version and header fields, without extensions.
    #[must_use]
    pub fn requests(&self) -> Vec<Parts> {
        lock(&self.shared.requests).clone()
    }
}

fn unscripted(call: usize) -> Answer {
    Answer::status(StatusCode::INTERNAL_SERVER_ERROR).body(format!("no answer is scripted for call {call}"))
}

impl Shared {
    fn answer(&self, request: &Parts) -> Answer {
        let call = {
            let mut requests = lock(&self.requests);
            requests.push(without_extensions(request));
            requests.len()
        };
        (self.script)(request, call)
    }
}

/// Copies the parts of a request without its extensions.
///
/// Extensions can keep a connection or a task alive.
fn without_extensions(request: &Parts) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = request.method.clone();
    parts.uri = request.uri.clone();
    parts.version = request.version;
    parts.headers = request.headers.clone();
    parts
}

impl<B> Service<Request<B>> for Origin {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert!(mem::take(&mut self.ready), "called without `poll_ready` of this clone");
        let (parts, _) = request.into_parts();
        let answer = self.shared.answer(&parts);
        let running = Running::begin(&self.shared);
        Box::pin(async move {
            let _running = running;
            Ok(answer.give().await)
        })
    }
}

/// Counts a call until it answers, panics or is dropped.
struct Running(Arc<Shared>);

impl Running {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.running.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Clone for Origin {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ready: false }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("calls", &self.calls()).finish_non_exhaustive()
    }
}
