//! `[[asset]]`: how stored assets are given to the phones of a family. An asset's file is a file of the pack like any other, with
//! [`Source::Asset`]; here stands what is its own: its checks, and what is to be made of which stored bytes.

use offhook_core::asset::AssetKind;
use serde_json::Value;

use crate::{
    AssetFacts, RenderError, RenderInput, Route,
    manifest::{AssetSpec, FileSpec, Source},
    models::{Model, Models},
    paths::{self, PathSet},
    pattern::PathPattern,
    picture::{PictureSpec, PictureTarget},
};

/// What the file of a stored asset is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetPlan {
    /// The stored asset.
    pub asset: AssetFacts,
    /// What the picture is made into; none: the bytes stay as they are.
    pub picture: Option<PictureTarget>,
    /// Greatest size of what the phone gets.
    pub max_bytes: Option<u64>,
    /// MIME type.
    pub content_type: String,
}

/// The file that stands for an `[[asset]]`. Its name is a person's and tells no vendor.
pub(crate) fn file(spec: AssetSpec) -> FileSpec {
    FileSpec {
        name: spec.name.clone(),
        path: Some(spec.path.clone()),
        pattern: None,
        kind: spec.kind,
        credentials: false,
        format: None,
        source: Source::Asset,
        templates: None,
        optional: false,
        shared: true,
        query: None,
        vendor: None,
        model: None,
        content_type: spec.content_type.clone(),
        charset: None,
        line_ends: None,
        models: spec.models.clone(),
        needs_image: false,
        raw: None,
        static_path: None,
        encrypt: None,
        page_size: None,
        search: Vec::new(),
        variant: Vec::new(),
        asset: Some(spec),
        upload: None,
    }
}

/// How requests of a path are recognised. The names of assets are people's: `{model}` beside one can only be a model that there is.
pub(crate) fn regex(spec: &FileSpec, path: &PathPattern, models: &Models) -> String {
    if !path.names("asset") {
        return path.regex();
    }
    let mut names: Vec<&str> = models.list.iter().filter(|m| of(spec, m)).map(|m| m.file_model.as_str()).collect();
    names.sort_unstable_by_key(|n| (std::cmp::Reverse(n.len()), *n));
    names.dedup();
    path.regex_among(&names)
}

fn of(spec: &FileSpec, model: &Model) -> bool {
    crate::pack::applies(spec, model)
}

/// What is wrong with the keys of assets and phone books: (field, message).
pub(crate) fn faults(spec: &FileSpec, path: Option<&PathPattern>, models: &Models) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut fault = |field, message: &str| faults.push((field, message.to_owned()));
    let names = |placeholder| path.is_some_and(|p| p.names(placeholder));
    if names("phonebook") && (spec.kind != offhook_core::sighting::FileKind::Directory || spec.source != Source::Template) {
        fault("path", "{phonebook} is for templates with kind = \"directory\"");
    }
    if !names("phonebook") && (spec.page_size.is_some() || !spec.search.is_empty()) {
        fault("page_size", "page_size and search are for paths with {phonebook}");
    }
    if spec.page_size == Some(0) {
        fault("page_size", "must be at least 1");
    }
    if spec.search.iter().any(|s| s.is_empty() || s == "page") {
        fault("search", "a parameter of the query has a name, and page tells the page");
    }
    let Some(asset) = &spec.asset else {
        if names("asset") {
            fault("path", "{asset} is for [[asset]]");
        }
        return faults;
    };
    if asset.settings.is_empty() {
        fault("settings", "says no setting path: without one nothing names the asset");
    }
    for pattern in &asset.settings {
        if let Err(why) = PathSet::check(pattern) {
            fault("settings", &why);
        }
    }
    if !names("asset") && asset.settings.first().is_some_and(|p| p.contains('*')) {
        fault("settings", "a path without {asset} needs one setting, without `*`");
    }
    if asset.accept.is_empty() {
        let known: Vec<&str> = AssetKind::ALL.iter().map(|k| k.as_str()).collect();
        fault("accept", &format!("says no kind of asset; there are: {}", known.join(", ")));
    }
    if let Some(picture) = &asset.picture {
        for why in picture_faults(picture, spec, models) {
            fault("picture", &why);
        }
        if asset.accept.iter().any(|k| !matches!(k, AssetKind::Png | AssetKind::Bmp)) {
            fault("accept", "only png and bmp can be made into another picture: give others an [[asset]] of their own, without picture");
        }
    }
    faults
}

fn picture_faults(picture: &PictureSpec, spec: &FileSpec, models: &Models) -> Vec<String> {
    if let Err((field, why)) = picture.check() {
        return vec![format!("{field} {why}")];
    }
    // A misspelt attribute is one that no model has.
    let mut used = models.list.iter().filter(|m| of(spec, m)).chain(std::iter::once(&models.generic));
    let mut first = None;
    if used.any(|m| picture.resolve(m).map_err(|why| first.get_or_insert(why).len()).is_ok()) {
        return Vec::new();
    }
    vec![format!("no model can have it: {}", first.unwrap_or_default())]
}

/// Why a stored asset cannot serve; none: it can.
pub(crate) fn unfit(spec: &AssetSpec, asset: &AssetFacts, model: &Model) -> Option<String> {
    if !spec.accept.contains(&asset.kind) {
        let accepted: Vec<&str> = spec.accept.iter().map(|k| k.as_str()).collect();
        return Some(format!("{:?} is {}; this model takes {}", asset.name, asset.kind.as_str(), accepted.join(", ")));
    }
    match (&spec.picture, spec.max_bytes) {
        (Some(picture), _) => picture.resolve(model).err().map(|why| format!("this model cannot show it: {why}")),
        (None, Some(most)) if asset.size > most => {
            Some(format!("{:?} has {} bytes; this model takes at most {most}", asset.name, asset.size))
        }
        _ => None,
    }
}

/// What the file of a route is made of, or why there is none: always as the error that is no template's.
pub(crate) fn plan(spec: &FileSpec, route: &Route, model: &Model, input: &RenderInput<'_>) -> RenderError {
    const ABSENT: RenderError = RenderError::Absent { missing: Vec::new() };
    let Some(own) = &spec.asset else { return ABSENT };
    let name = route.asset.clone().or_else(|| named(own, input));
    let Some(asset) = name.and_then(|name| input.resources.asset(&name)) else { return ABSENT };
    if let Some(why) = unfit(own, asset, model) {
        return RenderError::AssetUnusable(why);
    }
    let picture = match own.picture.as_ref().map(|p| p.resolve(model)).transpose() {
        Ok(picture) => picture,
        Err(why) => return RenderError::AssetUnusable(why),
    };
    let made = picture.map_or(asset.kind.content_type(), |p| p.format.content_type());
    let content_type = own.content_type.clone().unwrap_or_else(|| made.to_owned());
    RenderError::Asset(Box::new(AssetPlan { asset: asset.clone(), picture, max_bytes: own.max_bytes, content_type }))
}

/// What the one setting of a path without `{asset}` names.
fn named(spec: &AssetSpec, input: &RenderInput<'_>) -> Option<String> {
    let settings = input.settings.to_json();
    at(&settings, &paths::segments(spec.settings.first()?))?.as_str().map(str::to_owned)
}

/// The value at a path, as text segments.
pub(crate) fn at<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, part| match part.strip_prefix('[').and_then(|p| p.strip_suffix(']')) {
        Some(index) => value.get(index.parse::<usize>().ok()?),
        None => value.get(part),
    })
}
