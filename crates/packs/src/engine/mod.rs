//! The template engine of a pack: one environment, its templates compiled once. Only this folder names the engine's crate.

mod context;
mod filters;
mod functions;
mod jinja;
mod layers;
#[cfg(test)]
mod parity;
mod python;
mod python_format;
mod resources;
mod shapes;
mod source;

use std::{
    borrow::Cow,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde};

use crate::{RenderError, fault::Note, files::PackFiles, format};

pub(crate) use context::context;
pub(crate) use functions::encoded;
pub(crate) use layers::{Found, Layer, Layers, Templates, Text, line_of};
pub(crate) use resources::{Lend, Lent};
pub(crate) use source::source;

/// Steps that one rendering may take.
const FUEL: u64 = 5_000_000;
/// Greatest text that one rendering may make, in bytes.
const MAX_OUTPUT: usize = 4 << 20;

/// Notes that functions and filters leave during a rendering.
#[derive(Default)]
struct Notes(Vec<Note>);

/// Leaves a note.
fn note(state: &mut State<'_, '_>, path: &str, message: impl Into<String>) {
    let note = Note::new(path, message);
    let notes = state.get_or_insert_extension_with(Notes::default);
    if !notes.0.contains(&note) && notes.0.len() < 1000 {
        notes.0.push(note);
    }
}

/// Templates, ready to render.
#[derive(Debug)]
pub(crate) struct Engine<T = Layers> {
    environment: Environment<'static>,
    templates: Arc<T>,
    tables: Arc<serde_json::Value>,
}

/// What a rendering made: text in which values are marked (see [`crate::format`]), and notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    pub text: String,
    pub notes: Vec<Note>,
}

/// What the loader says of a tenant's template.
const TENANTS: &str = "\u{1}a tenant's template";

impl Engine {
    /// Compiles every template of a pack; each that cannot be is reported: (template, line, message).
    pub fn new(files: &PackFiles, tables: serde_json::Value, mut fault: impl FnMut(&str, usize, String)) -> Self {
        let mut own = Vec::new();
        for (name, bytes) in files.below("templates", "") {
            match std::str::from_utf8(bytes) {
                Ok(_) if !layers::free_for_packs(name) => fault(name, 0, "has a name that overrides have: choose another".to_owned()),
                Ok(text) => own.push((name.to_owned(), source(text))),
                Err(_) => fault(name, 0, "is not UTF-8".to_owned()),
            }
        }
        let engine = Self::of(Arc::new(Layers::new(own)), Arc::new(tables));
        for name in engine.templates.names() {
            if let Err(e) = engine.environment.get_template(name) {
                fault(name, e.line().unwrap_or(0), message(&e));
            }
        }
        engine
    }

    /// The same engine under overrides: what is compiled is shared.
    pub fn under(&self, layers: Layers) -> Self {
        let templates = Arc::new(layers);
        let mut environment = self.environment.clone();
        read_from(&mut environment, &templates);
        Self { environment, templates, tables: self.tables.clone() }
    }

    /// Whether the pack has a template of that name.
    pub fn has(&self, name: &str) -> bool {
        self.templates.own(name).is_some()
    }

    /// Names of all templates of the pack.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.templates.names()
    }

    /// Where the templates are.
    pub fn layers(&self) -> &Layers {
        &self.templates
    }

    /// The pack's tables.
    pub fn tables(&self) -> &serde_json::Value {
        &self.tables
    }
}

