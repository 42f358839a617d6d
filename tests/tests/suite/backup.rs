//! Saving everything and putting it back, as an administrator does it: while others write, while phones fetch, and with a server that is
//! killed in the middle.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Output,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use offhook_tests::{Server, clients::curl, postgres, until};
use reqwest::Method;
use serde_json::json;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A command that must do it.
fn done(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

const PHONES: usize = 30;

fn mac(n: usize) -> String {
    format!("0015650000{n:02x}")
}

/// An office whose phones all say the same.
fn office(server: &Server, word: &str) {
    server.post("/accounts", &json!({ "name": "1001", "username": "1001", "password": "planted-pw", "shared": true }));
    server.post("/profiles", &json!({ "name": "office", "settings": { "display": { "text": word } } }));
    for n in 0..PHONES {
        let settings = json!({ "lines": { "1": { "account": "1001" } } });
        server.post("/devices", &json!({ "mac": mac(n), "model": "T46S", "state": "ready", "profiles": ["office"], "settings": settings }));
    }
}

fn file(server: &Server, n: usize) -> (u16, String) {
    let answer = curl(&server.phone_url(&format!("/{}.cfg", mac(n))), &[]);
    (answer.status, answer.text())
}

fn name(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_backup_is_of_one_moment_and_comes_back_while_phones_fetch() {
    let mut server = Server::start();
    server.plant_secret("planted-pw");
    office(&server, "before");
    let folder = tempfile::tempdir().unwrap();
    let archive = name(folder.path(), "backup.tar.gz");

    // Somebody writes two things at once, again and again: an archive has both or none.
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                server.post("/devices", &json!({ "mac": format!("001565ff{n:04x}"), "label": "late" }));
            }
        });
        let told = done(&server, &["backup", &archive]);
        over.store(true, Ordering::Relaxed);
        assert!(told.contains("secret.key"), "{told}");
    });
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    let twice = server.cli(&["backup", &archive]);
    assert!(twice.status.code() == Some(1) && said(&twice).contains("exists already"), "{}", said(&twice));
    let files: Vec<(u16, String)> = (0..PHONES).map(|n| file(&server, n)).collect();
    assert!(files.iter().all(|(status, text)| *status == 200 && text.contains("planted-pw")));

    let unsure = server.cli(&["restore", &archive]);
    assert!(unsure.status.code() == Some(2) && said(&unsure).contains("--yes"), "{}", said(&unsure));
    assert!(done(&server, &["restore", "--dry-run", &archive]).contains("can be restored"));

    // Now everything says something else, and one phone is gone.
    server.patch("/profiles/office", &json!({ "settings": { "time": { "zone": "Asia/Tokyo" } } }));
    server.delete(&format!("/devices/{}", mac(0)));
    let changed: Vec<(u16, String)> = (0..PHONES).map(|n| file(&server, n)).collect();
    assert!(changed[0] != files[0] && changed[1] != files[1]);

    let (over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for phone in [1, 2] {
            let (server, files, changed, over, asked) = (&server, &files, &changed, &over, &asked);
            scope.spawn(move || {
                let mut restored = false;
                while !over.load(Ordering::Relaxed) {
                    let got = file(server, phone);
                    let old = got == changed[phone];
                    assert!(old || got == files[phone], "neither before nor after: {} {}", got.0, got.1);
                    assert!(!(old && restored), "the old content came back");
                    restored |= !old;
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let begun = until(|| (asked.load(Ordering::Relaxed) > 4).then_some(()));
        let told = server.cli(&["restore", "--yes", &archive]);
        over.store(true, Ordering::Relaxed);
        assert!(begun.is_some() && told.status.success(), "{}", said(&told));
    });
    assert_eq!((0..PHONES).map(|n| file(&server, n)).collect::<Vec<_>>(), files);
    let restored = server.get("/audit?action=restore");
    assert_eq!(restored["items"][0]["noun"], "store", "{restored}");

    // A cut archive changes nothing.
    let whole = fs::read(&archive).unwrap();
    let cut = name(folder.path(), "cut.tar.gz");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let refused = server.cli(&["restore", "--yes", &cut]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("no whole backup"), "{}", said(&refused));
    assert_eq!(file(&server, 3), files[3]);
    assert_eq!(
        fs::read_dir(server.data()).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("restore-")).count(),
        0
    );

    // Not for whom it is not.
    let token = server.post("/tokens", &json!({ "label": "o", "role": "operator" }))["token"].as_str().unwrap().to_owned();
    let refused = curl(&server.admin_url("/api/v1/backup"), &["-H", &format!("Authorization: Bearer {token}")]);
    assert_eq!(refused.status, 403);
}

#[test]
fn a_server_killed_in_the_middle_of_a_restore_has_what_it_had() {
    let mut server = Server::start();
    office(&server, "x");
    for n in 0..400 {
        server.post("/devices", &json!({ "mac": format!("001565ff{n:04x}"), "label": "many" }));
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = name(folder.path(), "backup.tar.gz");
    done(&server, &["backup", &archive]);
    server.patch("/profiles/office", &json!({ "settings": { "time": { "zone": "Asia/Tokyo" } } }));
    let (now, then) = (file(&server, 1), fs::read(&archive).unwrap());
    let mut outcomes = [0, 0];
    for round in 0..6 {
        let job = server.send(Method::POST, "/restore", Some(("application/gzip", then.clone())));
        assert_eq!(job.status, 202, "{}", job.text());
        thread::sleep(std::time::Duration::from_millis(round * 8));
        server.kill();
        server.start_again();
        let got = file(&server, 1);
        assert_eq!(got.0, 200);
        // All of one or all of the other; never both.
        let restored = got != now;
        let zone = server.get("/profiles/office")["settings"]["time"]["zone"] == "Asia/Tokyo";
        assert_eq!(zone, !restored);
        assert_eq!(server.get("/devices?q=many&limit=1")["items"].as_array().unwrap().len(), 1);
        outcomes[usize::from(restored)] += 1;
        if restored {
            server.patch("/profiles/office", &json!({ "settings": { "time": { "zone": "Asia/Tokyo" } } }));
        }
    }
    assert!(outcomes[0] > 0, "no restore was cut short");
}

#[test]
fn without_a_server_everything_is_saved_restored_and_moved() {
    let mut server = Server::start();
    office(&server, "x");
    let before = file(&server, 1);
    let folder = tempfile::tempdir().unwrap();
    let archive = name(folder.path(), "backup.tar.gz");
    let running = server.cli(&["backup", "--offline", "--with-key", &archive]);
    assert!(running.status.code() == Some(1) && said(&running).contains("already runs"), "{}", said(&running));
    assert!(!Path::new(&archive).exists());
    server.stop();
    assert!(done(&server, &["backup", "--offline", "--with-key", &archive]).contains("It holds the key"));

    // Into a new folder, with the key of the archive.
    let new = name(folder.path(), "new");
    let restored = done(&server, &["restore", "--yes", "--offline", "--data-dir", &new, &archive]);
    assert!(restored.contains("Everything is as it was"), "{restored}");
    assert_eq!(fs::read(folder.path().join("new/secret.key")).unwrap(), fs::read(server.data().join("secret.key")).unwrap());

    // To PostgreSQL: phones get the same bytes.
    let database = postgres::Database::new();
    let url = database.url();
    let moved = done(&server, &["store", "migrate", "--to", &url]);
    assert!(moved.contains("devices") && moved.contains("  url = \""), "{moved}");
    let twice = server.cli(&["store", "migrate", "--to", &url]);
    assert!(twice.status.code() == Some(1) && said(&twice).contains("not empty"), "{}", said(&twice));
    server.set("store.url", &url);
    server.start_again();
    assert_eq!(file(&server, 1), before);
    assert_eq!(server.get("/devices?limit=500")["items"].as_array().unwrap().len(), PHONES);
}
