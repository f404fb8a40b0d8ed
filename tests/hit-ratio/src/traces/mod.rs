//! Traces: sequences of requests. Each one is a pure function of its published parameters and of a
//! committed seed.

mod scans;
mod shifting;
mod stationary;
mod zipf;

use std::collections::HashSet;

use fastrand::Rng;

use crate::{Object, Sizes};

pub use self::stationary::MADE_UP;
pub(crate) use self::zipf::Zipf;

/// The seed of all traces.
const SEED: u64 = 14;

/// A kind of traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Traffic {
    /// Popularity that does not change, with this Zipf exponent.
    ///
    /// L. Breslau et al., "Web Caching and Zipf-like Distributions: Evidence and Implications",
    /// INFOCOM 1999, found exponents from 0.64 to 0.83 in the logs of proxies. Caches near one
    /// application see higher ones: YCSB uses 0.99.
    Zipf(f64),
    /// Zipf 0.8, and 3 of 4 distinct responses are requested only once.
    ///
    /// B. Maggs and R. Sitaraman, "Algorithmic Nuggets in Content Delivery", SIGCOMM CCR 2015:
    /// about three quarters of the objects on a server of Akamai were requested only once in two
    /// days.
    OneHitWonders,
    /// Ranges of consecutive responses: workload E of YCSB.
    ///
    /// B. Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010: the start is
    /// Zipf 0.99, the length is uniform from 1 to 100. Its 5 % of insertions are left out.
    Ranges,
    /// Zipf 0.9, and a crawler that requests all responses in turn: one request in ten.
    ///
    /// The share of the crawler is an assumption without a source.
    Crawler,
    /// The newest responses are the most popular: workload D of YCSB.
    ///
    /// B. Cooper et al., SoCC 2010: 5 % of the operations insert a new response, which becomes the
    /// most popular one. The others read, Zipf 0.99.
    Latest,
    /// The 200 least popular responses become the most popular ones, again and again: "hot-in".
    ///
    /// X. Jin et al., "NetCache: Balancing Key-Value Stores with Fast In-Network Caching", SOSP
    /// 2017: Zipf 0.99, 200 keys at a time. Here that is after every 100,000 requests.
    HotIn,
}

/// The length of a trace.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The number of responses that have a popularity.
    pub objects: usize,
    /// The number of requests. One-hit wonders come on top.
    pub requests: usize,
}

/// All kinds of traffic of the tables.
pub const ALL: [Traffic; 10] = [
    Traffic::Zipf(0.7),
    Traffic::Zipf(0.8),
    Traffic::Zipf(0.9),
    Traffic::Zipf(1.0),
    Traffic::Zipf(1.1),
    Traffic::OneHitWonders,
    Traffic::Ranges,
    Traffic::Crawler,
    Traffic::Latest,
    Traffic::HotIn,
];

impl Traffic {
    /// Returns the requests of a trace.
    #[must_use]
    pub fn requests(self, scale: Scale, sizes: Sizes) -> Vec<Object> {
        let random = Rng::with_seed(SEED);
        let keys = match self {
            Self::Zipf(exponent) => stationary::zipf(scale, exponent, random),
            Self::OneHitWonders => stationary::one_hit_wonders(scale, random),
            Self::Ranges => scans::ranges(scale, random),
            Self::Crawler => scans::crawler(scale, random),
            Self::Latest => shifting::latest(scale, random),
            Self::HotIn => shifting::hot_in(scale, random),
        };
        keys.into_iter().map(|key| Object { key, bytes: sizes.bytes(key) }).collect()
    }

    /// Returns its name in tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Zipf(exponent) => format!("Zipf {exponent:.1}"),
            Self::OneHitWonders => "one-hit wonders".to_owned(),
            Self::Ranges => "ranges".to_owned(),
            Self::Crawler => "crawler".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::HotIn => "hot-in".to_owned(),
        }
    }
}

/// Returns the size of all distinct objects of a trace.
#[must_use]
pub fn distinct_bytes(requests: &[Object]) -> u64 {
    let mut seen = HashSet::new();
    requests.iter().filter(|object| seen.insert(object.key)).map(|object| object.bytes).sum()
}
