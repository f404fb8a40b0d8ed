//! The invalidation log, and the namespaces.

use larder_testing::RedisServer;

use crate::examination::{commands, examine, found_and_cured, good};

const EVENTS: &str = "larder:{larder:log}:events";
const RECORD: &str = "larder:{larder:log}:incarnation";

async fn with_log(run: &str) -> RedisServer {
    let server = good().start().await.unwrap();
    let incarnation = "ab".repeat(16);
    server.command(&["XADD", EVENTS, "*", "i", &incarnation]).await.unwrap();
    let run = if run.is_empty() { run_id(&server).await } else { run.to_owned() };
    server.command(&["SET", RECORD, &format!("{incarnation} {run}")]).await.unwrap();
    server
}

async fn run_id(server: &RedisServer) -> String {
    let info = server.command(&["INFO", "server"]).await.unwrap();
    let line = info.as_str().unwrap().lines().find_map(|line| line.strip_prefix("run_id:")).unwrap();
    line.trim().to_owned()
}

#[tokio::test]
async fn a_healthy_log_is_no_finding() {
    let server = with_log("").await;
    let report = examine(&server.url(), &[]).await;
    assert_eq!(report.names(), [""; 0], "{:#}", report.document);
    let checked = report.document["checked"].as_array().unwrap();
    let log = checked.iter().find(|one| one["check"] == "log").unwrap();
    assert!(log["seen"].as_str().unwrap().starts_with("1 entries, "), "{log}");
}

#[tokio::test]
async fn a_key_of_the_log_with_the_wrong_type() {
    let server = good().start().await.unwrap();
    server.command(&["SET", EVENTS, "x"]).await.unwrap();
    let report = found_and_cured(&server, &[], &["log-wrong-type"]).await;
    assert_eq!(commands(report.finding("log-wrong-type"), "redis"), [format!("UNLINK {EVENTS}")]);
}

#[tokio::test]
async fn a_log_that_began_on_another_server() {
    let server = with_log(&"0".repeat(40)).await;
    found_and_cured(&server, &[], &["log-of-another-server"]).await;
}

#[tokio::test]
async fn other_namespaces_and_schemas_are_listed() {
    let server = good().start().await.unwrap();
    for key in ["larder:shop:v1:{r|a}", "larder:shop:v2:{r|b}", "larder:{shop:log}:events"] {
        server.command(&["SET", key, "x", "EX", "600"]).await.unwrap();
    }
    let report = examine(&server.url(), &[]).await;
    assert_eq!(report.names(), ["namespace-not-found", "several-schemas"]);
    let line = &commands(report.finding("namespace-not-found"), "shell")[0];
    assert_eq!(line, "larder doctor --namespace shop");
}
