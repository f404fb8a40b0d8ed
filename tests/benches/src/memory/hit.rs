//! One request and its answer, without a runtime's turn in between.

use std::fmt::Debug;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

use crate::origin;

/// Requests to a service that has its answer ready.
pub struct Hit(Box<dyn FnMut()>);

impl Hit {
    /// Warms `service` with requests that are waited for and read to their end.
    pub(super) fn warm<S, B>(runtime: &Runtime, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone + 'static,
        B: HttpBody<Error: Debug>,
    {
        for _ in 0..2 {
            runtime.block_on(async {
                let response = service.clone().oneshot(origin::request()).await.expect("a response");
                response.into_body().collect().await.expect("a whole body");
            });
        }
        Self(Box::new(move || {
            let response = ready(service.clone().oneshot(origin::request()));
            black_box(response.expect("a response"));
        }))
    }

    /// Sends one request, and drops its response.
    pub fn once(&mut self) {
        (self.0)();
    }
}

/// The output of a future that has nothing to wait for: a hit in memory must be one.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
    .expect("an answer at once")
}
