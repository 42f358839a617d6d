//! Firmware images: which stored files a version needs.

use offhook_core::{firmware::Offer, settings::Effective};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageState {
    pub name: String,
    pub files: Vec<String>,
    pub missing: Vec<String>,
    pub offer: Offer,
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

    /// The part of a version that is compared with another one: what the group `version` holds, or the only group there is; else
    /// all of it. A spelling that is not this image's is taken as it is.
    fn compared<'v>(&self, version: &'v str) -> &'v str {
        let groups: Vec<_> = self.regex.capture_names().flatten().collect();
        let name = if groups.len() == 1 { groups.first().copied() } else { Some("version") };
        let part = || str::from_utf8(self.regex.captures(version.as_bytes())?.name(name?)?.as_bytes()).ok();
        part().unwrap_or(version)
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

/// The first image that matches the version of the settings; none when no version is set or none matches. `runs`: what the phone
/// reports, or is taken to have.
pub(crate) fn effective(
    images: &[Image],
    settings: &Effective,
    model: &Model,
    runs: Option<&str>,
    shelf: &dyn FirmwareShelf,
) -> Option<ImageState> {
    let version = settings.value("provisioning.firmware.version")?.as_str()?.to_owned();
    let policy = settings.value("provisioning.firmware.policy").and_then(|p| p.as_str());
    let (image, files) = images.iter().find_map(|image| Some((image, image.files(&version, model)?)))?;
    let missing: Vec<String> = files.iter().filter(|f| !shelf.has(f)).cloned().collect();
    let offer = Offer::decide(&version, image.compared(&version), policy, runs.map(|r| image.compared(r)), &missing);
    Some(ImageState { name: version, files, missing, offer })
}

/// The files of the first image of that version.
pub(crate) fn files(images: &[Image], version: &str, model: &Model) -> Option<Vec<String>> {
    images.iter().find_map(|image| image.files(version, model))
}
