//! Which rule of the kind "nth weekday of a month, at a time" is nearest to the changes of some years.

use jiff::civil::{Date, DateTime};

use super::Rule;

const DAY: i64 = 24 * 60;
/// How far a POSIX TZ lets a time lie from its day (RFC 9636, 3.3.1: 167 hours); two days are enough for any law there is.
const BEYOND: i64 = 2 * DAY;

impl Rule {
    /// The day that is meant in a year.
    pub(super) fn date(self, year: i16) -> Option<Date> {
        let first = Date::new(year, self.month, 1).ok()?;
        let to_weekday = (self.weekday - first.weekday().to_monday_one_offset()).rem_euclid(7);
        let day = 1 + to_weekday + 7 * (self.week - 1);
        let day = if day > first.days_in_month() { day - 7 } else { day };
        Date::new(year, self.month, day).ok()
    }

    /// Minutes from the rule's midnight to each change.
    fn distances(self, changes: &[DateTime]) -> Option<Vec<i64>> {
        changes.iter().map(|c| Some(minutes(*c) - minutes(self.date(c.year())?.at(0, 0, 0, 0)))).collect()
    }
}

/// Minutes since the year 0, for years after it.
fn minutes(at: DateTime) -> i64 {
    let before = i64::from(at.year()) - 1;
    let days = before * 365 + before / 4 - before / 100 + before / 400 + i64::from(at.day_of_year());
    days * DAY + i64::from(at.hour()) * 60 + i64::from(at.minute())
}

/// Every weekday of every week of the months around the changes.
fn days(changes: &[DateTime]) -> impl Iterator<Item = Rule> {
    let month = changes.first().map_or(1, |c| c.month());
    let months = [month, month % 12 + 1, (month + 10) % 12 + 1];
    // The last week is tried first: "fourth" may look the same for some years.
    let weeks = [5, 4, 3, 2, 1];
    months.into_iter().flat_map(move |month| {
        weeks.into_iter().flat_map(move |week| (1..=7).map(move |weekday| Rule { month, week, weekday, minutes: 0 }))
    })
}

/// The rule whose time lies in its day that is nearest in all years, and by how many minutes in all it misses.
pub(super) fn nearest(changes: &[DateTime]) -> Option<(Rule, i64)> {
    let first = changes.first()?;
    let times = [i64::from(first.hour()) * 60 + i64::from(first.minute()), 0, DAY - 60];
    let timed = |day: Rule| {
        let distances = day.distances(changes).unwrap_or_default();
        times.map(|minutes| (Rule { minutes, ..day }, distances.iter().map(|d| (d - minutes).abs()).sum()))
    };
    days(changes).flat_map(timed).min_by_key(|(_, error)| *error)
}

/// The rule that is exact in all years, with a time that may lie outside its day; the one that lies least outside.
pub(super) fn nearest_beyond_days(changes: &[DateTime]) -> Option<Rule> {
    let exact = |day: Rule| {
        let distances = day.distances(changes)?;
        let minutes = *distances.first()?;
        (minutes.abs() <= BEYOND && distances.iter().all(|d| *d == minutes)).then_some(Rule { minutes, ..day })
    };
    let outside = |rule: &Rule| (rule.minutes - rule.minutes.clamp(0, DAY - 1)).abs();
    days(changes).filter_map(exact).min_by_key(outside)
}
