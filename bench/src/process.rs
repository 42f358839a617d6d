//! What a running process used so far: processor time and memory, its children too.

#![allow(unsafe_code)]

use std::{collections::BTreeSet, fs, io, time::Duration};

/// A process and those it started, as they are now.
pub fn family(id: u32) -> BTreeSet<u32> {
    let mut family = BTreeSet::from([id]);
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|c| c.parse().ok()) {
            family.extend(self::family(child));
        }
    }
    family
}

/// Processor time of a process and its children, exact, ended threads counted.
///
/// # Errors
/// When the process is gone.
pub fn processor_time(id: u32) -> io::Result<Duration> {
    family(id).into_iter().map(clock).sum()
}

fn clock(id: u32) -> io::Result<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls take numbers and write to a local each.
    unsafe {
        let error = libc::clock_getcpuclockid(id.cast_signed(), &raw mut clock);
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        if libc::clock_gettime(clock, &raw mut time) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default()))
}

/// Memory in bytes that a process and its children hold now; what they share counts for each.
#[must_use]
pub fn memory(id: u32) -> u64 {
    let of = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    family(id).into_iter().filter_map(of).sum::<u64>() * 1024
}
