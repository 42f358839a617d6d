//! Rendering a tenant's templates in another process: the messages between the two, and the loop of the process that renders. That one
//! holds nothing but what it is sent: the context of one file, and the templates that it asks for. Starting, limiting and ending it
//! is the server's.
//!
//! A message is four bytes of length, the highest first, and so many bytes of JSON. The server says what to render; the other side
//! asks for templates and tables until it says what it made.

use std::{
    collections::HashMap,
    fmt,
    io::{self, Read, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};

use crate::{
    Note, Overlay, RenderError,
    engine::{self, Engine, Lend, Lent, Marked, Templates, Text},
};

/// Greatest message, in bytes.
pub const LONGEST: usize = 32 << 20;
/// So many overlays a process remembers.
const REMEMBERED: usize = 8;

/// A rendering that needs a tenant's template.
pub struct Job {
    pub(crate) overlay: Arc<Overlay>,
    pub(crate) template: String,
    pub(crate) context: Json,
    pub(crate) lent: Arc<Lent>,
}

impl fmt::Debug for Job {
    /// Without the context: it holds passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("overlay", &self.overlay.number()).field("template", &self.template).finish_non_exhaustive()
    }
}

/// What is to be rendered.
#[derive(Serialize, Deserialize)]
struct Order {
    overlay: u64,
    template: String,
    context: Json,
}

/// What the process that renders says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// Which full name is meant? The reply is a text.
    Resolve { name: String, parent: String },
    /// The text of a full name. The reply is a text or null.
    Read { full: String },
    /// The pack's tables. The reply is an object.
    Tables,
    /// The URL of an asset for a setting. The reply is it, or why there is none.
    Asset { name: String, setting: String },
    /// Whether there is an asset. The reply is true or false.
    HasAsset { name: String },
    /// A phone book of the settings with its address. The reply is it, or why there is none.
    Phonebook { entry: Map<String, Json> },
    /// All contacts of a phone book. The reply is a list or null.
    Contacts { key: String },
    /// The end of a rendering.
    Made { text: String, notes: Vec<Note> },
    /// The end of a rendering.
    Failed { template: String, line: usize, snippet: String, message: String },
}

/// What follows from a message of the process that renders.
#[derive(Debug)]
pub enum Heard {
    /// This is to be sent.
    Reply(Vec<u8>),
    /// The rendering is at its end.
    Done(Result<MarkedText, RenderError>),
}

/// What a rendering made; [`crate::Pending::finish`] makes a file of it.
#[derive(Debug)]
pub struct MarkedText(pub(crate) Marked);

impl Job {
    /// The overlay's number.
    pub fn overlay(&self) -> u64 {
        self.overlay.number()
    }

    /// The template, with its layer.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// The first message, with its length.
    pub fn order(&self) -> Vec<u8> {
        framed(&Order { overlay: self.overlay.number(), template: self.template.clone(), context: self.context.clone() })
    }

    /// Understands a message (without its length).
    ///
    /// # Errors
    /// `InvalidData`: it is none of ours.
    pub fn hear(&self, message: &[u8]) -> io::Result<Heard> {
        let layers = self.overlay.engine.layers();
        Ok(match serde_json::from_slice(message)? {
            Said::Resolve { name, parent } => Heard::Reply(framed(&layers.resolve(&name, &parent))),
            Said::Read { full } => Heard::Reply(framed(&layers.raw(&full).map(|(_, text)| text))),
            Said::Tables => Heard::Reply(framed(self.overlay.engine.tables())),
            Said::Asset { name, setting } => Heard::Reply(framed(&self.lent.asset(&name, &setting))),
            Said::HasAsset { name } => Heard::Reply(framed(&self.lent.has_asset(&name))),
            Said::Phonebook { entry } => Heard::Reply(framed(&self.lent.phonebook(&entry))),
            Said::Contacts { key } => Heard::Reply(framed(&self.lent.contacts(&key))),
            Said::Made { text, notes } => Heard::Done(Ok(MarkedText(Marked { text, notes }))),
            Said::Failed { template, line, snippet, message } => {
                Heard::Done(Err(RenderError::Template { template, line, snippet, message }))
            }
        })
    }

    /// What is said when the process that rendered is no more.
    pub fn failed(&self, message: impl Into<String>) -> RenderError {
        RenderError::Template { template: self.template.clone(), line: 0, snippet: String::new(), message: message.into() }
    }
}

fn framed(value: &impl Serialize) -> Vec<u8> {
    let mut frame = vec![0; 4];
    // Plain data is always writable as JSON; were it not, the other side would end at the empty message.
    let _ = serde_json::to_writer(&mut frame, value);
    let length = u32::try_from(frame.len() - 4).unwrap_or(0).to_be_bytes();
    frame.iter_mut().zip(length).for_each(|(byte, of)| *byte = of);
    frame
}

