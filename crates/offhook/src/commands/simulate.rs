//! `offhook simulate`: what would become of a request, and why.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{document, put};
use crate::{
    client::{Client, Connection},
    explain,
    failure::{Failure, Outcome},
    output::{Output, member, size},
};

/// Show what would become of a phone's request, and why
#[derive(Args, Debug)]
#[command(after_help = "\
Nothing is stored: it is the server's own way of deciding, told step by step.

Examples:
  offhook simulate --path /001565aabbcc.cfg --user-agent \"$USER_AGENT\"
  offhook simulate --transport tftp --path SIP00036BAABBCC.cnf --ip 10.0.0.9
  offhook simulate --transport dhcp --option60 \"$VENDOR_CLASS\"
  offhook simulate --path /001565aabbcc.cfg --body")]
pub struct Simulate {
    /// How it comes
    #[arg(long, value_enum, default_value_t = Transport::Http)]
    transport: Transport,
    /// The path (with query) or file name that is asked for
    #[arg(long)]
    path: Option<String>,
    /// The User-Agent header
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// Where it comes from [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// Another header; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// DHCP option 60, the vendor class
    #[arg(long, value_name = "TEXT")]
    option60: Option<String>,
    /// Subject of the client certificate
    #[arg(long, value_name = "TEXT")]
    certificate_subject: Option<String>,
    /// Use what was learnt earlier of this MAC or address
    #[arg(long)]
    use_learnt: bool,
    /// Print the answer's bytes and nothing else
    #[arg(long)]
    body: bool,
    /// Do not mask secrets in the answer's bytes
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Transport {
    Http,
    Https,
    Tftp,
    Dhcp,
    Pnp,
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tftp => "tftp",
            Self::Dhcp => "dhcp",
            Self::Pnp => "pnp",
        }
    }
}

impl Simulate {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        let asked = self.request()?;
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        let answer = client.post(&["simulate"], &[], &asked).await?;
        if out.as_json(&answer)? {
            return Ok(());
        }
        if self.body { body(out, &answer) } else { show(out, &asked, &answer) }
    }

    fn request(&self) -> Outcome<Value> {
        let mut body = json!({ "transport": self.transport.name() });
        put(&mut body, "path", self.path.clone());
        put(&mut body, "ip", self.ip.map(|ip| ip.to_string()));
        put(&mut body, "certificate_subject", self.certificate_subject.clone());
        put(&mut body, "options", self.option60.clone().map(|text| json!({ "60": text })));
        put(&mut body, "use_learnt", self.use_learnt.then_some(true));
        put(&mut body, "reveal", self.reveal.then_some(true));
        let mut headers = document();
        for header in &self.headers {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| Failure::Usage(format!("--header {header:?}: write it like --header 'X-Name: value'")))?;
            headers[name.trim().to_lowercase()] = json!(value.trim());
        }
        put(&mut headers, "user-agent", self.user_agent.clone());
        put(&mut body, "headers", Some(headers).filter(|h| *h != document()));
        Ok(body)
    }
}

fn body(out: &mut Output<'_>, answer: &Value) -> Outcome {
    let answer = answer.get("answer").unwrap_or(&Value::Null);
    match (answer.get("body").and_then(Value::as_str), answer.get("body_base64").and_then(Value::as_str)) {
        (Some(text), _) => out.bytes(text.as_bytes()),
        (None, Some(text)) => {
            let bytes = STANDARD.decode(text).map_err(|e| Failure::Failed(format!("the server's answer cannot be read: {e}")))?;
            out.bytes(&bytes)
        }
        (None, None) => Err(Failure::Failed(format!("there are no bytes to print: status {}", member(answer, "status")))),
    }
}

/// The whole story.
pub(super) fn show(out: &mut Output<'_>, asked: &Value, answer: &Value) -> Outcome {
    let part = |name: &str| answer.get(name).unwrap_or(&Value::Null);
    let ip = Some(member(asked, "ip")).filter(|ip| !ip.is_empty()).unwrap_or_else(|| "127.0.0.1".to_owned());
    let user_agent =
        Some(member(asked, "headers.user-agent")).filter(|u| !u.is_empty()).map(|u| format!(", User-Agent \"{u}\"")).unwrap_or_default();
    let what = [member(asked, "transport"), member(asked, "path")].join(" ");
    out.paragraph("", &format!("A made-up request: {} from {ip}{user_agent}", what.trim()))?;

    out.heading("What happened")?;
    explain::steps(out, part("trace"))?;

    out.heading("Evidence")?;
    explain::evidence(out, part("sighting").get("evidence").unwrap_or(&Value::Null))?;

    out.heading("Decision")?;
    let reason = part("authorization").get("reason").unwrap_or(&Value::Null);
    let decision = explain::decision(out, &member(part("authorization"), "decision"));
    out.paragraph("  ", &format!("{decision}: {}", explain::reason(reason)))?;
    let device = match (member(part("device"), "id").as_str(), member(part("device"), "state").as_str()) {
        ("", _) => "none is stored for it".to_owned(),
        _ if is_new(part("trace")) => "none is stored for it; a real request would add one, as pending".to_owned(),
        (id, state) => format!("{id} ({state})"),
    };
    let file = match part("file") {
        Value::Null if member(asked, "path").is_empty() => "none was asked for".to_owned(),
        Value::Null => "no pack knows one of this name".to_owned(),
        file => {
            let secret = if member(file, "credentials") == "true" { ", may hold credentials" } else { "" };
            format!("{} ({} file of pack {}{secret})", member(file, "path"), member(file, "kind"), member(file, "pack"))
        }
    };
    let template = member(part("file"), "template");
    out.line("")?;
    out.fields(&[("  Device", device), ("  File", file), ("  Template", template), ("  Answer", answered(part("answer")))])?;

    let mac = member(part("sighting"), "mac");
    if let Some(next) = explain::advice(reason, &mac, &ip) {
        out.heading("What to do next")?;
        out.paragraph("  ", &next)?;
    }
    Ok(())
}

