//! Replicas, clusters and sentinels.

use larder_testing::{CertificateAuthority, RedisServer};

use crate::examination::{commands, examine, found_and_cured, good};

/// Returns the URL that a finding says to use.
fn url_of(finding: &serde_json::Value) -> String {
    let line = &commands(finding, "shell")[0];
    line.strip_prefix("export REDIS_URL='").unwrap().strip_suffix('\'').unwrap().to_owned()
}

#[tokio::test]
async fn a_primary_with_a_replica_that_no_write_needs() {
    let primary = good().start().await.unwrap();
    let _replica = RedisServer::builder().replica_of(&primary).start().await.unwrap();
    found_and_cured(&primary, &[], &["replicas-without-minimum"]).await;
    assert_eq!(examine(&primary.url(), &[]).await.names(), ["one-replica"]);
}

#[tokio::test]
async fn a_replica() {
    let primary = good().start().await.unwrap();
    let replica = good().replica_of(&primary).start().await.unwrap();
    let report = examine(&replica.url(), &[]).await;
    assert_eq!((report.serious(), report.code), (vec!["connected-to-replica"], 1), "{:#}", report.document);
    let url = url_of(report.finding("connected-to-replica"));
    assert_eq!(url, primary.url());
    assert_eq!(examine(&url, &[]).await.serious(), ["replicas-without-minimum"]);
}

#[tokio::test]
async fn a_primary_whose_replicas_are_gone() {
    let server = good().config("min-replicas-to-write 1").start().await.unwrap();
    let report = examine(&server.url(), &[]).await;
    assert_eq!(report.serious(), ["too-few-replicas"], "{:#}", report.document);
}

#[tokio::test]
async fn a_cluster_is_examined_as_a_whole_and_needs_its_own_url() {
    let cluster = good().config("min-replicas-to-write 0").start_cluster().await.unwrap();
    let report = examine(&cluster.url(), &[]).await;
    let found = vec!["replicas-without-minimum"; 3];
    assert_eq!(report.serious(), found, "{:#}", report.document);
    assert_eq!(report.document["servers"].as_array().unwrap().len(), 3);
    let node = format!("redis://{}", cluster.nodes()[0].address());
    let report = examine(&node, &[]).await;
    assert!(report.serious().contains(&"cluster-needs-its-url"), "{:#}", report.document);
    assert!(url_of(report.finding("cluster-needs-its-url")).starts_with("redis-cluster://127.0.0.1:"));
}

#[tokio::test]
async fn sentinels_lead_to_the_primary_and_are_none_themselves() {
    let deployment = good().start_sentinel(1).await.unwrap();
    let report = examine(&deployment.url(), &[]).await;
    assert_eq!(report.serious(), ["replicas-without-minimum"], "{:#}", report.document);
    let sentinel = format!("redis://{}", deployment.sentinels()[0].address());
    let report = examine(&sentinel, &[]).await;
    assert!(report.serious().contains(&"connected-to-sentinel"), "{:#}", report.document);
}

#[tokio::test]
async fn a_server_with_a_private_certificate() {
    let authority = CertificateAuthority::new().unwrap();
    let server = good().tls(&authority).start().await.unwrap();
    let file = server.directory().join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let report = examine(&server.url(), &["--ca-file", file.to_str().unwrap()]).await;
    assert_eq!(report.serious(), [""; 0], "{:#}", report.document);
}
