//! Access to Redis: as a user with few rights, with a changing password, and over a Unix socket.

use larder_testing::{Proxy, RedisServer};
use larder_tests::redis::{Deployment, Trial, eventually, shares_and_invalidates};

/// The rights that `docs/OPERATIONS.md` recommends. A test of larder-redis removes each in turn.
fn rights() -> &'static str {
    let operations = include_str!("../../../docs/OPERATIONS.md");
    let line = operations.lines().find_map(|line| line.strip_prefix("ACL SETUSER larder on '>a password' "));
    line.unwrap()
}

/// Checks that no command was refused, except three that are not needed: the connection's number,
/// the memory settings, and the size of the log, which is measured at random.
async fn nothing_was_refused(server: &RedisServer) {
    let refused = server.command(&["ACL", "LOG"]).await.unwrap();
    let needless =
        |entry: &String| ["config|get", "client|id", "memory|usage"].iter().any(|word| entry.contains(word));
    let refused = refused.as_array().unwrap().iter().map(|entry| format!("{entry:?}"));
    let refused: Vec<String> = refused.filter(|entry| !needless(entry)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn a_user_with_the_documented_rights() {
    let server =
        RedisServer::builder().user(&format!("larder on >secret {}", rights())).start().await.unwrap();
    let deployment = Deployment::at(&format!("redis://larder:secret@{}", server.address()));
    shares_and_invalidates(&deployment).await;
    nothing_was_refused(&server).await;
}

#[tokio::test]
async fn a_unix_socket() {
    let server =
        RedisServer::builder().config("unixsocket redis.sock").password("secret").start().await.unwrap();
    let socket = server.directory().join("redis.sock");
    shares_and_invalidates(&Deployment::at(&format!("redis+unix://:secret@any{}", socket.display()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unix_socket_goes_away_and_comes_back() {
    let server = RedisServer::builder().config("unixsocket redis.sock").start().await.unwrap();
    let socket = server.directory().join("redis.sock");
    let trial = Trial::start(&Deployment::at(&format!("redis+unix://any{}", socket.display()))).await;
    trial.survives("unix socket | SIGKILL and restart", server.restart()).await;
}

/// The user has two passwords during the change, so that no instance is locked out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_changed_with_both_valid_meanwhile() {
    let server = RedisServer::builder().user(&format!("larder on >old {}", rights())).start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let url = |password: &str| format!("redis://larder:{password}@{}", proxy.address());
    let trial = Trial::start(&Deployment::at(&url("old"))).await;
    let summary = trial
        .survives("ACL user | second password added, all connections cut", async {
            server.command(&["ACL", "SETUSER", "larder", ">new"]).await.unwrap();
            proxy.cut().await;
            Deployment::at(&url("new")).instance().await
        })
        .await;
    assert!(summary.applied > 0, "{summary:?}");
    nothing_was_refused(&server).await;
}

/// The only password changes. Existing connections stay, new ones are refused, and no client sees
/// an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_changed_and_changed_back() {
    let server = RedisServer::builder().user(&format!("larder on >old {}", rights())).start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let trial = Trial::start(&Deployment::at(&format!("redis://larder:old@{}", proxy.address()))).await;
    let [a, b, c] = [0, 1, 2].map(|index| trial.instances[index].store.clone());
    trial
        .survives("ACL user | only password changed, all connections cut, changed back", async {
            server.command(&["ACL", "SETUSER", "larder", "resetpass", ">new"]).await.unwrap();
            for store in [&a, &b, &c] {
                eventually("it stays connected", async || store.stats().await.is_ok()).await;
            }
            proxy.cut().await;
            for store in [&a, &b, &c] {
                eventually("it is not let in", async || {
                    store.stats().await.is_err_and(|error| error.to_string().contains("WRONGPASS"))
                })
                .await;
            }
            server.command(&["ACL", "SETUSER", "larder", "resetpass", ">old"]).await.unwrap();
        })
        .await;
}
