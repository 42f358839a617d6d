//! From an IANA zone to what telephones take: an offset and a rule for daylight saving time, like "last Sunday of March, 2:00".
//!
//! The rule is the one that is nearest to the zone's transitions of some years; no clock is asked. A zone whose law no such rule
//! can express says so. How a family writes a rule is not known here: see [`crate::dst_pattern`].

mod calendar;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{OnceLock, RwLock},
};

use jiff::{
    Timestamp, civil,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};
use serde::Serialize;

use calendar::{nearest, nearest_beyond_days};

/// The first year that rules are read from: laws that end before it do not count. Moving it may change rendered files; do so with a new
/// release of the zone data only.
const REFERENCE_YEAR: i16 = 2027;
/// How many years a rule must hold to be one.
const YEARS: i16 = 12;

/// What a telephone needs to know of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Dst {
    /// Standard offset from UTC in minutes, east positive.
    pub offset_min: i32,
    /// The same in seconds.
    pub offset_s: i32,
    /// As hours: `1`, `-3.5`.
    pub offset_hours: String,
    /// `+1`, `-3:30`, `0`
    pub offset_text: String,
    /// `+01:00`
    pub offset_hhmm: String,
    pub has_dst: bool,
    /// Minutes added in summer.
    pub save_min: i32,
    /// The same in seconds.
    pub save_s: i32,
    /// As hours: `1`, `0:30`, `0`.
    pub save_text: String,
    pub start: Option<Change>,
    pub end: Option<Change>,
    /// POSIX TZ (IEEE Std 1003.1, 8.3), where west is positive; hours beyond a day as RFC 9636 allows them.
    pub posix: String,
    /// No rule can express the zone's law: this is the nearest.
    #[serde(skip)]
    pub inexact: bool,
    /// Nor can a POSIX TZ.
    #[serde(skip)]
    pub posix_inexact: bool,
}

/// One change of the clocks, in the words that families use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// 1 to 12.
    pub month: i8,
    /// `March`
    pub month_name: &'static str,
    /// 1 to 4; 5 is the last.
    pub week: i8,
    /// 1 to 4; -1 is the last.
    pub week_signed: i8,
    /// `first` to `fourth`, `last`.
    pub week_name: &'static str,
    pub last: bool,
    /// The first day of the month that it can be: 1, 8, 15, 22; -1 for the last week.
    pub first_day: i8,
    /// 1 Monday to 7 Sunday.
    pub weekday: i8,
    /// 0 Sunday to 6 Saturday.
    pub weekday0: i8,
    /// 1 Sunday to 7 Saturday.
    pub weekday1: i8,
    /// `Sunday`
    pub weekday_name: &'static str,
    /// Day of the month in the reference year.
    pub day: i8,
    /// 0 to 23, local time before the change.
    pub hour: i8,
    pub minute: i8,
    /// Minutes after midnight.
    pub minutes: i16,
}

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const WEEKS: [&str; 5] = ["first", "second", "third", "fourth", "last"];

/// The `week`th `weekday` of a month and a time from its midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    month: i8,
    /// 1 to 4; 5 is the last.
    week: i8,
    /// 1 Monday to 7 Sunday.
    weekday: i8,
    /// May lie on other days where a form can say so.
    minutes: i64,
}

