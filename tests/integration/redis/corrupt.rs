//! Data from Redis is untrusted input. Whatever it contains, the response is correct.

use larder_tests::redis::{Answer, Instance, Setup, World};

/// Creates a world with the stored response of `/values/1`. Returns its name in Redis and its
/// bytes.
async fn stored() -> (World, Instance, String, Vec<u8>) {
    let world = World::new().await;
    let a = world.instance().await;
    a.get("/values/1").await;
    let name = world.stored_as("/values/1").await;
    let reply = world.redis.command(&["GET", &name]).await.unwrap();
    let bytes = reply.as_bytes().unwrap().to_vec();
    (world, a, name, bytes)
}

async fn put(world: &World, name: &str, value: &[u8]) {
    let words = [&b"SET"[..], name.as_bytes(), value];
    world.redis.command(&words).await.unwrap();
}

/// Starts an instance without a memory tier, so that each request reads from Redis.
async fn reader(world: &World) -> Instance {
    let setup = Setup { memory: 0, ..Setup::default() };
    world.joined(setup).await
}

/// Checks that the stored data is not served, and that a new fill replaces it.
async fn is_a_miss(reader: &Instance, what: &str) {
    not_served(&reader.get("/values/1").await, "unreadable", what);
    reader.hits("/values/1").await;
}

fn not_served(answer: &Answer, reason: &str, what: &str) {
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "v1"), "{what}: {}", answer.outcome());
    assert_eq!(answer.outcome(), format!("MISS {reason}"), "{what}");
}

#[tokio::test]
async fn any_flipped_bit_is_a_miss() {
    let (world, _a, name, bytes) = stored().await;
    let reader = reader(&world).await;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        put(&world, &name, &flipped).await;
        is_a_miss(&reader, &format!("a bit of byte {at}")).await;
    }
}

#[tokio::test]
async fn a_stored_response_that_is_cut_short_or_goes_on_is_a_miss() {
    let (world, _a, name, bytes) = stored().await;
    let reader = reader(&world).await;
    for length in (0..bytes.len()).step_by(7) {
        put(&world, &name, &bytes[..length]).await;
        is_a_miss(&reader, &format!("{length} bytes")).await;
    }
    put(&world, &name, &[&bytes[..], b"!"].concat()).await;
    is_a_miss(&reader, "one byte more").await;
}

#[tokio::test]
async fn garbage_is_a_miss() {
    let (world, _a, name, _) = stored().await;
    let reader = reader(&world).await;
    let huge = vec![0xff; 2_000_000];
    let magic = [&b"LR\x01\x01"[..], &[0xff; 100]].concat();
    for value in [&b"hello"[..], b"LR", b"LR\x01", b"", &huge, &magic] {
        put(&world, &name, value).await;
        let what = format!("{} bytes of garbage", value.len());
        is_a_miss(&reader, &what).await;
    }
}

#[tokio::test]
async fn the_response_of_another_key_is_a_miss() {
    let (world, a, name, _) = stored().await;
    let _ = world.truth.change(2);
    a.get("/values/2").await;
    let other = world.stored_as("/values/2").await;
    world.redis.command(&["COPY", &other, &name, "REPLACE"]).await.unwrap();
    let reader = reader(&world).await;
    is_a_miss(&reader, "another key's").await;
}

#[tokio::test]
async fn the_variant_of_another_request_is_a_miss() {
    let world = World::new().await;
    let a = world.instance().await;
    let in_language =
        |language: &'static str| http::Request::get("/languages/1").header("accept-language", language);
    a.send(in_language("de")).await;
    let german = world.stored_as(":v:").await;
    a.send(in_language("fr")).await;
    let mut french = Vec::new();
    larder_tests::redis::eventually("both are stored", async || {
        french = world.stored().await;
        french.retain(|name| name.contains(":v:") && *name != german);
        !french.is_empty()
    })
    .await;
    world.redis.command(&["COPY", &german, &french[0], "REPLACE"]).await.unwrap();
    let b = world.instance().await;
    let answer = b.send(in_language("fr")).await;
    assert_eq!((answer.text(), answer.outcome().as_str()), ("v1 in fr", "MISS vary"));
}

#[tokio::test]
async fn a_key_of_another_type_is_a_miss_and_is_replaced() {
    let (world, _a, name, _) = stored().await;
    let reader = reader(&world).await;
    for words in [&["LPUSH", &name, "a"][..], &["HSET", &name, "a", "b"], &["XADD", &name, "*", "a", "b"]] {
        world.redis.command(&["DEL", &name]).await.unwrap();
        world.redis.command(words).await.unwrap();
        not_served(&reader.get("/values/1").await, "store-error", words[0]);
        reader.hits("/values/1").await;
    }
}

/// A complete response from before the invalidation, restored by hand.
#[tokio::test]
async fn an_old_response_that_is_put_back_is_refused() {
    let (world, a, name, bytes) = stored().await;
    a.changes(1).await;
    let reader = reader(&world).await;
    put(&world, &name, &bytes).await;
    let answer = reader.get("/values/1").await;
    assert_eq!((answer.text(), answer.outcome().as_str()), ("v2", "MISS invalidated"));
}

/// An unreadable event in the log may have named anything.
#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_invalidation_of_everything() {
    for words in [["h", "x:unknown"], ["?", "t:value:1"], ["i", ""], ["h", ""]] {
        let world = World::new().await;
        let a = world.instance().await;
        a.hits("/values/1").await;
        let _ = world.truth.change(1);
        let entry = ["XADD", larder_tests::redis::EVENTS, "*", words[0], words[1]];
        world.redis.command(&entry).await.unwrap();
        a.catches_up().await;
        assert_eq!(a.get("/values/1").await.text(), "v2", "{words:?}");
    }
}
