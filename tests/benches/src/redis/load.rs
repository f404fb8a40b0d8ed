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

/// The number of tasks for small bodies.
const TASKS: usize = 64;
/// The maximum size of all bodies that are requested at once.
const MAX_IN_FLIGHT: usize = 16 * 1024 * 1024;

/// Sends requests with this load until all of them are hits. A layer may need a moment before it
/// trusts the responses in Redis.
///
/// # Panics
///
/// Panics if that takes more than some seconds.
pub async fn warm<S, B>(service: &S, load: Load)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug, Future: Send> + Clone + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Debug> + Send + 'static,
{
    for _ in 0..200 {
        let filled = origin::runs();
        load.run(service).await;
        if origin::runs() == filled {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the handler still runs");
}

/// A number of tasks, and of requests from each of them.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    tasks: usize,
    requests: u32,
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
    /// Returns the load for bodies of this size: `requests` from each of 64 tasks, or fewer if the
    /// bodies are large.
    #[must_use]
    pub fn new(requests: u32, body: usize) -> Self {
        let share = u32::try_from(body / 4096).unwrap_or(u32::MAX).max(1);
        Self { tasks: (MAX_IN_FLIGHT / body).clamp(1, TASKS), requests: (requests / share).max(1) }
    }

    /// Returns the load with one request from each task.
    #[must_use]
    pub const fn once(self) -> Self {
        Self { requests: 1, ..self }
    }

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
        for task in 0..self.tasks {
            tasks.spawn(self.ask(service.clone(), format!("/products/{task}")));
        }
        tasks.join_all().await;
        let requests = f64::from(self.requests) * self.tasks as f64;
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
