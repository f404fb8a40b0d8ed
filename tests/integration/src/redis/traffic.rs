//! Readers and writers that run continuously and detect every broken promise.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use larder::{Cache, InvalidationOutcome, Tag};
use tokio::task::JoinHandle;

use super::client::send;
use super::instance::Instance;
use super::origin::{Truth, VALUES};
use super::phase::Phase;

/// The threshold for slow requests: nearly the maximum time that a request waits for Redis.
const SLOW: Duration = Duration::from_millis(45);

/// The pause between two requests of a reader. A writer waits for up to twenty of these.
const PAUSE: Duration = Duration::from_millis(1);
const CALM_PAUSE: Duration = Duration::from_millis(10);

/// Requests that continue until they are stopped.
///
/// Each reader knows which values are too old: those before an invalidation on its own instance (P1
/// of the log), and those before an invalidation that any instance `Applied` more than
/// `max_staleness` ago (P2).
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// The result of the traffic.
#[derive(Debug, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Summary {
    /// The number of requests.
    pub requests: usize,
    /// The number of hits among them.
    pub hits: usize,
    /// The number of requests that took nearly the maximum time for Redis.
    pub slow: usize,
    /// The number of applied invalidations.
    pub applied: usize,
    /// The number of deferred invalidations.
    pub deferred: usize,
    /// Wrong answers.
    pub wrong: Vec<String>,
}

impl Summary {
    /// Fails unless every answer was right.
    pub fn is_right(&self) {
        assert!(self.wrong.is_empty(), "{self:#?}");
    }
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    truth: Truth,
    max_staleness: Duration,
    pause: Duration,
    /// Applied invalidations: the value, and the time from which older values are wrong everywhere.
    applied: Mutex<VecDeque<(Instant, usize, u64)>>,
    everywhere: Floor,
    counts: [AtomicUsize; 5],
    /// The answers to readers since the last phase, with their latency and whether they were hits,
    /// and the times of invalidations.
    answers: Mutex<Vec<(Duration, bool)>>,
    invalidations: Mutex<Vec<Duration>>,
    wrong: Mutex<Vec<String>>,
}

const REQUESTS: usize = 0;
const HITS: usize = 1;
const SLOW_ONES: usize = 2;
const APPLIED: usize = 3;
const DEFERRED: usize = 4;

/// The lowest version of each value that may be seen.
#[derive(Debug)]
struct Floor([AtomicU64; VALUES]);

impl Floor {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    fn raise(&self, id: usize, value: u64) {
        self.0[id].fetch_max(value, Ordering::SeqCst);
    }

    fn of(&self, id: usize) -> u64 {
        self.0[id].load(Ordering::SeqCst)
    }
}

impl Traffic {
    /// Starts two readers and a writer on each instance.
    #[must_use]
    pub fn start(truth: &Truth, max_staleness: Duration, instances: &[&Instance]) -> Self {
        Self::of(truth, max_staleness, instances, true, PAUSE)
    }

    /// Starts traffic at a low rate, which leaves time for other work even on a slow machine.
    #[must_use]
    pub fn start_calmly(truth: &Truth, max_staleness: Duration, instances: &[&Instance]) -> Self {
        Self::of(truth, max_staleness, instances, true, CALM_PAUSE)
    }

    /// Starts two readers on the instance, and no writer. Nothing is deferred, so its responses in
    /// Redis stay trusted.
    #[must_use]
    pub fn start_reading(truth: &Truth, instance: &Instance) -> Self {
        Self::of(truth, Duration::MAX, &[instance], false, PAUSE)
    }

