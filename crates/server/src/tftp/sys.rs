//! The system calls that neither the standard library nor `socket2` has: epoll, `recvmmsg` with the
//! destination address, ancillary data to send, and two options of the process and of sockets.
//!
//! All unsafe code of the TFTP listener is in this file, behind safe functions.
#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// An epoll instance. It is itself pollable, so that one registration at the runtime stands for any
/// number of sockets.
#[derive(Debug)]
pub(super) struct Epoll(OwnedFd);

/// Room for the events of one [`Epoll::wait`].
pub(super) struct Events {
    list: Vec<libc::epoll_event>,
    count: usize,
}

impl Epoll {
    pub(super) fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers; a descriptor that is not negative is new and ours alone.
        unsafe {
            let fd = check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            Ok(Epoll(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Registers the instance at the current runtime.
    pub(super) fn watch(self: Arc<Self>) -> io::Result<AsyncFd<Arc<Epoll>>> {
        // SAFETY: the descriptor is owned by the value that is given away, private to it and never
        // replaced, so it stays open and the same for as long as the `AsyncFd` lives.
        Ok(unsafe { AsyncFd::register_with_interest(self, Interest::READABLE)? })
    }

    /// Reports `token` as long as the socket has something to read. Closing the socket removes it, unless another process has it too.
    pub(super) fn add(&self, socket: &UdpSocket, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: both descriptors are open, and `event` lives during the call.
        let result = unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) };
        check(result).map(drop)
    }

    /// Reports nothing of the socket any more.
    pub(super) fn remove(&self, socket: &UdpSocket) -> io::Result<()> {
        // SAFETY: both descriptors are open; the event is not looked at.
        let result = unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, socket.as_raw_fd(), ptr::null_mut()) };
        check(result).map(drop)
    }

    /// Fetches what is ready now, without waiting. Returns the number of events.
    pub(super) fn ready(&self, events: &mut Events) -> io::Result<usize> {
        // SAFETY: `list` has room for the number of events that is told.
        let result = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.list.as_mut_ptr(), events.list.len() as libc::c_int, 0) };
        events.count = 0;
        match check(result) {
            Ok(count) => events.count = count as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(events.count)
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Events {
    pub(super) fn new(room: usize) -> Events {
        Events { list: vec![libc::epoll_event { events: 0, u64: 0 }; room], count: 0 }
    }

    /// The token of an event of the last [`Epoll::ready`].
    pub(super) fn token(&self, index: usize) -> Option<u64> {
        self.list.get(..self.count)?.get(index).map(|event| event.u64)
    }
}

/// Datagrams received at once.
const BATCH: usize = 32;
/// Room per datagram. A request has at most 512 bytes (RFC 2347); a longer datagram is cut and says
/// so.
const DATAGRAM: usize = 1024;

/// Room for ancillary data, aligned as its headers need it.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Ancillary([u8; 128]);

/// Buffers for a batch of datagrams.
pub(super) struct Inbox {
    data: Vec<[u8; DATAGRAM]>,
    names: Vec<libc::sockaddr_storage>,
    ancillary: Vec<Ancillary>,
    headers: Vec<Header>,
    count: usize,
}

/// What the kernel said of one datagram.
#[derive(Clone, Copy, Default)]
struct Header {
    length: usize,
    cut: bool,
    peer: Option<SocketAddr>,
    destination: Option<Destination>,
}

/// One received datagram.
pub(super) struct Datagram<'a> {
    pub(super) bytes: &'a [u8],
    /// It was longer than a request may be, and is cut.
    pub(super) cut: bool,
    pub(super) peer: SocketAddr,
    /// Where it was sent to, if the system told.
    pub(super) destination: Option<Destination>,
}

