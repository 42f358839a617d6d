//! Rules for daylight saving time in a family's own words: a pattern with the parts of a rule in braces, as
//! `{start.month}/{start.week}/{start.weekday}/{start.hour}`. The patterns are in templates.

use serde_json::Value;

use crate::dst::{Change, Dst};

/// What a pattern gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Formatted {
    /// None: the pattern needs a rule, and the zone has no daylight saving time.
    pub text: Option<String>,
    /// What the pattern cannot say of this zone.
    pub lost: Vec<String>,
}

/// Puts a rule into a pattern.
///
/// # Errors
/// What is wrong with the pattern, for the author of the template.
pub(crate) fn format(rule: &Dst, pattern: &str) -> Result<Formatted, String> {
    let value = serde_json::to_value(rule).map_err(|e| e.to_string())?;
    let mut names = Vec::new();
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (part, after) = after.split_once('}').ok_or_else(|| format!("{pattern:?}: a brace is not closed"))?;
        let (name, form) = part.split_once(':').unwrap_or((part, ""));
        names.push(name);
        if let Some(text) = named(&value, name, rule.has_dst)? {
            out.push_str(&shaped(&text, form).ok_or_else(|| format!("{part:?}: write a width as :02, a length as :.3"))?);
        }
        rest = after;
    }
    out.push_str(rest);
    let of_rule = names.iter().any(|n| n.starts_with("start.") || n.starts_with("end."));
    let told = rule.has_dst || !of_rule;
    let lost = if rule.has_dst && of_rule { lost(rule, &names) } else { Vec::new() };
    Ok(Formatted { text: told.then_some(out), lost })
}

/// None: a part of a rule, of a zone that has none.
fn named(value: &Value, name: &str, has_dst: bool) -> Result<Option<String>, String> {
    let found = name.split('.').try_fold(value, |at, part| at.get(part));
    match found {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Null | Value::Object(_)) | None if !has_dst && (name.starts_with("start.") || name.starts_with("end.")) => Ok(None),
        _ => Err(format!("{name:?} is no part of a rule: dst() in the documentation of packs lists them")),
    }
}

/// `02`: at least so wide, with zeros; `.3`: at most so long.
fn shaped(text: &str, form: &str) -> Option<String> {
    if form.is_empty() {
        return Some(text.to_owned());
    }
    if let Some(length) = form.strip_prefix('.') {
        return Some(text.chars().take(length.parse().ok()?).collect());
    }
    let width: usize = form.strip_prefix('0').and_then(|w| w.parse().ok()).filter(|w| *w <= 20)?;
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    Some(format!("{sign}{digits:0>width$}", width = width.saturating_sub(sign.len())))
}

/// What the pattern has no word for, though this zone needs one.
fn lost(rule: &Dst, names: &[&str]) -> Vec<String> {
    let has = |parts: &[&str]| names.iter().any(|n| parts.contains(&n.rsplit('.').next().unwrap_or(n)));
    let changes = || rule.start.iter().chain(&rule.end);
    let mut out = Vec::new();
    if !has(&["minute", "minutes"]) && changes().any(|c: &Change| c.minute != 0) {
        out.push("the change of daylight saving time is set to the full hour before it".to_owned());
    }
    if has(&["day"]) && !has(&["week", "week_signed", "week_name", "first_day", "last"]) {
        out.push("the days of the change of daylight saving time are those of one year: set it anew for others".to_owned());
    }
    if rule.save_min != 60 && !has(&["save_min", "save_s", "save_text"]) {
        out.push(format!("daylight saving time of {} minutes is taken for an hour", rule.save_min));
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::dst::dst;

    fn given(zone: &str, pattern: &str) -> String {
        let made = format(&dst(zone).unwrap(), pattern).unwrap();
        made.text.unwrap_or_default() + &made.lost.iter().map(|l| format!(" [{l}]")).collect::<String>()
    }

    /// The examples of the fact sheets, each in its family's form.
    #[test]
    fn forms_of_the_fact_sheets() {
        let (paris, york, sydney) = ("Europe/Paris", "America/New_York", "Australia/Sydney");
        let slashes = "{start.month}/{start.week}/{start.weekday}/{start.hour} {end.month}/{end.week}/{end.weekday}/{end.hour}";
        assert_eq!(given(paris, slashes), "3/5/7/2 10/5/7/3");
        assert_eq!(given(york, slashes), "3/2/7/2 11/1/7/2");
        assert_eq!(given(sydney, slashes), "10/1/7/2 4/1/7/3");
        let days = "start={start.month}/{start.first_day}/{start.weekday}/{start.hour}:{start.minute}:0;\
                    end={end.month}/{end.first_day}/{end.weekday}/{end.hour}:{end.minute}:0;save={save_text}";
        assert_eq!(given(paris, days), "start=3/-1/7/2:0:0;end=10/-1/7/3:0:0;save=1");
        assert_eq!(given(york, days), "start=3/8/7/2:0:0;end=11/1/7/2:0:0;save=1");
        let seconds = "{save_s} {start.month:02}.{start.week:02}.{start.weekday:02} {start.hour:02}:{start.minute:02}:00 \
                       {end.month:02}.{end.week:02}.{end.weekday:02} {end.hour:02}:{end.minute:02}:00";
        assert_eq!(given(paris, seconds), "3600 03.05.07 02:00:00 10.05.07 03:00:00");
        let signed =
            "{start.month}/{start.week_signed}/{start.weekday1}/{start.hour}, {end.month}/{end.week_signed}/{end.weekday1}/{end.hour}";
        assert_eq!(given(paris, signed), "3/-1/1/2, 10/-1/1/3");
        assert_eq!(given(york, signed), "3/2/1/2, 11/1/1/2");
        let minutes = "{start.month} {start.week} {start.weekday0} {start.minutes}";
        assert_eq!(given(paris, minutes), "3 5 0 120");
        let words = "{offset_hhmm} from {start.hour:02}:{start.minute:02} {start.month_name:.3} {start.week_name} {start.weekday_name}";
        assert_eq!(given(paris, words), "+01:00 from 02:00 Mar last Sunday");
        let letters = "{start.week_name}{start.weekday_name:.3}{start.month_name:.3}{start.hour}L";
        assert_eq!(given(york, letters), "secondSunMar2L");
        assert_eq!(
            given(paris, "UT::{offset_min}:{start.month:02}{start.day:02}{start.hour:02}"),
            "UT::60:032802 [the days of the change of daylight saving time are those of one year: set it anew for others]"
        );
    }

    #[test]
    fn what_a_pattern_cannot_say_is_told() {
        let hours = "{start.month}/{start.week}/{start.weekday}/{start.hour}";
        assert_eq!(given("Pacific/Chatham", hours), "9/5/7/2 [the change of daylight saving time is set to the full hour before it]");
        assert_eq!(given("Australia/Lord_Howe", hours), "10/1/7/2 [daylight saving time of 30 minutes is taken for an hour]");
        assert_eq!(given("Australia/Lord_Howe", "{start.month} {save_text}"), "10 0:30");
        assert_eq!(given("Asia/Tokyo", hours), "");
        assert_eq!(given("Asia/Tokyo", "{offset_text} {save_min}"), "+9 0");
        assert_eq!(given("America/New_York", "{offset_s:06}"), "-18000");
    }

    #[test]
    fn wrong_patterns_are_faults() {
        let paris = dst("Europe/Paris").unwrap();
        for pattern in ["{start.mouth}", "{start}", "{start.month", "{start.month:2}", "{start.month:.x}", "{has_dst}", "{}"] {
            assert!(format(&paris, pattern).is_err(), "{pattern}");
        }
    }
}
