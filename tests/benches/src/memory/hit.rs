//! One request and its response, without any turn of a runtime in between.

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

/// Requests to a service that answers immediately.
pub struct Hit(Box<dyn FnMut()>);

impl Hit {
    /// Warms `service` with complete requests.
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

/// Returns the output of a future that completes immediately, as every hit in memory does.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
    .expect("an answer at once")
}
