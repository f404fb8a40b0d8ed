//! Waiting for Redis, and telling a slow Redis from a process that does not run.
//!
//! A timer that fires late shows that this process did not run: another process had its CPU, or the
//! machine or the container was throttled. The answer may be here already, unread. So that time
//! does not count, and the call gets a moment more to be answered.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use fred::error::{Error, ErrorKind};
use tokio::time::{Instant, timeout_at};

/// The number of parts into which a wait is divided, so that a pause of this process is noticed.
const PARTS: u32 = 4;

/// The granularity of timers. A timer that is no later than this was on time.
const PUNCTUAL: Duration = Duration::from_millis(4);

/// Returns the limit to give to fred for a call that [`wait_within`] limits.
///
/// It only ends a call that is still known to fred when its caller has given up.
pub(crate) const fn backstop(limit: Duration) -> Duration {
    limit.saturating_mul(4).saturating_add(Duration::from_millis(500))
}

/// How a call waited for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The moment at which the call was sent.
    pub(crate) sent: Instant,
    /// Whether this process did not run for a large part of the wait.
    pub(crate) was_starved: bool,
}

/// The result of a call, and how it waited for it.
pub(crate) struct Waited<T> {
    pub(crate) result: Result<T, Error>,
    pub(crate) wait: Wait,
}

/// Waits for a call for up to `limit`, apart from the time in which this process did not run.
pub(crate) async fn wait_within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Waited<T> {
    let mut call = pin!(call);
    let sent = Instant::now();
    let (mut deadline, mut missed) = (sent + limit, Duration::ZERO);
    let mut part_end = sent + limit / PARTS;
    let result = loop {
        if let Ok(result) = timeout_at(part_end, call.as_mut()).await {
            break result;
        }
        let now = Instant::now();
        let late = now.saturating_duration_since(part_end);
        if late > PUNCTUAL {
            missed += late;
            deadline += late + limit / PARTS;
        }
        if now >= deadline.min(sent + missed + limit * 2) {
            break Err(Error::new(ErrorKind::Timeout, "not answered in time"));
        }
        part_end = (now + limit / PARTS).min(deadline);
    };
    Waited { result, wait: Wait { sent, was_starved: missed > limit / PARTS } }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_as_long_as_its_limit() {
        let begun = Instant::now();
        let waited = wait_within::<()>(LIMIT, pending()).await;
        assert_eq!(*waited.result.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(waited.wait, Wait { sent: begun, was_starved: false });
        assert_eq!(begun.elapsed(), LIMIT);
    }

    #[tokio::test]
    async fn a_process_that_does_not_run_gives_the_call_time_to_be_answered() {
        let call = async {
            tokio::task::yield_now().await;
            // Nothing else runs on this thread, timers neither.
            std::thread::sleep(LIMIT * 2);
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(7)
        };
        let waited = wait_within(LIMIT, call).await;
        assert_eq!(waited.result.unwrap(), 7);
        assert!(waited.wait.was_starved);
    }

    #[tokio::test(start_paused = true)]
    async fn such_a_call_still_has_a_limit() {
        let call = async {
            tokio::task::yield_now().await;
            // Paused time does not advance by itself while this runs.
            tokio::time::advance(LIMIT * 50).await;
            pending::<Result<(), Error>>().await
        };
        let begun = Instant::now();
        let waited = wait_within(LIMIT, call).await;
        assert!(waited.result.is_err() && waited.wait.was_starved);
        assert!(begun.elapsed() <= LIMIT * 51, "{:?}", begun.elapsed());
    }
}
