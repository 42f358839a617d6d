//! Processes that do not do what they should. Those that do are in the black-box suite.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;

use offhook_core::{
    Id,
    clock::Timestamp as At,
    settings::compose,
    template::{TemplateOverride, TemplateSet},
};
use offhook_packs::{Catalog, DeviceFacts, NoFirmware, Overlay, Pending, RenderInput, Rendering, ServerFacts};

use super::*;

fn pending() -> Pending {
    let catalog = Catalog::of_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/packs/zentoro")).unwrap();
    let (pack, at) = (&catalog.packs()[0], At::from_millis(0));
    let one = TemplateOverride {
        id: Id::from_parts(at, [0; 10]),
        scope: offhook_core::template::Scope::Tenant("a".into()),
        pack: "zentoro".into(),
        name: "base.tpl".into(),
        source: String::new(),
        device_file: false,
        base_version: None,
        base_source: None,
        author: String::new(),
        revision: 1,
        created_at: at,
        updated_at: at,
    };
    let overlay = Arc::new(Overlay::new(pack, "a", &TemplateSet::new([one])).unwrap());
    let facts = DeviceFacts { mac: offhook_core::Mac::parse("025a54000001"), ..DeviceFacts::default() };
    let route = pack.files_for(&facts).into_iter().find(|r| r.name.starts_with("zt-")).unwrap();
    let input = RenderInput {
        device: &facts,
        tenant: "a",
        server: &ServerFacts::new("http://h"),
        settings: &compose(&[], &|_| None),
        shelf: &NoFirmware,
        resources: &Arc::default(),
        encryption_key: None,
        names: &Arc::default(),
        overlay: Some(&overlay),
    };
    match pack.begin(&route, &input).unwrap() {
        Rendering::Elsewhere(pending) => *pending,
        Rendering::Done(made) => panic!("{made:?}"),
    }
}

/// A sandbox whose program is a script.
fn sandbox(script: &str, limits: Limits) -> (tempfile::TempDir, Sandbox) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    (folder, Sandbox::of(program, limits))
}

async fn message(sandbox: &Sandbox) -> String {
    match sandbox.render("a", pending().job()).await {
        Err(Failure::Template(RenderError::Template { message, template, .. })) if template == "tenant:a/base.tpl" => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whatever_the_process_does_the_request_fails() {
    let quick = Limits { time: Duration::from_millis(300), ..Limits::default() };
    for (script, said) in [
        ("sleep 60", "takes longer"),
        ("kill -ABRT $$", "of memory"),
        ("exit 0", "ended its process"),
        ("echo nonsense", "ended its process"),
        ("yes", "ended its process"),
        ("printf '\\000\\000\\000\\002{}'", "ended its process"),
    ] {
        let (_folder, sandbox) = sandbox(script, quick);
        let text = message(&sandbox).await;
        assert!(text.contains(said), "{script}: {text}");
    }
    let gone = Sandbox::of("/nowhere/at/all".into(), quick);
    assert!(message(&gone).await.contains("does not start"));
}

#[tokio::test]
async fn a_template_that_took_its_process_rests() {
    let limits = Limits { time: Duration::from_millis(200), rest: Duration::from_secs(60), ..Limits::default() };
    let (_folder, sandbox) = sandbox("sleep 60", limits);
    let pending = pending();
    let begin = Instant::now();
    for _ in 0..50 {
        assert!(matches!(sandbox.render("a", pending.job()).await, Err(Failure::Template(_))));
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn more_than_may_wait_are_busy() {
    let limits = Limits { time: Duration::from_millis(300), waiting: 2, ..Limits::default() };
    let (_folder, sandbox) = sandbox("sleep 60", limits);
    let jobs = [pending(), pending(), pending(), pending()];
    let (a, b, c, d) = tokio::join!(
        sandbox.render("a", jobs[0].job()),
        sandbox.render("a", jobs[1].job()),
        sandbox.render("a", jobs[2].job()),
        sandbox.render("b", jobs[3].job())
    );
    assert!(matches!((&a, &b), (Err(Failure::Template(_)), Err(Failure::Template(_)))), "{a:?} {b:?}");
    assert!(matches!(c, Err(Failure::Busy)) && matches!(d, Err(Failure::Template(_))), "{c:?} {d:?}");
}
