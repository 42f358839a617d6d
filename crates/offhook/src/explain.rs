//! A decision in plain words: the steps of a trace, the evidence, what was decided and what a person can do about it.

use offhook_core::trace::{Reason, Step};
use serde_json::{Value, json};

use crate::{
    failure::Outcome,
    output::{Output, member, rows},
};

/// The reasons that say no more than their name.
const PLAIN: [Reason; 17] = [
    Reason::OwnFile,
    Reason::NoCredentials,
    Reason::PendingFile,
    Reason::AclDenies,
    Reason::HostNotAllowed,
    Reason::Stranger,
    Reason::Disabled,
    Reason::UnknownDevice,
    Reason::PendingFull,
    Reason::NoDevice,
    Reason::UnknownFile,
    Reason::NotOffered,
    Reason::OtherPack,
    Reason::Overloaded,
    Reason::StoreUnavailable,
    Reason::MethodNotAllowed,
    Reason::NoFile,
];

/// The reason of an answer, whether it is told as a value or in words.
pub fn known(reason: &Value) -> Option<Reason> {
    let tagged = match reason {
        Value::String(name) => json!({ "reason": name }),
        other => other.clone(),
    };
    let by_words = || PLAIN.into_iter().find(|r| Some(r.to_string().as_str()) == reason.as_str());
    serde_json::from_value(tagged).ok().or_else(by_words)
}

/// Whether the reason is that firmware is not stored.
pub fn is_missing_firmware(reason: &Value) -> bool {
    matches!(known(reason), Some(Reason::FirmwareMissing { .. })) || crate::output::shown(reason).starts_with("firmware is not stored: ")
}

/// The reason for people.
pub fn reason(reason: &Value) -> String {
    match known(reason) {
        Some(known) => known.to_string(),
        None => crate::output::shown(reason),
    }
}

/// What a person can do, as a sentence; none when all is well. `phone` is its MAC or id when known.
pub fn advice(reason: &Value, phone: &str, ip: &str) -> Option<String> {
    let phone = if phone.is_empty() { "MAC" } else { phone };
    let told = crate::output::shown(reason);
    let text = match known(reason) {
        Some(Reason::PendingFile) => format!("Give it its settings, then approve it:\noffhook device approve {phone}"),
        Some(Reason::AclDenies) => format!("If {ip} may ask, allow it in phones.acl of the configuration, then send SIGHUP to the server."),
        Some(Reason::HostNotAllowed) => "Add that host name to phones.hosts, or point the phone at one that is listed.".to_owned(),
        Some(Reason::Stranger) => {
            format!("If {ip} is in a network of your phones, add the network to phones.trusted_networks, then send SIGHUP to the server.")
        }
        Some(Reason::Disabled) => format!("To serve it again:\noffhook device approve {phone}"),
        Some(Reason::UnknownDevice) => {
            format!("Let phones announce themselves (phones.auto_create = \"pending\"), or add it:\noffhook device add {phone}")
        }
        Some(Reason::PendingFull) => "Raise limits.pending and limits.pending_per_network, or approve and delete what is waiting:\n\
                                      offhook device list --state pending"
            .to_owned(),
        Some(Reason::NoDevice) => {
            "The phone has to name itself: by its MAC in the file's name or the User-Agent. Check the provisioning address set in it."
                .to_owned()
        }
        Some(Reason::UnknownFile) => {
            format!(
                "Check the path. The files of a phone, and the families served:\noffhook device files {phone}\noffhook pack list\n\
                 A family that no pack knows is drafted from what its phone asked:\noffhook pack new ID --from-requests --ip {ip}"
            )
        }
        Some(Reason::IdentityConflict { asked, .. }) => {
            format!("Look at the provisioning address set in the phone: it names the file of {asked}.")
        }
        Some(Reason::OtherPack) => format!("If the phone is of another family than thought:\noffhook device set {phone} --pack PACK"),
        Some(Reason::FirmwareMissing { missing }) => format!("Add what is missing:\noffhook firmware add {}", missing.join(" ")),
        Some(Reason::TemplateFailed { .. }) => format!("See what fails, and where:\noffhook device check {phone}"),
        Some(Reason::Overloaded) => "It tries again by itself. If this lasts, raise limits.requests.".to_owned(),
        Some(Reason::StoreUnavailable) => "See the server's log and /readyz: the store does not answer.".to_owned(),
        None if told.starts_with("firmware is not stored: ") => {
            let names = told.trim_start_matches("firmware is not stored: ").split(" (").next().unwrap_or_default();
            format!("Add what is missing:\noffhook firmware add {}", names.replace(", ", " "))
        }
        None if told.starts_with("the template failed") => format!("See what fails, and where:\noffhook device check {phone}"),
        None if told.starts_with("the file belongs to") => {
            "Look at the provisioning address set in the phone: it names another phone's file.".to_owned()
        }
        _ => return None,
    };
    Some(text)
}

