//! Devices from elsewhere: a table (CSV) or documents (one JSON object a line), as many as there are. What comes is kept in a file without
//! a name until it is whole; then a job goes through it in small writes, with no more than one of them in memory.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use offhook_core::{Error, Fault, Mac, Result};
use offhook_store::{DeviceEdit, DeviceKey, WrittenDevice};
use serde_json::{Value, json};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use self::{columns::Columns, table::Rows};
use super::document::{READ_ONLY, Reader};
use crate::{
    app::{
        App, Caller,
        fields::Fields,
        jobs::{Job, Reporter},
    },
    json,
};

mod columns;
pub mod macs;
mod table;

/// So many devices are one write: other writes wait that long.
const CHUNK: usize = 128;
/// The greatest file in bytes.
pub const LARGEST: u64 = 1 << 30;
/// So many devices at most in one file.
const DEVICES: usize = 2_000_000;
/// So many faults are kept.
const FAULTS: usize = 1000;

/// How the devices are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row of column names, then a row for each device.
    Csv,
    /// A document for each device, one a line.
    Ndjson,
}

/// What becomes of devices that are there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They stay as they are.
    #[default]
    Create,
    /// What the file says of them is changed, the rest stays.
    Upsert,
}

impl Mode {
    /// `create` or `upsert`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "create" => Some(Self::Create),
            "upsert" => Some(Self::Upsert),
            _ => None,
        }
    }
}

/// Makes, and in the mode `upsert` changes, the devices of a file. A head that is wrong is told at once, all else by the job.
pub async fn import(app: &App, who: &Caller, (form, mode): (Form, Mode), bytes: impl Stream<Item = Result<Bytes>> + Unpin) -> Result<Job> {
    who.may_write()?;
    let (file, lines) = spool(app, bytes).await?;
    let source = blocking(move || Source::open(form, file)).await??;
    let subject = match form {
        Form::Csv => "csv",
        Form::Ndjson => "ndjson",
    };
    let run = Run {
        app: app.clone(),
        home: who.home().to_owned(),
        mode,
        dry_run: who.dry_run,
        seen: HashMap::new(),
        faults: Vec::new(),
        more: 0,
        failed: 0,
    };
    app.jobs.start("device-import", subject, move |report| run.all(report, source, lines))
}

/// A stream in a file that has no name, and how many lines it holds.
async fn spool(app: &App, mut bytes: impl Stream<Item = Result<Bytes>> + Unpin) -> Result<(File, u64)> {
    let disk = |e: io::Error| Error::Unavailable(format!("the data directory's disk says: {e}"));
    let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(&app.config.data_dir).map_err(disk)?);
    let (mut written, mut lines, mut last) = (0u64, 0u64, b'\n');
    while let Some(bytes) = bytes.next().await {
        let bytes = bytes?;
        written = written.saturating_add(bytes.len() as u64);
        if written > LARGEST {
            return Err(Error::Full(format!("the file is larger than {LARGEST} bytes: send it in parts")));
        }
        lines += bytes.iter().filter(|b| **b == b'\n').count() as u64;
        last = bytes.last().copied().unwrap_or(last);
        file.write_all(&bytes).await.map_err(disk)?;
    }
    file.flush().await.map_err(disk)?;
    file.rewind().await.map_err(disk)?;
    Ok((file.into_std().await, lines + u64::from(last != b'\n')))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(format!("reading broke off: {e}")))
}

/// A fault of a line.
#[derive(Debug)]
struct LineFault {
    line: u64,
    column: Option<usize>,
    field: String,
    message: String,
}

/// A device of the file.
struct Read {
    line: u64,
    document: Value,
}

/// The file, read from front to end.
enum Source {
    Csv(Rows<BufReader<File>>, Columns),
    Ndjson(BufReader<File>, u64),
}

impl Source {
    fn open(form: Form, file: File) -> Result<Self> {
        let input = BufReader::new(file);
        if form == Form::Ndjson {
            return Ok(Self::Ndjson(input, 0));
        }
        let mut rows = Rows::of(input);
        let head = rows.next().map_err(unreadable)?.ok_or_else(|| Error::invalid("", "the first row has to name the columns"))?;
        let names = head.cells.map_err(|why| Error::invalid("", format!("line {}: {why}", head.line)))?;
        Ok(Self::Csv(rows, Columns::read(&names)?))
    }

    /// The next device or fault; none: that was all.
    fn next(&mut self) -> Result<Option<Result<Read, LineFault>>> {
        match self {
            Self::Csv(rows, columns) => {
                let Some(row) = rows.next().map_err(unreadable)? else { return Ok(None) };
                let line = row.line;
                let fault = |column, message| LineFault { line, column, field: String::new(), message };
                let read = row.cells.map_err(|why| fault(None, why.to_owned()));
                let read = read.and_then(|cells| columns.document(&cells).map_err(|(column, why)| fault(Some(column), why)));
                Ok(Some(read.map(|document| Read { line, document })))
            }
            Self::Ndjson(input, number) => loop {
                let Some(text) = table::line(input, table::LONGEST).map_err(unreadable)? else { return Ok(None) };
                *number += 1;
                let line = *number;
                let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text).trim_ascii();
                if text.is_empty() {
                    continue;
                }
                let fault = |column, message| LineFault { line, column, field: String::new(), message };
                if text.len() as u64 > table::LONGEST {
                    return Ok(Some(Err(fault(None, format!("the line is longer than {} bytes", table::LONGEST)))));
                }
                let read = json::read(text).map_err(|e| fault(Some(e.column), e.message));
                return Ok(Some(read.map(|document| Read { line, document })));
            },
        }
    }

    /// The next ones, and how far that is.
    fn chunk(mut self) -> Result<(Self, Vec<Result<Read, LineFault>>)> {
        let mut chunk = Vec::with_capacity(CHUNK);
        while chunk.len() < CHUNK {
            match self.next()? {
                Some(read) => chunk.push(read),
                None => break,
            }
        }
        Ok((self, chunk))
    }

    fn column(&self, field: &str) -> Option<usize> {
        match self {
            Self::Csv(_, columns) => columns.of(field),
            Self::Ndjson(..) => None,
        }
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::Unavailable(format!("what was received cannot be read again: {error}"))
}

