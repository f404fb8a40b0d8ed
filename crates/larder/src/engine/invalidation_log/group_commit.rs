//! Group commit: invalidations of one path share an append.
//!
//! While one invalidation of a path is being appended, all others of that path wait and share the
//! next append. Each of them began after its write was committed, and so before the append that it
//! shares. So a flood of writes under one path adds a few entries per second to the log, instead of
//! one entry per write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::log::selector::{Event, Mode, Selector};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::engine::background::Background;
use crate::engine::invalidation_log::invalidation::InvalidationOutcome;

/// The minimum time between the beginnings of two appends for the same path.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// The sender of the outcome of one append.
type Outcome = watch::Sender<Option<InvalidationOutcome>>;

/// The paths that are being appended.
///
/// Each has the invalidations that wait for the append after the current one.
#[derive(Default)]
pub(crate) struct GroupCommits {
    waiting: Mutex<HashMap<Selector, Option<Outcome>>>,
}

/// Returns the path or directory, if these events name nothing else.
pub(crate) fn single_path(events: &[Event]) -> Option<&Selector> {
    match events {
        [Event { mode: Mode::Hard, selector: selector @ (Selector::Path(_) | Selector::Hashed(_)) }] => {
            Some(selector)
        }
        _ => None,
    }
}

/// Invalidates the path with an append that begins after this call, and that others may share.
///
/// Returns `None` if the append did not finish. `append` appends once. The outcome comes after at
/// most two appends. They run in a task of their own, so that a cancelled request does not cancel
/// the others.
pub(crate) async fn share_append<F>(
    groups: &Arc<GroupCommits>,
    background: &Background,
    path: &Selector,
    append: impl Fn() -> F + Send + 'static,
) -> Option<InvalidationOutcome>
where
    F: Future<Output = InvalidationOutcome> + Send + 'static,
{
    let (mut outcome, first) = groups.join(path);
    if let Some(first) = first {
        let leader = Leader { groups: Arc::clone(groups), path: path.clone(), is_done: false };
        background.spawn(leader.lead(first, append));
    }
    outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| *outcome)
}

impl GroupCommits {
    /// Joins the next append for this path, and returns the receiver of its outcome.
    ///
    /// If no append is under way for this path, also returns the sender. The caller must then lead.
    fn join(&self, path: &Selector) -> (watch::Receiver<Option<InvalidationOutcome>>, Option<Outcome>) {
        let mut waiting = self.lock();
        if let Some(next) = waiting.get_mut(path) {
            return (next.get_or_insert_with(|| watch::Sender::new(None)).subscribe(), None);
        }
        let first = watch::Sender::new(None);
        waiting.insert(path.clone(), None);
        (first.subscribe(), Some(first))
    }

    /// Returns the sender for the invalidations that have come meanwhile.
    ///
    /// If there are none, no append is under way for this path any more.
    fn next(&self, path: &Selector) -> Option<Outcome> {
        let mut waiting = self.lock();
        let next = waiting.get_mut(path).and_then(Option::take);
        if next.is_none() {
            waiting.remove(path);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Selector, Option<Outcome>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leader of one path. It appends until no invalidation of the path waits.
struct Leader {
    groups: Arc<GroupCommits>,
    path: Selector,
    /// Whether the path is free for another leader.
    is_done: bool,
}

impl Leader {
    async fn lead<F>(mut self, first: Outcome, append: impl Fn() -> F)
    where
        F: Future<Output = InvalidationOutcome>,
    {
        let mut next = Some(first);
        while let Some(outcome) = next {
            let pause = Instant::now() + MIN_INTERVAL;
            outcome.send_replace(Some(append().await));
            sleep_until(pause).await;
            next = self.groups.next(&self.path);
        }
        self.is_done = true;
    }
}

impl Drop for Leader {
    /// Frees the path if an append panicked or the runtime ended.
    ///
    /// Invalidations that wait then see that there will be no outcome.
    fn drop(&mut self) {
        if !self.is_done {
            self.groups.lock().remove(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use larder_core::log::selector::PathName;
    use larder_testing::Gate;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::engine::background::BackgroundLimits;
    use crate::testing::soon;

    /// Invalidations of one path. Their appends wait at a gate.
    #[derive(Clone)]
    struct Flood {
        groups: Arc<GroupCommits>,
        background: Arc<Background>,
        appends: Arc<AtomicUsize>,
        gate: Gate,
    }

    impl Flood {
        fn new() -> Self {
            let background = Arc::new(Background::new(BackgroundLimits {
                refreshes: 1,
                abandoned_fills: 0,
                abandoned_writes: 0,
            }));
            Self { groups: Arc::default(), background, appends: Arc::default(), gate: Gate::new() }
        }

        fn write(&self, panics: bool) -> JoinHandle<Option<InvalidationOutcome>> {
            let flood = self.clone();
            tokio::spawn(async move {
                let (groups, background) = (Arc::clone(&flood.groups), Arc::clone(&flood.background));
                let append = move || {
                    let flood = flood.clone();
                    async move {
                        flood.appends.fetch_add(1, Ordering::SeqCst);
                        flood.gate.pass().await;
                        assert!(!panics, "on purpose");
                        InvalidationOutcome::Applied
                    }
                };
                share_append(&groups, &background, &Selector::Path(PathName::new("/a").unwrap()), append)
                    .await
            })
        }

        async fn write_many(&self) -> Vec<JoinHandle<Option<InvalidationOutcome>>> {
            let first = self.write(false);
            self.gate.arrived(1).await;
            let many = std::iter::once(first).chain((0..100).map(|_| self.write(false))).collect();
            // On this one thread, they all get as far as they can.
            tokio::time::sleep(Duration::from_millis(1)).await;
            many
        }

        fn is_idle(&self) -> bool {
            self.groups.lock().is_empty()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_come_during_an_append_share_the_next_one() {
        let flood = Flood::new();
        let many = flood.write_many().await;
        assert_eq!(flood.appends.load(Ordering::SeqCst), 1, "none of them shares the one under way");
        flood.gate.open();
        for one in many {
            assert_eq!(soon(one).await.unwrap(), Some(InvalidationOutcome::Applied));
        }
        assert_eq!(flood.appends.load(Ordering::SeqCst), 2);
        tokio::time::sleep(2 * MIN_INTERVAL).await;
        assert!(flood.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn one_after_the_other_there_are_so_many_in_a_second() {
        let flood = Flood::new();
        flood.gate.open();
        let begun = Instant::now();
        for _ in 0..10 {
            assert_eq!(flood.write(false).await.unwrap(), Some(InvalidationOutcome::Applied));
        }
        assert!(begun.elapsed() >= 9 * MIN_INTERVAL, "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        flood.write(false).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO, "a single one does not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_leaves_takes_no_other_with_it() {
        let flood = Flood::new();
        let mut many = flood.write_many().await;
        many.remove(0).abort();
        many.remove(0).abort();
        flood.gate.open();
        for one in many {
            assert_eq!(soon(one).await.unwrap(), Some(InvalidationOutcome::Applied));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_an_append_panics_the_others_learn_that_it_was_not_done() {
        let flood = Flood::new();
        let first = flood.write(true);
        flood.gate.arrived(1).await;
        let second = flood.write(false);
        tokio::time::sleep(Duration::from_millis(1)).await;
        flood.gate.open();
        assert_eq!(soon(first).await.unwrap(), None);
        assert_eq!(soon(second).await.unwrap(), None);
        assert!(flood.is_idle());
        assert_eq!(soon(flood.write(false)).await.unwrap(), Some(InvalidationOutcome::Applied));
    }
}
