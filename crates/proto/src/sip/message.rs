//! Messages: a NOTIFY is written, an answer is read. Nothing of a value can begin a new header.

use std::net::SocketAddr;

/// The greatest datagram that is read, in bytes.
const MAX: usize = 8192;
/// Most headers of an answer.
const HEADERS: usize = 64;

/// A NOTIFY that begins no dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The user that the phone knows itself by; empty: none.
    pub user: String,
    /// Where the phone is.
    pub to: SocketAddr,
    /// Where we are, as the phone sees it.
    pub from: SocketAddr,
    /// Makes the branch of the transaction, the tag and the Call-ID: unique, letters and digits.
    pub token: String,
    /// The event package with its parameters, as `check-sync;reboot=false`.
    pub event: String,
    /// Media type and text of the body, when there is one.
    pub body: Option<(String, String)>,
}

impl Notify {
    /// The bytes to send.
    pub fn bytes(&self) -> Vec<u8> {
        let Self { to, from, .. } = self;
        let token: String = self.token.chars().filter(char::is_ascii_alphanumeric).collect();
        let user = user(&self.user);
        let (media, body) = self.body.as_ref().map_or(("", ""), |(media, body)| (media, body));
        let media = if body.is_empty() { String::new() } else { format!("Content-Type: {}\r\n", plain(media)) };
        let text = format!(
            "NOTIFY sip:{user}{to} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {from};branch=z9hG4bK{token};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:offhook@{from}>;tag={token}\r\n\
             To: <sip:{user}{to}>\r\n\
             Call-ID: {token}@{}\r\n\
             CSeq: 1 NOTIFY\r\n\
             Contact: <sip:offhook@{from}>\r\n\
             Event: {}\r\n\
             Subscription-State: terminated\r\n\
             {media}Content-Length: {}\r\n\r\n{body}",
            from.ip(),
            plain(&self.event),
            body.len()
        );
        text.into_bytes()
    }

    /// Whether an answer is to this request: by its branch (RFC 3261, 17.1.3).
    pub fn is_answer(&self, response: &Response) -> bool {
        let token: String = self.token.chars().filter(char::is_ascii_alphanumeric).collect();
        response.branch == format!("z9hG4bK{token}") && response.method.eq_ignore_ascii_case("NOTIFY")
    }
}

/// `user@`, escaped as a URI wants it (RFC 3261, 25.1).
fn user(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let escaped = text.bytes().map(|b| match b {
        b if b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    });
    escaped.collect::<String>() + "@"
}

/// Without what ends a line.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// What the phone says in words.
    pub reason: String,
    /// Branch of the topmost Via.
    pub branch: String,
    /// Method of the CSeq.
    pub method: String,
}

impl Response {
    /// Reads a datagram; none when it is no answer.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.get(..bytes.len().min(MAX))?).ok()?;
        let mut lines = text.split("\r\n");
        let rest = lines.next()?.strip_prefix("SIP/2.0 ")?;
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = status.parse().ok().filter(|s| (100..700).contains(s))?;
        let (mut branch, mut method) = (None, None);
        for line in lines.take(HEADERS).take_while(|l| !l.is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.trim().to_ascii_lowercase().as_str() {
                "via" | "v" if branch.is_none() => branch = Some(parameter(value, "branch").unwrap_or_default()),
                "cseq" if method.is_none() => method = value.split_whitespace().nth(1).map(str::to_owned),
                _ => {}
            }
        }
        Some(Self { status, reason: plain(reason).chars().take(100).collect(), branch: branch?, method: method? })
    }

    /// Whether nothing more will follow.
    pub fn is_final(&self) -> bool {
        self.status >= 200
    }
}

/// A parameter of the first of several values.
fn parameter(value: &str, name: &str) -> Option<String> {
    let first = value.split(',').next()?;
    first.split(';').skip(1).find_map(|p| {
        let (key, value) = p.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn notify() -> Notify {
        Notify {
            user: "1001".into(),
            to: "198.51.100.7:5060".parse().unwrap(),
            from: "203.0.113.5:5062".parse().unwrap(),
            token: "7d1a".into(),
            event: "check-sync;reboot=false".into(),
            body: None,
        }
    }

    #[test]
    fn a_notify_is_written_and_its_answer_read() {
        let text = String::from_utf8(notify().bytes()).unwrap();
        assert!(text.starts_with("NOTIFY sip:1001@198.51.100.7:5060 SIP/2.0\r\n"), "{text}");
        assert!(text.contains("\r\nVia: SIP/2.0/UDP 203.0.113.5:5062;branch=z9hG4bK7d1a;rport\r\n"));
        assert!(text.contains("\r\nEvent: check-sync;reboot=false\r\n") && text.ends_with("Content-Length: 0\r\n\r\n"));
        let answer = b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 203.0.113.5:5062;rport=5062;Branch=z9hG4bK7d1a\r\nCSeq: 1 NOTIFY\r\n\r\n";
        let answer = Response::parse(answer).unwrap();
        assert_eq!((answer.status, answer.reason.as_str(), answer.is_final()), (200, "OK", true));
        assert!(notify().is_answer(&answer));
        assert!(!Notify { token: "other".into(), ..notify() }.is_answer(&answer));
    }

    #[test]
    fn an_address_of_version_6_and_a_body() {
        let one = Notify {
            to: "[2001:db8::1]:5060".parse().unwrap(),
            user: String::new(),
            body: Some(("text/plain".into(), "action=restart\r\n".into())),
            ..notify()
        };
        let text = String::from_utf8(one.bytes()).unwrap();
        assert!(text.starts_with("NOTIFY sip:[2001:db8::1]:5060 SIP/2.0\r\n"), "{text}");
        assert!(text.ends_with("Content-Type: text/plain\r\nContent-Length: 16\r\n\r\naction=restart\r\n"), "{text}");
    }

    #[test]
    fn what_is_no_answer() {
        for bytes in
            ["", "SIP/2.0", "SIP/2.0 99 x\r\n\r\n", "NOTIFY sip:x SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "SIP/2.0 700 x\r\nVia: a\r\n"]
        {
            assert_eq!(Response::parse(bytes.as_bytes()), None, "{bytes:?}");
        }
    }

    proptest! {
        /// No value opens a header or ends the head.
        #[test]
        fn values_stay_in_their_place(user in ".{0,20}", event in ".{0,20}", token in ".{0,20}") {
            let one = Notify { user, event, token, ..notify() };
            let text = String::from_utf8(one.bytes()).unwrap();
            prop_assert_eq!(text.matches("\r\n").count(), 12, "{}", text);
            prop_assert!(text.ends_with("\r\n\r\n"));
            prop_assert!(!text.trim_end().contains("\r\n\r\n"));
        }

        /// No datagram panics.
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Response::parse(&bytes);
        }

        /// Nor one that begins well.
        #[test]
        fn no_text_panics(rest in "[ -~\r\n]{0,200}") {
            let _ = Response::parse(format!("SIP/2.0 {rest}").as_bytes());
            let _ = Response::parse(format!("SIP/2.0 200 OK\r\nVia: {rest}\r\nCSeq: {rest}\r\n\r\n").as_bytes());
        }
    }
}
