//! Real clients fetch files of every awkward size, over IPv4 and IPv6.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use offhook_server::tftp::{TftpLimits, TransferOutcome};

use crate::shelf::{Seen, Server, pattern};

const SIZES: [usize; 9] = [0, 1, 511, 512, 513, 1024, 1428, 8192, 100_000];

/// Runs a client; its Debian package is named when it is missing.
fn run(package: &str, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}. This test needs the Debian package {package} (apt-get install {package})"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Fetches every size from both address families and compares; `fetch` gets the address, the name and
/// the local file.
fn fetch_all(fetch: impl Fn(SocketAddr, &str, &str)) {
    let contents: Vec<(String, Vec<u8>)> = SIZES.iter().map(|&size| (format!("file{size}.cfg"), pattern(size))).collect();
    let files: Vec<(&str, &[u8])> = contents.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let server = Server::start(&["127.0.0.1:0", "[::1]:0"], TftpLimits::default(), &files);
    let folder = tempfile::tempdir().unwrap();
    for address in &server.addresses {
        for (name, bytes) in &files {
            let local = folder.path().join(format!("{name}-{}", address.is_ipv6()));
            fetch(*address, name, local.to_str().unwrap());
            assert_eq!(read(&local), *bytes, "{name} from {address}");
            let (asked, end) = server.next_end();
            assert_eq!((asked.as_str(), end.outcome, end.bytes), (*name, TransferOutcome::Completed, bytes.len() as u64));
        }
    }
}

/// A client that gets nothing may leave no file.
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

#[test]
fn tftp_hpa() {
    fetch_all(|server, name, local| {
        let (host, port) = (server.ip().to_string(), server.port().to_string());
        run("tftp-hpa", "tftp", &["-m", "binary", &host, &port, "-c", "get", name, local]);
    });
}

#[test]
fn atftp() {
    for options in [&["--option", "blksize 1428"][..], &["--option", "blksize 512", "--option", "windowsize 8"], &["--option", "tsize 0"]] {
        fetch_all(|server, name, local| {
            let (host, port) = (server.ip().to_string(), server.port().to_string());
            let what = ["--get", "-r", name, "-l", local];
            run("atftp", "atftp", &[&what, options, &[&host, &port]].concat());
        });
    }
}

#[test]
fn busybox_tftp() {
    for blksize in ["512", "1428", "16384"] {
        fetch_all(|server, name, local| {
            let (host, port) = (server.ip().to_string(), server.port().to_string());
            run("busybox", "busybox", &["tftp", "-g", "-r", name, "-l", local, "-b", blksize, &host, &port]);
        });
    }
}

#[test]
fn curl() {
    for options in [&["--tftp-blksize", "65464"][..], &["--tftp-no-options"]] {
        fetch_all(|server, name, local| {
            let url = format!("tftp://{server}/{name}");
            run("curl", "curl", &[&["-sS", "--max-time", "20", "-o", local, &url], options].concat());
        });
    }
}

#[test]
fn more_than_65535_blocks() {
    let content = pattern(600_000);
    let server = Server::with(&[("firmware.bin", &content)]);
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("firmware.bin");
    let port = server.addresses[0].port().to_string();
    let options = ["--option", "blksize 8", "--option", "windowsize 64"];
    run("atftp", "atftp", &[&["--get", "-r", "firmware.bin", "-l", local.to_str().unwrap()][..], &options, &["127.0.0.1", &port]].concat());
    assert_eq!(read(&local), content);
}

#[test]
fn netascii_arrives_as_the_text_it_was() {
    let text = b"# phone\nline1_name: \"1001\"\n\nproxy: pbx\n".repeat(100);
    let server = Server::with(&[("SIPDefault.cnf", &text)]);
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("SIPDefault.cnf");
    let port = server.addresses[0].port().to_string();
    run("tftp-hpa", "tftp", &["-m", "ascii", "127.0.0.1", &port, "-c", "get", "SIPDefault.cnf", local.to_str().unwrap()]);
    assert_eq!(read(&local), text);
    let Seen::Asked(request) = server.next() else { panic!("not asked") };
    assert_eq!(request.mode, offhook_server::tftp::Mode::Netascii);
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let server = Server::with(&[]);
    let output = Command::new("curl")
        .args(["-sS", &format!("tftp://{}/none.cfg", server.addresses[0])])
        .output()
        .expect("this test needs the Debian package curl (apt-get install curl)");
    // curl(1): 68 is "file not found on TFTP server".
    assert_eq!(output.status.code(), Some(68));
}
