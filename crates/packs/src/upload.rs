//! `[[upload]]`: files that phones of a family send. An upload is a file of the pack like any other, with [`Source::Upload`],
//! and is recognised only when a phone writes.

use offhook_core::sighting::FileKind;

use crate::manifest::{FileSpec, Source, UploadSpec};

/// The file that stands for an `[[upload]]`.
pub(crate) fn file(spec: UploadSpec) -> FileSpec {
    FileSpec {
        name: spec.name.clone(),
        path: spec.path.clone(),
        pattern: spec.pattern.clone(),
        // Whatever is in it: it is one device's.
        kind: FileKind::Device,
        credentials: false,
        format: None,
        source: Source::Upload,
        templates: None,
        optional: true,
        shared: spec.shared,
        query: None,
        vendor: None,
        model: None,
        content_type: None,
        charset: None,
        line_ends: None,
        models: Vec::new(),
        needs_image: false,
        raw: None,
        static_path: None,
        page_size: None,
        search: Vec::new(),
        variant: Vec::new(),
        asset: None,
        encrypt: None,
        upload: Some(spec),
    }
}

/// What is wrong with its own keys: (field, message).
pub(crate) fn faults(spec: &FileSpec) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    if let Some(upload) = &spec.upload {
        if upload.max_bytes == 0 {
            faults.push(("max_bytes", "must be at least 1".to_owned()));
        }
        if !(1..=100).contains(&upload.keep) {
            faults.push(("keep", "must be from 1 to 100".to_owned()));
        }
    }
    faults
}
