//! Redis is down, full, or refuses the user.

use std::time::{Duration, Instant};

use larder_testing::RedisServer;

use super::site::Site;

const COMMANDS: [&[&str]; 9] = [
    &["purge", "--tag", "a"],
    &["purge", "--tag", "a", "--dry-run"],
    &["tail", "-n", "1"],
    &["stats"],
    &["instances"],
    &["inspect", "k|a"],
    &["advise"],
    &["disable", "--for", "1m"],
    &["switches"],
];
/// Far more than the timeout of each command, for a busy machine.
const BOUND: Duration = Duration::from_secs(30);

/// The rights that `docs/OPERATIONS.md` recommends.
fn rights() -> &'static str {
    let operations = include_str!("../../../../../docs/OPERATIONS.md");
    let line = operations.lines().find_map(|line| line.strip_prefix("ACL SETUSER larder on '>a password' "));
    line.unwrap()
}

#[tokio::test]
async fn without_redis_every_command_ends_in_time_with_the_same_code() {
    let site = Site::new().await;
    site.redis.kill();
    for command in COMMANDS {
        let begun = Instant::now();
        let run = site.run(&[command, &["--timeout", "200ms"]].concat()).await;
        assert_eq!((run.code, &*run.out), (3, ""), "{command:?}: {run:?}");
        assert!(begun.elapsed() < BOUND, "{command:?}");
    }
}

#[tokio::test]
async fn a_user_with_the_documented_rights_may_do_everything() {
    let user = format!("larder on >secret {}", rights());
    let site = Site::of(RedisServer::builder().user(&user), "larder:secret@").await;
    let a = site.instance().await;
    a.answers("/products/1", "HIT", 1).await;
    for command in COMMANDS {
        let command = if command[0] == "tail" { &["tail", "--since", "1h", "-n", "1"] } else { command };
        let run = site.run(command).await;
        // Nothing is stored under the key, and the dry run counts no tag.
        assert!([0, 1].contains(&run.code), "{command:?}: {run:?}");
    }
}

#[tokio::test]
async fn a_user_without_rights_is_refused() {
    let user = "larder on >secret resetchannels ~other:* +@all";
    let site = Site::of(RedisServer::builder().user(user), "larder:secret@").await;
    for command in COMMANDS {
        let run = site.run(command).await;
        assert_eq!(run.code, 4, "{command:?}: {run:?}");
    }
    let wrong = Site::of(RedisServer::builder().user(user), "larder:guess@").await;
    let run = wrong.run(&["stats", "--timeout", "500ms"]).await;
    assert_eq!(run.code, 4, "{run:?}");
    assert!(!run.err.contains("guess"), "{run:?}");
}

/// A full server answers, but the log does not get the entry.
#[tokio::test]
async fn a_purge_that_the_log_did_not_take_is_never_called_applied() {
    let site = Site::new().await;
    site.redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    let run = site.run(&["purge", "--tag", "a"]).await;
    assert_eq!((run.code, &*run.out), (6, ""), "{run:?}");
    assert!(run.err.contains("OOM"), "{run:?}");
}