impl<T: Templates + 'static> Engine<T> {
    /// Reads its templates when they are needed.
    pub fn of(templates: Arc<T>, tables: Arc<serde_json::Value>) -> Self {
        let mut environment = environment();
        read_from(&mut environment, &templates);
        // The same for every rendering: made once.
        environment.add_global("tables", Value::from(Serde(&*tables)));
        Self { environment, templates, tables }
    }

    /// Renders a template of that full name; none when it needs a tenant's template, which this process does not read.
    ///
    /// # Errors
    /// [`RenderError::Template`] with template, line and what stands there.
    pub fn render(&self, name: &str, context: &serde_json::Value, lent: Arc<dyn Lend>) -> Result<Option<Marked>, RenderError> {
        self.render_values(name, resources::with_lent(Value::from(Serde(context)), lent))
    }

    fn render_values(&self, name: &str, context: Value) -> Result<Option<Marked>, RenderError> {
        let mut out = Limited(Vec::new());
        // The engine's crate can panic (a slice backwards through nothing, in 3.0.5): that is this template's failure and nobody else's.
        let rendered = catch_unwind(AssertUnwindSafe(|| self.run(name, context, &mut out)));
        match rendered.unwrap_or_else(|_| Err(Error::new(ErrorKind::InvalidOperation, "the template engine gave up on this"))) {
            Ok(notes) => Ok(Some(Marked { text: String::from_utf8_lossy(&out.0).into_owned(), notes: notes.0 })),
            Err(e) if chain(&e).any(|e| e.detail() == Some(TENANTS)) => Ok(None),
            Err(e) => Err(self.error(name, &e)),
        }
    }

    fn run(&self, name: &str, context: Value, mut out: &mut Limited) -> Result<Notes, Error> {
        let mut captured = self.environment.get_template(name)?.render_captured_to(context, &mut out)?;
        Ok(captured.with_state_mut(|state| state.get_extension_mut::<Notes>().map(std::mem::take).unwrap_or_default()))
    }

    fn error(&self, name: &str, e: &Error) -> RenderError {
        // The innermost place is where the fault is; outer ones only include or call it.
        let at = chain(e).take_while(|inner| inner.line().is_some()).last().unwrap_or(e);
        let template = at.name().unwrap_or(name).to_owned();
        let line = at.line().unwrap_or(0);
        RenderError::Template { line, snippet: self.templates.line(&template, line).unwrap_or_default(), message: message(at), template }
    }
}

/// Whether a template can be read at all, whoever uses it. `full`: its name, with its layer.
///
/// # Errors
/// [`RenderError::Template`] with line and what stands there.
pub(crate) fn syntax(full: &str, text: &str) -> Result<(), RenderError> {
    let add = || environment().add_template_owned(full.to_owned(), source(text));
    let read = catch_unwind(AssertUnwindSafe(add));
    let Err(e) = read.unwrap_or_else(|_| Err(Error::new(ErrorKind::SyntaxError, "the template engine gave up on this"))) else {
        return Ok(());
    };
    let line = e.line().unwrap_or(0);
    let snippet = layers::line_of(text, line).unwrap_or_default();
    Err(RenderError::Template { template: full.to_owned(), line, snippet, message: message(&e) })
}

/// An error and what it came from.
fn chain(e: &Error) -> impl Iterator<Item = &Error> {
    std::iter::successors(Some(e), |e| std::error::Error::source(*e).and_then(|s| s.downcast_ref::<Error>()))
}

fn read_from<T: Templates + 'static>(environment: &mut Environment<'static>, templates: &Arc<T>) {
    let from = Arc::clone(templates);
    environment.set_loader(move |name| match layers::means_itself(name) {
        Some(why) => Err(Error::new(ErrorKind::InvalidOperation, why)),
        None => match from.text(name) {
            Text::Here(text) => Ok(Some(text)),
            Text::Tenants => Err(Error::new(ErrorKind::InvalidOperation, TENANTS)),
            Text::None => Ok(None),
        },
    });
    let from = Arc::clone(templates);
    environment.set_path_join_callback(move |name, parent| Cow::Owned(from.resolve(name, parent)));
}

/// What is wrong, in one line.
fn message(e: &Error) -> String {
    let kind = match e.kind() {
        ErrorKind::OutOfFuel => "takes too long (an endless loop?)".to_owned(),
        ErrorKind::WriteFailure => format!("makes more than {MAX_OUTPUT} bytes"),
        kind => kind.to_string(),
    };
    e.detail().map_or(kind.clone(), |detail| format!("{kind}: {detail}"))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_reload(false);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_debug(false);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(100);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    // Not `None`, so that what macros and captures return stays marked text and is not marked twice.
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("file".into()));
    environment.set_formatter(write_value);
    environment.set_unknown_method_callback(python::methods);
    jinja::add(&mut environment);
    filters::add(&mut environment);
    functions::add(&mut environment);
    shapes::add(&mut environment);
    resources::add(&mut environment);
    environment
}

/// Writes the result of an expression: marked, so that the file's format can make it safe.
fn write_value(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(());
    }
    if value.is_number() {
        return match f64::try_from(value.clone()) {
            Ok(float) if !value.is_integer() => Ok(out.write_str(&python_format::float_text(float))?),
            _ => Ok(write!(out, "{value}")?),
        };
    }
    match value.as_str() {
        Some(text) if value.is_safe() => Ok(out.write_str(text)?),
        Some(text) => Ok(out.write_str(&format::mark(text))?),
        None => Ok(out.write_str(&format::mark(&value.to_string()))?),
    }
}

