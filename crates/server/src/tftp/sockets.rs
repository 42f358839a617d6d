//! Making sockets: the listeners, with errors that a person can act on, and one per transfer.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::sys::{self, Destination};

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

impl BindError {
    fn new(address: SocketAddr, cause: io::Error) -> BindError {
        let port = address.port();
        let mend = match cause.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => format!(
                "Port {port} needs the capability CAP_NET_BIND_SERVICE (`setcap cap_net_bind_service=+ep` on the program, or AmbientCapabilities= in its service unit); or choose a port above 1023, such as 6969"
            ),
            Some(libc::EADDRINUSE) => {
                format!("Another program has this port (`ss -ulnp 'sport = :{port}'` names it): stop it, or choose another port")
            }
            Some(libc::EADDRNOTAVAIL) => {
                "No network interface of this machine has this address (`ip address` lists them); 0.0.0.0 and [::] stand for all".to_owned()
            }
            Some(libc::EAFNOSUPPORT) => "This system has IPv6 switched off: leave the address out".to_owned(),
            Some(libc::EMFILE | libc::ENFILE) => "Too many files are open: raise the limit (`ulimit -n`, LimitNOFILE=)".to_owned(),
            _ => "Check the address and the port".to_owned(),
        };
        BindError { address, cause, mend }
    }
}

/// A listening socket: IPv6 only for IPv6, a large receive buffer against boot storms, and every
/// datagram with the address that it was sent to.
pub(super) fn listener(address: SocketAddr, receive_buffer: usize) -> Result<UdpSocket, BindError> {
    let make = || {
        let socket = datagram_socket(address)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        listens_well(SockRef::from(&socket), address, receive_buffer)?;
        socket.bind(&address.into())?;
        Ok(UdpSocket::from(socket))
    };
    make().map_err(|cause| BindError::new(address, cause))
}

/// Makes a listener of a socket that somebody else bound.
pub(super) fn inherited(socket: UdpSocket, receive_buffer: usize) -> io::Result<(UdpSocket, SocketAddr)> {
    let address = socket.local_addr()?;
    listens_well(SockRef::from(&socket), address, receive_buffer)?;
    Ok((socket, address))
}

/// What a listener needs beside its address.
fn listens_well(socket: SockRef<'_>, address: SocketAddr, receive_buffer: usize) -> io::Result<()> {
    // Whoever bound it may have had the right to give more than this process may.
    let enough = socket.recv_buffer_size().is_ok_and(|bytes| bytes >= receive_buffer);
    if !enough && sys::force_receive_buffer(socket.as_fd(), receive_buffer).is_err() {
        // Takes at most net.core.rmem_max, which is better than nothing.
        socket.set_recv_buffer_size(receive_buffer)?;
    }
    sys::tell_destination(socket.as_fd(), address.is_ipv6())
}

/// A socket on a free port of the address that the peer asked.
pub(super) fn transfer_socket(from: Destination) -> io::Result<UdpSocket> {
    let address = match from.local {
        IpAddr::V4(_) => SocketAddr::new(from.local, 0),
        IpAddr::V6(local) => SocketAddrV6::new(local, 0, 0, scope(from)).into(),
    };
    let socket = datagram_socket(address)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from(socket))
}

/// The interface, which only a link-local address needs.
fn scope(from: Destination) -> u32 {
    match from.local {
        IpAddr::V6(local) if local.is_unicast_link_local() => from.interface,
        _ => 0,
    }
}

fn datagram_socket(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_error_names_address_cause_and_mend() {
        let address = SocketAddr::from(([0, 0, 0, 0], 69));
        for (code, mend) in [
            (libc::EACCES, "CAP_NET_BIND_SERVICE"),
            (libc::EADDRINUSE, "sport = :69"),
            (libc::EADDRNOTAVAIL, "ip address"),
            (libc::EAFNOSUPPORT, "IPv6"),
            (libc::EMFILE, "ulimit"),
            (libc::EINVAL, "Check the address"),
        ] {
            let text = BindError::new(address, io::Error::from_raw_os_error(code)).to_string();
            assert!(text.starts_with("TFTP cannot listen on UDP 0.0.0.0:69: ") && text.contains(mend), "{text}");
        }
    }
}
