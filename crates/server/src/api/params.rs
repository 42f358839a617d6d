//! Query parameters: read one by one, every fault kept. A parameter that an operation does not know is a fault.

use axum::{extract::FromRequestParts, http::request::Parts};
use offhook_core::{Error, Fault, Result};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::problem::Problem;

/// The longest value of a parameter in bytes; a cursor is the longest that anybody needs.
const LONGEST: usize = 4096;

/// The query parameters of a request.
#[derive(Debug, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Params {
    /// From the raw query, `+` and percent escapes decoded.
    pub fn parse(query: &str) -> Result<Self> {
        let uri = format!("/?{query}").parse::<axum::http::Uri>().map_err(|_| Error::invalid("", "the query cannot be read"))?;
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
            .map_err(|_| Error::invalid("", "the query cannot be read: escape it as in a=b&c=d%20e"))?
            .0;
        Ok(Self { pairs, ..Self::default() })
    }

    /// The text of a parameter. An empty one counts as not given; one given twice is a fault.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.given(name).filter(|text| !text.is_empty())
    }

    /// What was written, be it nothing.
    fn given(&mut self, name: &'static str) -> Option<String> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        let mut found = self.pairs.iter().filter(|(n, _)| n == name);
        let first = found.next();
        if found.next().is_some() {
            self.faults.push(Fault::new(name, "is given more than once"));
        }
        let text = first.map(|(_, v)| v.clone())?;
        if text.len() > LONGEST {
            self.faults.push(Fault::new(name, format!("is longer than {LONGEST} bytes")));
            return None;
        }
        // PostgreSQL refuses it in any text.
        if text.contains('\0') {
            self.faults.push(Fault::new(name, "holds the character U+0000, which is in nothing that is stored"));
            return None;
        }
        Some(text)
    }

    /// The text of a parameter that has to be given.
    pub fn needed(&mut self, name: &'static str, allowed: &str) -> String {
        let before = self.faults.len();
        let text = self.text(name);
        if text.is_none() && self.faults.len() == before {
            self.faults.push(Fault::new(name, if allowed.is_empty() { "is needed".to_owned() } else { format!("is needed: {allowed}") }));
        }
        text.unwrap_or_default()
    }

    /// What `read` makes of the text, of an empty one too; the fault says what is `allowed`.
    pub fn read<T>(&mut self, name: &'static str, allowed: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.given(name)?;
        let value = read(&text);
        if value.is_none() {
            self.faults.push(Fault::new(name, format!("{} is not {allowed}", quoted(&text))));
        }
        value
    }

    /// `true` or `false`; not given is false.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let read = |text: &str| text.parse::<bool>().ok();
        self.read(name, "true or false", read).unwrap_or(false)
    }

    /// A whole number within the bounds.
    pub fn number(&mut self, name: &'static str, bounds: std::ops::RangeInclusive<usize>) -> Option<usize> {
        let allowed = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        self.read(name, &allowed, |text| text.parse().ok().filter(|n| bounds.contains(n)))
    }

    /// The value, unless there was a fault or a parameter that nobody asked for.
    pub fn finish<T>(mut self, value: T) -> Result<T> {
        for (name, _) in &self.pairs {
            if !self.known.contains(&name.as_str()) {
                let message = match self.known.as_slice() {
                    [] => "this operation has no query parameters".to_owned(),
                    known => format!("is not a parameter of this operation; allowed: {}", known.join(", ")),
                };
                self.faults.push(Fault::new(name.chars().take(64).collect::<String>(), message));
            }
        }
        if self.faults.is_empty() { Ok(value) } else { Err(Error::Invalid(self.faults)) }
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(64).collect::<String>())
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default())?)
    }
}

/// For operations without query parameters: any is a fault.
#[derive(Debug)]
pub struct NoParams;

impl<S: Send + Sync> FromRequestParts<S> for NoParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Params::from_request_parts(parts, state).await?.finish(Self)?)
    }
}

/// Whose resource of a name is meant.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Owner {
    /// The tenant that owns the one of that name. When left out: of accounts that of `default`, of profiles the global one, or the only one.
    pub tenant: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Owner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mut params = Params::from_request_parts(parts, state).await?;
        let tenant = params.text("tenant");
        Ok(params.finish(Self { tenant })?)
    }
}

/// The variable parts of a path, percent-decoded.
#[derive(Debug)]
pub struct Key<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Key<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|p| Self(p.0)).map_err(|_| Problem::malformed("the path is not text once its percent escapes are decoded"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_fault_at_once() {
        let mut params = Params::parse("limit=0&reveal=yes&dry_run=&q=a%20b+c&x=1&q=2").unwrap();
        assert_eq!(params.number("limit", 1..=500), None);
        assert!(!params.flag("reveal") && !params.flag("dry_run"));
        assert_eq!(params.text("q").as_deref(), Some("a b c"));
        let Err(Error::Invalid(faults)) = params.finish(()) else { panic!("no fault") };
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["limit", "reveal", "dry_run", "q", "x"]);
        assert!(faults[4].message.contains("limit, reveal, dry_run, q"), "{}", faults[4].message);
    }

    #[test]
    fn what_no_database_takes_is_a_fault() {
        let mut params = Params::parse("q=a%00b&tenant=c").unwrap();
        assert_eq!((params.text("q"), params.text("tenant").as_deref()), (None, Some("c")));
        let Err(Error::Invalid(faults)) = params.finish(()) else { panic!("no fault") };
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["q"]);
    }

    #[test]
    fn what_is_right_passes() {
        let mut params = Params::parse("limit=20&reveal=true&q=").unwrap();
        let read = (params.number("limit", 1..=500), params.flag("reveal"), params.text("q"));
        assert_eq!(params.finish(read).unwrap(), (Some(20), true, None));
    }
}
