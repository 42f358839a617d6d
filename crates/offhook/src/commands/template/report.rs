//! What a check, a save, a copy and the comparison with a pack say to people.

use serde_json::Value;

use super::title;
use crate::{
    failure::Outcome,
    output::{Output, items, member, safe},
};

/// Whether a check found nothing that speaks against saving.
pub(super) fn is_good(check: &Value) -> bool {
    check.get("ok").and_then(Value::as_bool).unwrap_or(false)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).map(items).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// `1 device`, `12 devices`
fn devices(count: u64) -> String {
    if count == 1 { "1 device".to_owned() } else { format!("{count} devices") }
}

/// A device as people know it: its MAC or id, and its label.
pub(super) fn device(device: &Value) -> String {
    let mac = member(device, "mac");
    let name = if mac.is_empty() { member(device, "id") } else { mac };
    match member(device, "label").as_str() {
        "" => name,
        label => format!("{name} ({label})"),
    }
}

/// The devices of a fault or a change: the first ones and how many there are.
fn whom(group: &Value) -> String {
    let count = number(group, "count");
    let named: Vec<String> = list(group, "devices").iter().map(device).collect();
    match count {
        0 => String::new(),
        n if n as usize > named.len() => format!("{}: {} …", devices(n), named.join(", ")),
        n => format!("{}: {}", devices(n), named.join(", ")),
    }
}

/// All that a check tells.
pub(super) fn checked(out: &mut Output<'_>, check: &Value) -> Outcome {
    for fault in list(check, "faults") {
        told(out, fault)?;
    }
    for change in list(check, "changes") {
        out.paragraph("", &format!("{}:", whom(change)))?;
        diff(out, change.get("diff").and_then(Value::as_str).unwrap_or_default())?;
        out.line("")?;
    }
    let more = number(check, "more_changes");
    if more > 0 {
        out.line(format!("… and {more} other changes."))?;
    }
    for fault in list(check, "standing") {
        out.paragraph("", "Not of this change, it failed before:")?;
        told(out, fault)?;
    }
    notes(out, check)?;
    out.paragraph("", &summary(check))
}

/// What a person should know besides.
fn notes(out: &mut Output<'_>, check: &Value) -> Outcome {
    list(check, "notes").iter().filter_map(Value::as_str).try_for_each(|note| out.paragraph("", &format!("Note: {note}.")))
}

/// One fault: where, what stands there, whom it concerns.
fn told(out: &mut Output<'_>, fault: &Value) -> Outcome {
    let line = number(fault, "line");
    let place = match line {
        0 => member(fault, "template"),
        n => format!("{}, line {n}", member(fault, "template")),
    };
    let head = out.bad(&place);
    out.line(format!("{head}:"))?;
    out.paragraph("  ", &member(fault, "message"))?;
    let snippet = fault.get("snippet").and_then(Value::as_str).unwrap_or_default();
    if !snippet.is_empty() {
        out.line(format!("    {}", safe(snippet)))?;
    }
    let whom = match (whom(fault).as_str(), member(fault, "models").as_str()) {
        ("", "") => "no device yet: nothing is made of it".to_owned(),
        ("", models) => format!("no device yet; made with sample settings of {models}{}", more_models(fault)),
        (whom, _) => whom.to_owned(),
    };
    out.paragraph("  ", &whom)?;
    out.line("")
}

/// ` and 73 more`
fn more_models(fault: &Value) -> String {
    let more = number(fault, "model_count").saturating_sub(list(fault, "models").len() as u64);
    if more == 0 { String::new() } else { format!(" and {more} more") }
}

fn summary(check: &Value) -> String {
    let (touched, rendered, left) = (number(check, "touched"), number(check, "rendered"), number(check, "not_rendered"));
    let changed = number(check, "changed");
    let samples = number(check, "models");
    let mut text = match touched {
        0 => "No device is touched.".to_owned(),
        n if left == 0 => format!("Rendered before and after: {}.", devices(n)),
        n => format!("Rendered before and after: {rendered} of {}, one of every kind first; {left} were not rendered.", devices(n)),
    };
    if samples > 0 {
        let models = if samples == 1 { "1 model".to_owned() } else { format!("{samples} models") };
        text.push_str(&format!(" Also sample settings of {models}."));
    }
    if list(check, "faults").is_empty() && touched > 0 {
        let verb = if changed == 1 { "gets" } else { "get" };
        match changed {
            0 => text.push_str(" No phone gets anything else."),
            n => text.push_str(&format!(" {} {verb} something else at the next fetch.", devices(n))),
        }
    }
    text
}

