//! The time that one request spends on exchanges with the shared store.

use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::store::{StoreError, StoreErrorKind};
use tokio::time::{Instant, timeout};

/// The time that one request has spent on exchanges with the shared store.
///
/// A request may need several exchanges, one after the other: for the fields that its response
/// varies on, for the response, and for a lease. All of them together may take as long as one.
#[derive(Debug)]
pub(crate) struct StoreTime {
    /// `None` if the store does not state how long one exchange may take.
    limit: Option<Duration>,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    total: Duration,
    /// The end of the last exchange. Time that two exchanges share counts once.
    until: Option<Instant>,
}

impl StoreTime {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { limit, spent: Mutex::default() }
    }

    /// Whether the time is used up, so that no further exchange should begin.
    pub(crate) fn is_used_up(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// Runs one exchange in the time that is left, and counts the time that it takes.
    ///
    /// The first exchange has only the limit of the store itself. So the store sees its timeouts,
    /// and recognizes a server that hangs.
    pub(crate) async fn spend<T>(
        &self,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.spend_unless(|| false, exchange).await
    }

    /// Runs one exchange like [`spend`](Self::spend), except that the transfer of a large value takes
    /// as long as the store lets it.
    ///
    /// A large value would otherwise never be read if another exchange comes before it. The time of
    /// its transfer does not count.
    pub(crate) async fn spend_unless<T>(
        &self,
        is_transfer: impl Fn() -> bool,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let late = || StoreError::new(StoreErrorKind::Timeout, "no time is left for this request");
        let mut exchange = pin!(exchange);
        let result = match self.left() {
            Some(left) if left.is_zero() => return Err(late()),
            Some(left) if !self.is_unused() => match timeout(left, exchange.as_mut()).await {
                Ok(result) => result,
                Err(_) if is_transfer() => exchange.await,
                Err(_) => Err(late()),
            },
            _ => exchange.await,
        };
        let now = Instant::now();
        // Nothing else takes longer than the limit and ends well.
        let was_transfer = result.is_ok() && self.limit.is_some_and(|limit| now - begun > limit * 2);
        self.count(begun, if was_transfer { begun } else { now });
        result
    }

    /// Forgets the time that was spent, because the request has waited for something else since.
    pub(crate) fn renew(&self) {
        *self.spent() = Spent::default();
    }

    fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.spent().total))
    }

    fn is_unused(&self) -> bool {
        self.spent().until.is_none()
    }

    fn count(&self, begun: Instant, now: Instant) {
        let mut spent = self.spent();
        let begun = spent.until.map_or(begun, |until| until.max(begun));
        spent.total += now.saturating_duration_since(begun);
        spent.until = spent.until.max(Some(now));
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    async fn takes(millis: u64) -> Result<(), StoreError> {
        sleep(Duration::from_millis(millis)).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn all_exchanges_together_have_the_time_of_one() {
        let time = StoreTime::new(Some(LIMIT));
        let begun = Instant::now();
        time.spend(takes(40)).await.unwrap();
        let error = time.spend(takes(40)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Timeout);
        assert_eq!(begun.elapsed(), LIMIT);
        assert!(time.is_used_up());
        assert!(time.spend(takes(0)).await.is_err());
        time.renew();
        time.spend(takes(40)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn time_for_other_things_does_not_count_and_shared_time_counts_once() {
        let time = StoreTime::new(Some(LIMIT));
        let (one, other) = tokio::join!(time.spend(takes(20)), time.spend(takes(20)));
        assert!(one.is_ok() && other.is_ok());
        sleep(LIMIT * 10).await;
        time.spend(takes(20)).await.unwrap();
        assert!(!time.is_used_up());
    }

    #[tokio::test(start_paused = true)]
    async fn the_transfer_of_a_large_value_has_its_own_limit_and_does_not_count() {
        let time = StoreTime::new(Some(LIMIT));
        for _ in 0..2 {
            time.spend(takes(20)).await.unwrap();
            time.spend_unless(|| true, takes(5_000)).await.unwrap();
        }
        assert!(time.spend_unless(|| false, takes(5_000)).await.is_err());
        // The first exchange is a transfer.
        let time = StoreTime::new(Some(LIMIT));
        time.spend_unless(|| true, takes(5_000)).await.unwrap();
        time.spend(takes(20)).await.unwrap();
    }

    /// Otherwise the store would never learn that a server hangs.
    #[tokio::test(start_paused = true)]
    async fn the_first_exchange_is_left_to_the_store() {
        let time = StoreTime::new(Some(LIMIT));
        assert!(timeout(LIMIT * 10, time.spend(pending::<Result<(), StoreError>>())).await.is_err());
        let unlimited = StoreTime::new(None);
        unlimited.spend(takes(1_000)).await.unwrap();
        unlimited.spend(takes(1_000)).await.unwrap();
    }
}
