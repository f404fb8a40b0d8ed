//! One request that warms the cache.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use http::header::AGE;
use http::{Request, Response};
use http_body::Body;
use larder_core::outcome::Outcome;
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service;

use crate::cache::warm::warming::WarmResult;
use crate::http::request::fill_probe::{FillProbe, ProbeReport};

/// Sends a request, and returns how it went.
pub(super) async fn send_request<S, Q, B>(service: S, request: Request<Q>, limit: Duration) -> WarmResult
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: Body,
{
    timeout(limit, send(service, request)).await.unwrap_or(WarmResult::Failed)
}

async fn send<S, Q, B>(mut service: S, mut request: Request<Q>) -> WarmResult
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: Body,
{
    let (probe, mut report) = FillProbe::new();
    request.extensions_mut().insert(probe);
    if poll_fn(|cx| service.poll_ready(cx)).await.is_err() {
        return WarmResult::Failed;
    }
    let Ok(response) = service.call(request).await else { return WarmResult::Failed };
    let (head, body) = response.into_parts();
    // The response is stored at the clean end of its body.
    if head.status.is_server_error() || read_to_end(body).await.is_err() {
        return WarmResult::Failed;
    }
    judge(final_report(&mut report).await, head.headers.contains_key(AGE))
}

async fn read_to_end<B: Body>(body: B) -> Result<(), B::Error> {
    let mut body = pin!(body);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        frame?;
    }
    Ok(())
}

/// Waits until the cache has decided whether it stores the response.
async fn final_report(report: &mut watch::Receiver<ProbeReport>) -> ProbeReport {
    loop {
        let known = *report.borrow_and_update();
        let is_final = match known.outcome {
            Some(Outcome::Miss(_)) => known.is_stored.is_some(),
            Some(_) => true,
            None => false,
        };
        // Once all probes are dropped, nothing more is reported.
        if is_final || report.changed().await.is_err() {
            return *report.borrow();
        }
    }
}

/// Decides how a request went that got a response.
///
/// A response from a cache has an `Age`.
const fn judge(report: ProbeReport, has_age: bool) -> WarmResult {
    match (report.is_stored, report.outcome) {
        (Some(true), _) => WarmResult::Filled,
        (None, Some(Outcome::Hit(_) | Outcome::Stale(..))) => WarmResult::Hit,
        // It shared the fill of another request.
        (None, Some(Outcome::Miss(_))) if has_age => WarmResult::Filled,
        // A hit in memory reports nothing.
        (None, None) if has_age => WarmResult::Hit,
        _ => WarmResult::Skipped,
    }
}
