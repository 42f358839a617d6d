//! A server of canned answers that remembers what it was asked.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// One request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// `GET /api/v1/devices?limit=100`
    pub line: String,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// Answers each request with the first answer whose request line begins as the request does; else with 404.
pub struct Stub {
    /// `http://127.0.0.1:port`
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    most: Arc<AtomicUsize>,
}

impl Stub {
    /// Of request lines (or their beginnings) with status and body.
    pub fn new(answers: &[(&str, u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let answers: Vec<(String, u16, String)> = answers.iter().map(|(l, s, b)| ((*l).to_owned(), *s, (*b).to_owned())).collect();
        let most = Arc::new(AtomicUsize::new(usize::MAX));
        let (told, last) = (asked.clone(), most.clone());
        thread::spawn(move || {
            let mut done = 0;
            while let Ok((stream, _)) = listener.accept() {
                done += 1;
                // The listener is gone before the last answer is out: who asks again finds nobody.
                if done >= last.load(Ordering::SeqCst) {
                    drop(listener);
                    return answer(stream, &answers, &told);
                }
                answer(stream, &answers, &told);
            }
        });
        Self { url, asked, most }
    }

    /// So many answers, then nobody listens any more.
    pub fn ending_after(self, answers: usize) -> Self {
        self.most.store(answers, Ordering::SeqCst);
        self
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, answers: &[(String, u16, String)], asked: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader) else { return };
    let found = answers.iter().find(|(line, ..)| request.line.starts_with(line.as_str()));
    let missing = (String::new(), 404, r#"{"title": "There is no such thing", "detail": "nothing canned"}"#.to_owned());
    let (_, status, body) = found.unwrap_or(&missing);
    asked.lock().unwrap().push(request);
    let head = format!("HTTP/1.1 {status} Canned\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = reader.get_mut().write_all(format!("{head}{body}").as_bytes());
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap_or(0));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
