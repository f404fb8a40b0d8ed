//! Hits of typed values, and their lower bound.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use larder::Cache;
use larder::values::Values;
use tokio::runtime::Runtime;

use super::hit::{Hit, ready};

const HOUR: Duration = Duration::from_secs(3600);
const KEY: u64 = 7;

fn load() -> Result<[u8; 64], std::io::Error> {
    Ok([7; 64])
}

/// Returns a collection with one value, which is loaded once and never again.
fn warm(runtime: &Runtime) -> Values<u64, [u8; 64]> {
    let cache = Cache::default();
    let values: Values<u64, [u8; 64]> = cache
        .values("value")
        .ttl(HOUR)
        .weigh(|value: &[u8; 64]| value.len() as u64)
        .codec(Plain)
        .build()
        .expect("a collection");
    let loaded = runtime.block_on(values.get_or_load(&KEY, async || load()));
    assert!(loaded.expect("a value").is_some());
    values
}

pub(super) fn get_or_load(runtime: &Runtime) -> Hit {
    let values = warm(runtime);
    Hit::repeating(move || {
        let value = ready(values.get_or_load(&black_box(KEY), async || load()));
        black_box(value.expect("a value").expect("a value"));
    })
}

pub(super) fn get_cached(runtime: &Runtime) -> Hit {
    let values = warm(runtime);
    Hit::repeating(move || {
        black_box(values.get_cached(&black_box(KEY)).into_value().expect("a value"));
    })
}

pub(super) fn quick_cache() -> Hit {
    let table = quick_cache::sync::Cache::new(1024);
    table.insert(KEY, Arc::new(load().expect("a value")));
    Hit::repeating(move || {
        black_box(table.get(&black_box(KEY)).expect("a value"));
    })
}

/// Values as they are.
struct Plain;

impl larder::values::Codec<[u8; 64]> for Plain {
    const FORMAT: u8 = 64;

    fn encode(&self, value: &[u8; 64]) -> Result<Vec<u8>, larder::values::CodecError> {
        Ok(value.to_vec())
    }

    fn decode(&self, bytes: &[u8]) -> Result<[u8; 64], larder::values::CodecError> {
        bytes.try_into().map_err(larder::values::CodecError::new)
    }
}
