//! The forms that texts may have: what each allows, said once for people and once as a check.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use ipnet::IpNet;
use jiff::tz::TimeZoneDatabase;

use super::country::is_country;
use super::model;
use super::path::Path;

/// The form of a text. Every form refuses control characters (see [`super::is_refused`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Any characters.
    Plain,
    /// No blanks, quotes or angle brackets: user names, numbers, codes that are dialled.
    Word,
    /// What a key uses: a number, an address or a URL.
    Target,
    /// The same as a word without variables: names by which something is looked up.
    Name,
    /// Digits only.
    Digits,
    /// Host name or IP address.
    Host,
    /// `host`, `host:port` or an absolute URL.
    Proxy,
    /// IPv4 or IPv6 address.
    Ip,
    /// IPv4 network mask.
    Mask,
    /// IP address, or a network in CIDR notation.
    Network,
    /// MAC address.
    Mac,
    /// Absolute URL.
    Url,
    /// Absolute URL that may use the variables of calls.
    ActionUrl,
    /// Name of a stored file, or absolute URL.
    Asset,
    /// IANA time zone.
    Zone,
    /// BCP 47 language tag.
    Language,
    /// ISO 3166-1 alpha-2 country.
    Country,
    /// Frequencies and cadence of a tone.
    Tone,
    /// Date format.
    Date,
    /// Time of day.
    TimeOfDay,
    /// Span of a day.
    TimeSpan,
    /// What a rule of the dial plan matches.
    DialMatch,
    /// What a rule of the dial plan dials.
    DialReplace,
    /// Firmware version.
    Version,
    /// Path of a setting.
    SettingPath,
}

impl Format {
    /// What is allowed, for people.
    pub const fn allows(self) -> &'static str {
        match self {
            Self::Plain => "text without control characters",
            Self::Target => "a number, an address or a URL: text without control characters",
            Self::Word => "text without blanks, quotes and angle brackets",
            Self::Name => "a name without blanks, quotes, angle brackets and variables",
            Self::Digits => "digits",
            Self::Host => "a host name or an IP address",
            Self::Proxy => "host, host:port or an absolute URL",
            Self::Ip => "an IPv4 or IPv6 address",
            Self::Mask => "an IPv4 network mask such as 255.255.255.0",
            Self::Network => "an IP address, or a network such as 10.0.0.0/8",
            Self::Mac => "a MAC address such as 00:15:65:aa:bb:cc",
            Self::Url => "an absolute URL such as https://host/path",
            Self::ActionUrl => "an absolute URL; it may use ${call.remote}, ${call.local}, ${call.id} and ${phone.ip}",
            Self::Asset => "the name of a stored file or an absolute URL, never contents",
            Self::Zone => "an IANA time zone such as Europe/Paris",
            Self::Language => "a BCP 47 language tag such as fr or en-GB",
            Self::Country => "an ISO 3166-1 alpha-2 country code in capitals such as FR",
            Self::Tone => "frequencies in Hz and on/off times in ms, such as 350+440 or 480+620@500/500",
            Self::Date => "D DD M MM MMM YY YYYY WWW and separators, such as DD/MM/YYYY",
            Self::TimeOfDay => "a time HH:MM from 00:00 to 23:59",
            Self::TimeSpan => "two times HH:MM-HH:MM, such as 22:00-05:00",
            Self::DialMatch => "digits * # x, sets such as [1-5], captures ( ), a comma for a second dial tone, a final dot for any more",
            Self::DialReplace => "digits * # + and $1 to $9 for what was captured",
            Self::Version => "a firmware version such as 66.86.0.15: letters, digits and . _ - ( ), with at least one digit",
            Self::SettingPath => "the path of a setting such as lines.1.number",
        }
    }

    /// Most characters of a text of this form.
    pub const fn max(self) -> usize {
        match self {
            Self::Plain | Self::Word | Self::Name | Self::Host | Self::SettingPath => 255,
            Self::Url | Self::ActionUrl | Self::Asset | Self::Proxy | Self::Target => 1024,
            Self::Digits | Self::Tone | Self::Date | Self::DialMatch | Self::DialReplace | Self::Zone | Self::Version => 64,
            Self::Ip | Self::Mask | Self::Network | Self::Mac | Self::Language | Self::Country | Self::TimeOfDay | Self::TimeSpan => 48,
        }
    }

    /// Whether texts of this form may use variables.
    pub const fn expands(self) -> bool {
        matches!(
            self,
            Self::Plain
                | Self::Target
                | Self::Word
                | Self::Host
                | Self::Proxy
                | Self::Ip
                | Self::Network
                | Self::Mac
                | Self::Url
                | Self::ActionUrl
                | Self::Asset
                | Self::DialReplace
        )
    }

    /// Whether a text (with stand-ins for its variables) has this form.
    pub(super) fn accepts(self, text: &str) -> bool {
        match self {
            Self::Plain | Self::Target => true,
            Self::Word => is_word(text),
            Self::Name => is_word(text) && !text.contains("${"),
            Self::Digits => all(text, |c| c.is_ascii_digit()),
            Self::Host => is_host(text),
            Self::Proxy => is_url(text) || is_authority(text),
            Self::Ip => text.parse::<IpAddr>().is_ok(),
            Self::Mask => text.parse().is_ok_and(is_mask),
            Self::Network => text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok(),
            Self::Mac => is_mac(text),
            Self::Url | Self::ActionUrl => is_url(text),
            Self::Asset => is_asset(text),
            Self::Zone => is_zone(text),
            Self::Language => is_language(text),
            Self::Country => is_country(text),
            Self::Tone => is_tone(text),
            Self::Date => is_date(text),
            Self::TimeOfDay => is_time(text),
            Self::TimeSpan => text.split_once('-').is_some_and(|(from, to)| is_time(from) && is_time(to)),
            Self::DialMatch => captures(text).is_some(),
            Self::DialReplace => is_replacement(text),
            Self::Version => all(text, |c| c.is_ascii_alphanumeric() || "._-()".contains(c)) && text.contains(|c: char| c.is_ascii_digit()),
            Self::SettingPath => text.parse::<Path>().is_ok_and(|path| model::names_setting(&path)),
        }
    }
}

