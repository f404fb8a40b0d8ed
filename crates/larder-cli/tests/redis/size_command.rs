//! `larder size`.

use larder_testing::RedisServer;
use serde_json::Value;

use crate::examination::{good, keys, program};

async fn size(url: &str, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["size", "--json"].into_iter().chain(arguments.iter().copied()).collect();
    let output = program(url, &all).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The formula is compared with what a real server uses.
#[tokio::test]
async fn the_formula_is_within_a_tenth_of_the_measurement() {
    let server = RedisServer::start().await.unwrap();
    for bytes in ["56", "300", "1177", "2048", "4551", "16384", "65536"] {
        let report = size(&server.url(), &["--entries", "100000", "--bytes", bytes, "--tags", "5"]).await;
        let difference = report["measured"]["difference_percent"].as_f64().unwrap();
        println!("{bytes} bytes: {difference:+.1} %, {}", report["measured"]);
        assert!(difference.abs() < 10.0, "{bytes}: {report:#}");
        assert_eq!(keys(&server).await, [""; 0]);
        // The measurement leaves out what the tables take.
        let usage = report["measured"]["memory_usage_bytes"].as_f64().unwrap();
        let used = report["measured"]["per_entry_bytes"].as_f64().unwrap();
        assert!((0.8..1.1).contains(&(usage / used)), "{report:#}");
    }
}

#[tokio::test]
async fn without_a_server_the_formula_is_used_alone() {
    let arguments = ["--formula", "--stored-per-second", "100", "--ttl", "10min", "--bytes", "2048"];
    let report = size("", &arguments).await;
    assert_eq!(report["entries"], 60_000);
    assert_eq!(report["measured"], Value::Null);
    let formula = &report["formula"];
    let parts = ["responses_bytes", "log_bytes", "instances_bytes", "server_bytes"];
    let sum: u64 = parts.iter().map(|part| formula[part].as_u64().unwrap()).sum();
    assert_eq!(sum, formula["total_bytes"].as_u64().unwrap());
    let maxmemory = report["recommended_maxmemory_bytes"].as_u64().unwrap();
    assert!(maxmemory > sum + sum / 10 && maxmemory < sum + sum / 2, "{report:#}");
    assert_eq!(report["command"], format!("CONFIG SET maxmemory {maxmemory} maxmemory-policy volatile-lfu"));
}

#[tokio::test]
async fn stored_responses_are_measured_where_they_are() {
    let server = good().start().await.unwrap();
    let value = "x".repeat(1_000);
    for number in 0..300 {
        server.command(&["SET", &format!("larder:shop:v1:{{{number}}}"), &value, "EX", "600"]).await.unwrap();
    }
    server.command(&["SET", "larder:shop:v1:{1}:lease", "x", "EX", "600"]).await.unwrap();
    server.command(&["SET", "other", "x"]).await.unwrap();
    let report = size(&server.url(), &["--sample", "--namespace", "shop"]).await;
    assert_eq!(report["entries"], 300);
    let usage = report["measured"]["memory_usage_bytes"].as_u64().unwrap();
    assert!((1_000..1_300).contains(&usage), "{report:#}");
    let difference = report["measured"]["difference_percent"].as_f64().unwrap();
    assert!(difference.abs() < 20.0, "{report:#}");
    let output = program(&server.url(), &["size", "--sample", "--namespace", "none"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(6));
}

/// The host is not reachable, and is not even looked up.
#[tokio::test]
async fn a_server_on_another_machine_needs_a_yes() {
    for command in [&["size", "--entries", "10"][..], &["bench"]] {
        let output = program("redis://redis.example:6379", command).output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("--yes"), "{errors}");
    }
}

#[tokio::test]
async fn a_server_without_room_is_left_alone() {
    let server = good().config("maxmemory 2mb").start().await.unwrap();
    for command in [
        &["size", "--entries", "5000", "--bytes", "65536"][..],
        &["bench", "--keys", "1000", "--bytes", "4096", "--seconds", "0.1"],
    ] {
        let output = program(&server.url(), command).output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{errors}");
        assert!(errors.contains("no room"), "{errors}");
        assert_eq!(keys(&server).await, [""; 0]);
    }
    let info = server.command(&["INFO", "stats"]).await.unwrap();
    assert!(info.as_str().unwrap().contains("evicted_keys:0"));
}