/// Both directions of the process that renders.
struct Line<R, W> {
    input: R,
    output: W,
}

impl<R: Read, W: Write> Line<R, W> {
    fn hear<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut length = [0; 4];
        self.input.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut message = vec![0; length];
        self.input.read_exact(&mut message)?;
        Ok(serde_json::from_slice(&message)?)
    }

    fn say(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.output.write_all(&framed(value))?;
        self.output.flush()
    }

    fn ask<T: DeserializeOwned>(&mut self, value: &impl Serialize) -> io::Result<T> {
        self.say(value)?;
        self.hear()
    }
}

/// Templates that are asked for at the other side, once each.
struct Remote<R, W> {
    line: Arc<Mutex<Line<R, W>>>,
    resolved: Mutex<HashMap<(String, String), String>>,
    texts: Mutex<HashMap<String, Option<String>>>,
}

impl<R, W> fmt::Debug for Remote<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Read + Send, W: Write + Send> Remote<R, W> {
    fn raw(&self, full: &str) -> Option<String> {
        if let Some(text) = guard(&self.texts).get(full) {
            return text.clone();
        }
        let text: Option<String> = guard(&self.line).ask(&Said::Read { full: full.to_owned() }).unwrap_or_default();
        guard(&self.texts).insert(full.to_owned(), text.clone());
        text
    }
}

impl<R: Read + Send, W: Write + Send> Templates for Remote<R, W> {
    fn resolve(&self, name: &str, parent: &str) -> String {
        let key = (name.to_owned(), parent.to_owned());
        if let Some(full) = guard(&self.resolved).get(&key) {
            return full.clone();
        }
        let asked = guard(&self.line).ask(&Said::Resolve { name: key.0.clone(), parent: key.1.clone() });
        let full: String = asked.unwrap_or_else(|_| name.to_owned());
        let mut resolved = guard(&self.resolved);
        // A template can make up names for ever.
        if resolved.len() < 10_000 {
            resolved.insert(key, full.clone());
        }
        full
    }

    fn text(&self, full: &str) -> Text {
        self.raw(full).map_or(Text::None, |text| Text::Here(engine::source(&text)))
    }

    fn line(&self, full: &str, line: usize) -> Option<String> {
        engine::line_of(&self.raw(full)?, line)
    }
}

/// What is lent is asked for, each time.
struct Asked<R, W>(Arc<Mutex<Line<R, W>>>);

impl<R, W> fmt::Debug for Asked<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

impl<R: Read + Send, W: Write + Send> Lend for Asked<R, W> {
    fn asset(&self, name: &str, setting: &str) -> Result<String, String> {
        let asked = guard(&self.0).ask(&Said::Asset { name: name.to_owned(), setting: setting.to_owned() });
        asked.unwrap_or_else(|e| Err(e.to_string()))
    }

    fn has_asset(&self, name: &str) -> bool {
        guard(&self.0).ask(&Said::HasAsset { name: name.to_owned() }).unwrap_or_default()
    }

    fn phonebook(&self, entry: &Map<String, Json>) -> Result<Json, String> {
        guard(&self.0).ask(&Said::Phonebook { entry: entry.clone() }).unwrap_or_else(|e| Err(e.to_string()))
    }

    fn contacts(&self, key: &str) -> Option<Vec<Json>> {
        guard(&self.0).ask(&Said::Contacts { key: key.to_owned() }).unwrap_or_default()
    }
}

