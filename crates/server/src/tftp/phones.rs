//! The phone face over TFTP: the translation between requests and the pipeline.

use std::net::SocketAddr;

use bytes::Bytes;
use offhook_core::{
    access::canonical,
    request::{Request, Transport, text_of},
    trace::Reason,
};

use super::{Dropped, ErrorCode, ReadRequest, TftpAnswer, TftpService, TransferEnd, TransferOutcome};
use crate::pipeline::{Answer, Answered, Pipeline};

/// Files of phones over TFTP.
pub struct PhoneFiles {
    /// What answers.
    pub pipeline: Pipeline,
}

impl TftpService for PhoneFiles {
    async fn read(&self, asked: ReadRequest) -> TftpAnswer {
        let answered = self.pipeline.answer(request(asked)).await;
        let (code, message, status) = match answered.answer() {
            Answer::File(file) => {
                let bytes = file.body.clone();
                let done = move |end: TransferEnd| {
                    answered.finish("RRQ", status(end.outcome), end.bytes, end.outcome == TransferOutcome::Completed)
                };
                return TftpAnswer::Content { bytes, done: Some(Box::new(done)) };
            }
            // Only writers get that.
            Answer::Take(_) | Answer::NotFound => (ErrorCode::FileNotFound, "not found", 404),
            Answer::MethodNotAllowed => (ErrorCode::AccessViolation, "only reading", 405),
            Answer::Busy => (ErrorCode::NotDefined, "busy, ask again", 503),
            Answer::Failed => (ErrorCode::NotDefined, "the file cannot be made now", 500),
        };
        answered.finish("RRQ", status, 0, false);
        TftpAnswer::Error { code, message: message.into() }
    }

    /// Whoever may not write hears the same, whatever the name.
    async fn write(&self, asked: ReadRequest) -> TftpAnswer {
        let mut request = request(asked);
        request.writes = true;
        let answered = self.pipeline.answer(request).await;
        let (code, message, status) = match answered.answer() {
            Answer::Take(taking) => {
                let (taking, runtime) = (taking.clone(), tokio::runtime::Handle::current());
                let done = move |end: TransferEnd, bytes: Bytes| drop(runtime.spawn(keep(answered, end, bytes)));
                return TftpAnswer::Accept { most: taking.most, done: Box::new(done) };
            }
            Answer::Busy => (ErrorCode::NotDefined, "busy, ask again", 503),
            Answer::File(_) | Answer::NotFound | Answer::Failed | Answer::MethodNotAllowed => {
                (ErrorCode::AccessViolation, "writing is not allowed", 404)
            }
        };
        answered.finish("WRQ", status, 0, false);
        TftpAnswer::Error { code, message: message.into() }
    }

    fn dropped(&self, peer: SocketAddr, why: Dropped) {
        self.pipeline.tftp_dropped(peer, why);
    }
}

fn request(asked: ReadRequest) -> Request {
    let mut request = Request::new(Transport::Tftp, canonical(asked.peer.ip()));
    request.path = Some(text_of(&asked.name));
    request.local = Some(SocketAddr::new(asked.local, 0));
    request
}

/// Stores what came, off the listener's task.
async fn keep(answered: Answered, end: TransferEnd, bytes: Bytes) {
    let Answer::Take(taking) = answered.answer() else { return };
    let taking = taking.clone();
    let came = match end.outcome {
        TransferOutcome::Completed => match answered.intake(&taking).await {
            Ok(mut intake) => intake.write(&bytes).await.map(|()| intake),
            Err(why) => Err(why),
        },
        TransferOutcome::TooLarge => Err(Reason::UploadTooLarge { most: taking.most }),
        _ => Err(Reason::UploadBroken),
    };
    answered.keep(taking, came, "WRQ").await;
}

/// The HTTP status that the end of a transfer amounts to, so that the request log has one column.
fn status(outcome: TransferOutcome) -> u16 {
    match outcome {
        TransferOutcome::Completed => 200,
        TransferOutcome::PeerError(_) => 499,
        TransferOutcome::TimedOut => 408,
        TransferOutcome::Replaced => 409,
        TransferOutcome::TooLarge => 413,
        TransferOutcome::Stopped => 503,
        TransferOutcome::Failed => 500,
    }
}
