//! Hits of typed values in memory, and of their lower bound.
//!
//! With a number, it repeats the hits of one case, for a tool that counts instructions. The
//! difference between two runs with different numbers is the cost of the hits alone. Without one,
//! it prints the nanoseconds of a hit of each case, how much that is of the time of the first two
//! in the same round, and the allocations.
//!
//! It is a program of its own, so that the code of the other programs does not depend on it.
#![allow(clippy::expect_used, reason = "without a value there is nothing to measure")]

use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use allocation_counter::measure;
use cached::{Cached as _, TtlCache};
use clap::{Parser, ValueEnum};
use hitbox::policy::PolicyConfig;
use hitbox_backend::format::BincodeFormat;
use hitbox_fn::{Cache as HitboxCache, CacheableResponse, cached};
use hitbox_moka::MokaBackend;
use larder::Cache;
use larder::values::{Codec, CodecError, Values};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

const HOUR: Duration = Duration::from_secs(3600);
const KEY: u64 = 7;
/// The rounds of all cases in turn, and the hits of each case in a round.
const ROUNDS: usize = 41;
const TIMED: u32 = 100_000;

type Value = [u8; 64];

#[derive(Parser)]
struct Args {
    /// The table that is read.
    #[arg(value_enum)]
    case: Option<Case>,
    /// The number of hits.
    #[arg(requires = "case")]
    number: Option<u64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Case {
    /// An `Arc` in a bare table of `quick_cache`: the lower bound.
    QuickCache,
    /// That, with a read of the clock and a check of the log: the floor of a hit.
    Floor,
    /// `get_with` of `moka`.
    Moka,
    /// A store of `cached` with a lifetime, behind a lock, as its macro makes it.
    Cached,
    /// A function that `hitbox` caches in its backend over `moka`, with its fastest format.
    Hitbox,
    /// `Values::get_cached`.
    GetCached,
    /// `Values::get_or_load`.
    GetOrLoad,
}

fn main() {
    let args = Args::parse();
    if let (Some(case), Some(number)) = (args.case, args.number) {
        let mut hit = case.hit();
        (0..number).for_each(|_| hit());
        return;
    }
    let mut cases: Vec<_> = Case::value_variants().iter().map(|case| Measured::begin(*case)).collect();
    for _ in 0..ROUNDS {
        cases.iter_mut().for_each(Measured::run);
    }
    let [bare, floor] = [0, 1].map(|index: usize| cases[index].nanos.clone());
    println!("{:<14}{:>10}{:>14}{:>10}{:>14}", "one hit", "ns", "x quick-cache", "x floor", "allocations");
    for Measured { case, nanos, allocations, .. } in &cases {
        let name = case.to_possible_value().expect("a name");
        let [bare, floor] = [&bare, &floor].map(|least| median(nanos.iter().zip(least).map(|(a, b)| a / b)));
        let nanos = median(nanos.iter().copied());
        println!("{:<14}{nanos:>10.1}{bare:>14.2}{floor:>10.2}{allocations:>14}", name.get_name());
    }
}

/// A case, and the nanoseconds of its hits in each round.
struct Measured {
    case: Case,
    hit: Box<dyn FnMut()>,
    allocations: u64,
    nanos: Vec<f64>,
}

impl Measured {
    fn begin(case: Case) -> Self {
        let mut hit = case.hit();
        // The first hits create things that later ones reuse, so they are not counted.
        (0..100).for_each(|_| hit());
        let allocations = measure(&mut *hit).count_total;
        Self { case, hit, allocations, nanos: Vec::new() }
    }

    fn run(&mut self) {
        let begun = Instant::now();
        (0..TIMED).for_each(|_| (self.hit)());
        self.nanos.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(TIMED));
    }
}

