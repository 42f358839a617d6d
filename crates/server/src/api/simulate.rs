//! `/api/v1/simulate`: what would become of a request.

use axum::{Json, response::IntoResponse};
use base64::{Engine, engine::general_purpose::STANDARD};
use offhook_core::request::Transport;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

use super::{
    auth::By,
    body::Document,
    params::NoParams,
    problem::Problem,
    requests::{DecisionName, StepView, TransportName, steps},
};
use crate::{
    app::{Caller, simulate},
    pipeline::{Answer, File, Simulation},
};

/// The largest body that is shown, in bytes; firmware may be larger.
const SHOWN: usize = 1024 * 1024;

/// A made-up request. Only `transport` is needed.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"transport": "http", "path": "/001565aabbcc.cfg", "headers": {"user-agent": "Acme Desk-7 1.2.3 00:15:65:aa:bb:cc"}, "ip": "10.0.0.9"}))]
pub struct SimulateRequest {
    /// How it comes.
    pub transport: TransportName,
    /// Path (with query, for HTTP) or file name. A lease event or a subscription has none.
    pub path: Option<String>,
    /// HTTP headers by name.
    pub headers: Option<BTreeMap<String, String>>,
    /// Where it comes from; 127.0.0.1 when left out.
    pub ip: Option<String>,
    /// DHCP options by number. 60, the vendor class, tells what the phone is.
    pub options: Option<BTreeMap<String, String>>,
    /// Subject of the client certificate.
    pub certificate_subject: Option<String>,
    /// Use what was learnt earlier of this MAC or address.
    pub use_learnt: Option<bool>,
    /// Show secrets in the body; admins only.
    pub reveal: Option<bool>,
}

/// What would become of the request.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimulateAnswer {
    /// What it tells of the phone.
    pub sighting: SightingView,
    /// What was decided, and why.
    pub authorization: AuthorizationView,
    /// The stored device, or the one that would be made; null: none.
    pub device: Option<DeviceBrief>,
    /// The file it asks for, classified even when the phone is unknown; null: no pack knows one.
    pub file: Option<FileView>,
    /// What would be sent; null when no file can be asked for by this transport.
    pub answer: Option<AnswerView>,
    /// What each step saw and decided.
    pub trace: Vec<StepView>,
}

/// What a request tells of the phone.
#[derive(Debug, Serialize, ToSchema)]
pub struct SightingView {
    /// MAC address.
    pub mac: Option<String>,
    /// Family.
    pub vendor: Option<String>,
    /// Model, canonical spelling.
    pub model: Option<String>,
    /// Firmware version.
    pub firmware: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// UUID.
    pub uuid: Option<String>,
    /// Everything that was read.
    pub evidence: Vec<EvidenceView>,
}

/// One fact, with where it came from.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceView {
    /// What it tells: `mac`, `serial`, `uuid`, `vendor`, `model` or `firmware`.
    #[schema(value_type = String)]
    pub field: Value,
    /// The value, normalised.
    pub value: String,
    /// Where it was read: `user_agent`, `header`, `path`, `query`, `option60`, `certificate`, `oui` or `learnt`.
    #[schema(value_type = String)]
    pub from: Value,
    /// The pack whose rule read it.
    pub pack: String,
    /// The rule.
    pub rule: String,
    /// 0 to 100: how sure the rule is.
    pub confidence: u8,
}

/// What was decided, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorizationView {
    /// The decision.
    #[schema(value_type = DecisionName)]
    pub decision: &'static str,
    /// Why, in words.
    pub reason: String,
}

/// A device in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceBrief {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// `pending`, `ready` or `disabled`.
    pub state: &'static str,
}

/// The file that is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileView {
    /// The path as asked.
    pub path: String,
    /// The pack that knows it.
    pub pack: String,
    /// `common`, `model`, `device`, `firmware`, `language`, `directory` or `other`.
    pub kind: &'static str,
    /// Whether it holds credentials.
    pub credentials: bool,
    /// The template that makes it; null: none made it.
    pub template: Option<String>,
}

/// What would be sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// HTTP status, or the one that a TFTP answer amounts to.
    pub status: u16,
    /// Media type.
    pub content_type: Option<String>,
    /// Bytes.
    pub size: u64,
    /// The bytes when they are UTF-8 and at most 1 MiB, secrets masked unless `reveal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The bytes when they are not UTF-8, base64 (RFC 4648, section 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

fn view(transport: Transport, simulation: Simulation) -> SimulateAnswer {
    let Simulation { sighting, decision, reason, device, file, template, answer, trace } = simulation;
    let asks = matches!(transport, Transport::Http | Transport::Https | Transport::Tftp);
    SimulateAnswer {
        authorization: AuthorizationView { decision: decision.as_str(), reason: reason.to_string() },
        device: device.map(|d| DeviceBrief { id: d.id.to_string(), state: d.state.as_str() }),
        file: file.map(|f| FileView { path: f.path, pack: f.pack, kind: f.kind.as_str(), credentials: f.credentials, template }),
        answer: asks.then(|| answer_view(answer)),
        trace: steps(&trace),
        sighting: SightingView {
            mac: sighting.mac.map(|m| m.to_string()),
            vendor: sighting.vendor,
            model: sighting.model,
            firmware: sighting.firmware,
            serial: sighting.serial,
            uuid: sighting.uuid,
            evidence: sighting.evidence.into_iter().map(evidence).collect(),
        },
    }
}

fn evidence(evidence: offhook_core::sighting::Evidence) -> EvidenceView {
    EvidenceView {
        field: serde_json::json!(evidence.field),
        value: evidence.value,
        from: serde_json::json!(evidence.from),
        pack: evidence.pack,
        rule: evidence.rule,
        confidence: evidence.confidence,
    }
}

fn answer_view(answer: Answer) -> AnswerView {
    let empty = |status| AnswerView { status, content_type: None, size: 0, body: None, body_base64: None };
    match answer {
        Answer::File(file) => file_view(file),
        Answer::Take(_) => empty(201),
        Answer::NotFound => empty(404),
        Answer::MethodNotAllowed => empty(405),
        Answer::Failed => empty(500),
        Answer::Busy => empty(503),
    }
}

/// A file larger than [`SHOWN`] is told by its size only.
fn file_view(file: File) -> AnswerView {
    let (mut body, mut body_base64) = (None, None);
    if file.body.len() <= SHOWN {
        match std::str::from_utf8(&file.body) {
            Ok(text) => body = Some(text.to_owned()),
            Err(_) => body_base64 = Some(STANDARD.encode(&file.body)),
        }
    }
    AnswerView { status: 200, content_type: Some(file.content_type.to_string()), size: file.body.len() as u64, body, body_base64 }
}

/// What would become of a request
///
/// Nothing is stored or logged, so a read-only token may ask; only an admin may reveal secrets.
#[utoipa::path(post, path = "/simulate", tag = "simulate", security(("token" = ["admin", "operator", "installer", "read-only"])), request_body = SimulateRequest,
    responses((status = 200, description = "What each step saw and decided, and the bytes.", body = SimulateAnswer)))]
pub(super) async fn simulate(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<impl IntoResponse, Problem> {
    let (transport, simulation) = simulate::run(&app, &who, document).await?;
    Ok(Json(view(transport, simulation)))
}
