//! The replayed memory tier is what a cache does: a layer has the same hits.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use larder::{Cache, Policy};
use larder_hit_ratio::contenders::{Kind, replay};
use larder_hit_ratio::traces::Traffic;
use larder_hit_ratio::{Object, Scale, Sizes};
use tower::{Layer, ServiceExt, service_fn};

const SCALE: Scale = Scale { objects: 2_000, requests: 10_000 };
/// Less than two shards, so that the shard of a key is not random.
const CAPACITY: u64 = 400 * 1024;

async fn respond(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::from(vec![b'x'; 1024])))
}

#[tokio::test]
async fn a_cache_has_the_hits_of_its_memory_tier() {
    let requests = Traffic::Zipf(0.9).requests(SCALE, Sizes::Fixed);
    let cache = Cache::builder().max_memory_bytes(CAPACITY).build();
    let service = cache.layer(Policy::ttl(Duration::from_secs(3600))).layer(service_fn(respond));
    let mut bytes = 0;
    for object in &requests {
        // All paths are equally long, so all responses have the same size.
        let request = Request::get(format!("/{:08}", object.key)).body(Body::empty()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
        let stats = cache.stats();
        bytes = stats.memory_bytes / stats.memory_entries;
    }
    let requests: Vec<Object> = requests.iter().map(|object| Object { bytes, ..*object }).collect();
    let replayed = replay(&mut *Kind::Larder.with_capacity(CAPACITY), &requests);
    assert_eq!(cache.stats().hits(), replayed);
    assert!(replayed > 2_000, "{replayed} hits");
}