/// A unified diff, additions and removals in colours.
pub(super) fn diff(out: &mut Output<'_>, text: &str) -> Outcome {
    for line in text.lines() {
        let shown: String = line.chars().map(|c| if c == '\t' || !c.is_control() { c } else { '·' }).collect();
        let painted = match line.as_bytes().first() {
            Some(b'+') => out.good(&shown),
            Some(b'-') => out.bad(&shown),
            Some(b'@') => out.strong(&shown),
            _ => shown,
        };
        out.line(painted)?;
    }
    Ok(())
}

/// What was saved and deleted, and what follows.
pub(super) fn saved(out: &mut Output<'_>, answer: &Value) -> Outcome {
    for item in list(answer, "items") {
        let what = title(&member(item, "scope"), &member(item, "pack"), &member(item, "name"));
        match member(item, "revision").as_str() {
            "" => out.paragraph("", &format!("Deleted: {what}."))?,
            revision => out.paragraph("", &format!("Saved: {what} (revision {revision})."))?,
        }
    }
    let check = answer.get("check").cloned().unwrap_or_default();
    notes(out, &check)?;
    out.paragraph("", &summary(&check))
}

/// What became of each template of a copy.
pub(super) fn copied(out: &mut Output<'_>, answer: &Value, dry_run: bool) -> Outcome {
    let row = |item: &Value| {
        let outcome = match member(item, "outcome").as_str() {
            "copied" if dry_run => "would be copied".to_owned(),
            "same" => "is there already".to_owned(),
            "conflict" => "is there, and differs".to_owned(),
            other => other.to_owned(),
        };
        vec![member(item, "name"), member(item, "from.scope"), member(item, "scope"), member(item, "pack"), outcome]
    };
    let rows = list(answer, "items").iter().map(row).collect();
    out.table(&["name", "from", "to", "pack", "outcome"], rows, "There are no overrides to copy.")?;
    match answer.get("check").filter(|c| !c.is_null()) {
        None => Ok(()),
        Some(check) => {
            out.line("")?;
            for fault in list(check, "faults") {
                told(out, fault)?;
            }
            out.paragraph("", &summary(check))
        }
    }
}

/// What an override changes, and what the pack changed under it.
pub(super) fn difference(out: &mut Output<'_>, template: &Value) -> Outcome {
    if out.as_json(template)? {
        return Ok(());
    }
    let what = title(&member(template, "scope"), &member(template, "pack"), &member(template, "name"));
    let report = template.get("report").cloned().unwrap_or_default();
    let part = |name: &str| report.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if report.is_null() {
        return out.paragraph("", &format!("{what}: it replaces nothing, there is nothing to compare it with."));
    }
    let made_for = member(&report, "base_version");
    match part("override_diff").as_str() {
        _ if report.get("extends").and_then(Value::as_bool) == Some(true) => {
            out.paragraph("", &format!("{what}. It builds on the pack's own, and says besides:"))?;
            out.line("")?;
            template.get("source").and_then(Value::as_str).unwrap_or_default().lines().try_for_each(|l| out.line(safe(l)))
        }
        "" => out.paragraph("", &format!("{what}, is the same as the pack's own (version {made_for}).")),
        text => diff(out, text),
    }?;
    if member(template, "pack_version").is_empty() {
        return out.paragraph("", "\nThe pack is not installed: the override waits until it is.");
    }
    if template.get("stale").and_then(Value::as_bool) != Some(true) {
        return Ok(());
    }
    let now = member(template, "pack_version");
    out.heading(&format!("What the pack changed since, from {made_for} to {now}"))?;
    diff(out, &part("pack_diff"))?;
    out.line("")?;
    let way = match report.get("clean").and_then(Value::as_bool) {
        Some(true) if report.get("extends").and_then(Value::as_bool) == Some(true) => {
            "It has what the pack changed already: look whether it still fits."
        }
        Some(true) => "The two go together: no line was changed by both.",
        _ => "Both changed the same lines: you decide which stay.",
    };
    out.line(way)?;
    let options = match member(template, "scope").split_once(':') {
        Some((_, tenant)) => format!(" --tenant {tenant}"),
        None => String::new(),
    };
    out.line(format!("  offhook template merge {} {}{options}", member(template, "pack"), member(template, "name")))
}