/// Whether the device of the answer is one that only a real request would add.
fn is_new(trace: &Value) -> bool {
    trace
        .as_array()
        .into_iter()
        .flatten()
        .any(|step| member(step, "step") == "resolve" && member(step, "says").contains("new pending device"))
}

fn answered(answer: &Value) -> String {
    let Value::Object(_) = answer else { return "none: no file was asked for".to_owned() };
    let bytes = answer.get("size").and_then(Value::as_u64).unwrap_or(0);
    match answer.get("status").and_then(Value::as_u64) {
        Some(200) => format!("200, {}, {} (print it: --body)", member(answer, "content_type"), size(bytes)),
        Some(404) => "404, or TFTP error 1: the same as for a file that does not exist".to_owned(),
        _ => member(answer, "status"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn told(asked: Value, answer: Value) -> String {
        let mut bytes = Vec::new();
        show(&mut Output::plain(&mut bytes, "2026-11-21T04:00:00Z"), &asked, &answer).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        text
    }

    #[test]
    fn a_refusal_is_understood() {
        let text = told(
            json!({"transport": "http", "path": "/0011aabbccdd.cfg", "ip": "198.51.100.7", "headers": {"user-agent": "Phone T46S"}}),
            json!({
                "sighting": {"mac": "00:11:aa:bb:cc:dd", "evidence": [
                    {"field": "mac", "value": "00:11:aa:bb:cc:dd", "from": "path", "pack": "some-pack", "rule": "mac file", "confidence": 60}]},
                "authorization": {"decision": "refused", "reason": "the source is outside phones.trusted_networks: it gets the same answer for every file"},
                "device": null,
                "file": {"path": "/0011aabbccdd.cfg", "pack": "some-pack", "kind": "device", "credentials": true, "template": null},
                "answer": {"status": 404, "content_type": null, "size": 0},
                "trace": [{"step": "gate", "took_us": 1, "says": "the source is in no trusted network"},
                          {"step": "authorize", "took_us": 2, "says": "refused: a stranger"}]
            }),
        );
        for expected in [
            "A made-up request: http /0011aabbccdd.cfg from 198.51.100.7, User-Agent \"Phone\nT46S\"",
            "  1 gate: May this source ask?\n      the source is in no trusted network\n",
            "  2 authorize: May it have the file?\n",
            "mac   00:11:aa:bb:cc:dd  path",
            "  refused: the source is outside phones.trusted_networks",
            "none is stored for it",
            "device file of pack some-pack, may hold",
            "What to do next\n  If 198.51.100.7 is in a network of your phones, add the network",
        ] {
            assert!(text.contains(expected), "{expected}\n--- not in ---\n{text}");
        }
    }

    #[test]
    fn a_phone_that_would_be_added_is_not_told_as_stored() {
        let text = told(
            json!({"transport": "http", "path": "/a.cfg"}),
            json!({"sighting": {"evidence": []}, "authorization": {"decision": "allowed", "reason": "pending_file"},
                   "device": {"id": "0192f0c1", "state": "pending"}, "file": null, "answer": null,
                   "trace": [{"step": "resolve", "says": "tenant default, new pending device 0192f0c1, pack p, file device (device)"}]}),
        );
        assert!(text.contains("a real request would add one, as pending") && !text.contains("0192f0c1 (pending)"), "{text}");
    }

    #[test]
    fn an_event_without_a_file_is_told_as_such() {
        let text = told(
            json!({"transport": "dhcp"}),
            json!({"sighting": {"evidence": []}, "authorization": {"decision": "refused", "reason": "no file was asked for"},
                   "device": null, "file": null, "answer": null, "trace": []}),
        );
        assert!(text.contains("Nothing in the request tells what it is."), "{text}");
        assert!(text.contains("none: no file was asked for") && !text.contains("What to do next"), "{text}");
    }
}
