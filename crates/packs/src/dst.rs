//! From an IANA zone to what telephones take: an offset and a rule for daylight saving time, like "last Sunday of March, 2:00".
//!
//! The rule is read from the zone's transitions in a fixed year and checked against those that follow; no clock is asked. A zone
//! whose law no such rule can express gets the nearest one and says so.

use std::{
    collections::BTreeMap,
    sync::{OnceLock, RwLock},
};

use jiff::{
    Timestamp, civil,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};
use serde::Serialize;

/// The year that rules are read from. Moving it may change rendered files; do so with a new release of the zone data only.
const REFERENCE_YEAR: i16 = 2026;
/// How many years a rule must hold to be one.
const YEARS: i16 = 8;

/// What a telephone needs to know of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Dst {
    /// Standard offset from UTC in minutes, east positive.
    pub offset_min: i32,
    /// As hours: `1`, `-3.5`.
    pub offset_hours: String,
    /// `+1`, `-3:30`, `0`
    pub offset_text: String,
    /// `+01:00`
    pub offset_hhmm: String,
    pub has_dst: bool,
    /// Minutes added in summer.
    pub save_min: i32,
    pub start: Option<Change>,
    pub end: Option<Change>,
    /// POSIX TZ (IEEE Std 1003.1, 8.3), where west is positive.
    pub posix: String,
    /// No rule can express the zone's law: this is the nearest.
    #[serde(skip)]
    pub inexact: bool,
}

/// One change of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// 1 to 12.
    pub month: i8,
    /// 1 to 4; 5 is the last.
    pub week: i8,
    /// 1 Monday to 7 Sunday.
    pub weekday: i8,
    /// Day of the month in the reference year.
    pub day: i8,
    /// 0 to 24, local time before the change.
    pub hour: i8,
    pub minute: i8,
}

fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

/// None for a name that is no zone. What was read once is kept: there are a few hundred zones.
pub(crate) fn dst(name: &str) -> Option<Dst> {
    static KNOWN: RwLock<BTreeMap<String, Dst>> = RwLock::new(BTreeMap::new());
    if let Some(rule) = KNOWN.read().ok().and_then(|known| known.get(name).cloned()) {
        return Some(rule);
    }
    let zone = database().get(name).ok()?;
    let rule = read(zone)?;
    if let Ok(mut known) = KNOWN.write()
        && known.len() < 1024
    {
        known.insert(name.to_owned(), rule.clone());
    }
    Some(rule)
}

fn read(zone: TimeZone) -> Option<Dst> {
    let changes: Vec<Vec<At>> = (0..YEARS).map(|y| changes(&zone, REFERENCE_YEAR + y)).collect();
    let reference = changes.first()?;
    let (Some(start), Some(end)) = (one(reference, true), one(reference, false)) else {
        return Some(without(&zone, !reference.is_empty()));
    };
    let starts: Option<Vec<At>> = changes.iter().map(|c| one(c, true)).collect();
    let ends: Option<Vec<At>> = changes.iter().map(|c| one(c, false)).collect();
    let (Some(starts), Some(ends)) = (starts, ends) else { return Some(without(&zone, true)) };
    let (Some((start_rule, exact_start)), Some((end_rule, exact_end))) = (rule(&starts), rule(&ends)) else {
        return Some(without(&zone, true));
    };
    let (offset, save) = (minutes(start.before), minutes(start.after) - minutes(start.before));
    let posix = posix(&zone, Some((start_rule, end_rule, save)));
    let mut out = plain(offset, posix, !(exact_start && exact_end) || minutes(end.after) != offset);
    (out.has_dst, out.save_min, out.start, out.end) = (true, save, Some(start_rule), Some(end_rule));
    Some(out)
}

/// A change in one year.
#[derive(Clone, Copy)]
struct At {
    /// By the clock before the change.
    local: civil::DateTime,
    before: Offset,
    after: Offset,
}

fn changes(zone: &TimeZone, year: i16) -> Vec<At> {
    let Ok(from) = TimeZone::UTC.to_timestamp(civil::date(year, 1, 1).at(0, 0, 0, 0)) else { return Vec::new() };
    let in_year = zone.following(from).take(16).take_while(|t| t.timestamp().as_second() - from.as_second() < 365 * 86_400);
    let mut before = zone.to_offset(from);
    let mut out = Vec::new();
    for transition in in_year {
        let after = transition.offset();
        if after != before {
            out.push(At { local: before.to_datetime(transition.timestamp()), before, after });
        }
        before = after;
    }
    out
}

