//! The access rights that the queue needs.

use larder_core::write_queue::{PushWrite, QuarantineReply, WriteId, WriteQueue};
use larder_redis::RedisStore;
use larder_testing::RedisServer;

use crate::helpers::{HOUR, PARTITION, READER, all, read, refs, value, write};
use crate::support::{eventually, joined, patient};

/// The rights beside those of the cache. `docs/OPERATIONS.md` gives them to operators.
const RIGHTS: &str = "~larder:{larder:queue:* +hget +zmscore +zcard \
    +zremrangebyrank +zremrangebyscore +xdel +xlen";
const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

/// Returns the rule that all of a store's work needs, apart from the queue.
fn rule() -> &'static str {
    let line = OPERATIONS.lines().find_map(|line| line.strip_prefix("ACL SETUSER larder on '>a password' "));
    line.unwrap()
}

/// Does all that the queue does, apart from waiting.
async fn works(store: &RedisStore) -> Result<(), String> {
    let said = |error: larder_core::store::StoreError| error.to_string();
    for text in ["old", "new"] {
        for key in ["a", "b"] {
            // With such an id, old ids are removed.
            let mut id = [0; 16];
            (id[0], id[1]) = (text.as_bytes()[0], key.as_bytes()[0]);
            let write = PushWrite { id: WriteId::from_bytes(id), ..write(key, value(text)) };
            for _ in 0..2 {
                let pushed = store.push(write.clone()).await;
                pushed.map_err(|error| std::error::Error::source(&error).unwrap().to_string())?;
            }
        }
    }
    store.pending(PARTITION, &["a"]).await.map_err(said)?;
    store.claim_reader(PARTITION, READER, HOUR).await.map_err(said)?;
    store.extend_reader(PARTITION, READER, HOUR).await.map_err(said)?;
    store.read(all()).await.map_err(said)?;
    let batch = read(store, all()).await;
    for write in &batch.writes {
        let reply = store.quarantine(PARTITION, READER, write.to_ref(), "no").await.map_err(said)?;
        assert_eq!(reply, QuarantineReply::Moved);
    }
    store.dead_letters(PARTITION, None, 10).await.map_err(said)?;
    store.retry_dead_letter(PARTITION, "a").await.map_err(said)?;
    store.discard_dead_letter(PARTITION, "b", batch.writes[1].sequence).await.map_err(said)?;
    store.queue_stats(PARTITION).await.map_err(said)?;
    let batch = read(store, all()).await;
    store.complete(PARTITION, &refs(&batch.writes)).await.map_err(said)?;
    store.release_reader(PARTITION, READER).await.map_err(said)?;
    store.durability().await.map(drop).map_err(said)
}

async fn with_rights(server: &RedisServer, rights: &str) {
    let words: Vec<&str> = ["ACL", "SETUSER", "app", "reset", "on", ">secret"]
        .into_iter()
        .chain(rule().split_ascii_whitespace())
        .chain(rights.split_ascii_whitespace())
        .collect();
    server.command(&["FLUSHALL"]).await.unwrap();
    server.command(&words).await.unwrap();
}

#[tokio::test]
async fn the_documented_rights_are_enough_and_no_more_than_that() {
    let words: Vec<&str> = RIGHTS.split_ascii_whitespace().collect();
    assert!(OPERATIONS.contains(&format!("`{}`", words[0])));
    for some in [&words[1..4], &words[4..]] {
        assert!(OPERATIONS.contains(&format!("`{}`", some.join(" "))));
    }
    let server = RedisServer::start().await.unwrap();
    let store = async || joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    with_rights(&server, RIGHTS).await;
    works(&store().await).await.unwrap();
    for word in &words {
        let others: Vec<&str> = words.iter().copied().filter(|other| other != word).collect();
        with_rights(&server, &others.join(" ")).await;
        let wrong = works(&store().await).await.unwrap_err();
        let refusals = ["NOPERM", "can't run this command", "ACL failure in script", "has no permissions"];
        assert!(refusals.iter().any(|why| wrong.contains(why)), "without {word}: {wrong}");
    }
}

#[tokio::test]
async fn waiting_takes_a_few_rights_more() {
    use larder_core::write_queue::{DurabilityMethod, WaitReply, WaitRequest};
    assert!(OPERATIONS.contains("`+client|id`, `+wait`, and `+waitaof`"));
    let server = RedisServer::builder().config("repl-diskless-sync-delay 0").start().await.unwrap();
    let _replica = RedisServer::builder().replica_of(&server).start().await.unwrap();
    with_rights(&server, &format!("{RIGHTS} +client|id +wait +config|get")).await;
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    assert!(store.durability().await.unwrap().fsync.is_some());
    let write = write("a", value("1"));
    store.push(write.clone()).await.unwrap();
    let request = WaitRequest {
        partition: PARTITION,
        id: write.id,
        sequence: None,
        method: DurabilityMethod::WaitReplicas(std::num::NonZeroU16::MIN),
        timeout: std::time::Duration::from_secs(10),
    };
    eventually("it is durable", async || matches!(store.wait_durable(request).await, Ok(WaitReply::Durable)))
        .await;
}
