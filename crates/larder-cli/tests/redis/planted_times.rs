//! Latency and clocks.

use std::time::Duration;

use larder_testing::{Direction, Proxy};

use crate::examination::{examine, good};

#[tokio::test]
async fn a_slow_network() {
    let server = good().start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let url = server.url_at(proxy.address());
    for (millis, expected) in [(7, "latency-high"), (70, "latency-over-timeout")] {
        proxy.delay(Direction::ToServer, Duration::from_millis(millis));
        let report = examine(&url, &[]).await;
        // On a busy machine, the short delay is a long one.
        let is_long = report.document["findings"].to_string().contains("latency-over-timeout");
        let evidence = &report.finding(if is_long { "latency-over-timeout" } else { expected })["evidence"];
        let seconds = Duration::from_millis(millis).as_secs_f64();
        assert!(evidence["p50_seconds"].as_f64().unwrap() >= seconds, "{evidence}");
        assert_eq!(report.code, 1);
        let counts = report.document["latency"]["histogram"].as_array().unwrap().iter();
        let sum: u64 = counts.map(|bucket| bucket["count"].as_u64().unwrap()).sum();
        assert_eq!(sum, report.document["latency"]["samples"].as_u64().unwrap());
    }
}

/// The proxy adds 1,000,000 seconds to what `TIME` answers.
#[tokio::test]
async fn a_clock_that_is_ahead() {
    let server = good().start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let url = server.url_at(proxy.address());
    assert!(!examine(&url, &[]).await.names().contains(&"clocks-differ"));
    proxy.rewrite(Direction::ToClient, |chunk| {
        const START: &[u8] = b"*2\r\n$10\r\n1";
        if chunk.starts_with(START) && chunk[START.len() + 9..].starts_with(b"\r\n$") {
            chunk[START.len() - 1] = b'2';
        }
    });
    let report = examine(&url, &[]).await;
    let finding = report.finding("clocks-differ");
    assert_eq!(finding["evidence"]["ahead"], "server");
    let difference = finding["evidence"]["difference_seconds"].as_f64().unwrap();
    assert!((999_999_900.0..=1_000_000_100.0).contains(&difference), "{difference}");
}