fn all(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(allowed)
}

fn is_word(text: &str) -> bool {
    all(text, |c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '<' | '>'))
}

/// Host name as `is_host` takes it, and no address.
pub fn is_host_name(text: &str) -> bool {
    text.parse::<IpAddr>().is_err() && is_host(text)
}

/// Host name (RFC 1123 section 2.1, and the underscore that many networks use) or IP address.
fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        label.len() <= 63
            && all(label, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name that ends in a number would be read as an IPv4 address, and this is none.
    let ends_in_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(label) && !ends_in_number
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; user and password in front are allowed (RFC 3986 section 3.2).
fn is_authority(text: &str) -> bool {
    let host_port = text.rsplit_once('@').map_or(text, |(_, host_port)| host_port);
    let (host, port) = if let Some(v6) = host_port.strip_prefix('[') {
        let Some((address, port)) = v6.split_once(']') else { return false };
        if address.parse::<std::net::Ipv6Addr>().is_err() || !(port.is_empty() || port.starts_with(':')) {
            return false;
        }
        ("v6", port.strip_prefix(':'))
    } else {
        host_port.split_once(':').map_or((host_port, None), |(host, port)| (host, Some(port)))
    };
    let port_fits = port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0));
    let user_fits = !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\' | '/' | '?' | '#'));
    is_host(host) && port_fits && user_fits
}

/// Absolute URL with an authority (RFC 3986 section 3).
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && all(scheme, |c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && is_authority(authority)
        && !rest.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\'))
}

fn is_asset(text: &str) -> bool {
    if text.contains("://") {
        return is_url(text);
    }
    text.chars().count() <= 128
        && all(text, |c| !matches!(c, '/' | '\\' | ':' | '"' | '<' | '>'))
        && !text.starts_with(['.', ' ', '-'])
        && !text.ends_with(' ')
}

fn is_mask(mask: Ipv4Addr) -> bool {
    let bits = u32::from(mask);
    bits.leading_ones() + bits.trailing_zeros() >= 32 && bits != 0
}

