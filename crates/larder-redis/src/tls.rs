//! Trust in servers with `rediss://` URLs.

use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{ConnectError, ConnectErrorKind};

/// Returns TLS settings that trust these root certificates, or else the system's.
///
/// The settings name the cryptography provider. If rustls had to choose, the setup would panic in a
/// program that was built with two providers and chose none.
pub(crate) fn config(roots_pem: Option<&[u8]>) -> Result<TlsConfig, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("TLS cannot be set up: {error}")))?;
    let roots = roots_pem.map_or_else(of_the_system, from_pem)?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(config).into())
}

/// Reads all root certificates in a PEM.
///
/// Every certificate counts: one that is silently left out is missed on the day when it is needed.
fn from_pem(pem: &[u8]) -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate
            .map_err(|error| wrong(format!("the given root certificates are not PEM: {error}")))?;
        roots.add(certificate).map_err(|error| {
            wrong(format!("a given root certificate cannot be read (number {}): {error}", roots.len() + 1))
        })?;
    }
    if roots.is_empty() {
        return Err(wrong("there is no certificate in the given PEM".to_owned()));
    }
    Ok(roots)
}

fn of_the_system() -> Result<RootCertStore, ConnectError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // If one certificate cannot be read, the others are still trusted.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    match (usable, found.errors.first()) {
        (1.., _) => Ok(roots),
        (_, Some(error)) => Err(wrong(format!("the system's root certificates cannot be read: {error}"))),
        (_, None) => Err(wrong(
            "the system has no root certificates, so no server's certificate can be trusted".to_owned(),
        )),
    }
}

/// Returns why the server's certificate was rejected, if an error of fred's says so.
///
/// fred passes on the error of rustls as a connection error, in its `Debug` form.
pub(crate) fn distrust(details: &str) -> Option<String> {
    let (_, why) = details.split_once("InvalidCertificate(")?;
    let why = why.trim_end_matches(" }").trim_end_matches(')');
    Some(format!("the server's certificate is not trusted: {why}"))
}

fn wrong(why: String) -> ConnectError {
    ConnectError::new(ConnectErrorKind::Certificates, why)
}

#[cfg(test)]
mod tests {
    use larder_testing::CertificateAuthority;

    use super::*;

    #[test]
    fn only_certificates_are_distrusted() {
        let said = distrust("Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }");
        assert_eq!(said.as_deref(), Some("the server's certificate is not trusted: UnknownIssuer"));
        assert_eq!(distrust("Os { code: 111, kind: ConnectionRefused }"), None);
    }

    #[test]
    fn every_certificate_in_the_pem_is_trusted() {
        let (one, other) = (CertificateAuthority::new().unwrap(), CertificateAuthority::new().unwrap());
        let both = format!("# two of them\n{}\n{}", one.pem(), other.pem());
        assert_eq!(from_pem(one.pem().as_bytes()).unwrap().len(), 1);
        assert_eq!(from_pem(both.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn an_invalid_certificate_is_an_error_that_says_why() {
        let good = CertificateAuthority::new().unwrap();
        let good = good.pem();
        let cut = &good[..good.len() - 40];
        let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (pem, word) in [
            (String::new(), "there is no certificate"),
            ("/etc/ssl/redis-ca.pem".to_owned(), "there is no certificate"),
            (good.replace("CERTIFICATE", "PRIVATE KEY"), "there is no certificate"),
            (cut.to_owned(), "not PEM"),
            (format!("{good}{hollow}"), "number 2"),
        ] {
            let error = config(Some(pem.as_bytes())).unwrap_err();
            assert_eq!(error.kind(), ConnectErrorKind::Certificates);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
