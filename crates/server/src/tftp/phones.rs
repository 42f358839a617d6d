//! The phone face over TFTP: the translation between read requests and the pipeline.

use std::net::SocketAddr;

use offhook_core::{
    access::canonical,
    request::{Request, Transport, latin1},
};

use super::{Dropped, ErrorCode, ReadRequest, TftpAnswer, TftpService, TransferEnd, TransferOutcome};
use crate::pipeline::{Answer, Pipeline};

/// Files of phones over TFTP.
pub struct PhoneFiles {
    /// What answers.
    pub pipeline: Pipeline,
}

impl TftpService for PhoneFiles {
    async fn read(&self, asked: ReadRequest) -> TftpAnswer {
        let mut request = Request::new(Transport::Tftp, canonical(asked.peer.ip()));
        request.path = Some(String::from_utf8(asked.name).unwrap_or_else(|e| latin1(e.as_bytes())));
        request.local = Some(SocketAddr::new(asked.local, 0));
        let answered = self.pipeline.answer(request).await;
        let (code, message, status) = match answered.answer() {
            Answer::File(file) => {
                let bytes = file.body.clone();
                let done = move |end: TransferEnd| {
                    answered.finish("RRQ", status(end.outcome), end.bytes, end.outcome == TransferOutcome::Completed)
                };
                return TftpAnswer::Content { bytes, done: Some(Box::new(done)) };
            }
            Answer::NotFound => (ErrorCode::FileNotFound, "not found", 404),
            Answer::MethodNotAllowed => (ErrorCode::AccessViolation, "only reading", 405),
            Answer::Busy => (ErrorCode::NotDefined, "busy, ask again", 503),
            Answer::Failed => (ErrorCode::NotDefined, "the file cannot be made now", 500),
        };
        answered.finish("RRQ", status, 0, false);
        TftpAnswer::Error { code, message: message.into() }
    }

    fn dropped(&self, peer: SocketAddr, why: Dropped) {
        self.pipeline.tftp_dropped(peer, why);
    }
}

/// The HTTP status that the end of a transfer amounts to, so that the request log has one column.
fn status(outcome: TransferOutcome) -> u16 {
    match outcome {
        TransferOutcome::Completed => 200,
        TransferOutcome::PeerError(_) => 499,
        TransferOutcome::TimedOut => 408,
        TransferOutcome::Replaced => 409,
        TransferOutcome::Stopped => 503,
        TransferOutcome::Failed => 500,
    }
}
