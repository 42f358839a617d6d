//! Bodies that phones send: read within bounds of size and time, whoever sends them.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Method, body::Incoming, header::HeaderMap};
use offhook_core::trace::Reason;
use tokio::time::timeout;

use crate::pipeline::{Answered, Intake, Taking};

/// Longest time without a byte of a body, and for all of it.
const IDLE: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(120);
/// So much of a body that nobody wants is read, for so long: a client that hears the answer only after it has sent everything gets to it.
const UNWANTED: usize = 256 << 10;
const UNWANTED_FOR: Duration = Duration::from_secs(2);

/// Takes what the pipeline allows; gives the status.
pub async fn take(answered: Answered, taking: Taking, method: &Method, asked: &HeaderMap, mut body: Incoming) -> u16 {
    let came = match announced(asked).filter(|length| *length > taking.most) {
        Some(_) => Err(Reason::UploadTooLarge { most: taking.most }),
        None => timeout(TOTAL, whole(&answered, &taking, &mut body)).await.unwrap_or(Err(Reason::UploadBroken)),
    };
    if came.is_err() {
        pass_over(body, asked).await;
    }
    answered.keep(taking, came, method.as_str()).await
}

fn announced(asked: &HeaderMap) -> Option<u64> {
    asked.get(hyper::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn whole(answered: &Answered, taking: &Taking, body: &mut Incoming) -> Result<Intake, Reason> {
    let mut intake = answered.intake(taking).await?;
    loop {
        match timeout(IDLE, body.frame()).await {
            Ok(None) => return Ok(intake),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    intake.write(&data).await?;
                }
            }
            Ok(Some(Err(_))) | Err(_) => return Err(Reason::UploadBroken),
        }
    }
}

/// Reads a little of what nobody wants. Who asked whether to send anything hears the answer first, and sends nothing.
pub async fn pass_over(mut body: Incoming, asked: &HeaderMap) {
    if asked.contains_key(hyper::header::EXPECT) {
        return;
    }
    let reading = async {
        let mut left = UNWANTED;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, |d| d.len())) else { return };
            left = rest;
        }
    };
    let _ = timeout(UNWANTED_FOR, reading).await;
}
