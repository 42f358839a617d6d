//! Shuts the running process in: no new privileges, no files, no other processes, bounded memory and processor time, and on Linux only
//! the system calls that rendering needs. All unsafe code of the sandbox is in this file.
#![allow(unsafe_code)]

use std::{fs, io};

/// Memory that a process may take beyond what it has when it starts, in bytes.
pub const MEMORY: u64 = 256 << 20;
/// Processor time of a process over its whole life, in seconds: a last resort, for the clock on the wall ends it much earlier.
const PROCESSOR: u64 = 60;

/// Cannot be undone.
///
/// # Errors
/// Of the first system call that fails.
pub fn confine() -> io::Result<()> {
    let memory = address_space().map(|now| now + MEMORY);
    end_with_parent()?;
    close_files();
    if let Some(memory) = memory {
        limit(libc::RLIMIT_AS, memory)?;
    }
    limit(libc::RLIMIT_CPU, PROCESSOR)?;
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_FSIZE, 0)?;
    limit(libc::RLIMIT_NPROC, 0)?;
    limit(libc::RLIMIT_NOFILE, 3)?;
    calls::filter()
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(target_os = "linux")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_os = "linux"))]
type Resource = libc::c_int;

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: most as libc::rlim_t, rlim_max: most as libc::rlim_t };
    // SAFETY: the pointer is to a value that lives during the call.
    done(unsafe { libc::setrlimit(resource, &raw const limit) })
}

/// Address space of this process now, in bytes: the program itself, whose size is none of a template's doing.
fn address_space() -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').next()?.parse().ok()?;
    // SAFETY: takes and gives numbers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}

#[cfg(target_os = "linux")]
fn end_with_parent() -> io::Result<()> {
    // SAFETY: takes numbers. The input of this process ends with the parent too, should it be gone already.
    done(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) })?;
    // Nobody traces it or reads its memory, which holds a phone's passwords.
    // SAFETY: takes numbers.
    done(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0 as libc::c_ulong) })?;
    // SAFETY: takes numbers.
    done(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong) })
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> io::Result<()> {
    Ok(())
}

/// Everything but input, output and errors.
fn close_files() {
    #[cfg(target_os = "linux")]
    // SAFETY: nothing of this process holds an open file yet. Where the kernel lacks the call, all files were marked to be closed anyway.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, libc::c_uint::MAX, 0 as libc::c_uint);
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod calls {
    //! The filter of system calls (seccomp, see the kernel's `seccomp_filter.rst`): a program of the kernel's packet filter that sees
    //! architecture and number of each call.

    use std::io;

    use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};

    /// Reading, writing, memory, time and the end; nothing that opens, makes or sends anything.
    const ALLOWED: [libc::c_long; 19] = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_mprotect,
        libc::SYS_futex,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    #[cfg(target_arch = "x86_64")]
    const ARCHITECTURE: u32 = 0xc000_003e;
    #[cfg(target_arch = "aarch64")]
    const ARCHITECTURE: u32 = 0xc000_00b7;
    /// Where number and architecture stand in what the filter sees.
    const NUMBER: u32 = 0;
    const OF_ARCHITECTURE: u32 = 4;
    /// Its lower half: both architectures write the lowest byte first.
    const FIRST_ARGUMENT: u32 = 16;

    fn load(offset: u32) -> sock_filter {
        sock_filter { code: (BPF_LD | BPF_W | BPF_ABS) as u16, jt: 0, jf: 0, k: offset }
    }

    /// Goes on with the next, or passes over the next where it is not equal.
    fn if_equal(value: u32) -> sock_filter {
        sock_filter { code: (BPF_JMP | BPF_JEQ | BPF_K) as u16, jt: 0, jf: 1, k: value }
    }

    fn give(what: u32) -> sock_filter {
        sock_filter { code: (BPF_RET | BPF_K) as u16, jt: 0, jf: 0, k: what }
    }

    fn program() -> Vec<sock_filter> {
        let jump_over_kill = sock_filter { code: (BPF_JMP | BPF_JEQ | BPF_K) as u16, jt: 1, jf: 0, k: ARCHITECTURE };
        let mut out = vec![load(OF_ARCHITECTURE), jump_over_kill, give(libc::SECCOMP_RET_KILL_PROCESS), load(NUMBER)];
        for call in ALLOWED {
            out.push(if_equal(call as u32));
            out.push(give(libc::SECCOMP_RET_ALLOW));
        }
        // `abort` of the C library sends its signal by a call; to nobody but this process.
        let pass_over_three = sock_filter { jf: 3, ..if_equal(libc::SYS_tgkill as u32) };
        out.extend([pass_over_three, load(FIRST_ARGUMENT), if_equal(std::process::id()), give(libc::SECCOMP_RET_ALLOW)]);
        // Refused and not ended: what a library tries and can do without, it does without.
        out.push(give(libc::SECCOMP_RET_ERRNO | (libc::EPERM as u32 & libc::SECCOMP_RET_DATA)));
        out
    }

    pub fn filter() -> io::Result<()> {
        let mut list = program();
        let program = sock_fprog { len: u16::try_from(list.len()).unwrap_or(0), filter: list.as_mut_ptr() };
        // SAFETY: the program and its list live during the call, in which the kernel copies them.
        super::done(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER as libc::c_ulong, &raw const program) })
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod calls {
    //! No filter of system calls here: the limits are all.

    pub fn filter() -> std::io::Result<()> {
        Ok(())
    }
}
