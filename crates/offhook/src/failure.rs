//! How a command ends when it does not end well: what is said, and the exit code.

use std::{fmt, io};

use serde_json::{Value, json};

/// Why a command did not do what it was asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not be done: exit code 1.
    Failed(String),
    /// The server said no, and why: exit code 3 when it does not allow it, else 1.
    Answered(Box<Answered>),
    /// The command line does not make sense: exit code 2.
    Usage(String),
    /// It is not allowed, before a server was asked: exit code 3.
    Refused(String),
    /// The server cannot be reached: exit code 4.
    Unreachable(String),
    /// Somebody pressed Ctrl-C while the command waited: exit code 130, as shells have it.
    Interrupted(String),
    /// Nobody reads what is printed any more (`offhook … | head`): exit code 0, nothing is said.
    NobodyListens,
}

/// A server's no.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status of HTTP.
    pub status: u16,
    /// The problem document (RFC 9457) as it came; null when there was none.
    pub problem: Value,
    /// What it says, and what to do next.
    text: String,
}

/// What a command gives back.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::NobodyListens => 0,
            Self::Answered(answer) if matches!(answer.status, 401 | 403) => 3,
            Self::Failed(_) | Self::Answered(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Unreachable(_) => 4,
            Self::Interrupted(_) => 130,
        }
    }

    /// Whether the server says that there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Answered(answer) if answer.status == 404)
    }

    /// The same, with one more line.
    pub fn with(self, line: &str) -> Self {
        let more = |text: String| format!("{text}\n{line}");
        match self {
            Self::Failed(text) => Self::Failed(more(text)),
            Self::Answered(mut answer) => {
                answer.text = more(answer.text);
                Self::Answered(answer)
            }
            Self::Usage(text) => Self::Usage(more(text)),
            Self::Refused(text) => Self::Refused(more(text)),
            Self::Unreachable(text) => Self::Unreachable(more(text)),
            Self::Interrupted(text) => Self::Interrupted(more(text)),
            Self::NobodyListens => Self::Failed(line.to_owned()),
        }
    }

    /// For machines: the server's own problem document, else one (RFC 9457) of what went wrong here; and the exit code.
    pub fn document(&self) -> Value {
        let (title, text) = match self {
            Self::Answered(answer) => {
                let mut problem = answer.problem.clone();
                if !problem.is_object() {
                    problem = json!({ "title": answer.text, "status": answer.status });
                }
                problem["exit_code"] = json!(self.code());
                return problem;
            }
            Self::Failed(text) => ("It could not be done", text.as_str()),
            Self::Usage(text) => ("The command line does not make sense", text.as_str()),
            Self::Refused(text) => ("It is not allowed", text.as_str()),
            Self::Unreachable(text) => ("The server is not reachable", text.as_str()),
            Self::Interrupted(text) => ("Interrupted", text.as_str()),
            Self::NobodyListens => ("Nobody reads", ""),
        };
        json!({ "type": "about:blank", "title": title, "detail": text, "exit_code": self.code() })
    }

    /// From the problem document (RFC 9457) of an answer to a question about this path.
    pub fn of_problem(status: u16, problem: Value, path: &str) -> Self {
        let text = |name: &str| problem.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
        let faults = problem.get("faults").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut message = text("title").map_or_else(|| format!("the server answered with status {status}"), str::to_owned);
        if faults.is_empty() {
            message = match text("detail") {
                // "There is no such thing" says no more than that there is no device of that name.
                Some(detail) if status == 404 => detail.to_owned(),
                // A detail that begins as the title does says it all.
                Some(detail) if detail.to_lowercase().starts_with(&message.to_lowercase()) => detail.to_owned(),
                Some(detail) => format!("{message}: {detail}"),
                None => message,
            };
        } else {
            message.push(':');
            for fault in faults {
                let part = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
                match part("field") {
                    "" => message.push_str(&format!("\n  {}", part("message"))),
                    field => message.push_str(&format!("\n  {field}: {}", part("message"))),
                }
            }
        }
        if let Some(next) = what_next(status, path, faults, text("detail").unwrap_or_default()) {
            message.push_str(&format!("\n{next}"));
        }
        let text = crate::output::safe_lines(&message);
        Self::Answered(Box::new(Answered { status, problem, text }))
    }
}

