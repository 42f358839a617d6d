//! An empty pack that works: it can be checked, tested and served at once, and every part says what belongs there.

use super::{Draft, quoted};

/// How a family writes its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// `name = value`, one in a line.
    #[default]
    KeyValue,
    /// Sections of `name = value`.
    Ini,
    /// One XML document.
    Xml,
    /// One JSON document.
    Json,
}

impl Syntax {
    /// Every syntax by its word.
    pub const ALL: [(&'static str, Syntax); 4] =
        [("key-value", Self::KeyValue), ("ini", Self::Ini), ("xml", Self::Xml), ("json", Self::Json)];

    /// Of a file name's ending; most families write lines.
    pub fn of_ending(name: &str) -> Self {
        match name.rsplit('.').next().unwrap_or("").to_ascii_lowercase().as_str() {
            "xml" | "htm" | "html" => Self::Xml,
            "json" => Self::Json,
            "ini" | "conf" => Self::Ini,
            _ => Self::KeyValue,
        }
    }

    /// The ending of its files.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::KeyValue => "cfg",
            Self::Ini => "ini",
            Self::Xml => "xml",
            Self::Json => "json",
        }
    }

    pub(super) fn format(self) -> &'static str {
        match self {
            Self::KeyValue => {
                "kind = \"key-value\"\nseparator = \"=\"                        # what stands between name and value\ncomment = [\"#\"]\n"
            }
            Self::Ini => "kind = \"ini\"\n",
            Self::Xml => "kind = \"xml\"\nparameter = \"element\"                    # or attribute, or item\n",
            Self::Json => "kind = \"json\"\n",
        }
    }

    pub(super) fn template(self) -> &'static str {
        match self {
            Self::KeyValue => include_str!("templates/key-value.tpl"),
            Self::Ini => include_str!("templates/ini.tpl"),
            Self::Xml => include_str!("templates/xml.tpl"),
            Self::Json => include_str!("templates/json.tpl"),
        }
    }
}

/// The settings that the templates of a new pack write.
pub(super) const SUPPORTS: &str = "supports = [                              # the settings that the templates write; whatever else is set is reported\n  \"lines.*.username\", \"lines.*.auth_username\", \"lines.*.password\", \"lines.*.display_name\", \"lines.*.label\", \"lines.*.servers\",\n  \"time.zone\", \"time.ntp\", \"locale.language\", \"access.admin_password\",\n]\n";

/// A new pack: `id` is the folder's name, `name` is for people, `ouis` are the first three bytes of its phones' MACs.
pub fn skeleton(id: &str, name: &str, ouis: &[String], syntax: Syntax) -> Draft {
    let mac = example_mac(ouis);
    let bare = mac.replace(':', "");
    let ending = syntax.ending();
    let vendor = format!(
        "id = {id}\nversion = \"0.1.0\"\nname = {name}\nouis = [{ouis}]\n{SUPPORTS}\n\
# How the phones say what they are. Copy a real User-Agent from `offhook requests`, and make each part that varies a group.\n\
[[identify]]\nname = \"user agent\"\nfrom = \"user_agent\"\nmatch = '''^{word} (?P<model>\\w+) (?P<version>\\d[\\d.]*)(?: (?P<mac>[0-9A-Fa-f:]{{12,17}}))?$'''\n\n\
[format.main]\n{format}\n\
# What the phones ask for. A file with SIP passwords has credentials = true, and only such a file gets them.\n\
[[file]]\nname = \"device\"\npath = \"{{mac}}.{ending}\"\nkind = \"device\"\ncredentials = true\nshared = true                             # other makers' phones ask for such names too\nformat = \"main\"\n",
        id = quoted(id),
        name = quoted(name),
        ouis = ouis.iter().map(|o| quoted(o)).collect::<Vec<_>>().join(", "),
        word = regex::escape(id),
        format = syntax.format(),
    );
    let models = "# What each model has. [defaults] lie under every model, [generic] stands for phones whose model is not known.\n\
[defaults]\naccounts = 1\n\n[generic]\n\n[models.M1]\naccounts = 2\nline_keys = 4\n";
    let identify = format!(
        "[[case]]\nuser_agent = {agent}\nvendor = {id}\nmodel = \"M1\"\nversion = \"1.2.3\"\nmac = \"{mac}\"\n\n\
[[case]]\npath = \"/{bare}.{ending}\"\nmac = \"{mac}\"\nkind = \"device\"\ncredentials = true\n{vendor}",
        agent = quoted(&format!("{id} M1 1.2.3 {mac}")),
        id = quoted(id),
        vendor = if ouis.is_empty() { String::new() } else { format!("vendor = {}\n", quoted(id)) },
    );
    let mut out = Draft::default();
    for (path, text) in [
        ("vendor.toml", vendor),
        ("models.toml", models.to_owned()),
        ("templates/base.tpl", syntax.template().to_owned()),
        ("tables/locales.toml", include_str!("templates/locales.toml").to_owned()),
        ("tests/identify.toml", identify),
        ("tests/minimal/case.toml", case(&mac, "M1", "")),
        ("tests/rich/case.toml", case(&mac, "M1", RICH)),
        ("README.md", readme(name)),
    ] {
        out.files.insert(path.to_owned(), text);
    }
    out
}

const RICH: &str = "[settings.lines.1]\nusername = \"1001\"\nauth_username = \"auth1001\"\npassword = \"s3cret-1001\"\ndisplay_name = \"Zoë \\\"O'Neill\\\" <&>\"\nlabel = \"Zoë\"\nservers = [{ host = \"pbx.example.org\", port = 5060 }]\n[settings.time]\nzone = \"Europe/Paris\"\nntp = [\"ntp.example.org\"]\n[settings.locale]\nlanguage = \"fr\"\n";

/// A case of the golden tests.
pub(super) fn case(mac: &str, model: &str, settings: &str) -> String {
    let model = if model.is_empty() { String::new() } else { format!("model = {}\n", quoted(model)) };
    format!("[device]\nmac = \"{mac}\"\n{model}\n{settings}")
}

pub(super) fn readme(name: &str) -> String {
    format!(
        "# {name}\n\n## Pointing a phone at the server\n\nWhich DHCP option it reads, or which menu takes the address.\n\n## Starting over\n\nFactory reset, unlocking, default passwords.\n\n## Quirks\n\nWhat surprised you.\n\n## Sources\n\nWhere each fact comes from; what nobody has verified.\n"
    )
}

/// A MAC of the family's first block, or one that nobody has (RFC 7042 section 2.1.2).
pub(super) fn example_mac(ouis: &[String]) -> String {
    let oui = ouis
        .first()
        .and_then(|o| offhook_core::Mac::parse(&format!("{o}:00:00:01")).or_else(|| offhook_core::Mac::parse(&format!("{o}000001"))));
    oui.map_or_else(|| "00:00:5e:00:53:01".to_owned(), |m| m.to_string())
}
