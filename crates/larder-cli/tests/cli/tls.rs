//! `https`.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use larder::Cache;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{OPERATOR, Program, router};

/// Serves the application over TLS. Returns its address, and its certificate as PEM.
async fn serve() -> (SocketAddr, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = router(&Cache::default());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(app.clone()));
            tokio::spawn(async move {
                // A client that does not trust the certificate ends the handshake.
                if let Ok(stream) = acceptor.accept(stream).await {
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
                }
            });
        }
    });
    (address, cert.pem())
}

#[tokio::test]
async fn the_admin_url_is_https_if_its_certificate_is_trusted() {
    let (address, pem) = serve().await;
    let file = std::env::temp_dir().join(format!("larder-cli-{}-ca.pem", std::process::id()));
    fs::write(&file, pem).unwrap();
    let url = format!("https://{address}/ops/cache");
    let program = || Program::new().env("LARDER_URL", &url).env("LARDER_TOKEN", OPERATOR);
    program().line("stats --ca-file").args([&file]).run().await.expect(0, "requests");
    let run = program().line("stats").run().await;
    assert!(run.code == Some(3) && run.err.contains("certificate"), "{run:?}");
    fs::write(&file, "no certificate").unwrap();
    program().line("stats --ca-file").args([&file]).run().await.expect(2, "no certificates to trust");
    fs::remove_file(file).unwrap();
}
