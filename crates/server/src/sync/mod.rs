//! Telling phones to read their files again, directly: a NOTIFY over UDP from a socket of its own. What the answer means is said here;
//! which phones, and with which event, is the use case's business.

use std::{fmt, io, net::SocketAddr, time::Duration};

use offhook_proto::sip::{Client, Next, Notify, Response};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The phone answered.
    Answered {
        /// SIP status.
        status: u16,
        /// Its words.
        reason: String,
    },
    /// It did not.
    Silent,
    /// It cannot be sent to.
    Unreachable(String),
}

impl Told {
    /// Whether the phone took it.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Answered { status: 200..300, .. })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status: status @ 200..300, .. } => write!(f, "it took it ({status})"),
            Self::Answered { status, reason } => write!(f, "it answered {status} {reason}: {}", meaning(*status)),
            Self::Silent => f.write_str(
                "no answer in 32 s: it is off, moved, behind NAT, or listens only to its SIP server; it reads its files at its next start or poll",
            ),
            Self::Unreachable(why) => write!(f, "it cannot be sent to: {why}"),
        }
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        401 | 407 => {
            "it wants a password for this; let it take events without one (its settings on notify or sync authentication), or restart it by hand"
        }
        403 | 603 => "it refuses events from here; it may listen only to its SIP server",
        404 | 410 => "it does not know the user of its first line; it may not have read its newest files",
        405 | 501 => "it does not know NOTIFY",
        481 => "it wants a subscription first; it takes this only from its SIP server",
        489 => {
            "it does not know the event; the pack says which one its family takes (sync in vendor.toml), provisioning.sync.event overrides it"
        }
        480 | 486 | 500 | 503 => "it cannot now; try again",
        300..=399 => "it points elsewhere, which is not followed",
        _ => "it does not take it",
    }
}

/// Sends it and waits for the answer, at most 32 s. `request` gets the address that the phone sees.
pub async fn notify(to: SocketAddr, request: impl FnOnce(SocketAddr) -> Notify) -> Told {
    match talk(to, request).await {
        Ok(told) => told,
        Err(error) => Told::Unreachable(error.to_string()),
    }
}

async fn talk(to: SocketAddr, request: impl FnOnce(SocketAddr) -> Notify) -> io::Result<Told> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    // Which of our addresses leads there.
    let probe = UdpSocket::bind(any).await?;
    probe.connect(to).await?;
    let ip = probe.local_addr()?.ip();
    let socket = UdpSocket::bind(SocketAddr::new(ip, 0)).await?;
    let request = request(SocketAddr::new(ip, socket.local_addr()?.port()));
    let bytes = request.bytes();
    let (mut client, begin) = (Client::default(), Instant::now());
    let mut buffer = vec![0; 8192];
    loop {
        match client.next(begin.elapsed()) {
            Next::GiveUp => return Ok(Told::Silent),
            Next::Send => drop(socket.send_to(&bytes, to).await?),
            Next::Wait => {}
        }
        let until = begin + client.wake() + Duration::from_millis(1);
        while let Ok(received) = timeout_at(until, socket.recv_from(&mut buffer)).await {
            let Ok((length, from)) = received else { continue };
            let response = buffer.get(..length).and_then(Response::parse).filter(|r| from.ip() == to.ip() && request.is_answer(r));
            match response {
                Some(response) if response.is_final() => {
                    return Ok(Told::Answered { status: response.status, reason: response.reason });
                }
                Some(_) => client.provisional(),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn request(to: SocketAddr) -> impl FnOnce(SocketAddr) -> Notify {
        move |from| Notify { user: "1001".into(), to, from, token: "abc".into(), event: "check-sync".into(), body: None }
    }

    /// A phone by its script: for each datagram that comes, what it answers.
    async fn phone(script: Vec<Option<&'static str>>) -> (SocketAddr, tokio::task::JoinHandle<usize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            let mut seen = 0;
            for answer in script {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                seen += 1;
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let via = text.lines().find(|l| l.starts_with("Via:")).unwrap().to_owned();
                if let Some(status) = answer {
                    socket.send_to(format!("SIP/2.0 {status}\r\n{via}\r\nCSeq: 1 NOTIFY\r\n\r\n").as_bytes(), from).await.unwrap();
                }
            }
            seen
        });
        (address, task)
    }

    #[tokio::test]
    async fn answers_are_told_with_what_they_mean() {
        for (answer, taken, says) in [
            ("200 OK", true, "took it"),
            ("202 Accepted", true, "took it"),
            ("401 Unauthorized", false, "password"),
            ("481 Nope", false, "subscription"),
            ("489 Bad Event", false, "event"),
        ] {
            let (address, task) = phone(vec![Some(answer)]).await;
            let told = notify(address, request(address)).await;
            assert_eq!(told.is_taken(), taken, "{told}");
            assert!(told.to_string().contains(says), "{told}");
            assert_eq!(task.await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn what_is_lost_is_sent_again() {
        let (address, task) = phone(vec![None, Some("100 Trying\r\nX: y"), Some("200 OK")]).await;
        let told = notify(address, request(address)).await;
        assert!(told.is_taken(), "{told}");
        assert_eq!(task.await.unwrap(), 3);
    }
}
