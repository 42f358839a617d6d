//! What must hold between keys.

use std::net::SocketAddr;

use super::{AutoCreate, TrustedNetworks, load::Reading};

pub(super) fn across(reading: &mut Reading) {
    let config = reading.config.clone();
    let mut disagree = |path: &str, message: String| reading.disagree(path, message);
    let roles = config.roles;
    if !roles.phones && !roles.admin {
        disagree("roles", "a process without a role does nothing\nallowed: a list of \"phones\" and \"admin\"".to_owned());
    }
    let open: Vec<String> = config.admin.listen.iter().filter(|a| !a.ip().is_loopback()).map(ToString::to_string).collect();
    if roles.admin && !open.is_empty() && !config.admin.insecure {
        disagree(
            "admin.listen",
            format!(
                "{} is not a loopback address, and the API speaks plain HTTP: tokens would cross the network readable\n\
                 listen on 127.0.0.1 and reach it through ssh or a proxy with TLS, or set admin.insecure = true",
                open.join(", ")
            ),
        );
    }
    if roles.admin && config.admin.listen.is_empty() {
        disagree("admin.listen", "the role \"admin\" needs an address: give one, or leave \"admin\" out of roles".to_owned());
    }
    let phones = &config.phones;
    if roles.phones && phones.http_listen.is_empty() && phones.tftp_listen.is_empty() {
        disagree(
            "phones.http.listen",
            "the role \"phones\" needs an address here or in phones.tftp.listen: give one, or leave \"phones\" out of roles".to_owned(),
        );
    }
    let nobody = matches!(&phones.trusted_networks, TrustedNetworks::List(nets) if nets.is_empty());
    if phones.auto_create == AutoCreate::Pending && nobody {
        disagree(
            "phones.trusted_networks",
            "phones become pending only from trusted networks, and this list has none: nothing would ever be created\n\
             list the phones' networks, write \"auto\", or set phones.auto_create = \"off\""
                .to_owned(),
        );
    }
    if let Some(twice) = shared(&config.admin.listen, &phones.http_listen).filter(|_| roles.admin && roles.phones) {
        disagree(
            "phones.http.listen",
            format!("{twice} is also in admin.listen: phones and administrators never share an address\ntake another port"),
        );
    }
    for (path, list) in
        [("admin.listen", &config.admin.listen), ("phones.http.listen", &phones.http_listen), ("phones.tftp.listen", &phones.tftp_listen)]
    {
        let twice = list.iter().enumerate().find(|(i, a)| a.port() != 0 && list.iter().take(*i).any(|b| b == *a));
        if let Some((_, twice)) = twice {
            disagree(path, format!("{twice} stands here twice: leave one out"));
        }
    }
}

/// An address of the second list that the first one occupies.
fn shared(first: &[SocketAddr], second: &[SocketAddr]) -> Option<SocketAddr> {
    let clash = |a: &SocketAddr, b: &SocketAddr| {
        let same_family = a.is_ipv4() == b.is_ipv4();
        a.port() == b.port() && a.port() != 0 && same_family && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
    };
    second.iter().find(|b| first.iter().any(|a| clash(a, b))).copied()
}
