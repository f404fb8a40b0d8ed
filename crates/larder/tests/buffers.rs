//! The memory of bodies that come from the shared store.
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use larder::{Cache, Policy, ttl};
use larder_core::store::SharedTier as _;
use larder_core::stored::address;
use larder_testing::{Answer, MemoryStore, Origin};
use tower::{Layer as _, ServiceExt as _};

const KEY: &str = "u|http|shop.example|/a";
const BODY: usize = 600 * 1024;
const LONG: Duration = Duration::from_secs(10);

/// An instance with this many bytes of memory.
struct Instance {
    cache: Cache,
    origin: Origin,
}

impl Instance {
    async fn new(store: &MemoryStore, memory: u64) -> Self {
        let cache = Cache::builder().shared_store(store.clone()).max_memory_bytes(memory).build();
        cache.ready(LONG).await.unwrap();
        let origin = Origin::new(|_, _| Answer::ok("x".repeat(BODY)));
        Self { cache, origin }
    }

    async fn body(&self) -> Bytes {
        let service = self.cache.layer(Policy::ttl(ttl::STANDARD)).layer(self.origin.clone());
        let request = Request::get("http://shop.example/a").body(()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    }
}

/// A store returns slices of its read buffer. A response in memory must not keep that alive. A
/// response that is only passed on, or is too large for the memory, needs no copy.
#[tokio::test]
async fn a_body_is_copied_only_on_its_way_into_memory() {
    const MIB: u64 = 1024 * 1024;
    let store = MemoryStore::new();
    Instance::new(&store, 0).await.body().await;
    let mut value = None;
    while value.is_none() {
        tokio::task::yield_now().await;
        value = store.get(&address::primary(KEY)).await.unwrap();
    }
    let value = value.unwrap();
    for (memory, is_copied) in [(0, false), (MIB / 4, false), (MIB, true), (64 * MIB, true)] {
        let instance = Instance::new(&store, memory).await;
        let body = instance.body().await;
        assert_eq!((body.len(), instance.origin.calls()), (BODY, 0), "{memory}");
        assert_eq!(!value.as_ptr_range().contains(&body.as_ptr()), is_copied, "{memory}");
        assert_eq!(instance.cache.stats().memory_entries, u64::from(is_copied), "{memory}");
    }
}
