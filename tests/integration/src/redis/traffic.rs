//! Readers and writers that never stop, and that notice every broken promise.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use larder::{Cache, Invalidated, Tag};
use tokio::task::JoinHandle;

use super::client::send;
use super::instance::Instance;
use super::origin::{Truth, VALUES};
use super::phase::Phase;

/// What counts as slow: nearly the longest that a request may wait for Redis.
const SLOW: Duration = Duration::from_millis(45);

/// Between two requests of one reader; a writer waits for up to twenty of these.
const PAUSE: Duration = Duration::from_millis(1);
const CALM_PAUSE: Duration = Duration::from_millis(10);

/// Requests that go on until they are stopped.
///
/// Each reader knows what it may not see any more: what was invalidated on its own instance (the
/// log's P1), and what was invalidated as `Applied` on any instance more than `max_staleness` ago
/// (P2).
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What came of the traffic.
#[derive(Debug, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Summary {
    /// How many requests there were.
    pub requests: usize,
    /// How many of them were answered by a cache.
    pub hits: usize,
    /// How many took nearly as long as a request may wait for Redis.
    pub slow: usize,
    /// How many invalidations were applied.
    pub applied: usize,
    /// How many were deferred.
    pub deferred: usize,
    /// Answers that should not have been.
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
    /// What was invalidated as `Applied`: which value, and from when on older ones are wrong
    /// everywhere.
    applied: Mutex<VecDeque<(Instant, usize, u64)>>,
    everywhere: Floor,
    counts: [AtomicUsize; 5],
    /// Since the last phase: each answer to a reader, and whether it was a hit; each invalidation.
    answers: Mutex<Vec<(Duration, bool)>>,
    invalidations: Mutex<Vec<Duration>>,
    wrong: Mutex<Vec<String>>,
}

const REQUESTS: usize = 0;
const HITS: usize = 1;
const SLOW_ONES: usize = 2;
const APPLIED: usize = 3;
const DEFERRED: usize = 4;

/// The oldest value of each that may be seen.
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

    /// The same at a pace that leaves even a slow machine time for everything else.
    #[must_use]
    pub fn start_calmly(truth: &Truth, max_staleness: Duration, instances: &[&Instance]) -> Self {
        Self::of(truth, max_staleness, instances, true, CALM_PAUSE)
    }

    /// Starts two readers on the instance: where nothing is deferred, its responses in Redis stay
    /// trusted.
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

    /// Waits until this many more requests were answered.
    pub async fn flows(&self, requests: usize) {
        let enough = self.requests() + requests;
        super::eventually("requests are answered", async || self.requests() >= enough).await;
    }

    /// How many requests were answered so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.counts[REQUESTS].load(Ordering::SeqCst)
    }

    /// Ends a phase, and tells what clients saw in it.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let answers = std::mem::take(&mut *self.shared.answers.lock().unwrap());
        let invalidations = std::mem::take(&mut *self.shared.invalidations.lock().unwrap());
        Phase::of(answers, &invalidations)
    }

    /// Stops, and tells what came of it.
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
            self.raise_what_is_due();
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
            // Leaves the machine to others.
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
                Invalidated::Applied => {
                    let due = Instant::now() + self.max_staleness;
                    self.applied.lock().unwrap().push_back((due, id, value));
                    self.count(APPLIED);
                }
                Invalidated::Deferred => self.count(DEFERRED),
            }
            here.raise(id, value);
            tokio::time::sleep(self.pause * fastrand::u32(1..20)).await;
        }
    }

    fn raise_what_is_due(&self) {
        let mut applied = self.applied.lock().unwrap();
        let now = Instant::now();
        // Two writers are not quite in order; what is late only makes a reader lenient.
        while let Some((_, id, value)) = applied.pop_front_if(|(due, ..)| *due <= now) {
            self.everywhere.raise(id, value);
        }
    }

    fn count(&self, which: usize) {
        self.counts[which].fetch_add(1, Ordering::SeqCst);
    }
}
