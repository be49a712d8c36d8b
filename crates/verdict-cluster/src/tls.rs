//! Encryption (TLS 1.3 or 1.2): a worker has a certificate, a coordinator the authority that signed it.
//!
//! The certificate must name the worker as the coordinator was told of it: the host of `--workers`, or for `dns://NAME` that name.
//! That the coordinator may give work is proved by the secret, as without encryption.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::stream::Stream;
use crate::{Error, Result};

/// A worker's side.
#[derive(Clone)]
pub struct ServerTls(TlsAcceptor);

/// A coordinator's side.
#[derive(Clone)]
pub struct ClientTls(TlsConnector);

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTls")
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls")
    }
}

impl ServerTls {
    /// From PEM files: the certificate, with those between it and its authority behind it, and its private key.
    ///
    /// # Errors
    /// A file cannot be read, or holds something else; the key is not the certificate's.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<ServerTls> {
        let chain = certificates(certificate)?;
        let own = PrivateKeyDer::from_pem_file(key)
            .map_err(|e| unusable(key, "a private key in PEM", &e))?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(certificate, "a certificate", &e))?
            .with_no_client_auth()
            .with_single_cert(chain, own)
            .map_err(|e| unusable(key, &format!("the key of {}", certificate.display()), &e))?;
        Ok(ServerTls(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<Stream> {
        let stream = self.0.accept(stream).await.map_err(|error| {
            Error::Refused(format!(
                "no encrypted connection came about ({error}): the coordinator needs --workers-ca with the authority of this \
                 worker's certificate"
            ))
        })?;
        Ok(Stream::Encrypted(Box::new(stream.into())))
    }
}

impl ClientTls {
    /// From a PEM file of the authorities that workers' certificates are signed by.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate that may be an authority's.
    pub fn from_file(authorities: &Path) -> Result<ClientTls> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authorities)? {
            let added = roots.add(certificate);
            added.map_err(|e| unusable(authorities, "certificates of authorities", &e))?;
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(authorities, "certificates of authorities", &e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(ClientTls(TlsConnector::from(Arc::new(config))))
    }

    /// `host` is what the worker's certificate must name.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> Result<Stream> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|e| Error::Refused(format!("`{host}` is no name for a certificate: {e}")))?;
        let stream = self.0.connect(name, stream).await.map_err(|error| {
            Error::Refused(format!(
                "no encrypted connection came about ({error}): the worker needs --tls-cert and --tls-key, with a certificate that \
                 names `{host}` and is signed by an authority in the file of --workers-ca"
            ))
        })?;
        Ok(Stream::Encrypted(Box::new(stream.into())))
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a PEM file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    let all = read.map_err(|e| unusable(path, "certificates in PEM", &e))?;
    if all.is_empty() {
        return Err(unusable(path, "certificates in PEM", &"there is none in it"));
    }
    Ok(all)
}

fn unusable(path: &Path, wanted: &str, why: &dyn std::fmt::Display) -> Error {
    let (path, wanted, why) = (path.display().to_string(), wanted.to_owned(), why.to_string());
    Error::Unusable { path, wanted, why }
}

#[cfg(test)]
mod tests;
