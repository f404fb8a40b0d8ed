//! The caches that replay traces.

mod foyer;
mod larder;
mod moka;
mod quick;

use crate::Object;

pub use self::quick::{Admission, Settings};

/// A cache that replays a trace.
pub trait Contender {
    /// Looks up an object, and stores it if it is not found. Returns whether it was found.
    fn request(&mut self, object: Object) -> bool;
}

/// A kind of cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// The memory tier of Larder.
    Larder,
    /// quick_cache, the table of the memory tier, with these settings.
    QuickCache(Settings),
    /// moka: W-TinyLFU.
    Moka,
    /// foyer with W-TinyLFU.
    FoyerLfu,
    /// foyer with S3-FIFO.
    FoyerS3Fifo,
    /// foyer with SIEVE.
    FoyerSieve,
    /// foyer with LRU.
    FoyerLru,
}

/// The published caches that Larder is compared with.
pub const PEERS: [Kind; 5] =
    [Kind::Moka, Kind::FoyerLfu, Kind::FoyerS3Fifo, Kind::FoyerSieve, Kind::FoyerLru];

impl Kind {
    /// Returns an empty cache of this many bytes.
    #[must_use]
    pub fn with_capacity(self, bytes: u64) -> Box<dyn Contender> {
        match self {
            Self::Larder => larder::contender(bytes),
            Self::QuickCache(settings) => settings.contender(bytes),
            Self::Moka => moka::contender(bytes),
            Self::FoyerLfu => foyer::lfu(bytes),
            Self::FoyerS3Fifo => foyer::s3_fifo(bytes),
            Self::FoyerSieve => foyer::sieve(bytes),
            Self::FoyerLru => foyer::lru(bytes),
        }
    }

    /// Returns its name in tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Larder => "Larder".to_owned(),
            Self::QuickCache(settings) => settings.to_string(),
            Self::Moka => "moka".to_owned(),
            Self::FoyerLfu => "foyer, LFU".to_owned(),
            Self::FoyerS3Fifo => "foyer, S3-FIFO".to_owned(),
            Self::FoyerSieve => "foyer, SIEVE".to_owned(),
            Self::FoyerLru => "foyer, LRU".to_owned(),
        }
    }
}

/// Replays a trace, and returns the number of hits.
pub fn replay(cache: &mut dyn Contender, requests: &[Object]) -> u64 {
    requests.iter().map(|object| u64::from(cache.request(*object))).sum()
}
