//! What a service manager hands over and wants to hear: sockets that already listen (sd_listen_fds(3)), so that a restart
//! refuses nobody, and how far this process is (sd_notify(3)). Without a manager all of it does nothing.

use std::{
    env,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::{FromRawFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixDatagram},
    },
    time::Duration,
};

use socket2::{Socket, Type};

/// The first file descriptor that is handed over.
const FIRST: i32 = 3;
/// More than this is no list of sockets.
const MOST: i32 = 1024;

/// Sockets that were handed over, by the face that they are for.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Named `admin`: the REST API.
    pub admin: Vec<TcpListener>,
    /// Named `http`: phones.
    pub http: Vec<TcpListener>,
    /// Named `tftp`: phones.
    pub tftp: Vec<UdpSocket>,
}

impl Inherited {
    /// Takes what was handed over to this process. May be called once: the sockets have one owner.
    ///
    /// # Errors
    /// In words for the operator: a socket without a known name, or of the wrong kind.
    pub fn take() -> Result<Self, String> {
        let number = |name: &str| env::var(name).ok()?.parse::<i32>().ok();
        let ours = number("LISTEN_PID").and_then(|id| u32::try_from(id).ok()) == Some(std::process::id());
        let count = number("LISTEN_FDS").filter(|n| ours && (1..=MOST).contains(n)).unwrap_or(0);
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut inherited = Self::default();
        for fd in FIRST..FIRST + count {
            #[allow(unsafe_code)]
            // SAFETY: the manager opened these descriptors for this very process (`LISTEN_PID`), and nothing else here owns them:
            // this is called once, and whatever this process opened by itself has another number, because these were taken.
            let socket = Socket::from(unsafe { OwnedFd::from_raw_fd(fd) });
            inherited.add(names.next().unwrap_or_default(), socket)?;
        }
        Ok(inherited)
    }

    fn add(&mut self, name: &str, socket: Socket) -> Result<(), String> {
        let wanted = match name {
            "admin" | "http" => Type::STREAM,
            "tftp" => Type::DGRAM,
            _ => {
                return Err(format!(
                    "the service manager hands over a socket named {name:?}, which is none of admin, http and tftp: set FileDescriptorName= in its socket unit"
                ));
            }
        };
        check(name, &socket, wanted)?;
        let ready = socket.set_cloexec(true).and_then(|()| socket.set_nonblocking(true));
        ready.map_err(|e| format!("the socket {name} of the service manager cannot be used: {e}"))?;
        match name {
            "admin" => self.admin.push(socket.into()),
            "http" => self.http.push(socket.into()),
            _ => self.tftp.push(socket.into()),
        }
        Ok(())
    }

    /// Where the API was put by the manager.
    pub(crate) fn admin_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.admin.iter().filter_map(|l| l.local_addr().ok())
    }
}

fn check(name: &str, socket: &Socket, wanted: Type) -> Result<(), String> {
    let line = if wanted == Type::STREAM { "ListenStream=" } else { "ListenDatagram=" };
    let kind = socket.r#type().map_err(|e| format!("what the service manager hands over as {name} is no socket: {e}"))?;
    let address = socket.local_addr().ok().and_then(|a| a.as_socket());
    let Some(address) = address.filter(|_| kind == wanted) else {
        return Err(format!(
            "the socket {name} of the service manager is of the wrong kind: its unit needs {line} with an address and a port"
        ));
    };
    if wanted == Type::STREAM && !socket.is_listener().unwrap_or(true) {
        return Err(format!("the socket {name} of the service manager does not listen: its unit needs Accept=no"));
    }
    if address.is_ipv6() && !socket.only_v6().unwrap_or(true) {
        return Err(format!(
            "the socket {name} of the service manager takes IPv4 at an IPv6 address: write {line}0.0.0.0:{port} and {line}[::]:{port} with BindIPv6Only=ipv6-only",
            port = address.port()
        ));
    }
    Ok(())
}

/// Whoever started this process and wants to know how it is.
#[derive(Debug, Default)]
pub struct Manager(Option<(UnixDatagram, UnixAddress)>);

impl Manager {
    /// The one that `NOTIFY_SOCKET` names; nobody when there is none.
    pub fn of_this_process() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Self(None) };
        let address = match name.as_encoded_bytes() {
            [b'@', rest @ ..] => UnixAddress::from_abstract_name(rest),
            _ => UnixAddress::from_pathname(&name),
        };
        match UnixDatagram::unbound().and_then(|socket| Ok((socket, address?))) {
            Ok(both) => Self(Some(both)),
            Err(error) => {
                tracing::warn!(%error, "the service manager cannot be told anything");
                Self(None)
            }
        }
    }

    /// Everything listens; more in words.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is read again; [`Manager::ready`] follows.
    pub fn reloading(&self) {
        self.tell("RELOADING=1");
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=transfers end");
    }

    /// Tells again and again that this process lives, if the manager wants to hear it (`WATCHDOG_USEC`); never returns.
    pub async fn keep_alive(&self) {
        let micros = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 1);
        let ours = env::var("WATCHDOG_PID").ok().is_none_or(|id| id == std::process::id().to_string());
        let (Some(micros), true, Self(Some(_))) = (micros, ours, self) else { return std::future::pending().await };
        let mut every = tokio::time::interval(Duration::from_micros(micros / 2));
        loop {
            every.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::warn!(%error, "the service manager was not told");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use socket2::{Domain, Protocol};

    use super::*;

    fn socket(kind: Type, address: &str) -> Socket {
        let address: SocketAddr = address.parse().unwrap();
        let socket = Socket::new(Domain::for_address(address), kind, None::<Protocol>).unwrap();
        socket.bind(&address.into()).unwrap();
        socket
    }

    fn listening(address: &str) -> Socket {
        let socket = socket(Type::STREAM, address);
        socket.listen(1).unwrap();
        socket
    }

    #[test]
    fn sockets_go_to_the_face_of_their_name() {
        let mut inherited = Inherited::default();
        for (name, socket) in [
            ("http", listening("127.0.0.1:0")),
            ("http", listening("127.0.0.1:0")),
            ("admin", listening("127.0.0.1:0")),
            ("tftp", socket(Type::DGRAM, "127.0.0.1:0")),
        ] {
            inherited.add(name, socket).unwrap();
        }
        assert_eq!((inherited.http.len(), inherited.admin.len(), inherited.tftp.len()), (2, 1, 1));
    }

    #[test]
    fn a_socket_that_cannot_serve_says_what_its_unit_needs() {
        let dual = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        dual.set_only_v6(false).unwrap();
        dual.bind(&"[::]:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        dual.listen(1).unwrap();
        for (name, socket, part) in [
            ("offhook-http.socket", listening("127.0.0.1:0"), "FileDescriptorName="),
            ("", listening("127.0.0.1:0"), "FileDescriptorName="),
            ("tftp", listening("127.0.0.1:0"), "ListenDatagram="),
            ("http", socket(Type::DGRAM, "127.0.0.1:0"), "ListenStream="),
            ("http", socket(Type::STREAM, "127.0.0.1:0"), "Accept=no"),
            ("http", Socket::new(Domain::UNIX, Type::STREAM, None).unwrap(), "ListenStream="),
            ("admin", dual, "BindIPv6Only=ipv6-only"),
        ] {
            let said = Inherited::default().add(name, socket).err().unwrap_or_else(|| panic!("{name}: {part}"));
            assert!(said.contains(part), "{said}");
        }
    }
}
