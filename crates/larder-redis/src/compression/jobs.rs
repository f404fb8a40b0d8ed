//! Jobs in threads for blocking work.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The maximum number of jobs at once. Fewer run on a machine with fewer cores.
const MAX_JOBS: usize = 8;

/// Runs jobs, a few at once. The others wait for their turn.
pub(super) struct Jobs {
    permits: Arc<Semaphore>,
    max_wait: Duration,
}

impl Jobs {
    /// Creates a place for jobs that wait for their turn for up to `max_wait`.
    pub(super) fn new(max_wait: Duration) -> Self {
        let jobs = available_parallelism().map_or(1, usize::from).min(MAX_JOBS);
        Self { permits: Arc::new(Semaphore::new(jobs)), max_wait }
    }

    /// Runs a job. Returns `None` if its turn does not come in time, or if it panics.
    ///
    /// A job that has begun goes on if its caller stops waiting, and counts until its end.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        runtime: Handle,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.permits).acquire_owned();
        let permit = timeout(self.max_wait, turn).await.ok()?.ok()?;
        let job = move || {
            let _permit = permit;
            job()
        };
        // It fails if the runtime shuts down.
        runtime.spawn_blocking(job).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use tokio::task::JoinSet;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn only_a_few_jobs_run_at_once_and_all_run() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let jobs = Arc::new(Jobs::new(LONG));
        let limit = jobs.permits.available_permits();
        let mut tasks = JoinSet::new();
        for number in 0..50 {
            let jobs = Arc::clone(&jobs);
            tasks.spawn(async move {
                let job = move || {
                    let running = 1 + RUNNING.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(1));
                    RUNNING.fetch_sub(1, Ordering::Relaxed);
                    (number, running)
                };
                jobs.run(Handle::current(), job).await.unwrap()
            });
        }
        let mut done = tasks.join_all().await;
        assert!(done.iter().all(|(_, running)| *running <= limit), "{done:?}");
        done.sort_unstable();
        assert!(done.iter().map(|(number, _)| *number).eq(0..50));
    }

    #[tokio::test]
    async fn a_job_whose_turn_does_not_come_is_left_out_and_a_caller_that_leaves_does_not_end_one() {
        let jobs = Jobs::new(Duration::from_millis(20));
        let mut held = Vec::new();
        for _ in 0..jobs.permits.available_permits() {
            let (end, ended) = mpsc::channel::<()>();
            let job = move || ended.recv().is_ok();
            let run = jobs.run(Handle::current(), job);
            assert!(timeout(Duration::from_millis(20), run).await.is_err(), "the job waits");
            held.push(end);
        }
        assert_eq!(jobs.run(Handle::current(), || 1).await, None);
        drop(held);
        let jobs = Jobs { max_wait: LONG, ..jobs };
        assert_eq!(jobs.run(Handle::current(), || 2).await, Some(2));
    }

    #[tokio::test]
    async fn a_job_that_panics_gives_its_turn_up() {
        let jobs = Jobs::new(LONG);
        for _ in 0..2 * MAX_JOBS {
            assert_eq!(jobs.run(Handle::current(), || panic!("on purpose")).await, None::<()>);
        }
        assert_eq!(jobs.run(Handle::current(), || 3).await, Some(3));
    }
}