/// The address of ours that a datagram reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Destination {
    /// The address to answer from.
    pub(super) local: IpAddr,
    /// The interface it came in by; needed with link-local addresses.
    pub(super) interface: u32,
    /// It was sent to a broadcast or multicast address.
    pub(super) many: bool,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        // SAFETY: all zeroes is a valid `sockaddr_storage`.
        let name: libc::sockaddr_storage = unsafe { zeroed() };
        Inbox {
            data: vec![[0; DATAGRAM]; BATCH],
            names: vec![name; BATCH],
            ancillary: vec![Ancillary([0; 128]); BATCH],
            headers: vec![Header::default(); BATCH],
            count: 0,
        }
    }

    /// Receives what is there, up to a batch, without waiting. Returns the number of datagrams.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.count = 0;
        // SAFETY: all zeroes is a valid `mmsghdr` (null pointers, lengths of 0) and `iovec`.
        let (mut messages, mut parts): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) = unsafe { (zeroed(), zeroed()) };
        let rooms = self.data.iter_mut().zip(&mut self.names).zip(&mut self.ancillary);
        for ((message, part), ((data, name), ancillary)) in messages.iter_mut().zip(&mut parts).zip(rooms) {
            part.iov_base = data.as_mut_ptr().cast();
            part.iov_len = data.len();
            let header = &mut message.msg_hdr;
            header.msg_name = ptr::from_mut(name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = ptr::from_mut(part);
            header.msg_iovlen = 1;
            header.msg_control = ancillary.0.as_mut_ptr().cast();
            header.msg_controllen = ancillary.0.len() as _;
        }
        // SAFETY: every pointer in `messages` goes to a place in `parts` or `self` that is not used
        // otherwise until the call is over, with the room that is told.
        let result = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), BATCH as libc::c_uint, libc::MSG_DONTWAIT, ptr::null_mut())
        };
        let count = match check(result) {
            Ok(count) => count as usize,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        for (header, message) in self.headers.iter_mut().zip(&messages).take(count) {
            // SAFETY: the kernel has filled in this message; its name and ancillary data lie in
            // `self`, which is borrowed until after the reading.
            let (peer, destination) = unsafe { (socket_address(&message.msg_hdr), destination(&message.msg_hdr)) };
            *header = Header { length: message.msg_len as usize, cut: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0, peer, destination };
        }
        self.count = count;
        Ok(count)
    }

    /// A datagram of the last [`Inbox::receive`].
    pub(super) fn datagram(&self, index: usize) -> Option<Datagram<'_>> {
        let header = self.headers.get(..self.count)?.get(index)?;
        Some(Datagram {
            bytes: self.data.get(index)?.get(..header.length)?,
            cut: header.cut,
            peer: header.peer?,
            destination: header.destination,
        })
    }
}

