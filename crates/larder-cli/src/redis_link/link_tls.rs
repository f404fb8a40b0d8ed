//! The certificates that a connection to Redis trusts.

use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::cli_error::CliError;

/// Returns settings that trust the certificates of this PEM, or else the system's.
///
/// fred's own setup lets rustls choose the cryptography, which panics in a program with two.
pub(super) fn config(ca_pem: Option<&[u8]>) -> Result<TlsConfig, CliError> {
    let roots = match ca_pem {
        Some(pem) => from_pem(pem)?,
        None => of_the_system(),
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CliError::failed(format!("TLS cannot be set up: {error}")))?;
    Ok(TlsConnector::from(config.with_root_certificates(roots).with_no_client_auth()).into())
}

fn from_pem(pem: &[u8]) -> Result<RootCertStore, CliError> {
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("--ca-file has no certificates to trust: {error}"))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    match roots.is_empty() {
        true => Err(wrong(&"it is empty")),
        false => Ok(roots),
    }
}

fn of_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
