//! Binding the listeners, and serving until told to stop.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::driver::Driver;
use super::sockets::{self, BindError};
use super::{TftpLimits, TftpService, sys};

/// Bound listeners, ready to serve.
#[derive(Debug)]
pub struct TftpServer {
    listeners: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    limits: TftpLimits,
}

impl TftpServer {
    /// Binds a UDP socket to every address. IPv6 addresses take IPv6 only, so that `0.0.0.0:69` and
    /// `[::]:69` go together.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub fn bind(addresses: &[SocketAddr], limits: TftpLimits) -> Result<TftpServer, BindError> {
        let listeners = addresses.iter().map(|&address| sockets::listener(address, limits.receive_buffer));
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
        let bound = |(socket, &asked): (&UdpSocket, _)| socket.local_addr().unwrap_or(asked);
        let addresses = listeners.iter().zip(addresses).map(bound).collect();
        Ok(Self::of(listeners, addresses, limits))
    }

    /// On sockets that are bound already, without blocking; an IPv6 one takes IPv6 only.
    ///
    /// # Errors
    /// The system refuses an option that listening needs.
    pub fn on(sockets: Vec<UdpSocket>, limits: TftpLimits) -> io::Result<TftpServer> {
        let sockets = sockets.into_iter().map(|socket| sockets::inherited(socket, limits.receive_buffer));
        let (listeners, addresses) = sockets.collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
        Ok(Self::of(listeners, addresses, limits))
    }

    fn of(listeners: Vec<UdpSocket>, addresses: Vec<SocketAddr>, limits: TftpLimits) -> TftpServer {
        // Transfers take at most half of the files that the process may open: HTTP and the store need some.
        let files = sys::raise_open_files(2 * limits.total as u64).unwrap_or(1024);
        let total = limits.total.min(usize::try_from(files / 2).unwrap_or(usize::MAX));
        TftpServer { listeners, addresses, limits: TftpLimits { total, ..limits } }
    }

    /// The addresses really bound, in the order of [`TftpServer::bind`]; a port 0 is resolved.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop` is cancelled, then takes no new requests, lets running transfers end for
    /// up to [`TftpLimits::drain`], and returns. Look-ups that are not ready at once run as tasks of
    /// the current runtime.
    ///
    /// # Errors
    /// The system refuses to poll the sockets.
    pub async fn serve<S: TftpService>(self, service: Arc<S>, stop: CancellationToken) -> io::Result<()> {
        let listeners = self.listeners.into_iter().zip(self.addresses).collect();
        Driver::new(listeners, self.limits, service)?.run(stop).await
    }
}
