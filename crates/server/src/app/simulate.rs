//! A made-up request and what would become of it. Nothing is stored.

use std::net::{IpAddr, Ipv4Addr};

use offhook_core::{
    Result,
    request::{Request, Transport},
};
use serde_json::{Map, Value};

use super::{App, Caller, fields::Fields};
use crate::{http::path as percent, pipeline::Simulation};

/// A path, a header or an option is at most this long.
const LONGEST: usize = 4096;

/// Walks the pipeline with a request made of `{transport, path, headers, ip, options, certificate_subject, use_learnt,
/// reveal}`; only `transport` is needed. `ip` is 127.0.0.1 unless given.
pub async fn run(app: &App, who: &Caller, document: Value) -> Result<(Transport, Simulation)> {
    let mut fields = Fields::of(document)?;
    let request = read_request(&mut fields);
    let use_learnt = fields.flag("use_learnt").unwrap_or(false);
    let reveal = fields.flag("reveal").unwrap_or(false);
    fields.check()?;
    who.may_reveal(reveal)?;
    let transport = request.transport;
    let what = format!("simulation of {transport} {}", request.path.as_deref().unwrap_or_default());
    let simulation = app.pipeline.simulate(request, who.reach(), use_learnt, reveal).await;
    app.revealing(reveal, simulation.device.as_ref(), &what).await?;
    Ok((transport, simulation))
}

fn read_request(fields: &mut Fields) -> Request {
    fields.require("transport");
    let transport =
        fields.read("transport", "http, https, tftp, dhcp or pnp", |v| v.as_str().and_then(transport)).unwrap_or(Transport::Http);
    let ip = fields.read("ip", "an IP address", |v| v.as_str()?.parse().ok());
    let mut request = Request::new(transport, ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    if let Some(path) = fields.read("path", "text of at most 4096 characters", short_text) {
        match transport {
            Transport::Http | Transport::Https => {
                let (path, query) = path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
                request.path = Some(percent::decode(path));
                request.query = query.map(str::to_owned);
            }
            Transport::Tftp => request.path = Some(path),
            Transport::Dhcp | Transport::Pnp => {
                fields.fault("path", format!("must be left out: a {transport} request asks for no file"));
            }
        }
    }
    request.headers = fields.read("headers", "an object of header names and texts", headers).unwrap_or_default();
    let options = fields.read("options", "an object of DHCP option numbers (1 to 254) and texts", options);
    request.option60 = options.and_then(|o| o.get("60").and_then(short_text));
    request.certificate_subject = fields.read("certificate_subject", "text of at most 4096 characters", short_text);
    request
}

fn transport(name: &str) -> Option<Transport> {
    use Transport::{Dhcp, Http, Https, Pnp, Tftp};
    [Http, Https, Tftp, Dhcp, Pnp].into_iter().find(|t| t.as_str() == name)
}

fn short_text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| text.len() <= LONGEST).map(str::to_owned)
}

fn headers(value: &Value) -> Option<Vec<(String, String)>> {
    value.as_object()?.iter().map(|(name, value)| Some((name.to_lowercase(), short_text(value)?))).collect()
}

fn options(value: &Value) -> Option<Map<String, Value>> {
    let options = value.as_object()?;
    let good = |(number, text): (&String, &Value)| number.parse::<u8>().is_ok_and(|n| (1..=254).contains(&n)) && short_text(text).is_some();
    options.iter().all(good).then(|| options.clone())
}
