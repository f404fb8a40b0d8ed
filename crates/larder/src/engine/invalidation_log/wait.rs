//! Waiting until this instance has read as much of the log as a consistency token says.

use std::time::Duration;

use larder_core::invalidation::tail;
use larder_core::invalidation::token::{ConsistencyToken, Coverage};
use larder_core::time::BootTime;

use crate::engine::invalidation_log::view::{LogView, deadline_in};

impl LogView {
    /// Returns whether this instance knows at least as much as the token says.
    pub(crate) fn covers(&self, token: &ConsistencyToken) -> bool {
        self.read(|tail| tail.coverage(token)) == Coverage::Covered
    }

    /// Waits until this instance [covers](Self::covers) the token, and returns whether it does.
    ///
    /// Waits for up to `at_most`. Does not wait if this instance will never cover the token, if too
    /// many requests wait already, or while the log cannot be reached.
    pub(crate) async fn wait_for(&self, token: &ConsistencyToken, at_most: Duration, now: BootTime) -> bool {
        let slot = self.wait_slots.try_acquire();
        if slot.is_some() && self.is_confirmed(now) {
            self.wait(deadline_in(at_most), |tail| tail.coverage(token) != Coverage::Wait).await;
        }
        self.covers(token)
    }

    fn is_confirmed(&self, now: BootTime) -> bool {
        tail::is_usable(None, self.confirmed_at(), self.max_staleness(), now)
    }
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::log_page::LogPage;
    use larder_core::invalidation::position::LogId;
    use larder_core::invalidation::tail::{Limits, Tail};
    use larder_core::time::WallTime;
    use tokio::time::Instant;

    use super::*;
    use crate::engine::invalidation_log::wait_slots::MAX_WAITERS;
    use crate::testing::INCARNATION;
    use crate::testing::after;
    use crate::testing::now;
    use crate::testing::soon;

    const STALENESS: Duration = Duration::from_secs(2);
    const BOUND: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(3600);

    /// Returns a view that has read a part of the log, and the token of a view that has read more.
    fn behind() -> (LogView, ConsistencyToken) {
        let view = |last| {
            let view = LogView::new(Tail::following(INCARNATION, Limits::default()), STALENESS);
            read_to(&view, last);
            view
        };
        (view(1), view(2).read(Tail::token))
    }

    fn read_to(view: &LogView, last: u64) {
        let look = LogPage {
            incarnation: INCARNATION,
            floor: LogId::ZERO,
            last: LogId::new(last, 0),
            now: WallTime::default(),
            entries: vec![],
            more: false,
            fenced: false,
            is_busy: false,
        };
        view.update(|tail| tail.apply_page(&look, now()));
    }

    /// A token can make this instance wait for no longer than the bound.
    #[tokio::test(start_paused = true)]
    async fn a_request_with_a_token_from_the_future_waits_as_long_as_the_bound_and_no_longer() {
        let (view, token) = behind();
        let begun = Instant::now();
        assert!(!view.wait_for(&token, BOUND, now()).await);
        // Timers of tokio end on whole milliseconds.
        assert!((BOUND..BOUND * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_waiting_request_goes_on_when_the_log_was_read() {
        let (view, token) = behind();
        let (reached, ()) = soon(async {
            tokio::join!(biased; view.wait_for(&token, LONG, now()), async { read_to(&view, 2) })
        })
        .await;
        assert!(reached);
    }

    #[tokio::test]
    async fn no_request_waits_for_what_cannot_come() {
        let (view, token) = behind();
        let of_another_life = LogView::new(
            Tail::local(
                larder_core::invalidation::position::Incarnation::from_bytes([9; 16]),
                Limits::default(),
            ),
            STALENESS,
        );
        assert!(!soon(view.wait_for(&of_another_life.read(Tail::token), LONG, now())).await);
        let detached = after(STALENESS + Duration::from_nanos(1));
        assert!(!soon(view.wait_for(&token, LONG, detached)).await);
    }

    #[tokio::test]
    async fn only_so_many_wait_at_once_and_each_who_leaves_makes_room() {
        let (view, token) = behind();
        let mut waiting: Vec<_> =
            (0..MAX_WAITERS).map(|_| Box::pin(view.wait_for(&token, LONG, now()))).collect();
        for one in &mut waiting {
            assert!(at_once(one).await.is_none());
        }
        assert!(!soon(view.wait_for(&token, LONG, now())).await);
        waiting.pop();
        assert!(at_once(&mut Box::pin(view.wait_for(&token, LONG, now()))).await.is_none());
    }

    /// Polls the future once, and returns its output if it is ready.
    async fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        use std::pin::Pin;
        use std::task::Poll;
        std::future::poll_fn(|cx| {
            Poll::Ready(match Pin::new(&mut *future).poll(cx) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            })
        })
        .await
    }
}
