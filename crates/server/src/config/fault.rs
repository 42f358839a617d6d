//! What is wrong with a configuration, told all at once: where, what stands there, and what is allowed.

use std::{fmt, path::PathBuf};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it is the default.
    Default,
    /// A line of the file, from 1.
    Line(PathBuf, usize),
    /// The file as a whole.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// An option of the command line.
    Option(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Option(name) => f.write_str(name),
        }
    }
}

/// One thing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// Where it was written.
    pub place: Place,
    /// The key, as `phones.policy`; empty when the place says it all.
    pub key: String,
    /// What stands there, as TOML.
    pub value: Option<String>,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        match (self.key.is_empty(), &self.value) {
            (true, None) => {}
            (true, Some(value)) => write!(f, ": {value}")?,
            (false, None) => write!(f, ": {}", self.key)?,
            (false, Some(value)) => write!(f, ": {} = {value}", self.key)?,
        }
        for line in self.message.lines() {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "the configuration has a fault:")?,
            n => writeln!(f, "the configuration has {n} faults:")?,
        }
        for fault in &self.0 {
            writeln!(f, "  {}", fault.to_string().replace('\n', "\n  "))?;
        }
        f.write_str("`offhook config default` prints every key with its meaning and default; `offhook config check` checks again.")
    }
}

impl std::error::Error for ConfigFaults {}
