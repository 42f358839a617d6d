//! Rules against the zone data: what they say of every zone, compared with what happens there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use super::*;

fn short(zone: &str) -> String {
    let d = dst(zone).unwrap();
    let change = |c: Option<Change>| c.map_or("-".into(), |c| format!("{}/{}/{}/{}:{:02}", c.month, c.week, c.weekday, c.hour, c.minute));
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
    assert_eq!(short("Antarctica/Troll"), "0 3/5/7/1:00 10/5/7/3:00 120");
}

#[test]
fn laws_that_no_rule_expresses_get_the_nearest() {
    // Ramadan moves through the year.
    assert!(dst("Asia/Gaza").unwrap().inexact && dst("Asia/Gaza").unwrap().posix_inexact);
    // The Friday before the last Sunday, 2:00: three hours early in every year is nearer than a week in some.
    assert_eq!(short("Asia/Jerusalem"), "+2 3/4/4/23:00 10/5/7/2:00 60 ~");
    assert_eq!(dst("Asia/Jerusalem").unwrap().posix, "IST-2IDT,M3.4.4/26,M10.5.0/2");
    // The end of the last Thursday.
    assert_eq!(short("Africa/Cairo"), "+2 4/5/5/0:00 10/5/4/23:00 60 ~");
    assert_eq!(dst("Africa/Cairo").unwrap().posix, "EET-2EEST,M4.5.5/0,M10.5.4/24");
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

/// Seconds since 1970 of what a telephone with this rule does in a year: a calendar of its own, counted by hand.
fn instants(d: &Dst, year: i64) -> Vec<i64> {
    let days_from_epoch = |year: i64, month: i64, day: i64| {
        let leaps = |y: i64| y / 4 - y / 100 + y / 400;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let before: i64 = lengths[..usize::try_from(month - 1).unwrap()].iter().sum();
        ((year - 1970) * 365 + leaps(year - 1) - leaps(1969) + before + day - 1, lengths[usize::try_from(month - 1).unwrap()])
    };
    let at = |c: Change, offset_min: i32| {
        let (first, length) = days_from_epoch(year, c.month.into(), 1);
        // 1970-01-01 was a Thursday.
        let weekday = |day: i64| (first + day - 1 + 3).rem_euclid(7) + 1;
        let days: Vec<i64> = (1..=length).filter(|&d| weekday(d) == i64::from(c.weekday)).collect();
        let day = if c.last { days[days.len() - 1] } else { days[usize::try_from(c.week - 1).unwrap()] };
        (first + day - 1) * 86_400 + i64::from(c.hour) * 3600 + i64::from(c.minute) * 60 - i64::from(offset_min) * 60
    };
    let both = [d.start.map(|c| at(c, d.offset_min)), d.end.map(|c| at(c, d.offset_min + d.save_min))];
    let mut out: Vec<i64> = both.into_iter().flatten().collect();
    out.sort_unstable();
    out
}

fn real(zone: &TimeZone, year: i64) -> Vec<(i64, i32)> {
    let year = i16::try_from(year).unwrap();
    let second = |y| TimeZone::UTC.to_timestamp(civil::date(y, 1, 1).at(0, 0, 0, 0)).unwrap();
    let mut before = zone.to_offset(second(year));
    let mut out = Vec::new();
    for t in zone.following(second(year)).take(50).take_while(|t| t.timestamp() < second(year + 1)) {
        if t.offset() != before {
            out.push((t.timestamp().as_second(), t.offset().seconds()));
        }
        before = t.offset();
    }
    out
}

/// Every zone of the data, every change of twelve years: a rule is exact or says that it is not.
#[test]
fn every_zone_is_as_the_rule_says_or_marked() {
    let (mut count, mut marked, mut with_dst) = (0, BTreeSet::new(), 0);
    for name in database().available() {
        let zone = database().get(name.as_str()).unwrap();
        let d = dst(name.as_str()).unwrap();
        let exact = (2027..2039).all(|year| {
            let real = real(&zone, year);
            let offsets = [d.offset_min, d.offset_min + d.save_min].map(|m| m * 60);
            real.iter().map(|r| r.0).collect::<Vec<_>>() == instants(&d, year) && real.iter().all(|r| offsets.contains(&r.1))
        });
        assert_eq!(exact, !d.inexact, "{name} {d:?}");
        if d.inexact {
            marked.insert(name.as_str().to_owned());
        }
        with_dst += usize::from(d.has_dst);
        count += 1;
    }
    assert!(count > 400 && with_dst > 150, "{count} {with_dst}");
    // Days before a last Sunday, ends of days, Ramadan.
    let known = [
        "Africa/Cairo",
        "America/Godthab",
        "America/Nuuk",
        "America/Santiago",
        "America/Scoresbysund",
        "Asia/Gaza",
        "Asia/Hebron",
        "Asia/Jerusalem",
        "Asia/Tel_Aviv",
        "Chile/Continental",
        "Egypt",
        "Israel",
    ];
    assert_eq!(marked, known.map(str::to_owned).into());
}

/// What a POSIX TZ says, read by another's parser.
#[test]
fn every_posix_text_is_as_the_zone_or_marked() {
    let mut marked = Vec::new();
    for name in database().available() {
        let zone = database().get(name.as_str()).unwrap();
        let d = dst(name.as_str()).unwrap();
        let read = TimeZone::posix(&d.posix).unwrap_or_else(|e| panic!("{name} {} {e}", d.posix));
        let exact = (2027..2039).all(|year| real(&zone, year) == real(&read, year));
        assert_eq!(exact, !d.posix_inexact, "{name} {}", d.posix);
        if d.posix_inexact {
            marked.push(name.as_str().to_owned());
        }
    }
    assert_eq!(marked, ["Asia/Gaza", "Asia/Hebron"]);
}

#[test]
fn every_zone_gives_something_sensible() {
    for name in database().available() {
        let d = dst(name.as_str()).unwrap();
        assert!((-12 * 60..=14 * 60).contains(&d.offset_min), "{name} {d:?}");
        assert_eq!(d.has_dst, d.start.is_some() && d.end.is_some(), "{name}");
        assert_eq!(d.has_dst, d.save_min > 0, "{name} {d:?}");
        for c in d.start.iter().chain(&d.end) {
            let fine =
                (1..=12).contains(&c.month) && (1..=5).contains(&c.week) && (1..=7).contains(&c.weekday) && (0..=23).contains(&c.hour);
            assert!(fine && (0..60).contains(&c.minute) && c.weekday1 == c.weekday0 + 1, "{name} {c:?}");
        }
    }
}
