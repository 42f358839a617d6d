//! `/api/v1/requests`: what phones asked, and the live stream of it.

use std::{convert::Infallible, net::IpAddr, time::Duration};

use axum::{
    Json,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::StreamExt;
use offhook_core::{
    Id, Mac,
    trace::{Decision, Trace},
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    listing::{List, Paging},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::{
    app::{App, Caller, devices, requests},
    pipeline::{RequestEntry, RequestFilter},
};

/// How a request came.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransportName {
    /// HTTP in clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// TFTP.
    Tftp,
    /// A lease event.
    Dhcp,
    /// A SIP subscription.
    Pnp,
}

/// What was decided about a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecisionName {
    /// The file was given.
    Allowed,
    /// Credentials were asked for.
    Challenged,
    /// The file was not given.
    Refused,
}

/// What one step of the pipeline saw and decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepView {
    /// `gate`, `identify`, `resolve`, `authorize`, `compose` or `render`.
    pub step: String,
    /// Microseconds.
    pub took_us: u32,
    /// In words.
    pub says: String,
}

/// The steps of a trace in words.
pub(super) fn steps(trace: &Trace) -> Vec<StepView> {
    let view = |step: &offhook_core::trace::Step| StepView {
        step: step.says.step().to_owned(),
        took_us: step.took_us,
        says: step.says.to_string(),
    };
    trace.steps.iter().map(view).collect()
}

/// One request of a phone.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestView {
    /// Its id; ids grow with time.
    #[schema(format = "uuid")]
    pub id: String,
    /// When it came.
    #[schema(format = "date-time")]
    pub at: String,
    /// From which address (after trusted proxies).
    pub ip: String,
    /// How it came.
    #[schema(value_type = TransportName)]
    pub transport: &'static str,
    /// `GET`, `HEAD`, `RRQ` …
    pub method: String,
    /// Path or file name.
    pub path: String,
    /// The User-Agent, when one was sent.
    pub user_agent: Option<String>,
    /// HTTP status, or the one that a TFTP answer amounts to.
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Microseconds from request to answer.
    pub took_us: u64,
    /// Id of the device that asked.
    pub device: Option<String>,
    /// The tenant it resolved to.
    pub tenant: Option<String>,
    /// What was decided.
    #[schema(value_type = DecisionName)]
    pub decision: &'static str,
    /// Why, in words.
    pub reason: String,
    /// What each step saw and decided.
    pub trace: Vec<StepView>,
}

fn view(entry: &RequestEntry) -> RequestView {
    RequestView {
        id: entry.id.to_string(),
        at: entry.at.to_string(),
        ip: entry.ip.to_string(),
        transport: entry.transport.as_str(),
        method: entry.method.clone(),
        path: entry.path.clone(),
        user_agent: entry.user_agent.clone(),
        status: entry.status,
        bytes: entry.bytes,
        took_us: entry.took_us,
        device: entry.device.map(|d| d.to_string()),
        tenant: entry.tenant.clone(),
        decision: entry.decision.as_str(),
        reason: entry.reason.to_string(),
        trace: steps(&entry.trace),
    }
}

/// Which requests.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestQuery {
    /// Of this device: id or MAC address.
    pub device: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// From this address.
    pub ip: Option<String>,
    /// With this decision.
    pub decision: Option<DecisionName>,
}

/// Which requests of one device.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeviceRequestQuery {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// From this address.
    pub ip: Option<String>,
    /// With this decision.
    pub decision: Option<DecisionName>,
}

/// The filter, but for the device, which is looked up.
fn filter(params: &mut Params) -> RequestFilter {
    let decision = |text: &str| [Decision::Allowed, Decision::Challenged, Decision::Refused].into_iter().find(|d| d.as_str() == text);
    RequestFilter {
        tenant: params.text("tenant"),
        ip: params.read("ip", "an IP address", |text| text.parse::<IpAddr>().ok()),
        decision: params.read("decision", "allowed, challenged or refused", decision),
        ..RequestFilter::default()
    }
}

fn device_key(params: &mut Params) -> Option<String> {
    let good = |text: &str| (Id::parse(text).is_some() || Mac::parse(text).is_some()).then(|| text.to_owned());
    params.read("device", "the id or the MAC address of a device", good)
}

/// One page of requests: what `list` and the requests of one device have in common.
pub(super) async fn page(app: &App, mut params: Params, device: Option<Id>) -> Result<Json<List<RequestView>>, Problem> {
    let paging = Paging::read(&mut params);
    let wanted = if device.is_none() { device_key(&mut params) } else { None };
    let filter = RequestFilter { device, limit: paging.limit, ..filter(&mut params) };
    let cursor = paging.cursor.as_deref();
    let before = cursor.map(|c| Id::parse(c).ok_or_else(|| offhook_core::Error::invalid("cursor", "is not a next_cursor of this list")));
    let filter = params.finish(filter)?;
    let device = match wanted {
        Some(key) => Some(devices::find(app, &key).await?.id),
        None => device,
    };
    let listed = requests::list(app, &RequestFilter { before: before.transpose()?, device, ..filter }).await?;
    Ok(Json(List::of(listed, |entry| view(&entry))))
}

/// Recent requests, newest first
#[utoipa::path(get, path = "/requests", tag = "requests", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, RequestQuery),
    responses((status = 200, description = "One page.", body = List<RequestView>)))]
pub(super) async fn list(By(app): By, params: Params) -> Result<impl IntoResponse, Problem> {
    page(&app, params, None).await
}

/// One request
///
/// The log is bounded: an old one is forgotten.
#[utoipa::path(get, path = "/requests/{request}", tag = "requests", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("request" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The request with its trace.", body = RequestView)))]
pub(super) async fn read(By(app): By, Key(request): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(Json(view(&*requests::read(&app, &request).await?)))
}

/// Requests as they come
///
/// Server-sent events named `request`, each with a request as JSON and its id. With `Last-Event-ID` (or `after`) those that
/// came since then are told first, each once. A comment comes every 15 seconds when nothing else does. It ends with the token.
#[utoipa::path(get, path = "/requests/stream", tag = "requests", security(("token" = ["admin", "operator", "installer", "read-only"])), params(
        RequestQuery,
        ("after" = Option<String>, Query, description = "Id of the last request that is known; for clients that cannot set `Last-Event-ID`."),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last request that is known."),
    ),
    responses((status = 200, description = "A stream of events; the data of each is a request.", body = RequestView, content_type = "text/event-stream")))]
pub(super) async fn stream(By(app): By, who: Caller, headers: HeaderMap, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let after = params.read("after", "the id of a request", Id::parse);
    let wanted = device_key(&mut params);
    let filter = filter(&mut params);
    let filter = params.finish(filter)?;
    let last = headers.get("last-event-id").map(|v| v.to_str().ok().and_then(Id::parse));
    if last == Some(None) {
        return Err(Problem::malformed("Last-Event-ID must be the id of a request"));
    }
    let device = match wanted {
        Some(key) => Some(devices::find(&app, &key).await?.id),
        None => None,
    };
    let filter = RequestFilter { device, after: last.flatten().or(after), ..filter };
    let events = requests::follow(&app, &who, filter).map(|entry| {
        let event = Event::default().event("request").id(entry.id.to_string());
        // A request is plain data: it always has a JSON form.
        Ok::<_, Infallible>(event.json_data(view(&entry)).unwrap_or_default())
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)).text("still here")))
}