/// Refuses to grow beyond a limit.
struct Limited(Vec<u8>);

impl io::Write for &mut Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use minijinja::context;

    fn engine(templates: &[(&str, &str)]) -> Engine {
        let mut files = PackFiles::default();
        for (name, text) in templates {
            files.files.insert(format!("templates/{name}"), text.as_bytes().to_vec().into());
        }
        Engine::new(&files, serde_json::Value::Null, |t, l, m| panic!("{t}:{l}: {m}"))
    }

    fn render(text: &str) -> String {
        let context = context! { x => "a;b", n => 7, list => vec!["p q", "r"], server => context!{url => "http://h"}, empty => (),
        lines => vec![context!{n => 1, enabled => true}, context!{n => 2, keepalive_s => 30}, context!{n => 3, keepalive_s => 60}],
        tables => context!{t => context!{one => "1", Two => "2"}, d => std::collections::BTreeMap::from([("DD/MM/YYYY", "0"), ("MM-DD-YY", "1")])} };
        let Marked { text, notes } = engine(&[("t", text)]).render_values("t", context).unwrap().unwrap();
        let notes: Vec<String> = notes.into_iter().map(|n| format!("[{}: {}]", n.path, n.message)).collect();
        text.replace('\u{2}', "<").replace('\u{3}', ">") + &notes.concat()
    }

    #[test]
    fn values_are_marked_and_literals_are_not() {
        assert_eq!(render("a={{ x }} {{ n }} {{ empty }}{{ no.such if no }}|\n"), "a=<a;b> 7 |\n");
        assert_eq!(
            render("{% macro m(v) %}k = {{ v }};{% endmacro %}{{ m(x) }}{% set c %}[{{ x }}]{% endset %}{{ c }}"),
            "k = <a;b>;[<a;b>]"
        );
        assert_eq!(render("{{ x|safe }} {{ 'a\n<b>\u{7}'|safe }}"), "a;b a <b> ");
        assert_eq!(render("{{ list|join(', ') }}"), "<p q, r>");
        assert_eq!(render("{{ x|e }}{{ '<&/>'|escape }}"), "a;b&lt;&amp;/&gt;");
    }

    #[test]
    fn shims_for_published_templates() {
        assert_eq!(render("{{\u{a0}n\u{a0}}} \u{a0}"), "7 \u{a0}");
        assert_eq!(render("a\r\nb\r\n"), "a\nb\n");
        assert_eq!(
            render("{% for k, v in {'a': 1}.iteritems() %}{{ k }}{{ v }}{% endfor %}{{ '7'.zfill(3) }}{{ {'a':1}.has_key('a') }}"),
            "a1007True"
        );
        assert_eq!(
            render("{% for v in {'a': 1}.itervalues() %}{{ v }}{% endfor %}{% for v in {'a': 1}.iterkeys() %}{{ v }}{% endfor %}"),
            "1a"
        );
        assert_eq!(render("{{ '%02d'|format(n) }}{{ '{:03d}'.format(n) }}{{ n|zfill(2) }}"), "0700707");
    }

    #[test]
    fn general_filters() {
        assert_eq!(
            render(
                "{{ true|flag }}{{ 'off'|flag }}{{ nothing|flag }}|{{ 'on'|flag('Y', 'N') }}{{ 0|flag(on='Y', off='N') }}{{ true|yes_no }}"
            ),
            "10|YNyes"
        );
        assert_eq!(render("{{ 'aa:bb:cc:00:11:22'|mac }} {{ 'aabbcc001122'|mac('-', upper=true) }}"), "aabbcc001122 AA-BB-CC-00-11-22");
        assert_eq!(render("{{ 5|pad(3) }}{{ 'a'|pad(2, ' ') }}"), "005< a>");
        assert_eq!(render("{{ 'abcdef'|clip(3, 'lines.1.label') }}{{ 'ab'|clip(nothing) }}"), "abcab[lines.1.label: cut to 3 characters]");
        assert_eq!(render("{{ '8.12'|at_least('8.2') }}{{ '7.9'|at_least('8.0') }}"), "TrueFalse");
        assert_eq!(
            render("{{ 'DD.MM.YYYY'|nearest_format(tables.d, 'time.date_format') }}"),
            "0[time.date_format: the nearest format is used: DD/MM/YYYY]"
        );
        assert_eq!(render("{{ 'MM-DD-YY'|nearest_format(tables.d) }}{{ nothing|nearest_format(tables.d) }}"), "1");
    }

    #[test]
    fn shapes() {
        let keys = "[{'n': 1, 'label': 'a'}, {'n': 6}, {'n': 11}]";
        let show = "{% for k in keys %}{{ k.label|safe }}{{ k.page }}.{{ k.position }}.{{ k.row }}.{{ k.column }} {% endfor %}";
        assert_eq!(render(&format!("{{% set keys = {keys}|paged(10, columns=2) %}}{show}")), "a1.1.1.1 1.6.1.2 2.1.1.1 ");
        assert_eq!(render(&format!("{{% set keys = {keys}|paged(10, 2, down=false) %}}{show}")), "a1.1.1.1 1.6.3.2 2.1.1.1 ");
        assert_eq!(render("{{ '#ff8001'|colour('{r},{g},{b} {rr}{GG} {number} {rgb565}')|safe }}"), "255,128,1 ff80 16744449 64512");
        assert_eq!(render("{{ 'red'|colour('{r}') }}{{ nothing|colour('{r}') }}"), "");
        assert_eq!(render("{{ 'aabbcc001122'|mac('.', group=4)|safe }}"), "aabb.cc00.1122");
        assert_eq!(
            render(
                "{{ dst_format('Europe/Paris', '{start.month}/{start.week}')|safe }} {{ posix_zone('Asia/Tokyo')|safe }}{{ dst_format('Asia/Tokyo', '{end.day}') }}"
            ),
            "3/5 JST-9"
        );
    }

    #[test]
    fn general_functions() {
        assert_eq!(
            render("{{ lookup('t', 'ONE') }}{{ lookup(tables.t, 'two') }}{{ lookup('t', 'three', 'a.b') }}"),
            "12[a.b: not supported by this model]"
        );
        assert_eq!(
            render("{{ first_line('keepalive_s') }}"),
            "30[lines.3.keepalive_s: the phone has one value for all lines: that of line 2 is used]"
        );
        assert_eq!(render("{{ note('a', 'b') }}{{ server_for('x y(1).rom') }}"), "<http://h/x%20y%281%29.rom>[a: b]");
        assert_eq!(
            render(
                "{% set d = dst('Europe/Paris') %}{{ d.offset_text|safe }} {{ d.start.month }}/{{ d.start.week }}/{{ d.start.weekday }}/{{ d.start.hour }}"
            ),
            "+1 3/5/7/2"
        );
        assert_eq!(render("{{ dst('Mars/X') }}{{ dst(nothing) }}"), "[time.zone: is no zone that the zone data know]");
    }

    #[test]
    fn faults_name_template_line_and_text() {
        let engine = engine(&[
            ("base", "a\n{% include 'inner' %}\n"),
            ("inner", "x\n  {{ n.a.b.c() }}\n"),
            ("loop", "{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}"),
        ]);
        let Err(RenderError::Template { template, line, snippet, .. }) = engine.render_values("base", context! { n => 1 }) else {
            panic!()
        };
        assert_eq!((template.as_str(), line, snippet.as_str()), ("inner", 2, "{{ n.a.b.c() }}"));
        let Err(RenderError::Template { message, .. }) = engine.render_values("loop", context! {}) else { panic!() };
        assert!(message.contains("too long") || message.contains("bytes"), "{message}");
        assert!(matches!(engine.render_values("none", context! {}), Err(RenderError::Template { .. })));
    }

    #[test]
    fn a_fault_shows_no_value() {
        // `x` is the value of the test's context; templates that compute what the engine complains of must not publish it.
        for source in
            ["{{ [1].index(x) }}", "{{ {x ~ ' y': 1}|xmlattr }}", "{{ ('{:' ~ x ~ '}').format(1) }}", "{{ ('{!' ~ x ~ '}').format(1) }}"]
        {
            let Err(e) = engine(&[("t", source)]).render_values("t", context! { x => "s3cret" }) else { panic!("{source}") };
            assert!(!e.to_string().contains("s3cret"), "{e}");
        }
    }

    #[test]
    fn every_broken_template_is_reported() {
        let mut files = PackFiles::default();
        for name in ["a", "b"] {
            files.files.insert(format!("templates/{name}"), b"x\n{% if %}".to_vec().into());
        }
        let mut faults = Vec::new();
        let _ = Engine::new(&files, serde_json::Value::Null, |t, l, _| faults.push((t.to_owned(), l)));
        assert_eq!(faults, [("a".to_owned(), 2), ("b".to_owned(), 2)]);
    }
}
