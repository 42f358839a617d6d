//! Accepting and keeping HTTP/1.1 connections, for phones and administrators alike: bounded in number, closed when a
//! request head does not come in time, drained at the end. What is answered is not known here.

use std::{convert::Infallible, error::Error, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How much a listener takes on.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Open connections at once; more wait in the system's queue.
    pub connections: usize,
    /// A connection that sends no whole request head for this long is closed.
    pub idle: Duration,
}

/// Who has just connected is about to ask: so long after its beginning a connection is not idle.
const ASKING: Duration = Duration::from_millis(500);

/// The greatest request head, in bytes.
const HEAD: usize = 32 * 1024;

/// Serves all listeners until `stop`, then lets running requests end; idle connections are closed at once. `service`
/// makes what answers one connection, told its far and its near end.
pub async fn serve<F, S, B>(listeners: Vec<TcpListener>, options: HttpOptions, stop: CancellationToken, service: F)
where
    F: Fn(SocketAddr, Option<SocketAddr>) -> S + Clone + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let most = Arc::new(Semaphore::new(options.connections));
    let tasks = TaskTracker::new();
    for listener in listeners {
        let (most, tasks_of, stop, service) = (most.clone(), tasks.clone(), stop.clone(), service.clone());
        tasks.spawn(async move {
            while let Some((stream, peer, permit)) = accept(&listener, &most, &stop).await {
                // The answer is written in one go; waiting for more would only delay it.
                let _ = stream.set_nodelay(true);
                let (answering, stop) = (service(peer, stream.local_addr().ok()), stop.clone());
                tasks_of.spawn(async move {
                    connection(stream, answering, options.idle, stop).await;
                    drop(permit);
                });
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// The next connection, once there is room for it; none when the listener stops.
async fn accept(listener: &TcpListener, most: &Arc<Semaphore>, stop: &CancellationToken) -> Option<Accepted> {
    let permit = tokio::select! {
        () = stop.cancelled() => return None,
        permit = most.clone().acquire_owned() => permit.ok()?,
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => return Some((stream, peer, permit)),
            Err(error) => {
                // Out of file descriptors, most likely: give those that are busy the time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn connection<S, B>(stream: TcpStream, service: S, idle: Duration, stop: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(HEAD)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let asking = tokio::time::sleep(ASKING);
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => {}
        () = told_to_end(&stop, asking) => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}

/// Not before its time to ask is over.
async fn told_to_end(stop: &CancellationToken, asking: tokio::time::Sleep) {
    stop.cancelled().await;
    asking.await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::service::service_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn started(options: HttpOptions) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let answer = |_, _| service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"here")))) });
        tokio::spawn(serve(vec![listener], options, stop.clone(), answer));
        (address, stop)
    }

    /// What a client gets that sends this and then only reads.
    async fn talk(address: SocketAddr, sent: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut got = Vec::new();
        // A connection that is reset counts as closed.
        let _ = stream.read_to_end(&mut got).await;
        String::from_utf8(got).unwrap()
    }

    #[tokio::test]
    async fn who_never_ends_a_head_makes_room_for_others() {
        let (address, stop) = started(HttpOptions { connections: 1, idle: Duration::from_millis(50) }).await;
        let slow = tokio::spawn(async move { talk(address, b"GET / HTTP/1.1\r\nHost: a\r\nX: ").await });
        let other = talk(address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(other.ends_with("here"), "{other}");
        assert!(!slow.await.unwrap().contains("here"));
        stop.cancel();
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let (address, stop) = started(HttpOptions { connections: 8, idle: Duration::from_secs(60) }).await;
        let head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(4 * HEAD));
        assert!(!talk(address, head.as_bytes()).await.contains("here"));
        stop.cancel();
    }
}
