//! What a phone asks, whatever it came by: every transport becomes one [`Request`].

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// HTTP in clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// TFTP (RFC 1350).
    Tftp,
    /// A lease event; asks for no file.
    Dhcp,
    /// A SIP subscription for `ua-profile`; asks for no file.
    Pnp,
}

impl Transport {
    /// `http`, `https`, `tftp`, `dhcp` or `pnp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tftp => "tftp",
            Self::Dhcp => "dhcp",
            Self::Pnp => "pnp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One request of a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How it came.
    pub transport: Transport,
    /// The path or file name, percent-decoded, as it was sent (leading slash or not). None for a lease event.
    pub path: Option<String>,
    /// The phone sends this file instead of asking for it (HTTP PUT and POST, TFTP WRQ).
    pub writes: bool,
    /// The query of an HTTP request, raw, without `?`.
    pub query: Option<String>,
    /// Header names in lower case with their values, as [`text_of`] reads them. Only those that identification may use.
    pub headers: Vec<(String, String)>,
    /// Where it came from, after trusted proxies.
    pub source: IpAddr,
    /// The local address and port that was asked, when there is one.
    pub local: Option<SocketAddr>,
    /// DHCP option 60, as [`text_of`] reads it.
    pub option60: Option<String>,
    /// Subject of the verified client certificate.
    pub certificate_subject: Option<String>,
}

impl Request {
    /// A request with nothing but its transport and source.
    pub fn new(transport: Transport, source: IpAddr) -> Self {
        Self {
            transport,
            path: None,
            writes: false,
            query: None,
            headers: Vec::new(),
            source,
            local: None,
            option60: None,
            certificate_subject: None,
        }
    }

    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The User-Agent.
    pub fn user_agent(&self) -> Option<&str> {
        self.header("user-agent")
    }
}

/// What a phone sent, as text: UTF-8 where it is that, else each byte the character of its number (ISO 8859-1), so that nothing is lost or
/// refused.
pub fn text_of(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|&b| char::from(b)).collect(), str::to_owned)
}
