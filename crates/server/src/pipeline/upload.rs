//! What a phone sends: taken in piece by piece within its limit, and kept as a blob; never looked into, never served.

use bytes::Bytes;
use offhook_core::{
    Error, Id,
    trace::{Reason, Says, Step},
    upload::{Upload, UploadKind},
};
use offhook_store::{BlobWriter, NewUpload, UploadLimits};

use super::Answered;
use crate::config::Limits;

/// How much phones may send, from the configuration.
#[derive(Clone, Copy, Debug)]
pub struct UploadCaps {
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of one device.
    pub device: u64,
    /// Bytes in all.
    pub total: u64,
}

impl UploadCaps {
    /// Those of the configuration.
    pub fn new(limits: &Limits) -> Self {
        Self { file: limits.upload_size, device: limits.uploads_per_device, total: limits.uploads }
    }
}

/// What may be taken from a phone now.
#[derive(Clone, Debug)]
pub struct Taking {
    /// The device that sends.
    pub device: Id,
    /// The name of the `[[upload]]`.
    pub name: String,
    /// The file as the phone calls it.
    pub file: String,
    /// What it is.
    pub kind: UploadKind,
    /// Most bytes of it.
    pub most: u64,
    /// How much of such is kept.
    pub limits: UploadLimits,
}

/// A file on its way in. Dropped before [`Answered::keep`], nothing remains.
pub struct Intake {
    blob: BlobWriter,
    most: u64,
}

impl Intake {
    /// Takes a piece.
    ///
    /// # Errors
    /// The limit is passed, or the disk does not take it.
    pub async fn write(&mut self, bytes: &Bytes) -> Result<(), Reason> {
        if self.blob.written().saturating_add(bytes.len() as u64) > self.most {
            return Err(Reason::UploadTooLarge { most: self.most });
        }
        self.blob.write(bytes).await.map_err(|e| unavailable(&e))
    }
}

impl Answered {
    /// Begins to take what [`super::Answer::Take`] allows.
    ///
    /// # Errors
    /// The disk does not take it.
    pub async fn intake(&self, taking: &Taking) -> Result<Intake, Reason> {
        let blob = self.pipeline.0.store.new_blob().await.map_err(|e| unavailable(&e))?;
        Ok(Intake { blob, most: taking.most })
    }

    /// It all came, or it did not: keeps it, writes what happened, and gives the HTTP status (or the one that TFTP amounts to).
    pub async fn keep(mut self, taking: Taking, came: Result<Intake, Reason>, method: &str) -> u16 {
        let bytes = came.as_ref().map_or(0, |i| i.blob.written());
        let kept = match came {
            Ok(intake) => self.store(&taking, intake).await,
            Err(reason) => Err(reason),
        };
        let status = match &kept {
            Ok(_) => 201,
            Err(Reason::UploadTooLarge { .. }) => 413,
            Err(Reason::UploadBroken) => 408,
            Err(_) => 503,
        };
        self.received(taking, bytes, kept.err());
        self.finish(method, status, bytes, false);
        status
    }

    async fn store(&self, taking: &Taking, intake: Intake) -> Result<Upload, Reason> {
        let new = NewUpload {
            device: taking.device,
            name: taking.name.clone(),
            file: taking.file.clone(),
            kind: taking.kind,
            ip: self.request.source,
            transport: self.request.transport,
        };
        let kept = async { self.pipeline.0.store.add_upload(new, taking.limits, intake.blob.finish().await?).await };
        kept.await.map_err(|e| unavailable(&e))
    }

    /// Into the trace.
    fn received(&mut self, taking: Taking, bytes: u64, failed: Option<Reason>) {
        if let Some(reason) = &failed {
            self.walked.reason = reason.clone();
        }
        let says = Says::Receive { file: taking.file, kind: taking.kind, bytes, failed };
        let took_us = u32::try_from(self.began.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.walked.trace.steps.push(Step { took_us, says });
    }
}

fn unavailable(error: &Error) -> Reason {
    tracing::error!(%error, "what a phone sent could not be kept");
    Reason::StoreUnavailable
}
