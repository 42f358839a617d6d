//! The servers of a run: Offhook with a pack of two static files, nginx and dnsmasq with the same files in a folder. All on
//! loopback, all ended with the value.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// A file of phones: a configuration.
pub const SMALL: &str = "cfg4k.cfg";
/// A firmware.
pub const LARGE: &str = "fw4m.bin";

/// A running server.
pub struct Server {
    /// What the table calls it.
    pub name: &'static str,
    /// Base URL, when it speaks HTTP.
    pub http: Option<String>,
    /// Address, when it speaks TFTP.
    pub tftp: Option<SocketAddr>,
    child: Child,
}

impl Server {
    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM lets nginx end its workers; the shell's kill spares the tools a signal call of their own.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The files that are fetched, and a folder for what servers write.
pub struct Site {
    folder: TempDir,
}

impl Site {
    /// Makes both files; their bytes are the same in every run.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn new() -> anyhow::Result<Self> {
        let site = Self { folder: tempfile::Builder::new().prefix("offhook-bench-").tempdir()? };
        fs::create_dir_all(site.files())?;
        let line = b"account.1.label = 1001\n";
        fs::write(site.files().join(SMALL), line.iter().copied().cycle().take(4096).collect::<Vec<_>>())?;
        // The high bits of a multiplication chain: nothing that a server could compress or guess.
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        fs::write(site.files().join(LARGE), noise.take(4 << 20).collect::<Vec<_>>())?;
        // dnsmasq gives only what everybody may read, and as another user.
        open_to_all(site.folder.path())?;
        Ok(site)
    }

    /// The folder with the two files.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// The contents of a file.
    ///
    /// # Errors
    /// When it is gone.
    pub fn content(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        Ok(fs::read(self.files().join(name))?)
    }

    /// Offhook with its defaults, quiet, and a pack that has the two files.
    ///
    /// # Errors
    /// When it does not start.
    pub fn offhook(&self, program: &Path) -> anyhow::Result<Server> {
        let data = self.folder.path().join("offhook");
        let pack = data.join("packs/bench");
        fs::create_dir_all(pack.join("files"))?;
        fs::write(pack.join("vendor.toml"), include_str!("pack/vendor.toml"))?;
        fs::write(pack.join("models.toml"), include_str!("pack/models.toml"))?;
        for file in [SMALL, LARGE] {
            fs::copy(self.files().join(file), pack.join("files").join(file))?;
        }
        let mut command = Command::new(program);
        command.arg("serve").env("OFFHOOK_DATA_DIR", &data).env("OFFHOOK_LOG__LEVEL", "warn");
        for listener in ["ADMIN", "PHONES__HTTP", "PHONES__TFTP"] {
            command.env(format!("OFFHOOK_{listener}__LISTEN"), "127.0.0.1:0");
        }
        let child = self.spawn("offhook", &mut command)?;
        let mut server = Server { name: "offhook", http: None, tftp: None, child };
        let listeners =
            self.wait_for(&mut server, || fs::read_to_string(data.join("listeners.json")).ok().filter(|t| t.contains("tftp")))?;
        server.http = Some(format!("http://{}", first_address(&listeners, "http")?));
        server.tftp = Some(first_address(&listeners, "tftp")?);
        Ok(server)
    }

    /// nginx as people set it for static files.
    ///
    /// # Errors
    /// When it does not start.
    pub fn nginx(&self) -> anyhow::Result<Server> {
        let home = self.folder.path().join("nginx");
        fs::create_dir_all(&home)?;
        let port = free_port()?;
        let temporary: String =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|t| format!("{t}_temp_path {};\n", home.join(t).display())).concat();
        let configuration = format!(
            "daemon off; worker_processes auto; pid {home}/pid; error_log {home}/error.log error;\n\
             events {{ worker_connections 8192; multi_accept on; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000;\n\
             open_file_cache max=1000 inactive=60s;\n{temporary}\
             server {{ listen 127.0.0.1:{port} backlog=4096; root {files}; }} }}\n",
            home = home.display(),
            files = self.files().display(),
        );
        let file = home.join("nginx.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-e").arg(home.join("error.log")).arg("-c").arg(&file);
        let child = self.spawn("nginx-light", &mut command)?;
        let mut server = Server { name: "nginx", http: Some(format!("http://127.0.0.1:{port}")), tftp: None, child };
        self.wait_for(&mut server, || TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(server)
    }

    /// dnsmasq as a TFTP server and nothing else. It knows no port but 69, so it gets a loopback address of its own, and root.
    ///
    /// # Errors
    /// When it does not start.
    pub fn dnsmasq(&self) -> anyhow::Result<Server> {
        let address = "127.69.0.1";
        let mut command = Command::new("/usr/sbin/dnsmasq");
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-interfaces", "--enable-tftp", "--quiet-tftp"]);
        command.args(["--tftp-max=5000", "--log-facility=/dev/null", "--user=nobody", "--pid-file="]);
        command.arg(format!("--listen-address={address}")).arg(format!("--tftp-root={}", self.files().display()));
        let child = self.spawn("dnsmasq-base", &mut command)?;
        let mut server = Server { name: "dnsmasq", http: None, tftp: Some(SocketAddr::new(address.parse()?, 69)), child };
        // It serves when nobody else can have its port.
        self.wait_for(&mut server, || std::net::UdpSocket::bind((address, 69)).is_err().then_some(()))?;
        Ok(server)
    }

    fn spawn(&self, package: &str, command: &mut Command) -> anyhow::Result<Child> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log())?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn().with_context(|| format!("{package} does not run"))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn wait_for<T>(&self, server: &mut Server, mut ready: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) && server.child.try_wait()?.is_none() {
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            sleep(Duration::from_millis(20));
        }
        bail!("{} does not start:\n{}", server.name, fs::read_to_string(self.log())?)
    }
}

fn open_to_all(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The first address of a list in `listeners.json`.
fn first_address(listeners: &str, name: &str) -> anyhow::Result<SocketAddr> {
    let list = listeners.split_once(&format!("\"{name}\"")).with_context(|| format!("no {name} in listeners.json"))?.1;
    Ok(list.split('"').nth(1).context("no address in listeners.json")?.parse()?)
}
