//! The certificates that are trusted.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::cli_error::CliError;

/// Returns a configuration that trusts the certificates of this PEM, or else the system's.
///
/// It names the cryptography provider. If rustls had to choose, the setup would panic in a program
/// that was built with two.
pub(crate) fn config(ca_pem: Option<&[u8]>) -> Result<ClientConfig, CliError> {
    let roots = match ca_pem {
        Some(pem) => from_pem(pem)?,
        None => of_the_system(),
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CliError::failed(format!("TLS cannot be set up: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
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

/// A system without certificates trusts none: plain HTTP still works, and TLS says why it fails.
fn of_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