/// Twelve hex digits: bare, or in pairs or groups of four between one kind of separator.
fn is_mac(text: &str) -> bool {
    let hex = text.chars().filter(|c| c.is_ascii_hexdigit()).count() == 12;
    let grouped = |separator: char, size: usize| {
        text.split(separator).all(|group| group.len() == size && group.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    hex && (grouped(':', 2) || grouped('-', 2) || grouped('.', 4) || grouped(':', 12))
}

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

fn is_zone(text: &str) -> bool {
    // The database forgives letter case; a setting does not, so that one zone has one spelling.
    // Factory is the database's word for "not set up yet".
    text != "Factory" && ZONES.get(text).is_ok_and(|zone| zone.iana_name() == Some(text))
}

/// A well-formed language tag (RFC 5646 section 2.1) that begins with a language.
fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && all(language, |c| c.is_ascii_alphabetic())
        && parts.all(|part| part.len() <= 8 && all(part, |c| c.is_ascii_alphanumeric()))
        && text.rsplit('-').next().is_some_and(|last| last.len() > 1)
}

/// `350+440`, `480+620@500/500`: one to four frequencies in Hz; pairs of on and off times in ms.
fn is_tone(text: &str) -> bool {
    let number = |text: &str, least: u32, most: u32| {
        text.len() <= 5 && all(text, |c| c.is_ascii_digit()) && text.parse().is_ok_and(|n: u32| (least..=most).contains(&n))
    };
    let (frequencies, cadence) = text.split_once('@').map_or((text, None), |(tone, cadence)| (tone, Some(cadence)));
    frequencies.split('+').count() <= 4
        && frequencies.split('+').all(|hz| number(hz, 20, 4000))
        && cadence.is_none_or(|cadence| {
            let times: Vec<&str> = cadence.split('/').collect();
            times.len().is_multiple_of(2) && times.len() <= 8 && times.iter().all(|ms| number(ms, 0, 60_000))
        })
}

fn is_date(text: &str) -> bool {
    let known = ["D", "DD", "M", "MM", "MMM", "YY", "YYYY", "WWW"];
    let mut words = text.split([' ', '-', '/', '.', ',']).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(|word| known.contains(&word))
}

fn is_time(text: &str) -> bool {
    let Some((hours, minutes)) = text.split_once(':') else { return false };
    let below = |text: &str, end: u8| text.len() == 2 && all(text, |c| c.is_ascii_digit()) && text.parse().is_ok_and(|n: u8| n < end);
    below(hours, 24) && below(minutes, 60)
}

/// How many captures a `match` of the dial plan has; `None` when it is none.
pub(super) fn captures(text: &str) -> Option<usize> {
    let (mut open, mut captures, mut symbols) = (false, 0, 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '0'..='9' | '*' | '#' | 'x' => symbols += 1,
            ',' => {}
            '[' => {
                read_set(&mut chars)?;
                symbols += 1;
            }
            '(' if !open && captures < 9 => (open, captures) = (true, captures + 1),
            ')' if open => open = false,
            // "Any more" ends the pattern; only the capture around it may still close.
            '.' if matches!(chars.as_str(), "" | ")") => {}
            _ => return None,
        }
    }
    (!open && symbols > 0).then_some(captures)
}

/// Reads `1-5]`, `135]`, `1-37]` up to the bracket.
fn read_set(chars: &mut std::str::Chars<'_>) -> Option<()> {
    let (set, rest) = chars.as_str().split_once(']')?;
    let bytes = set.as_bytes();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if !first.is_ascii_digit() && !matches!(first, b'*' | b'#') {
            return None;
        }
        at += 1;
        if bytes.get(at) == Some(&b'-') {
            bytes.get(at + 1).filter(|last| last.is_ascii_digit() && first.is_ascii_digit() && **last >= first)?;
            at += 2;
        }
    }
    if set.is_empty() {
        return None;
    }
    *chars = rest.chars();
    Some(())
}

fn is_replacement(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let fits = match c {
            '$' => chars.next().is_some_and(|n| ('1'..='9').contains(&n)),
            _ => c.is_ascii_digit() || "*#+".contains(c),
        };
        if !fits {
            return false;
        }
    }
    !text.is_empty()
}

/// The greatest `$n` of a `replace` of the dial plan.
pub(super) fn greatest_reference(text: &str) -> usize {
    text.split('$').skip(1).filter_map(|part| part.chars().next()?.to_digit(10)).max().unwrap_or(0) as usize
}
