//! The body of a request on its way to the origin.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until};

use crate::idle_timeout::{BodyError, IdleTimeoutBody};

/// A body that reports its progress. The origin's time limit runs only while the origin has
/// something to answer.
#[derive(Debug)]
pub(crate) struct UploadBody {
    body: IdleTimeoutBody,
    progress: Arc<Progress>,
}

/// The side that has to act, and the time since when.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    since: Instant,
    at_the_client: bool,
}

impl UploadBody {
    pub(crate) fn new(body: Incoming, limit: Duration) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress::begun());
        (Self { body: IdleTimeoutBody::new(body, limit), progress: Arc::clone(&progress) }, progress)
    }
}

impl Progress {
    fn begun() -> Self {
        Self(Mutex::new(State { since: Instant::now(), at_the_client: false }))
    }

    /// Waits for the response, but no longer than `limit` while the origin has to act. The client's
    /// time does not count here: its pauses have another limit.
    pub(crate) async fn in_time<T>(&self, response: impl Future<Output = T>, limit: Duration) -> Option<T> {
        tokio::pin!(response);
        loop {
            let since = self.at_the_origin_since();
            let due = since.unwrap_or_else(Instant::now) + limit;
            tokio::select! {
                biased;
                response = &mut response => return Some(response),
                () = sleep_until(due) => if since.is_some() && since == self.at_the_origin_since() {
                    return None;
                }
            }
        }
    }

    /// Returns since when the origin has to act, or `None` while the client has to send more.
    fn at_the_origin_since(&self) -> Option<Instant> {
        let state = self.state();
        (!state.at_the_client).then_some(state.since)
    }

    fn now(&self, at_the_client: bool) {
        *self.state() = State { since: Instant::now(), at_the_client };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.progress.now(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Runs on a clock that jumps to the next timer.
    #[tokio::test(start_paused = true)]
    async fn the_origin_has_its_time_from_when_it_has_the_whole_request() {
        let progress = Progress::begun();
        let begun = Instant::now();
        assert_eq!(progress.in_time(pending::<()>(), 5 * SECOND).await, None);
        assert_eq!(begun.elapsed(), 5 * SECOND);

        let client_and_origin = async {
            for _ in 0..10 {
                progress.now(true);
                sleep(4 * SECOND).await;
                progress.now(false);
                // The origin has to act, for less than its limit.
                sleep(3 * SECOND).await;
            }
            "answered"
        };
        assert_eq!(progress.in_time(client_and_origin, 5 * SECOND).await, Some("answered"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_stops_reading_is_not_waited_for() {
        let progress = Progress::begun();
        let stuck = async {
            progress.now(true);
            sleep(4 * SECOND).await;
            progress.now(false);
            pending::<()>().await;
        };
        let begun = Instant::now();
        assert_eq!(progress.in_time(stuck, 5 * SECOND).await, None);
        // The first check comes after five seconds, and finds four seconds left.
        assert_eq!(begun.elapsed(), 9 * SECOND);
    }
}
