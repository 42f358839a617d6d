//! Which of many sockets has something to read: epoll(7), which the standard library does not have.

#![allow(unsafe_code)]

use std::{
    io,
    net::UdpSocket,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

/// Sockets under watch. One that is closed leaves by itself.
pub(super) struct Poll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poll {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1(2) takes flags; its result is checked before it is owned.
        let descriptor = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: a new descriptor that nothing else owns.
        let epoll = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { epoll, events: vec![libc::epoll_event { events: 0, u64: 0 }; 512] })
    }

    /// Watches a socket; `name` tells it in [`Poll::ready`].
    pub(super) fn add(&self, socket: &UdpSocket, name: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN.cast_unsigned(), u64: name as u64 };
        // SAFETY: both descriptors are open, the event outlives the call.
        checked(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) })?;
        Ok(())
    }

    /// Names of sockets that have something to read, after so many milliseconds at the latest.
    pub(super) fn ready(&mut self, patience: i32) -> io::Result<Vec<usize>> {
        let room = i32::try_from(self.events.len()).unwrap_or(i32::MAX);
        // SAFETY: the buffer has room for that many events.
        match checked(unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), self.events.as_mut_ptr(), room, patience) }) {
            Ok(count) => Ok(self.events.iter().take(count.unsigned_abs() as usize).map(|e| e.u64 as usize).collect()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
