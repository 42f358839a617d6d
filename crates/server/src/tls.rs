//! TLS, and nothing else: the one place that names a TLS library. What is said over it is not known here.
//!
//! Whom to believe: the certificates that this machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` say others, as for other programs);
//! on a machine that has none, Mozilla's list as it was when this program was built.

use std::{io, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Speaks TLS 1.2 and 1.3 to servers, and only to those whose certificate holds.
#[derive(Clone)]
pub struct Client(TlsConnector);

impl Client {
    /// Reads the trusted certificates now, so that a change of them needs no restart.
    ///
    /// # Errors
    /// The library has no cipher in common with its own list: never on a machine where it was built well.
    pub fn new() -> io::Result<Self> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let mut config = builder.with_root_certificates(trusted()).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake with a server of that name or address.
    ///
    /// # Errors
    /// The name is none, the certificate does not hold, or the connection broke.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(bare).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

fn trusted() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a trusted certificate of this machine cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