/// The one change of a year in that direction, if the year has one of each.
fn one(changes: &[At], forward: bool) -> Option<At> {
    let [a, b] = changes else { return None };
    let is = |c: &At| (c.after > c.before) == forward;
    match (is(a), is(b)) {
        (true, false) => Some(*a),
        (false, true) => Some(*b),
        _ => None,
    }
}

/// The rule that gives all of these, or that of the first if all are in one month; whether it is exact.
fn rule(all: &[At]) -> Option<(Change, bool)> {
    let civil: Vec<(civil::Date, i8, i8)> = all.iter().map(|a| (a.local.date(), a.local.hour(), a.local.minute())).collect();
    if let Some(found) = common(&civil) {
        return Some((found, true));
    }
    // Midnight may be the end of the day before: "last Thursday, 24:00".
    let before: Option<Vec<_>> = civil.iter().map(|&(d, h, m)| Some((d.yesterday().ok().filter(|_| h == 0 && m == 0)?, 24, 0))).collect();
    if let Some(found) = before.and_then(|b| common(&b)) {
        return Some((found, true));
    }
    let &(date, hour, minute) = civil.first()?;
    civil.iter().all(|(d, ..)| d.month() == date.month()).then(|| (change(date, hour, minute, occurrence(date)), false))
}

fn common(all: &[(civil::Date, i8, i8)]) -> Option<Change> {
    let &(date, hour, minute) = all.first()?;
    let same = |f: &dyn Fn(civil::Date) -> bool| {
        all.iter().all(|&(d, h, m)| d.month() == date.month() && d.weekday() == date.weekday() && h == hour && m == minute && f(d))
    };
    let last = |d: civil::Date| d.day() + 7 > d.days_in_month();
    if same(&last) {
        return Some(change(date, hour, minute, 5));
    }
    let week = occurrence(date);
    (week < 5 && same(&|d| occurrence(d) == week)).then(|| change(date, hour, minute, week))
}

fn occurrence(date: civil::Date) -> i8 {
    (date.day() - 1) / 7 + 1
}

fn change(date: civil::Date, hour: i8, minute: i8, week: i8) -> Change {
    Change { month: date.month(), week, weekday: date.weekday().to_monday_one_offset(), day: date.day(), hour, minute }
}

fn minutes(offset: Offset) -> i32 {
    offset.seconds() / 60
}