/// The question that a step answers.
fn question(step: &str) -> &'static str {
    match step {
        "gate" => "May this source ask?",
        "identify" => "What is it?",
        "resolve" => "Whose is it, and which file?",
        "authorize" => "May it have the file?",
        "compose" => "Which settings apply?",
        "render" => "Which bytes?",
        _ => "",
    }
}

/// What a step says, whether the answer tells it as a value or in words.
fn says(step: &Value) -> String {
    match step.get("says") {
        Some(Value::String(text)) => text.clone(),
        _ => serde_json::from_value::<Step>(step.clone()).map_or_else(|_| step.to_string(), |s| s.says.to_string()),
    }
}

/// The steps of a trace, one question and answer each.
pub fn steps(out: &mut Output<'_>, trace: &Value) -> Outcome {
    for (number, step) in trace.as_array().into_iter().flatten().enumerate() {
        let name = member(step, "step");
        let title = format!("{name}: {}", question(&name));
        out.line(format!("  {} {}", number + 1, out.strong(&title)))?;
        out.paragraph("      ", &crate::output::safe(&says(step)))?;
    }
    Ok(())
}

/// The facts that were read, with where each was.
pub fn evidence(out: &mut Output<'_>, evidence: &Value) -> Outcome {
    let table = rows(evidence, &["field", "value", "from", "pack", "rule"]);
    out.table(&["what", "value", "read in", "pack", "rule"], table, "Nothing in the request tells what it is.")
}

/// `allowed`, in its colour.
pub fn decision(out: &Output<'_>, decision: &str) -> String {
    match decision {
        "allowed" => out.good(decision),
        other => out.bad(other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Whether nobody has to do anything about it.
    fn is_normal(reason: &Reason) -> bool {
        matches!(reason, Reason::NotOffered | Reason::NoFile | Reason::OwnFile | Reason::NoCredentials | Reason::MethodNotAllowed)
    }

    #[test]
    fn a_reason_is_known_as_a_value_and_in_words() {
        for told in [json!({"reason": "stranger"}), json!("stranger"), json!(Reason::Stranger.to_string())] {
            assert!(reason(&told).contains("outside phones.trusted_networks"), "{told}");
            assert!(advice(&told, "", "10.9.9.9").unwrap().contains("10.9.9.9"), "{told}");
        }
        let missing = json!({"reason": "firmware_missing", "missing": ["a.bin"]});
        let words = json!(Reason::FirmwareMissing { missing: vec!["a.bin".to_owned(), "b.bin".to_owned()] }.to_string());
        assert!(advice(&missing, "", "").unwrap().contains("a.bin"));
        assert!(advice(&words, "", "").unwrap().ends_with("offhook firmware add a.bin b.bin"));
        assert_eq!(reason(&json!("something new")), "something new");
        assert_eq!(advice(&json!("own_file"), "", ""), None);
    }

    #[test]
    fn every_refusal_that_somebody_can_mend_says_how() {
        for reason in PLAIN {
            let value = serde_json::to_value(&reason).unwrap();
            assert_eq!(advice(&value, "m", "i").is_none(), is_normal(&reason), "{reason:?}");
        }
    }
}
