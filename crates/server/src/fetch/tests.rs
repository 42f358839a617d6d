//! Downloads from servers that the tests play.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use tokio::{io::AsyncReadExt, net::TcpListener};

use super::*;

/// A server that gives each connection the next of these answers, then falls silent; and the requests it got.
struct Scripted {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

async fn scripted(answers: Vec<(&'static str, bool)>) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heads) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Vec::new())));
    let (kept, own) = (heads.clone(), address.clone());
    tokio::spawn(async move {
        let mut open = Vec::new();
        for (answer, closes) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            kept.lock().unwrap().push(String::from_utf8(head).unwrap());
            stream.write_all(answer.replace("{own}", &own).as_bytes()).await.unwrap();
            if !closes {
                open.push(stream);
            }
        }
        std::future::pending::<()>().await;
    });
    Scripted { address, heads }
}

fn limits() -> FetchLimits {
    FetchLimits { bytes: 100, idle: Duration::from_secs(20), total: Duration::from_secs(60) }
}

async fn get_it(url: &str, limits: FetchLimits) -> Result<Fetched, FetchError> {
    fetch(url, limits, &std::env::temp_dir(), |_| {}).await
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const SUM: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[tokio::test]
async fn what_comes_is_counted_summed_and_told() {
    let server = scripted(vec![(HELLO, true)]).await;
    let mut seen = Vec::new();
    let url = format!("http://{}/a%20b.zip?key=1", server.address);
    let fetched = fetch(&url, limits(), &std::env::temp_dir(), |p| seen.push(p)).await.unwrap();
    assert_eq!((fetched.size(), fetched.sha256()), (5, SUM));
    assert_eq!(seen.last(), Some(&Fetching { done: 5, total: Some(5) }));
    assert_eq!(fetched.into_bytes().unwrap(), b"hello");
    let head = server.heads.lock().unwrap()[0].clone();
    assert!(head.starts_with("GET /a%20b.zip?key=1 HTTP/1.1\r\n") && head.contains(&format!("host: {}\r\n", server.address)), "{head}");
}

#[tokio::test]
async fn without_a_length_the_end_of_the_connection_is_the_end() {
    let server = scripted(vec![("HTTP/1.0 200 ok\r\nContent-type: text/plain\r\n\r\nhello", true)]).await;
    assert_eq!(get_it(&format!("http://{}/", server.address), limits()).await.unwrap().sha256(), SUM);
}

#[tokio::test]
async fn redirects_are_followed_a_few_times() {
    let server = scripted(vec![
        ("HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 301 Moved\r\nLocation: http://{own}/last?x\r\nContent-Length: 0\r\n\r\n", true),
        (HELLO, true),
    ])
    .await;
    assert_eq!(get_it(&format!("http://{}/", server.address), limits()).await.unwrap().size(), 5);
    assert!(server.heads.lock().unwrap()[2].starts_with("GET /last?x "));
    let round = "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    let server = scripted(vec![(round, true); REDIRECTS + 1]).await;
    let error = get_it(&format!("http://{}/", server.address), limits()).await.unwrap_err();
    assert!(matches!(error.why(), Why::Redirects), "{error}");
}

#[test]
fn a_redirect_never_leaves_tls_nor_http() {
    let (from, mut headers) = (Url::parse("https://a.example/x").unwrap(), HeaderMap::new());
    headers.insert(header::LOCATION, "http://a.example/y".parse().unwrap());
    assert!(matches!(target(&from, &headers), Some(Err(Why::Downgrade))));
    headers.insert(header::LOCATION, "//b.example/y".parse().unwrap());
    assert_eq!(target(&from, &headers).unwrap().unwrap().as_str(), "https://b.example/y");
}

#[tokio::test]
async fn other_schemes_are_refused_first_or_later() {
    for url in ["file:///etc/passwd", "ftp://a.example/x", "gopher://127.0.0.1:1/x", "nonsense", "http://"] {
        let error = get_it(url, limits()).await.unwrap_err();
        assert!(matches!(error.why(), Why::Url(_)), "{url}: {error}");
    }
    let server = scripted(vec![("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", true)]).await;
    assert!(matches!(get_it(&format!("http://{}/", server.address), limits()).await.unwrap_err().why(), Why::Url(_)));
}

#[tokio::test]
async fn too_much_is_refused_announced_or_not() {
    let small = FetchLimits { bytes: 4, ..limits() };
    let server = scripted(vec![(HELLO, true), ("HTTP/1.0 200 ok\r\n\r\nhello", true)]).await;
    for _ in 0..2 {
        let error = get_it(&format!("http://{}/", server.address), small).await.unwrap_err();
        assert!(matches!(error.why(), Why::TooLarge(4)), "{error}");
    }
}

#[tokio::test]
async fn who_falls_silent_or_breaks_off_is_given_up() {
    let short = FetchLimits { idle: Duration::from_millis(30), ..limits() };
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    let server = scripted(vec![(half, false), (half, true), ("", false)]).await;
    let url = format!("http://{}/", server.address);
    assert!(matches!(get_it(&url, short).await.unwrap_err().why(), Why::Silent(_)));
    assert!(matches!(get_it(&url, limits()).await.unwrap_err().why(), Why::Broken(_)));
    let soon = FetchLimits { total: Duration::from_millis(30), ..limits() };
    assert!(matches!(get_it(&url, soon).await.unwrap_err().why(), Why::Slow(_)));
}

#[tokio::test]
async fn secrets_of_an_address_go_to_its_server_and_nowhere_else() {
    let server = scripted(vec![("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", true)]).await;
    let error = get_it(&format!("http://me:s3cret@{}/f.zip?token=t0ken", server.address), limits()).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("/f.zip") && !text.contains("s3cret") && !text.contains("t0ken"), "{text}");
    assert!(server.heads.lock().unwrap()[0].contains("authorization: Basic bWU6czNjcmV0\r\n"));
}

#[tokio::test]
async fn only_the_expected_file_is_taken() {
    let server = scripted(vec![(HELLO, true); 3]).await;
    let url = format!("http://{}/", server.address);
    let fetched = async || get_it(&url, limits()).await.unwrap();
    assert!(fetched().await.verify(&url, 5, &SUM.to_uppercase()).is_ok());
    assert!(matches!(fetched().await.verify(&url, 6, SUM).unwrap_err().why(), Why::Other("size", ..)));
    assert!(matches!(fetched().await.verify(&url, 5, "00").unwrap_err().why(), Why::Other("SHA-256", ..)));
}
