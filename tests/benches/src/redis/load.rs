//! Tasks that send requests at full speed.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tower::{Service, ServiceExt};

use super::processor;
use larder_hit_costs::origin;

/// The number of tasks.
pub const TASKS: usize = 64;

/// Sends requests until all of them are hits. A layer may need a moment before it trusts the
/// responses in Redis.
///
/// # Panics
///
/// Panics if that takes more than some seconds.
pub async fn warm<S, B>(service: &S)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug, Future: Send> + Clone + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Debug> + Send + 'static,
{
    for _ in 0..200 {
        let filled = origin::runs();
        Load { requests: 1 }.run(service).await;
        if origin::runs() == filled {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the handler still runs");
}

/// A number of requests from each task.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The number of requests.
    pub requests: u32,
}

/// The result of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    /// The responses per second.
    pub rate: f64,
    /// The processor time per response in this process, in microseconds. Zero if the kernel does
    /// not report it.
    pub micros: f64,
}

impl Load {
    /// Sends the requests, and measures.
    ///
    /// # Panics
    ///
    /// Panics if the service fails.
    pub async fn run<S, B>(self, service: &S) -> Measurement
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug, Future: Send>
            + Clone
            + Send
            + 'static,
        B: HttpBody<Data = Bytes, Error: Debug> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        let (begun, time) = (Instant::now(), processor::time());
        for task in 0..TASKS {
            tasks.spawn(self.ask(service.clone(), format!("/products/{task}")));
        }
        tasks.join_all().await;
        let requests = f64::from(self.requests) * TASKS as f64;
        let rate = requests / begun.elapsed().as_secs_f64();
        let taken = processor::time().zip(time).map(|(after, before)| after.saturating_sub(before));
        Measurement { rate, micros: taken.unwrap_or_default().as_secs_f64() * 1e6 / requests }
    }

    async fn ask<S, B>(self, service: S, path: String)
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
        B: HttpBody<Data = Bytes, Error: Debug>,
    {
        for _ in 0..self.requests {
            let request = Request::get(&path).body(Body::empty()).expect("a request");
            let response = service.clone().oneshot(request).await.expect("a response");
            black_box(response.into_body().collect().await.expect("a whole body"));
        }
    }
}
