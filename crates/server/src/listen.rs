//! Binding of TCP listeners, with errors that say what to do.

use std::{fmt, io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// An address that cannot be bound: which, why, and what to do.
#[derive(Debug)]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub cause: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, cause } = self;
        let port = address.port();
        write!(f, "cannot listen on TCP {address}: {cause}. ")?;
        match cause.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "Another program has port {port}: `ss -ltnp sport = :{port}` names it. Stop it, or choose another port.")
            }
            io::ErrorKind::PermissionDenied => write!(
                f,
                "Ports below 1024 need the capability CAP_NET_BIND_SERVICE: `setcap cap_net_bind_service=+ep` on the binary, or choose a port above 1023."
            ),
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "No interface of this machine has {}: `ip address` lists those that exist; 0.0.0.0 means all.", address.ip())
            }
            _ => write!(f, "Choose another address or port."),
        }
    }
}

impl std::error::Error for BindError {}

/// A listener with a long queue: a power cut ends with every phone knocking at once. An IPv6 wildcard leaves IPv4 alone,
/// so that `0.0.0.0` and `::` can stand side by side.
pub fn tcp(address: SocketAddr) -> Result<TcpListener, BindError> {
    let bind = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(4096)?;
        TcpListener::from_std(socket.into())
    };
    bind().map_err(|cause| BindError { address, cause })
}