/// A zone without daylight saving time: the offset that holds for most of the reference year.
fn without(zone: &TimeZone, inexact: bool) -> Dst {
    let middle = TimeZone::UTC.to_timestamp(civil::date(REFERENCE_YEAR, 7, 1).at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
    plain(minutes(zone.to_offset(middle)), posix(zone, None), inexact)
}

fn plain(offset_min: i32, posix: String, inexact: bool) -> Dst {
    let (sign, hours, rest) = (if offset_min < 0 { '-' } else { '+' }, offset_min.abs() / 60, offset_min.abs() % 60);
    let offset_text = match (offset_min, rest) {
        (0, _) => "0".to_owned(),
        (_, 0) => format!("{sign}{hours}"),
        _ => format!("{sign}{hours}:{rest:02}"),
    };
    Dst {
        offset_min,
        offset_hours: (f64::from(offset_min) / 60.0).to_string(),
        offset_text,
        offset_hhmm: format!("{sign}{hours:02}:{rest:02}"),
        has_dst: false,
        save_min: 0,
        start: None,
        end: None,
        posix,
        inexact,
    }
}

fn posix(zone: &TimeZone, rule: Option<(Change, Change, i32)>) -> String {
    let at = |month: i8| {
        let date = civil::date(REFERENCE_YEAR, month, 15).at(12, 0, 0, 0);
        let timestamp = TimeZone::UTC.to_timestamp(date).unwrap_or(Timestamp::UNIX_EPOCH);
        let info = zone.to_offset_info(timestamp);
        let name = info.abbreviation();
        let name = if name.chars().all(|c| c.is_ascii_alphabetic()) { name.to_owned() } else { format!("<{name}>") };
        (minutes(info.offset()), name)
    };
    let offset = |east: i32| {
        let (sign, hours, rest) = (if east > 0 { "-" } else { "" }, east.abs() / 60, east.abs() % 60);
        if rest == 0 { format!("{sign}{hours}") } else { format!("{sign}{hours}:{rest:02}") }
    };
    let (january, july) = (at(1), at(7));
    let Some((start, end, save)) = rule else { return format!("{}{}", july.1, offset(july.0)) };
    let (standard, summer) = if january.0 <= july.0 { (january, july) } else { (july, january) };
    let time = |c: Change| {
        let minute = if c.minute == 0 { String::new() } else { format!(":{:02}", c.minute) };
        format!("M{}.{}.{}/{}{minute}", c.month, c.week, c.weekday % 7, c.hour)
    };
    let summer_offset = if save == 60 { String::new() } else { offset(summer.0) };
    format!("{}{}{}{summer_offset},{},{}", standard.1, offset(standard.0), summer.1, time(start), time(end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn short(zone: &str) -> String {
        let d = dst(zone).unwrap();
        let change =
            |c: Option<Change>| c.map_or("-".into(), |c| format!("{}/{}/{}/{}:{:02}", c.month, c.week, c.weekday, c.hour, c.minute));
        format!("{} {} {} {}{}", d.offset_text, change(d.start), change(d.end), d.save_min, if d.inexact { " ~" } else { "" })
    }

    #[test]
    fn rules_of_the_fact_sheets() {
        assert_eq!(short("Europe/Paris"), "+1 3/5/7/2:00 10/5/7/3:00 60");
        assert_eq!(short("America/New_York"), "-5 3/2/7/2:00 11/1/7/2:00 60");
        assert_eq!(short("Australia/Sydney"), "+10 10/1/7/2:00 4/1/7/3:00 60");
    }

    #[test]
    fn halves_quarters_and_none() {
        assert_eq!(short("Europe/London"), "0 3/5/7/1:00 10/5/7/2:00 60");
        assert_eq!(short("Europe/Dublin"), "0 3/5/7/1:00 10/5/7/2:00 60");
        assert_eq!(short("America/St_Johns"), "-3:30 3/2/7/2:00 11/1/7/2:00 60");
        assert_eq!(short("Australia/Lord_Howe"), "+10:30 10/1/7/2:00 4/1/7/2:00 30");
        assert_eq!(short("Pacific/Chatham"), "+12:45 9/5/7/2:45 4/1/7/3:45 60");
        assert_eq!(short("Asia/Kolkata"), "+5:30 - - 0");
        assert_eq!(short("Asia/Tokyo"), "+9 - - 0");
        assert_eq!(short("UTC"), "0 - - 0");
        assert_eq!(short("Asia/Kathmandu"), "+5:45 - - 0");
    }

    #[test]
    fn laws_that_no_rule_expresses_are_marked() {
        assert!(dst("Africa/Casablanca").unwrap().inexact);
        assert!(dst("Asia/Jerusalem").unwrap().has_dst && dst("Asia/Jerusalem").unwrap().inexact);
        assert_eq!(short("Africa/Cairo"), "+2 4/5/5/0:00 10/5/4/24:00 60");
        assert_eq!(dst("Mars/Olympus"), None);
        assert_eq!(dst(""), None);
    }

    #[test]
    fn posix_has_west_positive() {
        assert_eq!(dst("Europe/Paris").unwrap().posix, "CET-1CEST,M3.5.0/2,M10.5.0/3");
        assert_eq!(dst("America/New_York").unwrap().posix, "EST5EDT,M3.2.0/2,M11.1.0/2");
        assert_eq!(dst("Australia/Lord_Howe").unwrap().posix, "<+1030>-10:30<+11>-11,M10.1.0/2,M4.1.0/2");
        assert_eq!(dst("Asia/Kolkata").unwrap().posix, "IST-5:30");
    }

    #[test]
    fn every_zone_gives_something_sensible() {
        let mut count = 0;
        for name in database().available() {
            let d = dst(name.as_str()).unwrap_or_else(|| panic!("{name}"));
            assert!((-12 * 60..=14 * 60).contains(&d.offset_min), "{name} {d:?}");
            assert_eq!(d.has_dst, d.start.is_some() && d.end.is_some(), "{name}");
            assert_eq!(d.has_dst, d.save_min > 0, "{name} {d:?}");
            for c in d.start.iter().chain(&d.end) {
                assert!(
                    (1..=12).contains(&c.month) && (1..=5).contains(&c.week) && (1..=7).contains(&c.weekday) && (0..=24).contains(&c.hour),
                    "{name} {c:?}"
                );
            }
            count += 1;
        }
        assert!(count > 400, "{count}");
    }
}
