//! The engine beside Python's Jinja2: the same sources and contexts, the same bytes. What differs on purpose is listed with its
//! reason in `matrix.toml`; nothing else may. Needs `python3` with `jinja2`, which the test's first line says when it is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use minijinja::{Value, value::Serde};

use super::Engine;
use crate::{files::PackFiles, format};

#[derive(Deserialize)]
struct Structured {
    differ: BTreeMap<String, String>,
    context: Json,
    templates: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Matrix {
    values: Vec<String>,
    expressions: Vec<String>,
    differ: Vec<Difference>,
}

/// Cases whose answers may differ: `*` stands for any text.
#[derive(Deserialize)]
struct Difference {
    expression: Vec<String>,
    #[serde(default)]
    value: Vec<String>,
    because: String,
}

impl Difference {
    fn covers(&self, expression: &str, value: &str) -> bool {
        let fits = |patterns: &[String], text: &str| patterns.iter().any(|p| p == "*" || p == text || crate::paths::glob(p, text));
        fits(&self.expression, expression) && (self.value.is_empty() || fits(&self.value, value))
    }
}

#[derive(Deserialize)]
struct Answers {
    version: String,
    answers: Vec<Answer>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Text(String),
    Error(String),
}

fn reference(templates: &BTreeMap<String, String>, context: &Json, cases: Vec<Json>) -> Answers {
    let python = Command::new("python3").args(["-c", include_str!("reference.py")]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = python.expect("the comparison needs python3 with jinja2: apt-get install python3-jinja2");
    let job = json!({ "templates": templates, "context": context, "cases": cases }).to_string();
    let mut input = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(job.as_bytes()));
    let out = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(out.status.success(), "the comparison needs python3 with jinja2: apt-get install python3-jinja2");
    serde_json::from_slice(&out.stdout).unwrap()
}

fn engine(templates: &BTreeMap<String, String>) -> Engine {
    let mut files = PackFiles::default();
    for (name, source) in templates {
        files.files.insert(format!("templates/{name}"), source.clone().into_bytes().into());
    }
    Engine::new(&files, Json::Null, |_, _, _| {})
}

fn ours(engine: &Engine, name: &str, context: &Json) -> Answer {
    match engine.render_values(name, Value::from(Serde(context))) {
        Ok(made) => Answer::Text(format::unmark(&made.unwrap_or_default().text).into_owned()),
        Err(e) => Answer::Error(e.to_string()),
    }
}

/// Equal bytes, or both fail. A template that Jinja2 refuses and the engine renders is no fault of a template that works there. A line
/// end or control character of a *value* is a blank here, by the rule of every format.
fn same(theirs: &Answer, ours: &Answer) -> bool {
    let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
    match (theirs, ours) {
        (Answer::Text(a), Answer::Text(b)) => a == b || plain(a) == plain(b),
        (Answer::Error(_), _) => true,
        (Answer::Text(_), Answer::Error(_)) => false,
    }
}

#[test]
fn templates_of_several_parts_render_as_in_jinja2() {
    let Structured { differ, context, templates } = toml::from_str(include_str!("templates.toml")).unwrap();
    let names: Vec<&String> = templates.keys().filter(|n| n.starts_with("case")).collect();
    let theirs = reference(&templates, &context, names.iter().map(|n| json!(n)).collect());
    let engine = engine(&templates);
    let mut wrong = Vec::new();
    for (name, theirs) in names.iter().zip(&theirs.answers) {
        let ours = ours(&engine, name, &context);
        if differ.contains_key(*name) {
            assert!(!same(theirs, &ours), "{name} does not differ any more: take it out of the list");
        } else if !same(theirs, &ours) {
            wrong.push(format!("{name}\n  jinja2 {theirs:?}\n  ours   {ours:?}"));
        }
    }
    println!("{} templates, {} differ on purpose, Jinja2 {}", names.len(), differ.len(), theirs.version);
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}

#[test]
fn expressions_give_with_every_value_what_jinja2_gives() {
    let matrix: Matrix = toml::from_str(include_str!("matrix.toml")).unwrap();
    let templates: BTreeMap<String, String> = matrix.expressions.iter().enumerate().map(|(i, e)| (format!("{i}"), e.clone())).collect();
    let values: Vec<Json> = matrix.values.iter().map(|v| serde_json::from_str(v).unwrap()).collect();
    let cases = |source: &String| values.iter().map(|v| json!({ "source": source, "value": v })).collect::<Vec<_>>();
    let theirs = reference(&BTreeMap::new(), &json!({}), matrix.expressions.iter().flat_map(cases).collect());
    let engine = engine(&templates);
    let (mut wrong, mut rendered, mut excused) = (Vec::new(), 0, vec![0; matrix.differ.len()]);
    let mut answers = theirs.answers.iter();
    for (index, expression) in matrix.expressions.iter().enumerate() {
        for (value, text) in values.iter().zip(&matrix.values) {
            let theirs = answers.next().unwrap();
            rendered += usize::from(matches!(theirs, Answer::Text(_)));
            let ours = ours(&engine, &index.to_string(), &json!({ "x": value }));
            if same(theirs, &ours) {
                continue;
            }
            match matrix.differ.iter().position(|d| d.covers(expression, text)) {
                Some(known) => excused[known] += 1,
                None => wrong.push(format!("{expression}  x = {text}\n  jinja2 {theirs:?}\n  ours   {ours:?}")),
            }
        }
    }
    for (known, count) in matrix.differ.iter().zip(&excused) {
        println!("{count} differ on purpose: {}", known.because);
        assert!(*count > 0, "nothing differs by {:?} any more: take it out of the list", known.because);
    }
    println!("{} cases, {rendered} rendered by Jinja2 {}", theirs.answers.len(), theirs.version);
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), theirs.answers.len(), wrong.join("\n"));
}
