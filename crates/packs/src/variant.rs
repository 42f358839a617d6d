//! One file in several forms: which one a phone gets by the firmware that it has.

use std::borrow::Cow;

use offhook_core::settings::{Effective, compare_versions};

use crate::{
    DeviceFacts,
    manifest::{FileSpec, VariantSpec},
    models::Model,
};

/// The firmware that counts: what the phone told, else what the settings assume.
pub(crate) fn firmware<'a>(device: &'a DeviceFacts, settings: &'a Effective) -> Option<Cow<'a, str>> {
    let assumed = || settings.value("provisioning.assume_firmware").and_then(|v| v.as_str().map(|v| Cow::Owned(v.to_owned())));
    device.firmware.as_deref().filter(|f| !f.is_empty()).map(Cow::Borrowed).or_else(assumed)
}

/// The file as this phone takes it: itself, or its first variant that fits. Without a known firmware no variant fits, nor for what
/// begins with no digit and so is no version.
pub(crate) fn form<'a>(spec: &'a FileSpec, model: &Model, firmware: Option<&str>) -> Cow<'a, FileSpec> {
    let firmware = firmware.filter(|f| f.starts_with(|c: char| c.is_ascii_digit()));
    let fits = |variant: &&VariantSpec| {
        firmware.is_some_and(|f| compare_versions(f, &variant.firmware_below).is_lt())
            && (variant.models.is_empty() || variant.models.iter().any(|m| m.eq_ignore_ascii_case(&model.name)))
    };
    let Some(variant) = spec.variant.iter().find(fits) else { return Cow::Borrowed(spec) };
    let mut own = spec.clone();
    own.format = Some(variant.format.clone());
    own.templates = Some(variant.templates.clone());
    own.content_type = variant.content_type.clone();
    own.charset = variant.charset.or(own.charset);
    own.line_ends = variant.line_ends.or(own.line_ends);
    own.raw = variant.raw.or(own.raw);
    Cow::Owned(own)
}

/// A firmware for each form that a file has, the newest last: none for the file itself.
pub(crate) fn firmwares(spec: &FileSpec) -> Vec<Option<String>> {
    let mut out = vec![];
    let mut from = "0";
    for variant in &spec.variant {
        out.push(Some(from.to_owned()));
        from = &variant.firmware_below;
    }
    out.push(None);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn spec() -> FileSpec {
        toml::from_str(
            r#"
            name = "device"
            path = "{mac}.xml"
            kind = "device"
            format = "xml"
            templates = ["base.tpl"]
            content_type = "text/xml"
            [[variant]]
            firmware_below = "7"
            format = "text"
            templates = ["old.tpl"]
            models = ["T1"]
            [[variant]]
            firmware_below = "8.4"
            format = "lines"
            templates = ["older.tpl"]
            raw = false
            "#,
        )
        .unwrap()
    }

    #[test]
    fn the_first_that_fits_is_used() {
        let spec = spec();
        let format = |model: &str, firmware: Option<&str>| {
            let model = Model { name: model.to_owned(), ..Model::default() };
            form(&spec, &model, firmware).format.clone().unwrap()
        };
        assert_eq!(format("T1", None), "xml");
        assert_eq!(format("T1", Some("nonsense")), "xml");
        assert_eq!(format("T1", Some("6.5.20")), "text");
        assert_eq!(format("T1", Some("7.3")), "lines");
        assert_eq!(format("T2", Some("6.5.20")), "lines");
        assert_eq!(format("T2", Some("8.4.0")), "xml");
        assert_eq!(format("T2", Some("10.1")), "xml");
        let old = form(&spec, &Model::default(), Some("8.3")).into_owned();
        assert_eq!((old.raw, old.content_type, old.templates.unwrap()), (Some(false), None, vec!["older.tpl".to_owned()]));
        assert_eq!(firmwares(&spec), [Some("0".to_owned()), Some("7".to_owned()), None]);
    }
}
