//! Jobs that run once at a time for each key: a few at once, and a bounded number that waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Maximum number of jobs that run or wait.
const MAX_JOBS: usize = 128;

/// The jobs that run or wait, by their keys.
pub(crate) struct KeyedJobs<K, R> {
    jobs: Mutex<HashMap<K, watch::Receiver<Option<R>>>>,
    permits: Arc<Semaphore>,
}

/// The result of an attempt to begin a job.
pub(crate) enum JobStart<K: Eq + Hash, R> {
    /// The caller runs the job.
    Begun(Job<K, R>),
    /// The job runs already.
    Running(JobWait<R>),
    /// Too many jobs run or wait.
    Full,
}

/// A job that runs or waits. Dropping it without a result ends it, too.
pub(crate) struct Job<K: Eq + Hash, R> {
    jobs: Arc<KeyedJobs<K, R>>,
    key: K,
    result: watch::Sender<Option<R>>,
}

/// The wait for the result of a job.
pub(crate) struct JobWait<R>(watch::Receiver<Option<R>>);

impl<K: Eq + Hash + Clone, R: Clone> KeyedJobs<K, R> {
    /// Creates the table. So many jobs run at once as half of the cores, and at least one.
    ///
    /// The other half is for requests.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { jobs: Mutex::default(), permits: Arc::new(Semaphore::new((cores / 2).max(1))) }
    }

    /// Begins the job with this key, unless it runs already or too many do.
    pub(crate) fn begin(self: &Arc<Self>, key: K) -> JobStart<K, R> {
        let mut jobs = self.lock();
        let is_full = jobs.len() >= MAX_JOBS;
        match jobs.entry(key) {
            Entry::Occupied(running) => JobStart::Running(JobWait(running.get().clone())),
            Entry::Vacant(_) if is_full => JobStart::Full,
            Entry::Vacant(place) => {
                let (result, wait) = watch::channel(None);
                let key = place.key().clone();
                place.insert(wait);
                drop(jobs);
                JobStart::Begun(Job { jobs: Arc::clone(self), key, result })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<R>>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, R> Job<K, R> {
    /// Waits until the job may run. Returns `None` only if there are no jobs any more.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.jobs.permits).acquire_owned().await.ok()
    }

    /// Returns the wait for the result of this job.
    pub(crate) fn wait(&self) -> JobWait<R> {
        JobWait(self.result.subscribe())
    }

    /// Ends the job with this result.
    pub(crate) fn finish(self, result: R) {
        self.result.send_replace(Some(result));
    }
}

impl<K: Eq + Hash, R> Drop for Job<K, R> {
    fn drop(&mut self) {
        self.jobs.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl<R: Clone> JobWait<R> {
    /// Waits for the end of the job. Returns `None` if it ended without a result.
    pub(crate) async fn result(mut self) -> Option<R> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|result| result.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::soon;

    fn begun(jobs: &Arc<KeyedJobs<u32, u32>>, key: u32) -> Job<u32, u32> {
        match jobs.begin(key) {
            JobStart::Begun(job) => job,
            JobStart::Running(_) | JobStart::Full => panic!("job {key} does not begin"),
        }
    }

    #[tokio::test]
    async fn a_job_runs_once_and_all_get_its_result() {
        let jobs = Arc::new(KeyedJobs::new());
        let job = begun(&jobs, 1);
        let JobStart::Running(other) = jobs.begin(1) else { panic!("it begins twice") };
        let own = job.wait();
        job.finish(7);
        assert_eq!((soon(own.result()).await, soon(other.result()).await), (Some(7), Some(7)));
        drop(begun(&jobs, 1));
    }

    #[tokio::test]
    async fn a_job_that_is_dropped_ends_the_wait_for_it() {
        let jobs = Arc::new(KeyedJobs::new());
        let job = begun(&jobs, 1);
        let wait = job.wait();
        drop(job);
        assert_eq!(soon(wait.result()).await, None);
        drop(begun(&jobs, 1));
    }

    #[tokio::test]
    async fn their_number_has_a_bound() {
        let jobs = Arc::new(KeyedJobs::new());
        let mut all: Vec<_> = (0..128).map(|key| begun(&jobs, key)).collect();
        assert!(matches!(jobs.begin(128), JobStart::Full));
        assert!(matches!(jobs.begin(127), JobStart::Running(_)), "it has its place");
        all.pop();
        all.push(begun(&jobs, 128));
        let mut permits = Vec::new();
        while let Ok(permit) = Arc::clone(&jobs.permits).try_acquire_owned() {
            permits.push(permit);
        }
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(permits.len(), (cores / 2).max(1));
        let waits = all[0].permit();
        drop(permits);
        assert!(soon(waits).await.is_some());
    }
}