fn what_next(status: u16, path: &str, faults: &[Value], detail: &str) -> Option<String> {
    let text = match status {
        401 => "Give a valid token with --token or OFFHOOK_TOKEN; the first one is in <data_dir>/admin.token.",
        403 => "See what tokens may do: offhook token list",
        404 => return list_of(path).map(|command| format!("See what there is: {command}")),
        409 => return users_of(path, detail).map(|commands| format!("See by which:\n{commands}")),
        412 => "Somebody changed it meanwhile: show it again, then change it.",
        413 => "It is larger than the server takes (limits.* of its configuration): send less at once.",
        422 if lists_of(faults).is_some() => return lists_of(faults).map(|commands| format!("See what there is:\n{commands}")),
        422 if faults.iter().any(about_settings) => "Nothing is changed. Every setting and what it takes: docs/settings.md",
        429 => "The server is busy: try again in a moment.",
        500 => "The server's log says more.",
        502 | 504 => "A proxy stands before the server and does not reach it: see whether `offhook serve` runs.",
        503 => "Try again in a moment; the server's log and /readyz say why.",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Whether a fault is one of a settings document.
fn about_settings(fault: &Value) -> bool {
    let field = fault.get("field").and_then(Value::as_str).unwrap_or_default();
    field.starts_with("settings.") || field.starts_with("enforced.")
}

/// The commands that list what faults name and is not there.
fn lists_of(faults: &[Value]) -> Option<String> {
    let nouns = ["profile", "account", "tenant", "pack", "asset", "phone book"];
    let messages = || faults.iter().filter_map(|f| f.get("message").and_then(Value::as_str));
    let missing = |noun: &&str| messages().any(|m| m.contains(&format!("no {noun} \"")));
    let commands: Vec<String> = nouns.into_iter().filter(missing).map(|noun| format!("offhook {} list", noun.replace(' ', ""))).collect();
    (!commands.is_empty()).then(|| commands.join("\n"))
}

/// The commands that show who uses what a path names; the detail tells what uses it.
fn users_of(path: &str, detail: &str) -> Option<String> {
    let (noun, name) = path.strip_prefix("/api/v1/")?.split_once('/').filter(|(_, name)| !name.contains('/'))?;
    let lists = |option: &str, nouns: &[(&str, &str)]| {
        let used = nouns.iter().filter(|(told, _)| detail.contains(told));
        let commands: Vec<String> = used.map(|(_, noun)| format!("offhook {noun} list {option} {name}")).collect();
        (!commands.is_empty()).then(|| commands.join("\n"))
    };
    match noun {
        "profiles" => lists("--profile", &[(" device", "device")]),
        "packs" => lists("--pack", &[(" device", "device")]),
        "tenants" => lists(
            "--tenant",
            &[
                (" device", "device"),
                (" account", "account"),
                (" profile", "profile"),
                (" template", "template"),
                (" asset", "asset"),
                (" phone book", "phonebook"),
                (" address map", "address-map"),
            ],
        ),
        _ => None,
    }
}

/// The command that lists what stands beside what a path names.
fn list_of(path: &str) -> Option<String> {
    let mut segments = path.trim_start_matches("/api/v1/").split('/');
    let noun = match segments.next()? {
        "devices" => "device",
        "profiles" => "profile",
        "accounts" => "account",
        "tenants" => "tenant",
        "assets" => "asset",
        "phonebooks" => "phonebook",
        "firmware" => "firmware",
        "templates" => "template",
        "tokens" => "token",
        "jobs" => "job",
        "packs" => "pack",
        "address-maps" => "address-map",
        "audit" => "audit",
        "site" => return Some("offhook site history".to_owned()),
        "requests" => return Some("offhook requests".to_owned()),
        _ => return None,
    };
    match (noun, segments.next(), segments.next()) {
        ("template", Some("pack" | "site" | "tenant"), Some(pack)) => Some(format!("offhook template list --pack {pack}")),
        ("device" | "profile" | "account" | "tenant", Some(name), Some("history")) => Some(format!("offhook {noun} history {name}")),
        ("device", Some(device), Some("files")) => Some(format!("offhook device files {device}")),
        ("device", Some(device), Some("uploads")) => Some(format!("offhook device uploads {device}")),
        _ => Some(format!("offhook {noun} list")),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Usage(text) | Self::Refused(text) | Self::Unreachable(text) | Self::Interrupted(text) => {
                f.write_str(text)
            }
            Self::Answered(answer) => f.write_str(&answer.text),
            Self::NobodyListens => Ok(()),
        }
    }
}

impl From<io::Error> for Failure {
    /// Of writing what a command prints.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyListens,
            _ => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_field_by_field() {
        let problem = json!({"title": "What was sent is wrong", "detail": "two faults", "faults": [
            {"field": "settings.lines.1.port", "message": "must be 1 to 65535"}, {"field": "", "message": "too long"}]});
        let failure = Failure::of_problem(422, problem, "/api/v1/devices/x");
        assert_eq!(failure.code(), 1);
        assert_eq!(
            failure.to_string(),
            "What was sent is wrong:\n  settings.lines.1.port: must be 1 to 65535\n  too long\n\
             Nothing is changed. Every setting and what it takes: docs/settings.md"
        );
    }

    #[test]
    fn refusals_and_other_answers_have_their_codes() {
        let refused = Failure::of_problem(401, json!({"title": "A valid token is needed", "detail": ""}), "/");
        assert_eq!(refused.code(), 3);
        assert!(refused.to_string().contains("OFFHOOK_TOKEN"), "{refused}");
        assert_eq!(Failure::of_problem(403, Value::Null, "/").code(), 3);
        let conflict = Failure::of_problem(409, json!({"title": "Conflict", "detail": "the MAC is in use"}), "/");
        assert_eq!((conflict.code(), conflict.to_string().as_str()), (1, "Conflict: the MAC is in use"));
        assert_eq!(Failure::of_problem(418, Value::Null, "/").to_string(), "the server answered with status 418");
    }

    #[test]
    fn what_is_not_there_is_said_once_with_where_to_look() {
        let problem = json!({"title": "There is no such thing", "detail": "there is no device \"x\""});
        let told = |path: &str| Failure::of_problem(404, problem.clone(), path).to_string();
        assert_eq!(told("/api/v1/devices/x"), "there is no device \"x\"\nSee what there is: offhook device list");
        assert!(told("/api/v1/firmware/x").ends_with("offhook firmware list"));
        assert!(told("/api/v1/devices/x/files/a/b").ends_with("offhook device files x"));
        assert_eq!(told("/elsewhere"), "there is no device \"x\"");
        let in_use = json!({"title": "Conflict", "detail": "it is used by 2 devices"});
        let told = |path: &str| Failure::of_problem(409, in_use.clone(), path).to_string();
        assert!(told("/api/v1/profiles/office").ends_with("\nSee by which:\noffhook device list --profile office"));
        assert_eq!(told("/api/v1/tenants/north").lines().last(), Some("offhook device list --tenant north"));
        assert!(told("/api/v1/profiles").ends_with("used by 2 devices"));
    }

    #[test]
    fn every_next_step_fits_what_went_wrong() {
        let of = |status: u16, title: &str, detail: &str, path: &str| {
            Failure::of_problem(status, json!({"title": title, "detail": detail}), path).to_string()
        };
        let stale =
            of(412, "It was changed meanwhile", "it was changed meanwhile: read it again (its revision is now 2)", "/api/v1/devices/x");
        assert_eq!(stale.matches("changed meanwhile").count(), 1, "{stale}");
        let full = of(409, "Conflict", "the tenant \"n\" still has 2 accounts and 1 address map", "/api/v1/tenants/n");
        assert!(full.ends_with("See by which:\noffhook account list --tenant n\noffhook address-map list --tenant n"), "{full}");
        assert_eq!(of(409, "Conflict", "the tenant \"default\" always exists", "/api/v1/tenants/default").lines().count(), 1);
        for (path, next) in [
            ("/api/v1/templates/pack/acme/x.tpl", "offhook template list --pack acme"),
            ("/api/v1/devices/d/history/9", "offhook device history d"),
            ("/api/v1/site/history/9", "offhook site history"),
            ("/api/v1/audit/x", "offhook audit list"),
            ("/api/v1/address-maps/x", "offhook address-map list"),
        ] {
            let told = of(404, "There is no such thing", "there is no such thing", path);
            assert!(told.ends_with(&format!("See what there is: {next}")), "{told}");
        }
        let faults = json!({"title": "What was sent is wrong", "faults": [
            {"field": "profiles[0]", "message": "there is no profile \"x\" in its tenant"},
            {"field": "settings.lines.1.account", "message": "tenant \"default\" has no account \"9\""}]});
        let told = Failure::of_problem(422, faults, "/api/v1/devices/d").to_string();
        assert!(told.ends_with("See what there is:\noffhook profile list\noffhook account list"), "{told}");
    }
}