impl Rule {
    fn change(self) -> Change {
        let name = |names: &[&'static str], number: i8| usize::try_from(number - 1).ok().and_then(|i| names.get(i).copied()).unwrap_or("");
        let (hour, minute) = (self.minutes / 60, self.minutes % 60);
        let last = self.week == 5;
        Change {
            month: self.month,
            month_name: name(&MONTHS, self.month),
            week: self.week,
            week_signed: if last { -1 } else { self.week },
            week_name: name(&WEEKS, self.week),
            last,
            first_day: if last { -1 } else { self.week * 7 - 6 },
            weekday: self.weekday,
            weekday0: self.weekday % 7,
            weekday1: self.weekday % 7 + 1,
            weekday_name: name(&WEEKDAYS, self.weekday),
            day: self.date(REFERENCE_YEAR).map_or(1, civil::Date::day),
            hour: i8::try_from(hour).unwrap_or(0),
            minute: i8::try_from(minute).unwrap_or(0),
            minutes: i16::try_from(self.minutes).unwrap_or(0),
        }
    }

    /// `M3.5.0/2`
    fn posix(self) -> String {
        let (sign, hours, minutes) = (if self.minutes < 0 { "-" } else { "" }, self.minutes.abs() / 60, self.minutes.abs() % 60);
        let minutes = if minutes == 0 { String::new() } else { format!(":{minutes:02}") };
        format!("M{}.{}.{}/{sign}{hours}{minutes}", self.month, self.week, self.weekday % 7)
    }
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
    let rule = read(&database().get(name).ok()?)?;
    if let Ok(mut known) = KNOWN.write()
        && known.len() < 1024
    {
        known.insert(name.to_owned(), rule.clone());
    }
    Some(rule)
}

fn read(zone: &TimeZone) -> Option<Dst> {
    let changes: Vec<Vec<At>> = (0..YEARS).map(|y| changes(zone, REFERENCE_YEAR + y)).collect();
    let reference = changes.first()?;
    if changes.iter().all(Vec::is_empty) {
        return Some(without(zone, false));
    }
    let all = |forward| changes.iter().map(|c| one(c, forward)).collect::<Option<Vec<At>>>();
    let (Some(starts), Some(ends), Some(first)) = (all(true), all(false), one(reference, true)) else {
        return Some(without(zone, true));
    };
    let (offset, save) = (minutes(first.before), minutes(first.after) - minutes(first.before));
    // The same hours in every year, and back to where it began.
    let steady = starts.iter().all(|s| (s.before, s.after) == (first.before, first.after))
        && ends.iter().all(|e| (e.before, e.after) == (first.after, first.before));
    let times = |all: &[At]| all.iter().map(|a| a.local).collect::<Vec<_>>();
    let (starts, ends) = (times(&starts), times(&ends));
    let ((start, start_error), (end, end_error)) = (nearest(&starts)?, nearest(&ends)?);
    let (beyond_start, beyond_end) = (nearest_beyond_days(&starts), nearest_beyond_days(&ends));
    let rules = (beyond_start.unwrap_or(start), beyond_end.unwrap_or(end));
    let mut out = plain(offset, posix(zone, Some((rules.0, rules.1, save))), !steady || start_error + end_error > 0);
    out.posix_inexact = !steady || beyond_start.is_none() || beyond_end.is_none();
    (out.has_dst, out.save_min, out.save_s, out.save_text) = (true, save, save * 60, hours_text(save));
    (out.start, out.end) = (Some(start.change()), Some(end.change()));
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
    let start_of = |year| TimeZone::UTC.to_timestamp(civil::date(year, 1, 1).at(0, 0, 0, 0));
    let (Ok(from), Ok(until)) = (start_of(year), start_of(year + 1)) else { return Vec::new() };
    let mut before = zone.to_offset(from);
    let mut out = Vec::new();
    for transition in zone.following(from).take(16).take_while(|t| t.timestamp() < until) {
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

fn minutes(offset: Offset) -> i32 {
    offset.seconds() / 60
}

/// A zone without daylight saving time: the offset that holds for most of the reference year.
fn without(zone: &TimeZone, inexact: bool) -> Dst {
    let middle = TimeZone::UTC.to_timestamp(civil::date(REFERENCE_YEAR, 7, 1).at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
    plain(minutes(zone.to_offset(middle)), posix(zone, None), inexact)
}

/// `1`, `0:30`
fn hours_text(minutes: i32) -> String {
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    if rest == 0 { hours.to_string() } else { format!("{hours}:{rest:02}") }
}

fn plain(offset_min: i32, posix: String, inexact: bool) -> Dst {
    let (sign, hours, rest) = (if offset_min < 0 { '-' } else { '+' }, offset_min.abs() / 60, offset_min.abs() % 60);
    Dst {
        offset_min,
        offset_s: offset_min * 60,
        offset_hours: (f64::from(offset_min) / 60.0).to_string(),
        offset_text: if offset_min == 0 { "0".to_owned() } else { format!("{sign}{}", hours_text(offset_min)) },
        offset_hhmm: format!("{sign}{hours:02}:{rest:02}"),
        has_dst: false,
        save_min: 0,
        save_s: 0,
        save_text: "0".to_owned(),
        start: None,
        end: None,
        posix,
        inexact,
        posix_inexact: inexact,
    }
}

fn posix(zone: &TimeZone, rule: Option<(Rule, Rule, i32)>) -> String {
    let at = |month: i8| {
        let date = civil::date(REFERENCE_YEAR, month, 15).at(12, 0, 0, 0);
        let timestamp = TimeZone::UTC.to_timestamp(date).unwrap_or(Timestamp::UNIX_EPOCH);
        let info = zone.to_offset_info(timestamp);
        let name = info.abbreviation();
        let name = if name.chars().all(|c| c.is_ascii_alphabetic()) { name.to_owned() } else { format!("<{name}>") };
        (minutes(info.offset()), name)
    };
    let offset = |east: i32| format!("{}{}", if east > 0 { "-" } else { "" }, hours_text(east));
    let (january, july) = (at(1), at(7));
    let Some((start, end, save)) = rule else { return format!("{}{}", july.1, offset(july.0)) };
    let (standard, summer) = if january.0 <= july.0 { (january, july) } else { (july, january) };
    let summer_offset = if save == 60 { String::new() } else { offset(summer.0) };
    format!("{}{}{}{summer_offset},{},{}", standard.1, offset(standard.0), summer.1, start.posix(), end.posix())
}