/// One job at work.
struct Run {
    app: App,
    /// The tenant of devices that say none.
    home: String,
    mode: Mode,
    dry_run: bool,
    /// Where each MAC address stands.
    seen: HashMap<Mac, u32>,
    faults: Vec<Value>,
    more: u64,
    failed: u64,
}

impl Run {
    async fn all(mut self, report: Reporter, mut source: Source, lines: u64) -> Result<Value> {
        let mut done;
        loop {
            let chunk;
            (source, chunk) = blocking(move || source.chunk()).await??;
            let Some(last) = chunk.last() else { break };
            done = match last {
                Ok(read) => read.line,
                Err(fault) => fault.line,
            };
            self.write(&report, &source, chunk).await?;
            report.progress(done, Some(lines.max(done)), "lines");
        }
        report.progress(lines, Some(lines), "lines");
        Ok(json!({ "dry_run": self.dry_run, "ok": self.failed == 0, "faults": self.faults, "more_faults": self.more }))
    }

    async fn write(&mut self, report: &Reporter, source: &Source, chunk: Vec<Result<Read, LineFault>>) -> Result<()> {
        let (mut places, mut edits) = (Vec::new(), Vec::new());
        for read in chunk {
            match read.and_then(|read| self.edit(read)) {
                Ok((line, key, edit)) => {
                    places.push(line);
                    edits.push((key, edit));
                }
                Err(fault) => self.fault(report, source, fault),
            }
        }
        for (line, outcome) in places.into_iter().zip(self.app.store.write_devices(edits).await?) {
            match outcome {
                Ok(WrittenDevice::Created(_)) => report.count("created", 1),
                Ok(WrittenDevice::Changed { .. }) => report.count("changed", 1),
                Ok(WrittenDevice::Unchanged(_)) => report.count("exists", 1),
                Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => return Err(error),
                Err(Error::Invalid(faults)) => {
                    // Several faults are one line that failed.
                    self.failed += 1;
                    report.count("failed", 1);
                    for Fault { field, message } in faults {
                        self.note(report, source, LineFault { line, column: None, field, message });
                    }
                }
                Err(error) => {
                    self.fault(report, source, LineFault { line, column: None, field: String::new(), message: error.to_string() })
                }
            }
        }
        Ok(())
    }

    /// What is to be written of a line.
    fn edit(&mut self, Read { line, mut document }: Read) -> Result<(u64, DeviceKey, DeviceEdit), LineFault> {
        let fault = |field: &str, message: String| LineFault { line, column: None, field: field.to_owned(), message };
        let Some(fields) = document.as_object_mut() else { return Err(fault("", "a JSON object is needed".to_owned())) };
        // What was listed may be sent back.
        READ_ONLY.iter().for_each(|name| drop(fields.remove(*name)));
        let mac = match fields.get("mac").filter(|m| !m.is_null()) {
            None => None,
            Some(text) => match text.as_str().map(str::parse::<Mac>) {
                Some(Ok(mac)) => Some(mac),
                Some(Err(why)) => return Err(fault("mac", why.to_string())),
                None => return Err(fault("mac", "must be text".to_owned())),
            },
        };
        let key = match (mac, self.mode) {
            (Some(mac), _) => DeviceKey::Mac(mac),
            (None, Mode::Create) => DeviceKey::New,
            (None, Mode::Upsert) => return Err(fault("mac", "is needed: devices that are there are found by it".to_owned())),
        };
        if let Some(mac) = mac {
            if let Some(first) = self.seen.get(&mac) {
                return Err(fault("mac", format!("stands on line {first} already")));
            }
            if self.seen.len() >= DEVICES {
                return Err(fault("", format!("more than {DEVICES} devices: send them in parts")));
            }
            self.seen.insert(mac, u32::try_from(line).unwrap_or(u32::MAX));
        }
        let (reader, mode, home) = (Reader::of(&self.app), self.mode, self.home.clone());
        let edit: DeviceEdit = Box::new(move |device, new, _| match (new, mode) {
            (true, _) => {
                let mut fields = Fields::of(document)?;
                fields.or_insert("tenant", &json!(home));
                reader.create(device, fields)
            }
            (false, Mode::Create) => Ok(()),
            (false, Mode::Upsert) => reader.patch(device, document),
        });
        Ok((line, key, edit))
    }

    fn fault(&mut self, report: &Reporter, source: &Source, fault: LineFault) {
        self.failed += 1;
        report.count("failed", 1);
        self.note(report, source, fault);
    }

    fn note(&mut self, report: &Reporter, source: &Source, fault: LineFault) {
        let LineFault { line, column, field, message } = fault;
        let column = column.or_else(|| source.column(&field));
        let place = column.map_or_else(|| format!("line {line}"), |column| format!("line {line}, column {column}"));
        let says = if field.is_empty() { message.clone() } else { format!("{field}: {message}") };
        report.error(place, says);
        if self.faults.len() < FAULTS {
            self.faults.push(json!({ "line": line, "column": column, "field": field, "message": message }));
        } else {
            self.more += 1;
        }
    }
}