    fn of(
        truth: &Truth,
        max_staleness: Duration,
        instances: &[&Instance],
        writes: bool,
        pause: Duration,
    ) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            truth: truth.clone(),
            max_staleness,
            pause,
            applied: Mutex::default(),
            everywhere: Floor::new(),
            counts: std::array::from_fn(|_| AtomicUsize::new(0)),
            answers: Mutex::default(),
            invalidations: Mutex::default(),
            wrong: Mutex::default(),
        });
        let mut tasks = Vec::new();
        for instance in instances {
            let here = Arc::new(Floor::new());
            for _ in 0..2 {
                tasks.push(tokio::spawn(Arc::clone(&shared).read(instance.address, Arc::clone(&here))));
            }
            if writes {
                let cache = instance.cache.clone();
                tasks.push(tokio::spawn(Arc::clone(&shared).write(cache, here)));
            }
        }
        Self { shared, tasks }
    }

    /// Waits for this many more answers.
    pub async fn flows(&self, requests: usize) {
        let enough = self.requests() + requests;
        super::eventually("requests are answered", async || self.requests() >= enough).await;
    }

    /// Returns the number of answered requests so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.counts[REQUESTS].load(Ordering::SeqCst)
    }

    /// Ends a phase, and returns its observations.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let answers = std::mem::take(&mut *self.shared.answers.lock().unwrap());
        let invalidations = std::mem::take(&mut *self.shared.invalidations.lock().unwrap());
        Phase::of(answers, &invalidations)
    }

    /// Stops the traffic, and returns the result.
    pub async fn stop(self) -> Summary {
        self.shared.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        let count = |which: usize| self.shared.counts[which].load(Ordering::SeqCst);
        Summary {
            requests: count(REQUESTS),
            hits: count(HITS),
            slow: count(SLOW_ONES),
            applied: count(APPLIED),
            deferred: count(DEFERRED),
            wrong: std::mem::take(&mut self.shared.wrong.lock().unwrap()),
        }
    }
}

impl Shared {
    async fn read(self: Arc<Self>, address: std::net::SocketAddr, here: Arc<Floor>) {
        while !self.stop.load(Ordering::SeqCst) {
            let id = fastrand::usize(..VALUES);
            self.raise_due_limits();
            let least = here.of(id).max(self.everywhere.of(id));
            let request = Request::get(format!("/values/{id}")).body(Bytes::new()).unwrap();
            let answer = send(address, request).await;
            self.count(REQUESTS);
            let hit = answer.field("x-cache") == "HIT";
            self.answers.lock().unwrap().push((answer.took, hit));
            if hit {
                self.count(HITS);
            }
            if answer.took > SLOW {
                self.count(SLOW_ONES);
            }
            let value: Option<u64> = answer.text().strip_prefix('v').and_then(|text| text.parse().ok());
            if answer.status != StatusCode::OK || value.is_none_or(|value| value < least) {
                let outcome = answer.outcome();
                let text = answer.text();
                let wrong = format!("{id} on {address}: {text:?}, {outcome}, not before v{least}");
                self.wrong.lock().unwrap().push(wrong);
            }
            // Leaves time for other tasks.
            tokio::time::sleep(self.pause).await;
        }
    }

    async fn write(self: Arc<Self>, cache: Cache, here: Arc<Floor>) {
        while !self.stop.load(Ordering::SeqCst) {
            let id = fastrand::usize(..VALUES);
            let value = self.truth.change(id);
            let begun = Instant::now();
            let invalidated = cache.invalidate(Tag::new(format!("value:{id}"))).await;
            self.invalidations.lock().unwrap().push(begun.elapsed());
            match invalidated {
                InvalidationOutcome::Applied => {
                    let due = Instant::now() + self.max_staleness;
                    self.applied.lock().unwrap().push_back((due, id, value));
                    self.count(APPLIED);
                }
                InvalidationOutcome::Deferred => self.count(DEFERRED),
            }
            here.raise(id, value);
            tokio::time::sleep(self.pause * fastrand::u32(1..20)).await;
        }
    }

    fn raise_due_limits(&self) {
        let mut applied = self.applied.lock().unwrap();
        let now = Instant::now();
        // Two writers may be slightly out of order. A late entry only makes the check more lenient.
        while let Some((_, id, value)) = applied.pop_front_if(|(due, ..)| *due <= now) {
            self.everywhere.raise(id, value);
        }
    }

    fn count(&self, which: usize) {
        self.counts[which].fetch_add(1, Ordering::SeqCst);
    }
}