/// Renders what it is told to, until its input ends.
///
/// # Errors
/// When input or output fail, or what was read is no message.
pub fn work(input: impl Read + Send + 'static, output: impl Write + Send + 'static) -> io::Result<()> {
    let line = Arc::new(Mutex::new(Line { input, output }));
    let mut engines: Vec<(u64, Engine<_>)> = Vec::new();
    loop {
        let order: Order = match guard(&line).hear() {
            Ok(order) => order,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(e),
        };
        if !engines.iter().any(|(number, _)| *number == order.overlay) {
            let tables: Json = guard(&line).ask(&Said::Tables)?;
            let remote = Remote { line: line.clone(), resolved: Mutex::default(), texts: Mutex::default() };
            engines.truncate(REMEMBERED - 1);
            engines.insert(0, (order.overlay, Engine::of(Arc::new(remote), Arc::new(tables))));
        }
        let Some((_, engine)) = engines.iter().find(|(number, _)| *number == order.overlay) else { continue };
        let said = match engine.render(&order.template, &order.context, Arc::new(Asked(line.clone()))) {
            Ok(made) => {
                let Marked { text, notes } = made.unwrap_or_default();
                Said::Made { text, notes }
            }
            Err(RenderError::Template { template, line, snippet, message }) => Said::Failed { template, line, snippet, message },
            Err(other) => Said::Failed { template: order.template, line: 0, snippet: String::new(), message: other.to_string() },
        };
        guard(&line).say(&said)?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::{io::pipe, path::Path, thread};

    use offhook_core::{
        clock::Timestamp,
        settings::compose,
        template::{Scope, TemplateOverride, TemplateSet},
    };

    use super::*;
    use crate::{Catalog, DeviceFacts, NoFirmware, Pack, RenderInput, Rendering, ServerFacts};

    fn over(scope: &str, name: &str, source: &str) -> TemplateOverride {
        let at = Timestamp::from_millis(0);
        TemplateOverride {
            id: offhook_core::Id::from_parts(at, [name.len() as u8; 10]),
            scope: Scope::parse(scope).unwrap(),
            pack: "zentoro".into(),
            name: name.into(),
            source: source.into(),
            device_file: false,
            base_version: None,
            base_source: None,
            author: String::new(),
            revision: 1,
            created_at: at,
            updated_at: at,
        }
    }

    fn begin(pack: &Arc<Pack>, overrides: &[TemplateOverride]) -> crate::Pending {
        let overlay = Arc::new(Overlay::new(pack, "a", &TemplateSet::new(overrides.to_vec())).unwrap());
        let facts = DeviceFacts { mac: offhook_core::Mac::parse("025a54000001"), model: Some("Z100".into()), ..DeviceFacts::default() };
        let route = pack.files_for(&facts).into_iter().find(|r| r.name.starts_with("zt-")).unwrap();
        let input = RenderInput {
            device: &facts,
            tenant: "a",
            server: &ServerFacts::new("http://h"),
            settings: &compose(&[], &|_| None),
            shelf: &NoFirmware,
            resources: &Arc::default(),
            encryption_key: None,
            names: &Arc::default(),
            overlay: Some(&overlay),
        };
        match pack.begin(&route, &input).unwrap() {
            Rendering::Elsewhere(pending) => *pending,
            Rendering::Done(made) => panic!("{made:?}"),
        }
    }

    /// The server's side, without processes: how often it was asked, and what came of it.
    fn converse(job: &Job, input: &mut impl Write, output: &mut impl Read) -> (usize, Result<MarkedText, RenderError>) {
        input.write_all(&job.order()).unwrap();
        let mut asked = 0;
        loop {
            let mut length = [0; 4];
            output.read_exact(&mut length).unwrap();
            let mut message = vec![0; u32::from_be_bytes(length) as usize];
            output.read_exact(&mut message).unwrap();
            match job.hear(&message).unwrap() {
                Heard::Reply(reply) => input.write_all(&reply).unwrap(),
                Heard::Done(answer) => return (asked, answer),
            }
            asked += 1;
        }
    }

    #[test]
    fn a_template_is_rendered_on_the_other_side() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/packs/zentoro");
        let catalog = Catalog::of_folder(&folder).unwrap();
        let pack = &catalog.packs()[0];
        let (worker_input, mut input) = pipe().unwrap();
        let (mut output, worker_output) = pipe().unwrap();
        let worker = thread::spawn(move || work(worker_input, worker_output));
        let base = "{% extends '@site/base.tpl' %}{% block b %}{{ device.mac }} {{ none }}{{ note('x', 'y') }}{% endblock %}\n";
        let site = over("site", "base.tpl", "k: {% block b %}{% endblock %}\n\n{% include '@pack/base.tpl' %}");
        let pending = begin(pack, &[over("tenant:a", "base.tpl", base), site.clone()]);
        assert_eq!(pending.job().template(), "tenant:a/base.tpl");
        let (asked, made) = converse(pending.job(), &mut input, &mut output);
        assert!(asked > 3, "{asked}");
        let (again, _) = converse(pending.job(), &mut input, &mut output);
        assert_eq!(again, 0, "what was read once is remembered");
        let file = pending.finish(made.unwrap()).unwrap();
        assert_eq!(String::from_utf8(file.bytes).unwrap(), "k: 02:5a:54:00:00:01 \nmodel: Z100\ntext: \n");
        assert_eq!((file.template.as_str(), file.notes), ("tenant:a/base.tpl", vec![Note::new("x", "y")]));

        let failing = begin(pack, &[over("tenant:a", "part", "a\n{{ x.y() }}"), over("site", "base.tpl", "{% include 'part' %}")]);
        assert_eq!(failing.job().template(), "site/base.tpl", "the site's template that includes a tenant's goes too");
        let (_, made) = converse(failing.job(), &mut input, &mut output);
        let Err(RenderError::Template { template, line, snippet, .. }) = made else { panic!("{made:?}") };
        assert_eq!((template.as_str(), line, snippet.as_str()), ("tenant:a/part", 2, "{{ x.y() }}"));
        drop(input);
        worker.join().unwrap().unwrap();
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(work(&b"\xff\xff\xff\xff"[..], Vec::new()).is_err());
        assert!(work(&b"\0\0\0\x02[]"[..], Vec::new()).is_err());
        assert!(work(&b""[..], Vec::new()).is_ok());
    }
}
