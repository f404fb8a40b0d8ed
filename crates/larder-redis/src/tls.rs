//! How `rediss://` trusts a server.

use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{ConnectError, ConnectErrorKind};

/// TLS with the system's root certificates.
///
/// The provider of the cryptography is named. Left to rustls, setting it up panics in a program that was built with two
/// of them and chose none.
pub(crate) fn config() -> Result<TlsConfig, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("TLS cannot be set up: {error}")))?;
    let config = builder.with_root_certificates(roots()?).with_no_client_auth();
    Ok(TlsConnector::from(config).into())
}

fn roots() -> Result<RootCertStore, ConnectError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One that cannot be read is no reason to trust none of the others.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    match (usable, found.errors.first()) {
        (1.., _) => Ok(roots),
        (_, Some(error)) => Err(wrong(format!("the system's root certificates cannot be read: {error}"))),
        (_, None) => Err(wrong(
            "the system has no root certificates, so no server's certificate can be trusted".to_owned(),
        )),
    }
}

fn wrong(why: String) -> ConnectError {
    ConnectError::new(ConnectErrorKind::Certificates, why)
}
