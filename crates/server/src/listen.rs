//! Binding of TCP listeners, with errors that say what to do; and the networks of this machine.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;

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

/// The networks of this machine's own interfaces, addresses with their prefixes.
pub fn interface_networks() -> Vec<IpNet> {
    let mut networks = Vec::new();
    let mut first: *mut libc::ifaddrs = std::ptr::null_mut();
    #[allow(unsafe_code)]
    // SAFETY: `getifaddrs` fills `first` with a list that stays valid until `freeifaddrs`; every pointer in it is null or valid until
    // then, and an address of family AF_INET or AF_INET6 is a `sockaddr_in` or `sockaddr_in6`.
    unsafe {
        if libc::getifaddrs(&mut first) != 0 {
            return networks;
        }
        let mut entry = first;
        while let Some(interface) = entry.as_ref() {
            if let (Some(ip), Some(mask)) = (ip(interface.ifa_addr), ip(interface.ifa_netmask)) {
                networks.extend(IpNet::with_netmask(ip, mask));
            }
            entry = interface.ifa_next;
        }
        libc::freeifaddrs(first);
    }
    networks
}

#[allow(unsafe_code)]
/// SAFETY: `address` is null or points to a socket address whose size is that of its family.
unsafe fn ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: see above.
    unsafe {
        match i32::from(address.as_ref()?.sa_family) {
            libc::AF_INET => Some(IpAddr::from(u32::from_be((*address.cast::<libc::sockaddr_in>()).sin_addr.s_addr).to_be_bytes())),
            libc::AF_INET6 => Some(IpAddr::from((*address.cast::<libc::sockaddr_in6>()).sin6_addr.s6_addr)),
            _ => None,
        }
    }
}

/// The address of ours in the network of that one; loopback when there is none.
pub fn local_address_for(ip: IpAddr) -> IpAddr {
    let ip = offhook_core::access::canonical(ip);
    let network = interface_networks().into_iter().find(|n| n.contains(&ip));
    network.map_or(IpAddr::from([127, 0, 0, 1]), |n| n.addr())
}
