//! Private responses, which instances share for their user alone.

use http::Request;
use larder_tests::redis::{Answer, Instance, World};

const PATH: &str = "/own/1";

async fn get_as(instance: &Instance, user: &str) -> Answer {
    instance.send(Request::get(PATH).header("x-user", user)).await
}

/// RFC 9111 §5.2.2.7: "a private cache MAY store the response".
#[tokio::test]
async fn a_private_response_is_shared_for_its_user_alone() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    assert_eq!(get_as(&a, "ann").await.outcome(), "MISS never-stored");
    let name = world.stored_as("own").await;
    assert!(name.contains("ann"), "{name}");
    for outcome in ["HIT shared", "HIT memory"] {
        let answer = get_as(&b, "ann").await;
        assert_eq!(answer.outcome(), outcome);
        assert_eq!(answer.field("cache-control"), "private");
    }
    assert_eq!(get_as(&b, "bob").await.outcome(), "MISS never-stored");
    assert_eq!((a.runs(), b.runs()), (1, 1));
}
