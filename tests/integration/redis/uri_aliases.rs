//! A process without the layer of a route invalidates a URI of that route.

use larder::{Cache, Invalidation, InvalidationOutcome, Tag, UriName};
use larder_redis::RedisStore;
use larder_tests::redis::{World, eventually};

/// It does not know that the policy of the route ignores a parameter. The instances that serve the
/// route know it.
#[tokio::test]
async fn a_uri_reaches_the_response_that_answers_it_though_the_writer_has_no_layer() {
    let world = World::new().await;
    let b = world.instance().await;
    let store = RedisStore::builder(&world.redis.url()).namespace("larder").schema(1).connect().unwrap();
    let writer = Cache::builder().shared_store(store).build();
    let applies = async |what: Invalidation| {
        eventually("the writer invalidates", async || {
            writer.invalidate(what.clone()).await == InvalidationOutcome::Applied
        })
        .await;
    };
    // It has joined the log before anything is stored.
    for _ in 0..2 {
        applies(Tag::new("marker").into()).await;
        b.catches_up().await;
    }
    assert_eq!(b.hits("/tracked/1?utm=1").await.text(), "v1");
    assert_eq!(b.hits("/tracked/2?utm=1").await.text(), "v1");
    let _ = (world.truth.change(1), world.truth.change(2));
    applies(UriName::new("/tracked/1?utm=2").unwrap().into()).await;
    b.catches_up().await;
    assert_eq!(b.get("/tracked/1?utm=3").await.text(), "v2");
    assert_eq!(b.get("/tracked/2?utm=3").await.text(), "v1", "no other path is affected");
    let _ = writer.close().await;
}
