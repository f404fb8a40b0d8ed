//! `larder bench`.

use std::time::{Duration, Instant};

use larder_testing::RedisServer;
use serde_json::Value;

use crate::examination::{good, keys, program};

const SHORT: [&str; 8] = ["--seconds", "0.2", "--keys", "50", "--bytes", "300", "--tasks", "4"];

async fn bench(server: &RedisServer, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["bench", "--json"].into_iter().chain(arguments.iter().copied()).collect();
    let output = program(&server.url(), &all).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn each_path_is_measured_and_nothing_is_left() {
    let server = good().start().await.unwrap();
    server.command(&["SET", "session:1", "x"]).await.unwrap();
    let report = bench(&server, &SHORT).await;
    let rows = report["measurements"].as_array().unwrap();
    let names: Vec<_> =
        rows.iter().map(|row| format!("{} {}", row["path"], row["operation"]).replace('"', "")).collect();
    let expected = [
        "redis GET",
        "redis SET",
        "redis GET",
        "redis SET",
        "shared tier get",
        "shared tier set",
        "layer miss, stored in Redis",
        "layer hit in Redis",
        "layer hit in memory",
    ];
    assert_eq!(names, expected);
    for row in rows {
        let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name}: {row}"));
        assert!(number("requests") >= 1.0 && number("per_second") > 0.0, "{row}");
        assert_eq!(row["failed"], 0, "{row}");
        let times = ["p50_seconds", "p90_seconds", "p99_seconds", "p999_seconds", "max_seconds"].map(number);
        assert!(times.is_sorted() && times[0] > 0.0, "{row}");
    }
    // Each miss runs the handler, and no hit does.
    assert_eq!(rows[6]["requests"], rows[6]["handler_calls"]);
    assert!((1..=50).contains(&rows[6]["requests"].as_u64().unwrap()));
    assert_eq!((&rows[7]["handler_calls"], &rows[8]["handler_calls"]), (&0.into(), &0.into()));
    assert_eq!((&rows[0]["connections"], &rows[0]["in_flight"]), (&4.into(), &1.into()));
    assert_eq!((&rows[2]["connections"], &rows[2]["in_flight"]), (&1.into(), &4.into()));
    assert_eq!(keys(&server).await, ["session:1"]);
}

/// Ctrl-C in the middle of a measurement.
#[tokio::test]
async fn an_interrupted_measurement_leaves_nothing() {
    let server = good().start().await.unwrap();
    let mut child = program(&server.url(), &["bench", "--seconds", "60", "--keys", "200", "--bytes", "100"])
        .spawn()
        .unwrap();
    let limit = Instant::now() + Duration::from_secs(30);
    while keys(&server).await.len() < 200 {
        assert!(Instant::now() < limit, "nothing is written");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(130));
    assert_eq!(keys(&server).await, [""; 0]);
}

#[tokio::test]
async fn numbers_have_bounds() {
    for wrong in [
        ["--seconds", "61"],
        ["--seconds", "0"],
        ["--keys", "100001"],
        ["--keys", "0"],
        ["--tasks", "257"],
        ["--bytes", "1048577"],
    ] {
        let output = program("redis://127.0.0.1:1", &["bench", wrong[0], wrong[1]]).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let many = ["bench", "--keys", "100000", "--bytes", "1024"];
    let output = program("redis://127.0.0.1:1", &many).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = program("redis://127.0.0.1:1", &["bench"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn humans_get_one_table() {
    let server = good().start().await.unwrap();
    let arguments: Vec<&str> = ["bench"].into_iter().chain(SHORT).collect();
    let output = program(&server.url(), &arguments).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["50 keys with values of 300 B, 4 at the same time", "P99.9", "shared tier", "hit in memory"]
    {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    println!("{text}");
}
