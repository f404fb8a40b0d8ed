//! One request and its response, without any turn of a runtime in between.

use std::fmt::Debug;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

use crate::origin;

/// Requests to a service that answers immediately.
pub struct Hit(Box<dyn FnMut()>);

impl Hit {
    /// Warms `service` with complete requests, and sends the request of most cases.
    pub(crate) fn warm<S, B>(runtime: &Runtime, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone + 'static,
        B: HttpBody<Error: Debug>,
    {
        Self::answered(runtime, service, origin::request, origin::request, StatusCode::OK)
    }

    /// Warms `service` with the request `fill`, and sends `request`, whose response has `status`.
    pub(crate) fn answered<S, B>(
        runtime: &Runtime,
        service: S,
        fill: fn() -> Request<Body>,
        request: fn() -> Request<Body>,
        status: StatusCode,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone + 'static,
        B: HttpBody<Error: Debug>,
    {
        for request in [fill, fill, request] {
            runtime.block_on(async {
                let response = service.clone().oneshot(request()).await.expect("a response");
                response.into_body().collect().await.expect("a whole body");
            });
        }
        let answer = move || ready(service.clone().oneshot(request())).expect("a response");
        assert_eq!(answer().status(), status);
        Self(Box::new(move || {
            black_box(answer());
        }))
    }

    /// Creates a case from a closure that sends its requests and waits for their responses.
    pub(crate) fn of(once: impl FnMut() + 'static) -> Self {
        Self(Box::new(once))
    }

    /// Sends one request, and drops its response.
    pub fn once(&mut self) {
        (self.0)();
    }
}

/// Returns the output of a future that completes immediately, as every hit in memory does.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
    .expect("an answer at once")
}
