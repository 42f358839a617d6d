//! Every form, rule by rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn made(form: Form<'_>, matched: &str, replace: Option<&str>) -> String {
    let mut rule = json!({ "match": matched });
    if let Some(replace) = replace {
        rule["replace"] = replace.into();
    }
    let (rows, lost) = rows(&rule, form);
    let rows: Vec<String> = rows.into_iter().map(|r| r.matched + &r.replace.map(|r| format!(" -> {r}")).unwrap_or_default()).collect();
    rows.join(" | ") + &lost.map(|l| format!(" [{l}]")).unwrap_or_default()
}

#[test]
fn templates_with_runs() {
    let template = |matched, replace| made(Form::Template, matched, replace);
    assert_eq!(template("9,(1xx.)", Some("$1")), "9,1.* -> 1%1%2");
    assert_eq!(template("[2-4]xx", None), "2.. | 3.. | 4..");
    assert_eq!(template("x.", None), "*");
    assert_eq!(template("*8", None), "\\*8");
    assert_eq!(template("00x.", None), "00*");
    assert_eq!(template("0(xx)1(xxx)", Some("$2$1")), "0..1... -> %2%1");
    assert_eq!(template("0(xx)(xxx)", Some("$2$1")), " [0(xx)(xxx): left out, this phone cannot take these parts apart]");
    assert_eq!(template("(0)(x)", Some("$2$1")), "0. -> %10");
    assert_eq!(template("0(x.)", Some("+33$1")), "0* -> +33%1");
    assert_eq!(template("[0-9]1", None), ".1");
    assert_eq!(template("112", Some("911")), "112 -> 911");
    assert!(template("[1-7][1-7]x", None).contains("too many combinations"));
}

#[test]
fn digit_maps_as_in_rfc_3435() {
    let map = |matched, replace| made(Form::DigitMap, matched, replace);
    assert_eq!(map("[2-9]11", None), "[2-9]11");
    assert_eq!(map("9,1xx.", None), "9,1xxx.T");
    assert_eq!(map("[135*]x", None), "[*135]x");
    assert_eq!(map("0(x)", Some("$1")), " [0(x): left out, these telephones replace nothing]");
    let waiting = rows(&json!({ "match": "0", "timeout_s": 3 }), Form::DigitMap).0;
    assert_eq!((waiting[0].matched.as_str(), waiting[0].timeout_s), ("0T", Some(3)));
    assert_eq!(rows(&json!({ "match": "0x.", "timeout_s": 0 }), Form::DigitMap).0[0].matched, "0xx.");
}

#[test]
fn dial_strings_replace_in_place() {
    let string = |matched, replace| made(Form::DialString, matched, replace);
    assert_eq!(string("[2-9]xxxxxx", None), "[2-9]xxxxxx");
    assert_eq!(string("8,(xxxxxxx)", Some("1650$1")), "<8,:1650>xxxxxxx");
    assert_eq!(string("9,(1xx.)", Some("$1")), "<9,:>1xxx.");
    assert_eq!(string("(xx)0(xx)", Some("$11$29")), "xx<0:1>xx<:9>");
    assert_eq!(string("112", Some("911")), "<112:911>");
    assert!(string("(x)1(x)", Some("$2$1")).contains("left out") && string("x(x)", Some("$1")).contains("left out"));
    assert_eq!(rows(&json!({ "match": "0", "timeout_s": 0 }), Form::DialString).0[0].matched, "0S0");
}

#[test]
fn expressions_and_rows() {
    assert_eq!(made(Form::Regex("\\"), "*9,(1xx.)", Some("0$1")), "^\\*9(1[0-9][0-9][0-9]*)$ -> 0\\1");
    assert_eq!(made(Form::Regex("$"), "(0)([135]x)", Some("$2")), "^(0)([135][0-9])$ -> $2");
    assert_eq!(made(Form::Rows, "9,(1xx.)", Some("$1")), "9(1xx.) -> $1");
    let row = &rows(&json!({ "match": "911", "emergency": true, "line": 2 }), Form::Rows).0[0];
    assert_eq!((row.line, row.emergency, row.open), (Some(2), true, false));
    assert!(rows(&json!({ "match": "x.", }), Form::Rows).0[0].open);
}

/// Whether a template of the phone takes a number: `.` one character, `*` one or more.
fn takes(template: &str, number: &str) -> bool {
    let expression = template
        .replace(',', "")
        .replace("\\*", "\u{1}")
        .replace('.', "[0-9*#]")
        .replace('*', "[0-9*#]+")
        .replace("[0-9[0-9*#]+#]", "[0-9*#]");
    regex::Regex::new(&format!("^{}$", expression.replace('\u{1}', "\\*"))).unwrap().is_match(number)
}

proptest! {
    #[test]
    fn any_text_is_taken_or_left(matched in "[0-9x*#,\\[\\]().-]{0,12}", replace in prop::option::of("[0-9$]{0,6}")) {
        for form in [Form::Template, Form::DigitMap, Form::DialString, Form::Regex("\\"), Form::Rows] {
            let _ = rows(&json!({ "match": matched, "replace": replace }), form);
        }
    }

    /// What the expression takes, some template takes too; the expression is checked by an engine that is not ours.
    #[test]
    fn templates_take_what_expressions_take(matched in "[0-9x]{1,4}(\\[[1-4]\\])?x?", number in "[0-9]{1,6}") {
        let rule = json!({ "match": matched });
        let expression = regex::Regex::new(&rows(&rule, Form::Regex("$")).0[0].matched).unwrap();
        let templates = rows(&rule, Form::Template).0;
        prop_assert_eq!(expression.is_match(&number), templates.iter().any(|t| takes(&t.matched, &number)), "{} {:?}", matched, templates);
    }
}
