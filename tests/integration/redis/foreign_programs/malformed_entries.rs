//! Entries that no version of Larder writes: they refuse too much, and never too little.

use larder_testing::{RedisServer, Reply};
use larder_tests::redis::EVENTS;

use super::shelf::Effect::Hard;
use super::shelf::{PATHS, Shelf};

async fn append(redis: &RedisServer, fields: &[&[u8]]) {
    let head: [&[u8]; 4] = [b"XADD", EVENTS.as_bytes(), b"NOMKSTREAM", b"*"];
    let words = [&head, fields].concat();
    assert_ne!(redis.command(&words).await.unwrap(), Reply::Nil);
}

#[tokio::test]
async fn what_no_instance_can_read_refuses_everything() {
    let shelf = Shelf::new().await;
    let entries: [&[&[u8]]; 10] = [
        // One bit differs from an `h`.
        &[b"i", b"t:product:42"],
        &[b"j", b"t:product:42"],
        &[b"v", b"2"],
        &[b"h", b"T:product:42"],
        &[b"h", b"product:42"],
        &[b"h", b"u:products/42"],
        &[b"h", b"p:/100%"],
        &[b"h", b"t:\xff"],
        &[b"H", b"13:t:product:42"],
        &[b"s", b"x:/a?b"],
    ];
    let all = PATHS.map(|path| (path, Hard));
    for entry in entries {
        let what =
            format!("{:?}", entry.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>());
        shelf.reaches(&what, &all, async || append(&shelf.redis, entry).await).await;
    }
}