/// The peer's address.
///
/// # Safety
/// `header.msg_name` must point to a `sockaddr_storage` that the kernel has written.
unsafe fn socket_address(header: &libc::msghdr) -> Option<SocketAddr> {
    // SAFETY: the caller's promise; a `sockaddr_storage` has room and alignment for every family,
    // and each is read only when the family says that it is there.
    unsafe {
        match libc::c_int::from((*header.msg_name.cast::<libc::sockaddr_storage>()).ss_family) {
            libc::AF_INET => {
                let name = *header.msg_name.cast::<libc::sockaddr_in>();
                Some(SocketAddrV4::new(ipv4(name.sin_addr), u16::from_be(name.sin_port)).into())
            }
            libc::AF_INET6 => {
                let name = *header.msg_name.cast::<libc::sockaddr_in6>();
                Some(SocketAddrV6::new(ipv6(name.sin6_addr), u16::from_be(name.sin6_port), 0, name.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// The destination from the ancillary data (ip(7) `IP_PKTINFO`, RFC 3542 section 6.2).
///
/// # Safety
/// `header.msg_control` must point to ancillary data that the kernel has written.
unsafe fn destination(header: &libc::msghdr) -> Option<Destination> {
    // SAFETY: the caller's promise; the macros stay within `msg_controllen`, and the data of a
    // message is read as the type that its level and kind tell, wherever it is aligned.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while !control.is_null() {
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = ptr::read_unaligned(libc::CMSG_DATA(control).cast());
                    return Some(Destination {
                        local: ipv4(info.ipi_spec_dst).into(),
                        interface: info.ipi_ifindex as u32,
                        many: info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr,
                    });
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = ptr::read_unaligned(libc::CMSG_DATA(control).cast());
                    let local = ipv6(info.ipi6_addr);
                    return Some(Destination { local: local.into(), interface: info.ipi6_ifindex, many: local.is_multicast() });
                }
                _ => control = libc::CMSG_NXTHDR(header, control),
            }
        }
        None
    }
}

fn ipv4(address: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(u32::from_be(address.s_addr))
}

fn ipv6(address: libc::in6_addr) -> Ipv6Addr {
    Ipv6Addr::from(address.s6_addr)
}

/// One piece of ancillary data to send with a datagram.
pub(super) struct Control {
    room: Ancillary,
    length: usize,
}

impl Control {
    /// Answer from this address.
    pub(super) fn source(from: Destination) -> Control {
        // SAFETY: all zeroes is a valid value of both types.
        let (mut four, mut six): (libc::in_pktinfo, libc::in6_pktinfo) = unsafe { (zeroed(), zeroed()) };
        match from.local {
            IpAddr::V4(address) => {
                four.ipi_spec_dst.s_addr = u32::from(address).to_be();
                Control::new(libc::IPPROTO_IP, libc::IP_PKTINFO, four)
            }
            IpAddr::V6(address) => {
                six.ipi6_addr.s6_addr = address.octets();
                six.ipi6_ifindex = from.interface;
                Control::new(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, six)
            }
        }
    }

    /// Cut the buffer into datagrams of this size (udp(7) `UDP_SEGMENT`).
    pub(super) fn segments(size: u16) -> Control {
        Control::new(libc::SOL_UDP, libc::UDP_SEGMENT, size)
    }

    /// The bytes for `msg_control`.
    pub(super) fn bytes(&self) -> &[u8] {
        self.room.0.get(..self.length).unwrap_or_default()
    }

    fn new<T: Copy>(level: libc::c_int, kind: libc::c_int, value: T) -> Control {
        let mut room = Ancillary([0; 128]);
        let size = size_of::<T>() as libc::c_uint;
        // SAFETY: the room is aligned for a header and larger than any header with a value of this
        // file's callers (at most 20 bytes); `CMSG_DATA` points behind the header, inside it.
        let length = unsafe {
            let header = room.0.as_mut_ptr().cast::<libc::cmsghdr>();
            (*header).cmsg_level = level;
            (*header).cmsg_type = kind;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            ptr::write_unaligned(libc::CMSG_DATA(header).cast(), value);
            libc::CMSG_SPACE(size) as usize
        };
        Control { room, length }
    }
}

/// Sets the receive buffer over the system's limit; needs `CAP_NET_ADMIN`.
pub(super) fn force_receive_buffer(socket: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
}

/// Has every received datagram tell where it was sent to.
pub(super) fn tell_destination(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    if v6 {
        set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
    } else {
        set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
    }
}

fn set_option(socket: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the value is an int of the length that is told.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size_of::<libc::c_int>() as libc::socklen_t)
    };
    check(result).map(drop)
}

/// Raises the process's limit of open files to `wanted`, or as near to it as it may. Returns the limit
/// that holds then.
pub(super) fn raise_open_files(wanted: u64) -> io::Result<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the kernel fills in `limit`, and it is read only when that went well.
    let mut limit = unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()))?;
        limit.assume_init()
    };
    let before = limit.rlim_cur;
    limit.rlim_cur = wanted.min(limit.rlim_max).max(before);
    // SAFETY: `limit` is a valid value that lives during the call.
    match check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }) {
        Ok(_) => Ok(limit.rlim_cur),
        Err(_) => Ok(before),
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
