//! A Redis that requires TLS, with a certificate of a private authority.

use larder_redis::RedisStore;
use larder_testing::{CertificateAuthority, RedisBuilder, RedisServer};
use larder_tests::redis::{Deployment, Setup, Trial, eventually, shares_and_invalidates};

fn with_tls(authority: &CertificateAuthority) -> RedisBuilder {
    RedisServer::builder().password("secret").tls(authority)
}

fn trusting(authority: &CertificateAuthority, url: &str) -> Deployment {
    Deployment::of(RedisStore::builder(url).tls_roots_pem(authority.pem()))
}

#[tokio::test]
async fn responses_and_invalidations_are_shared() {
    let authority = CertificateAuthority::new().unwrap();
    let server = with_tls(&authority).start().await.unwrap();
    shares_and_invalidates(&trusting(&authority, &server.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_dies_and_comes_back() {
    let authority = CertificateAuthority::new().unwrap();
    let server = with_tls(&authority).start().await.unwrap();
    let trial = Trial::start(&trusting(&authority, &server.url())).await;
    trial.survives("TLS, private CA | SIGKILL and restart", server.restart()).await;
}

/// Promise 2: for clients, it is as if Redis were down.
#[tokio::test]
async fn a_server_that_is_not_trusted_is_not_used() {
    let authority = CertificateAuthority::new().unwrap();
    let server = with_tls(&authority).start().await.unwrap();
    let a = trusting(&CertificateAuthority::new().unwrap(), &server.url()).start(Setup::default()).await;
    eventually("a handshake has failed", async || {
        let stats = a.store.stats().await;
        stats.is_err_and(|error| error.to_string().contains("not trusted"))
    })
    .await;
    for _ in 0..3 {
        assert_eq!(a.get("/values/1").await.text(), "v1");
    }
    let keys = server.command(&["DBSIZE"]).await.unwrap();
    assert_eq!(keys.as_integer(), Some(0));
}
