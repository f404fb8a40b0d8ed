//! The jobs that fill the cache, by number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use larder::warm::Warming;
use serde_json::{Value, json};

/// The most jobs that are remembered. Jobs that have ended make room for new ones.
const MAX_JOBS: usize = 32;

/// The jobs of a router.
#[derive(Debug, Clone, Default)]
pub(crate) struct WarmJobs(Arc<Mutex<Jobs>>);

#[derive(Debug, Default)]
struct Jobs {
    last: u64,
    jobs: BTreeMap<u64, Job>,
}

#[derive(Debug)]
struct Job {
    who: Arc<str>,
    what: &'static str,
    warming: Warming,
}

impl Job {
    fn is_done(&self) -> bool {
        let progress = self.warming.progress();
        progress.total.is_some_and(|total| progress.done >= total)
    }

    fn to_json(&self, number: u64) -> Value {
        let progress = self.warming.progress();
        json!({
            "job": number,
            "who": &*self.who,
            "what": self.what,
            "is_done": self.is_done(),
            "done": progress.done,
            "total": progress.total,
            "hits": progress.hits,
            "filled": progress.filled,
            "failed": progress.failed,
            "skipped": progress.skipped,
        })
    }
}

impl WarmJobs {
    /// Adds a job. Returns its description, or `None` if too many are running.
    pub(super) fn add(&self, who: Arc<str>, what: &'static str, warming: Warming) -> Option<Value> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.jobs.len() >= MAX_JOBS {
            let done = jobs.jobs.iter().find(|(_, job)| job.is_done()).map(|(number, _)| *number)?;
            jobs.jobs.remove(&done);
        }
        jobs.last += 1;
        let (number, job) = (jobs.last, Job { who, what, warming });
        let described = job.to_json(number);
        jobs.jobs.insert(number, job);
        Some(described)
    }

    /// Returns the descriptions of all jobs, the newest first.
    pub(super) fn list(&self) -> Vec<Value> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.jobs.iter().rev().map(|(number, job)| job.to_json(*number)).collect()
    }

    /// Returns the description of one job.
    pub(super) fn get(&self, number: u64) -> Option<Value> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.jobs.get(&number).map(|job| job.to_json(number))
    }

    /// Stops a job, and forgets it. Returns its last description.
    pub(super) fn stop(&self, number: u64) -> Option<Value> {
        let job = self.0.lock().unwrap_or_else(PoisonError::into_inner).jobs.remove(&number)?;
        Some(job.to_json(number))
    }
}
