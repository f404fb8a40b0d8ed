//! Rights, scripts, and who can connect.

use larder_testing::RedisServer;

use crate::examination::{commands, examine, found_and_cured, found_and_cured_at, good, type_commands};

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

/// The rule that the documentation gives to operators.
fn rule() -> &'static str {
    let line = OPERATIONS.lines().find_map(|line| line.strip_prefix("ACL SETUSER larder on '>a password' "));
    line.unwrap()
}

async fn with_user(rule: &str) -> (RedisServer, String) {
    let server = good().user(&format!("app on >secret {rule}")).start().await.unwrap();
    let url = format!("redis://app:secret@{}", server.address());
    (server, url)
}

#[tokio::test]
async fn a_user_without_scripting() {
    let (server, url) = with_user("~larder:* +@all -@scripting").await;
    let report = found_and_cured_at(&server, &url, &[], &["rights-missing"]).await;
    let finding = report.finding("rights-missing");
    assert_eq!(commands(finding, "redis"), ["ACL SETUSER app +eval +evalsha"]);
    assert_eq!(finding["evidence"]["user"], "app");
}

#[tokio::test]
async fn a_user_with_exactly_the_documented_rights_lacks_none() {
    let (_server, url) = with_user(rule()).await;
    let report = examine(&url, &[]).await;
    assert_eq!(report.serious(), [""; 0], "{:#}", report.document);
    assert_eq!(report.names(), ["rights-optional"]);
    let line = "ACL SETUSER app +config|get +memory|usage";
    assert_eq!(commands(report.finding("rights-optional"), "redis"), [line]);
}

/// The user may not ask for its rights, so each of them is tried.
#[tokio::test]
async fn each_right_that_a_user_lacks_is_named_and_given() {
    let (server, url) = with_user(rule()).await;
    let words: Vec<&str> = rule().split(' ').collect();
    for word in words.iter().filter(|word| word.starts_with(['+', '~'])) {
        let others = words.iter().filter(|other| *other != word).copied();
        let set: Vec<&str> =
            ["ACL", "SETUSER", "app", "reset", "on", ">secret"].into_iter().chain(others).collect();
        server.command(&set).await.unwrap();
        let report = examine(&url, &[]).await;
        let name =
            if report.names().contains(&"rights-missing") { "rights-missing" } else { "rights-optional" };
        let line = &commands(report.finding(name), "redis")[0];
        assert!(line.split(' ').any(|one| one == *word), "without {word}: {line}");
        type_commands(&server, report.finding(name)).await;
        let after = examine(&url, &[]).await;
        assert!(!after.names().contains(&"rights-missing"), "without {word}: {:#}", after.document);
        let left = after.document["findings"].to_string();
        assert!(!left.contains(word), "without {word}: {left}");
    }
}

/// A user with all rights may ask what it may do, which writes nothing.
#[tokio::test]
async fn the_rights_for_a_write_queue_are_asked_for_beside_one() {
    let (server, url) = with_user("~larder:* +@all -hget -zcard").await;
    assert_eq!(examine(&url, &[]).await.serious(), [""; 0]);
    server.command(&["CONFIG", "SET", "appendonly", "yes", "appendfsync", "always"]).await.unwrap();
    let report = found_and_cured_at(&server, &url, &["--write-behind"], &["rights-missing"]).await;
    assert_eq!(commands(report.finding("rights-missing"), "redis"), ["ACL SETUSER app +hget +zcard"]);
}

#[tokio::test]
async fn a_server_that_refuses_scripts() {
    let server = good()
        .config("rename-command EVAL \"\"")
        .config("rename-command EVALSHA \"\"")
        .start()
        .await
        .unwrap();
    let report = examine(&server.url(), &[]).await;
    assert_eq!((report.serious(), report.code), (vec!["scripts-refused"], 1), "{:#}", report.document);
    let error = report.finding("scripts-refused")["evidence"]["error"].as_str().unwrap();
    assert!(error.contains("unknown command"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_reachable_from_outside_without_a_password() {
    // The address is not one of this machine, and the server skips it because of the minus sign.
    let server =
        good().config("bind 127.0.0.1 -10.255.255.1").config("protected-mode no").start().await.unwrap();
    found_and_cured(&server, &[], &["exposed"]).await;
}

#[tokio::test]
async fn a_password_is_never_printed() {
    let server = good().password("hunter2").start().await.unwrap();
    let report = examine(&server.url(), &[]).await;
    assert_eq!(report.serious(), [""; 0]);
    assert!(!report.document.to_string().contains("hunter2"));
}
