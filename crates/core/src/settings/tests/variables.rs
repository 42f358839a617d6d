//! Variables: the closed list, literals, expansion.

use serde_json::json;

use super::faults;
use crate::settings::{CallVariables, LineVariables, Variable, VariableContext, expand};

fn context() -> VariableContext {
    VariableContext {
        lines: [(1, LineVariables { number: Some("100".into()), display_name: Some("${device.mac}".into()), ..Default::default() })].into(),
        device_mac: Some("00:15:65:aa:bb:cc".into()),
        device_label: Some("Front\ndesk".into()),
        server_url: Some("http://10.0.0.1:8667".into()),
        call: CallVariables { remote: Some("$remote".into()), ..Default::default() },
        ..Default::default()
    }
}

fn expanded(text: &str) -> String {
    expand(text, &context()).0
}

#[test]
fn variables_are_replaced_once() {
    assert_eq!(expanded("${line.1.number}@${device.mac}"), "100@00:15:65:aa:bb:cc");
    assert_eq!(expanded("${line.1.display_name}"), "${device.mac}", "what a variable stands for is not looked into");
    assert_eq!(expanded("${server.url}/x?${call.remote}"), "http://10.0.0.1:8667/x?$remote");
    assert_eq!(expanded("${device.label}"), "Frontdesk");
}

#[test]
fn a_doubled_dollar_is_a_literal() {
    assert_eq!(expanded("$${device.mac}"), "${device.mac}");
    assert_eq!(expanded("$$${device.mac}"), "$${device.mac}");
    assert_eq!(expanded("$${${line.1.number}"), "${100");
    assert_eq!(expanded("5$ $1 $$ {}"), "5$ $1 $$ {}");
}

#[test]
fn a_missing_one_is_empty_and_told() {
    assert_eq!(
        expand("a${line.2.number}b${device.model}", &context()),
        ("ab".into(), vec![Variable::LineNumber(2), Variable::DeviceModel])
    );
    assert_eq!(Variable::LineNumber(2).to_string(), "${line.2.number}");
    assert_eq!(Variable::DeviceModel.to_string(), "${device.model}");
}

#[test]
fn what_is_no_variable_stays() {
    assert_eq!(expanded("${x} ${a${b"), "${x} ${a${b");
}

#[test]
fn the_list_is_closed() {
    let label = |text: &str| faults(&json!({ "lines": { "1": { "label": text } } }));
    for good in [
        "${line.1.number}",
        "${line.4000.username}",
        "${line.2.display_name}",
        "${device.mac}${device.label}${device.location}${device.model}",
        "${tenant.name}",
        "${server.host}${server.url}",
        "$${anything}",
        "$x {y}",
    ] {
        assert!(label(good).is_empty(), "{good}: {:?}", label(good));
    }
    for bad in [
        "${line.1.password}",
        "${line.0.number}",
        "${line.01.number}",
        "${line.4001.number}",
        "${line.1}",
        "${device.serial}",
        "${DEVICE.MAC}",
        "${ device.mac}",
        "${}",
        "${device.mac",
        "${call.remote}",
        "$${a}${b}",
    ] {
        assert_eq!(label(bad).len(), 1, "{bad}");
    }
    assert!(label("${call.remote}")[0].message.contains("${server.url}"));
}
