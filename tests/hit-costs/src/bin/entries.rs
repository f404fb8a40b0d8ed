//! Stores many responses, and prints what an entry takes, what hits cost, or whether churn stays
//! within the bound.
#![allow(clippy::expect_used, reason = "a measurement that fails must stop, loudly")]

use std::time::{Duration, Instant};

use allocation_counter::measure;
use clap::{Args, Parser, Subcommand};
use larder_hit_costs::entries::{Entries, Shape, Storage, Values, scattered};
use tokio::runtime::{Builder, Runtime};

#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Prints the bytes and the allocations of an entry.
    Size {
        #[command(flatten)]
        stored: Stored,
        /// The number of stored responses.
        #[arg(long, default_value_t = 10_000)]
        keys: u64,
    },
    /// Sends hits to all keys in turn, for a tool that counts instructions.
    Hits {
        #[command(flatten)]
        stored: Stored,
        #[arg(long, default_value_t = 10_000)]
        keys: u64,
        #[arg(long)]
        number: u64,
    },
    /// Prints the time of a hit at each number of keys: the median of rounds in turn.
    Times {
        #[command(flatten)]
        stored: Stored,
        #[arg(long, value_delimiter = ',', default_values_t = [10, 1_000, 10_000])]
        keys: Vec<u64>,
        #[command(flatten)]
        rounds: Rounds,
    },
    /// Stores new responses in a full cache, and prints its memory.
    Churn {
        #[command(flatten)]
        stored: Stored,
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// The bound on the memory of the cache.
        #[arg(long, default_value_t = 256 * 1024 * 1024)]
        max_bytes: u64,
    },
}

/// How often hits are timed.
#[derive(Args, Clone, Copy)]
struct Rounds {
    #[arg(long, default_value_t = 31)]
    rounds: u64,
    /// The number of hits in a round.
    #[arg(long, default_value_t = 20_000)]
    hits: u64,
}

#[derive(Args, Clone, Copy)]
struct Stored {
    #[arg(long, value_enum, default_value_t = Storage::Larder)]
    storage: Storage,
    #[arg(long, value_enum, default_value_t = Values::Own)]
    values: Values,
    /// The length of each body.
    #[arg(long, default_value_t = 1024)]
    body: usize,
}

impl Stored {
    /// Returns a layer with this bound on its memory.
    fn within(self, max_bytes: u64) -> Entries {
        let Self { storage, values, body } = self;
        Entries::new(Shape { storage, values, body, max_bytes })
    }

    /// Returns a layer that has room for this many responses.
    fn for_keys(self, keys: u64) -> Entries {
        self.within(keys * (self.body as u64 + 8 * 1024) + (64 << 20))
    }
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    match Command::parse().part {
        Part::Size { stored, keys } => size(&runtime, stored, keys),
        Part::Hits { stored, keys, number } => {
            let entries = stored.for_keys(keys);
            entries.fill(&runtime, 0..keys);
            (0..number).for_each(|turn| entries.hit(scattered(turn, keys)));
        }
        Part::Times { stored, keys, rounds } => times(&runtime, stored, &keys, rounds),
        Part::Churn { stored, seconds, max_bytes } => churn(&runtime, stored, seconds, max_bytes),
    }
}

/// Prints the bytes of an entry: as allocated, as resident memory, and by Larder's own count.
fn size(runtime: &Runtime, stored: Stored, keys: u64) {
    let entries = stored.for_keys(keys);
    // The first responses create things that later ones reuse.
    const FIRST: u64 = 100;
    entries.fill(runtime, 0..FIRST);
    let counted_before = entries.counted();
    let resident_before = resident();
    let allocated = measure(|| entries.fill(runtime, FIRST..FIRST + keys));
    let resident = resident() - resident_before;
    let each = |bytes: f64| bytes / keys as f64;
    let counted = entries.counted().zip(counted_before).map(|(after, before)| after.1 - before.1);
    println!(
        "{:?} {:?} {} keys, body {}: allocated {:.0} in {:.2}, resident {:.0}, counted {:.0}",
        stored.storage,
        stored.values,
        keys,
        stored.body,
        each(allocated.bytes_current as f64),
        each(allocated.count_current as f64),
        each(resident as f64),
        counted.map_or(f64::NAN, |counted| each(counted as f64)),
    );
}

fn times(runtime: &Runtime, stored: Stored, keys: &[u64], Rounds { rounds, hits }: Rounds) {
    let all: Vec<_> = keys
        .iter()
        .map(|&keys| {
            let entries = stored.for_keys(keys);
            entries.fill(runtime, 0..keys);
            (keys, entries)
        })
        .collect();
    let mut times = vec![Vec::new(); all.len()];
    for round in 0..rounds {
        for ((keys, entries), times) in all.iter().zip(&mut times) {
            let begun = Instant::now();
            for turn in round * hits..(round + 1) * hits {
                entries.hit(scattered(turn, *keys));
            }
            times.push(begun.elapsed().as_secs_f64() * 1e9 / hits as f64);
        }
    }
    for (keys, mut times) in keys.iter().zip(times) {
        times.sort_unstable_by(f64::total_cmp);
        println!(
            "{:?} {keys} keys: {:.0} ns, at best {:.0}",
            stored.storage,
            times[times.len() / 2],
            times[0]
        );
    }
}

/// Stores new responses for some time. The memory must not grow beyond that of the full cache.
fn churn(runtime: &Runtime, stored: Stored, seconds: u64, max_bytes: u64) {
    const STEP: u64 = 10_000;
    let before = resident();
    let entries = stored.within(max_bytes);
    let (begun, mut next, mut most, mut printed) = (Instant::now(), 0, 0, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        entries.fill(runtime, next..next + STEP);
        next += STEP;
        let grown = resident() - before;
        most = most.max(grown);
        let elapsed = begun.elapsed().as_secs();
        if elapsed >= printed {
            printed = elapsed + seconds.div_ceil(10);
            let (stored, counted) = entries.counted().unwrap_or_default();
            println!(
                "{elapsed} s: {next} stored, {stored} in memory, counted {:.3} of the bound, resident {:.3}",
                counted as f64 / max_bytes as f64,
                grown as f64 / max_bytes as f64
            );
        }
    }
    println!("at most {:.3} of the bound", most as f64 / max_bytes as f64);
}

/// Returns the resident memory of this process in bytes.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    let kilobytes: i64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}