fn median(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<_> = all.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

impl Case {
    fn hit(self) -> Box<dyn FnMut()> {
        match self {
            Self::QuickCache => {
                let table = quick_cache::sync::Cache::new(1024);
                table.insert(KEY, Arc::new([7; 64]));
                Box::new(move || {
                    let value: Option<Arc<Value>> = table.get(&black_box(KEY));
                    black_box(value.expect("a value"));
                })
            }
            Self::Floor => {
                let (table, log) = (quick_cache::sync::Cache::new(1024), Log::new());
                table.insert(KEY, Arc::new(Stored::new()));
                Box::new(move || {
                    let found: Option<Arc<Stored>> = table.get(&black_box(KEY));
                    let stored = found.filter(|stored| log.may_use(stored));
                    black_box(stored.expect("a value").value.clone());
                })
            }
            Self::Moka => {
                let table = moka::sync::Cache::builder().max_capacity(1024).time_to_live(HOUR).build();
                Box::new(move || {
                    let value: Arc<Value> = table.get_with(black_box(KEY), || Arc::new([7; 64]));
                    black_box(value);
                })
            }
            Self::Cached => {
                let table = Mutex::new(TtlCache::with_ttl_and_capacity(HOUR, 1024));
                table.lock().expect("the lock").cache_set(KEY, Arc::new([7; 64]));
                Box::new(move || {
                    let mut table = table.lock().expect("the lock");
                    let value: Option<Arc<Value>> = table.cache_get(&black_box(KEY)).cloned();
                    black_box(value.expect("a value"));
                })
            }
            Self::Hitbox => {
                let backend = MokaBackend::builder().max_entries(1024).value_format(BincodeFormat).build();
                let policy = PolicyConfig::builder().ttl(HOUR).build();
                let cache = HitboxCache::builder().backend(backend).policy(policy).build();
                Box::new(move || {
                    black_box(ready(hitbox_value(black_box(KEY)).cache(&cache).into_future()));
                })
            }
            Self::GetCached => {
                let values = warm();
                Box::new(move || {
                    black_box(values.get_cached(&black_box(KEY)).into_value().expect("a value"));
                })
            }
            Self::GetOrLoad => {
                let values = warm();
                Box::new(move || {
                    let found = ready(values.get_or_load(&black_box(KEY), async || load()));
                    black_box(found.expect("a value").expect("a value"));
                })
            }
        }
    }
}

/// A value of 64 bytes that `hitbox` can store.
#[derive(Clone, Serialize, Deserialize, CacheableResponse)]
struct HitboxValue {
    words: [u64; 8],
}

#[cached]
async fn hitbox_value(key: u64) -> HitboxValue {
    HitboxValue { words: [key; 8] }
}

/// The part of the log that a hit reads: when it was last confirmed, and its generation.
struct Log {
    confirmed_at: AtomicU64,
    generation: AtomicU64,
    max_staleness: u64,
}

/// A value with what the log and the clock decide about.
struct Stored {
    value: Arc<Value>,
    filled_at: u64,
    valid_at: AtomicU64,
    stale_at: u64,
}

impl Stored {
    fn new() -> Self {
        let value = Arc::new([7; 64]);
        Self { value, filled_at: boot(), valid_at: AtomicU64::new(0), stale_at: u64::MAX }
    }
}

impl Log {
    const fn new() -> Self {
        let (confirmed_at, generation) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Self { confirmed_at, generation, max_staleness: 2_000_000_000 }
    }

    /// Rules 10 and 11 of the log, and the lifetime.
    fn may_use(&self, stored: &Stored) -> bool {
        let now = boot();
        let confirmed_at = self.confirmed_at.load(Ordering::Acquire);
        let newest = confirmed_at.max(stored.filled_at);
        now.saturating_sub(newest) <= self.max_staleness
            && stored.valid_at.load(Ordering::Relaxed) == self.generation.load(Ordering::Acquire)
            && now < stored.stale_at
    }
}

/// The clock that goes on while the machine is suspended, as the cache needs it.
fn boot() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let [seconds, nanos] = [time.tv_sec, time.tv_nsec].map(|part| u64::try_from(part).unwrap_or_default());
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Returns a collection with one value, which is loaded once and never again.
fn warm() -> Values<u64, Value> {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let builder = Cache::default().values("value").ttl(HOUR).codec(Plain);
    let values: Values<u64, Value> = builder.build().expect("a collection");
    let loaded = runtime.block_on(values.get_or_load(&KEY, async || load()));
    assert!(loaded.expect("a value").is_some());
    values
}

fn load() -> Result<Value, std::io::Error> {
    Ok([7; 64])
}

/// Returns the output of a future that completes immediately, as every hit in memory does.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
    .expect("an answer at once")
}

/// Values as they are.
struct Plain;

impl Codec<Value> for Plain {
    const FORMAT: u8 = 64;

    fn encode(&self, value: &Value) -> Result<Vec<u8>, CodecError> {
        Ok(value.to_vec())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, CodecError> {
        bytes.try_into().map_err(CodecError::new)
    }
}
