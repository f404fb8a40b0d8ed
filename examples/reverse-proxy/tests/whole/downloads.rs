//! Tests of large bodies: stored or not, resumed, aborted, and of many clients at once.

use std::time::Duration;

use larder_testing::RedisServer;

use crate::large_file::{self, ETAG, FILE, LEN, assert_is_file_from};
use crate::support::{Origin, Running, download, field, status};

const HOUR: &str = "Cache-Control: max-age=3600\r\n";

/// A body that cannot be shared passes through, and its reason says so.
#[tokio::test]
async fn a_body_that_is_stored_nowhere_says_so() {
    let redis = RedisServer::start().await.unwrap();
    let url = redis.url();
    for arguments in [
        // Redis takes bodies of up to 8 MiB, and the memory none of this size.
        &["--redis", &url, "--max-body", "200", "--memory", "64"][..],
        &["--max-body", "200", "--memory", "64"],
        &[],
    ] {
        let origin = large_file::origin(HOUR).await;
        let proxy = Running::before(&origin, arguments).await;
        for asked in 1..=2 {
            let answer = download(proxy.addr, "GET /", &[], usize::MAX).await;
            let cache_status = field(&answer.head, "cache-status").join(", ");
            assert!(cache_status.contains("not stored: too-large"), "{cache_status}");
            assert_is_file_from(0, &answer.body);
            assert_eq!(origin.heads().len(), asked);
        }
    }
    let keys = redis.command(&["KEYS", "larder:*/"]).await.unwrap();
    assert_eq!(keys.as_array().map(<[_]>::len), Some(0), "{keys:?}");
}

/// A body that is written to Redis is read back, even if that takes longer than `--redis-timeout`,
/// and if the fields that the response varies on are read before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_large_body_in_redis_is_read_back() {
    const PART: usize = 20_000_000;
    for vary in ["", "Vary: Accept-Language\r\n"] {
        let redis = RedisServer::start().await.unwrap();
        let origin = Origin::answering(move |mut wire, _| async move {
            wire.write(&large_file::head("200 OK", PART, &format!("{HOUR}{vary}"))).await;
            let _ = wire.write_bytes(&FILE[..PART]).await;
        })
        .await;
        let url = redis.url();
        let arguments = ["--redis", &url, "--memory", "0", "--max-body", "200", "--max-shared-body", "200"];
        let proxy = Running::before(&origin, &[&arguments[..], &["--redis-timeout", "5ms"]].concat()).await;
        // The first responses may come before the connection to Redis, or before the body is there.
        let mut attempts = 0;
        loop {
            let answer = download(proxy.addr, "GET /", &[], usize::MAX).await;
            assert!(answer.body == FILE[..PART], "the bytes differ");
            if field(&answer.head, "x-cache") == ["HIT"] {
                break;
            }
            attempts += 1;
            assert!(attempts < 100, "{vary}: it is never read back: {}", answer.head);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Returns the memory of a proxy that takes the file, in MiB. No response may be larger than a
/// shard, and there are four shards for each core.
fn enough_memory() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    ((4 * cores).next_power_of_two() * 128).to_string()
}

/// The client has part of the file, and asks for the rest if the file is still the same.
#[tokio::test]
async fn a_download_that_broke_off_is_resumed() {
    let memory = enough_memory();
    for arguments in [&[][..], &["--max-body", "200", "--memory", &memory], &["--store-partial"]] {
        let origin = large_file::origin(HOUR).await;
        let proxy = Running::before(&origin, arguments).await;
        let start = LEN / 3;
        let first = download(proxy.addr, "GET /", &[], start).await;
        let range = format!("Range: bytes={start}-");
        let rest = download(proxy.addr, "GET /", &[&range, &format!("If-Range: {ETAG}")], usize::MAX).await;
        assert_eq!(status(&rest.head), "206", "{arguments:?}: {}", rest.head);
        assert_eq!(field(&rest.head, "content-range"), [format!("bytes {start}-{}/{LEN}", LEN - 1)]);
        assert_is_file_from(0, &[first.body, rest.body].concat());
        // The file has changed since.
        let whole = download(proxy.addr, "GET /", &[&range, "If-Range: \"v0\""], usize::MAX).await;
        assert_eq!(status(&whole.head), "200", "{arguments:?}: {}", whole.head);
        assert_is_file_from(0, &whole.body);
    }
}

#[tokio::test]
async fn many_clients_on_one_cold_key_are_one_request_to_the_origin() {
    const CLIENTS: usize = 20;
    let origin = large_file::origin(HOUR).await;
    let proxy = Running::before(&origin, &["--max-body", "200", "--memory", &enough_memory()]).await;
    let addr = proxy.addr;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(async move {
                let answer = download(addr, "GET /", &[], usize::MAX).await;
                assert_eq!(status(&answer.head), "200", "{}", answer.head);
                assert_is_file_from(0, &answer.body);
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(origin.heads().len(), 1);
}
