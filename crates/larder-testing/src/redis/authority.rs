//! Certificates that belong to one test.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::config;

/// A certificate authority for servers that speak TLS. No machine trusts it by default.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use larder_testing::{CertificateAuthority, RedisServer};
///
/// let authority = CertificateAuthority::new()?;
/// let server = RedisServer::builder().tls(&authority).start().await?;
/// assert!(server.url().starts_with("rediss://"));
/// assert!(authority.pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CertificateAuthority {
    pem: String,
    server: Arc<Identity>,
}

/// The certificate that a server presents to its clients, and the private key for it.
#[derive(Debug)]
pub(super) struct Identity {
    certificate: String,
    key: String,
}

impl CertificateAuthority {
    /// Creates an authority with a new key.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot provide random bytes.
    pub fn new() -> io::Result<Self> {
        Self::make().map_err(io::Error::other)
    }

    /// Returns the authority's own certificate in PEM, which clients have to trust.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn server(&self) -> Arc<Identity> {
        Arc::clone(&self.server)
    }

    fn make() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Larder's test authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

        let key = KeyPair::generate()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &authority)?;
        let server = Identity { certificate: certificate.pem(), key: key.serialize_pem() };
        Ok(Self { pem: authority.pem(), server: Arc::new(server) })
    }
}

impl Identity {
    /// Writes both files into the server's directory, and returns the settings that refer to them.
    ///
    /// The settings also disable the port without TLS.
    pub(super) fn config(&self, port: u16, directory: &Path) -> io::Result<Vec<String>> {
        let (certificate, key) = (directory.join("server.pem"), directory.join("server.key"));
        fs::write(&certificate, &self.certificate)?;
        fs::write(&key, &self.key)?;
        Ok(vec![
            "port 0".to_owned(),
            format!("tls-port {port}"),
            format!("tls-cert-file \"{}\"", certificate.display()),
            format!("tls-key-file \"{}\"", key.display()),
            // Redis requires this file, even though clients do not need a certificate.
            format!("tls-ca-cert-file \"{}\"", certificate.display()),
            "tls-auth-clients no".to_owned(),
            format!("unixsocket \"{}\"", config::socket(directory).display()),
        ])
    }
}
