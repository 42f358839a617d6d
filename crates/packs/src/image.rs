//! Firmware images: which stored files a version needs.

use offhook_core::settings::Effective;
use regex::bytes::Regex;

use crate::{
    manifest::ImageSpec,
    models::Model,
    render::FirmwareShelf,
    rule::{Text, compile},
};

/// One `[[image]]`, ready to use.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    regex: Regex,
    models: Vec<String>,
    files: Vec<String>,
}

/// The image that the settings ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageState {
    pub name: String,
    pub files: Vec<String>,
    pub missing: Vec<String>,
}

impl Image {
    pub fn new(spec: &ImageSpec) -> Result<Self, (&'static str, String)> {
        let regex = compile(&format!("^(?:{})$", spec.pattern), None).map_err(|e| ("match", e))?;
        for file in &spec.files {
            // Attributes are of the model and known only later.
            Text::new(&without_attributes(file, |_| Some(String::new())).unwrap_or_default(), &regex).map_err(|e| ("files", e))?;
        }
        Ok(Self { regex, models: spec.models.clone(), files: spec.files.clone() })
    }

    fn files(&self, version: &str, model: &Model) -> Option<Vec<String>> {
        if !self.models.is_empty() && !self.models.iter().any(|m| m.eq_ignore_ascii_case(&model.name)) {
            return None;
        }
        let captures = self.regex.captures(version.as_bytes())?;
        self.files
            .iter()
            .map(|file| {
                let file = without_attributes(file, |name| model.attribute(name))?;
                Text::new(&file, &self.regex).ok()?.fill(&captures)
            })
            .collect()
    }
}

/// `{model.<attribute>}` replaced; None when the model lacks one.
fn without_attributes(text: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{model.") {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(&value(name)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// The first image that matches the version of the settings; none when no version is set or none matches.
pub(crate) fn effective(images: &[Image], settings: &Effective, model: &Model, shelf: &dyn FirmwareShelf) -> Option<ImageState> {
    let version = settings.value("provisioning.firmware.version")?.as_str()?.to_owned();
    let files = images.iter().find_map(|image| image.files(&version, model))?;
    let missing = files.iter().filter(|f| !shelf.has(f)).cloned().collect();
    Some(ImageState { name: version, files, missing })
}
