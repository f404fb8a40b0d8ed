//! Tests of the program: two processes on one database, invalid arguments, and an orderly shutdown.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

mod support {
    pub(crate) mod process;
}

use std::process::{Child, Output};

#[cfg(unix)]
use support::process::ask_to_end;
use support::process::{Folder, VARIABLES, call, command, listening, start_with};

fn start(folder: &Folder) -> Child {
    start_with(folder.database(), &["--no-cache"])
}

#[test]
fn processes_that_start_together_on_a_new_file_share_it() {
    let folder = Folder::new("together");
    let starting: Vec<_> = (0..4).map(|_| start(&folder)).collect();
    let shops: Vec<_> = starting.into_iter().map(listening).collect();
    for (writer, name) in shops.iter().zip(["First", "Second", "Third", "Fourth"]) {
        let body = format!(r#"{{"name": "{name}", "price_cents": 1}}"#);
        let written = call(writer, "PUT", "/api/products/10000", &body);
        assert!(written.starts_with("HTTP/1.1 200 OK\r\n"), "{written}");
        for reader in &shops {
            let read = call(reader, "GET", "/api/products/10000", "");
            assert!(read.contains(name), "{read}");
        }
    }
}

#[test]
fn a_write_is_there_after_a_restart() {
    let folder = Folder::new("restart");
    let body = r#"{"name": "Kept", "price_cents": 1}"#;
    call(&listening(start(&folder)), "PUT", "/api/products/1", body);
    let read = call(&listening(start(&folder)), "GET", "/api/products/1", "");
    assert!(read.contains("Kept"), "{read}");
}

#[cfg(unix)]
#[test]
fn it_ends_in_order_when_asked_to() {
    let folder = Folder::new("end");
    let mut shop = listening(start(&folder));
    ask_to_end(&shop);
    assert!(shop.process.wait().unwrap().success());
}

/// A write happens while Redis hangs, and the shop stops right after it. The other instances
/// receive the invalidation before the process ends.
#[cfg(unix)]
#[tokio::test]
async fn a_deferred_invalidation_is_appended_before_the_end() {
    let folder = Folder::new("deferred");
    let redis = larder_testing::RedisServer::start().await.unwrap();
    let mut shop = listening(start_with(folder.database(), &["--redis", &redis.url()]));
    redis.pause().unwrap();
    let body = r#"{"name": "Late", "price_cents": 1}"#;
    let written = call(&shop, "PUT", "/api/products/42", body);
    assert!(written.starts_with("HTTP/1.1 200 OK\r\n"), "{written}");
    ask_to_end(&shop);
    redis.resume().unwrap();
    assert!(shop.process.wait().unwrap().success());
    let log = redis.command(&["XRANGE", "larder:{larder:log}:events", "-", "+"]).await.unwrap();
    let log = format!("{log:?}");
    assert!(log.contains("t:product:42"), "{log}");
}

#[test]
fn arguments_that_cannot_be_right_are_named() {
    for (arguments, expected) in [
        (["--addr", "nowhere"], "nowhere"),
        (["--database", "mysql://localhost/shop"], "mysql is neither SQLite nor Postgres"),
        (["--query-delay", "soon"], "soon"),
        (["--cart-durability", "often"], "often"),
    ] {
        let Output { status, stderr, .. } = command().args(arguments).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_database_that_is_something_else_is_named_and_left_alone() {
    let folder = Folder::new("foreign");
    let text =
        "this is not a database, and it is longer than the header of one, which has a hundred bytes in all";
    std::fs::write(folder.database(), text.repeat(20)).unwrap();
    let output = command().arg("--database").arg(folder.database()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot open the database"), "{stderr}");
    assert_eq!(std::fs::read_to_string(folder.database()).unwrap(), text.repeat(20));
}

#[test]
fn variables_of_the_environment_are_arguments_too() {
    let output = command().env("SHOP_QUERY_DELAY", "soon").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("soon"), "{stderr}");

    let help = command().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for variable in VARIABLES {
        assert!(help.contains(variable), "{help}");
    }
}
