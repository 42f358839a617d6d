//! What an author begins with is a pack that works: an empty one in every syntax, and a draft of what a phone was seen asking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path};

use offhook_core::request::{Request, Transport};
use offhook_packs::{
    Catalog,
    author::{Asked, Draft, Syntax, diff, draft, skeleton},
    check_pack, test_pack,
};

fn written(dir: &Path, id: &str, draft: &Draft) -> std::path::PathBuf {
    let folder = dir.join(id);
    for (path, text) in &draft.files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

/// It has no fault, and its tests pass once their files are written.
fn works(folder: &Path) {
    assert_eq!(check_pack(folder).faults, [], "{}", folder.display());
    let blessed = test_pack(folder, true);
    assert_eq!(blessed.failures, [], "{}", folder.display());
    let report = test_pack(folder, false);
    assert_eq!(report.failures, []);
    assert!(report.passed > 1, "{report:?}");
}

#[test]
fn a_new_pack_works_in_every_syntax() {
    let dir = tempfile::tempdir().unwrap();
    for (word, syntax) in Syntax::ALL {
        for ouis in [vec![], vec!["02:00:5E".to_owned()]] {
            let id = format!("acme-{word}-{}", ouis.len());
            works(&written(dir.path(), &id, &skeleton(&id, "Acme \"desk\" phones", &ouis, syntax)));
        }
    }
}

fn asked(path: &str, agent: &str) -> Asked {
    Asked { path: path.into(), user_agent: (!agent.is_empty()).then(|| agent.to_owned()) }
}

#[test]
fn a_draft_recognises_what_it_was_made_of_and_its_sisters() {
    let dir = tempfile::tempdir().unwrap();
    let agent = "Zorg IP-Phone Z46X 2.81.0.15 02:00:5e:aa:bb:cc";
    let seen = [
        asked("/z0000.cfg", agent),
        asked("/02005eaabbcc.cfg?x=1", agent),
        asked("/cfg/Z46x-default.cfg", agent),
        asked("02005EAABBCC.xml", ""),
        asked("/z46x.rom", agent),
        asked("/../../etc/passwd", agent),
    ];
    let draft = draft("zorg", "Zorg phones", &seen);
    assert!(draft.notes.iter().any(|n| n.contains("invented")), "{:?}", draft.notes);
    let folder = written(dir.path(), "zorg", &draft);
    works(&folder);
    let catalog = Catalog::of_folder(&folder).unwrap();
    let mut sister = Request::new(Transport::Http, [127, 0, 0, 1].into());
    sister.path = Some("/02005e112233.cfg".to_owned());
    sister.headers.push(("user-agent".into(), "Zorg IP-Phone Z12 2.9.1 02:00:5e:11:22:33".into()));
    let identified = catalog.identify(&sister, None);
    assert_eq!(identified.sighting.vendor.as_deref(), Some("zorg"));
    assert_eq!(identified.sighting.model.as_deref(), Some("Z12"));
    assert_eq!(identified.sighting.firmware.as_deref(), Some("2.9.1"));
    assert_eq!(identified.routes.len(), 1);
    let vendor = &draft.files["vendor.toml"];
    for part in
        ["path = \"{mac}.cfg\"", "path = \"{MAC}.xml\"", "path = \"{model}-default.cfg\"", "source = \"firmware\"", "ouis = [\"02:00:5E\"]"]
    {
        assert!(vendor.contains(part), "{part}\n{vendor}");
    }
}

#[test]
fn hostile_requests_make_a_draft_that_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let seen: Vec<Asked> = ["", "/", "''' + \"", "a\u{1}b\nc", "{mac}{", "ÄÖ 漢字 1.2.3", "\\d+[(", "1.2.3.4 5.6.7 8.9.10 T46 T48 T50"]
        .iter()
        .map(|t| asked(&format!("/{t}"), t))
        .collect();
    for n in 0..=seen.len() {
        let id = format!("x{n}");
        let folder = written(dir.path(), &id, &draft(&id, "\"'\n", &seen[..n]));
        assert_eq!(check_pack(&folder).faults, [], "{n}");
    }
}

#[test]
fn a_difference_names_files_models_and_parameters() {
    let dir = tempfile::tempdir().unwrap();
    let new = skeleton("acme", "Acme", &[], Syntax::KeyValue);
    let old = written(&dir.path().join("old"), "acme", &new);
    let newer = written(&dir.path().join("new"), "acme", &new);
    let same = diff(old.to_str().unwrap(), newer.to_str().unwrap()).unwrap();
    assert!(same.is_empty(), "{same:?}");
    let template = new.files["templates/base.tpl"].replace("time.ntp =", "time.server =");
    fs::write(newer.join("templates/base.tpl"), template).unwrap();
    fs::write(newer.join("models.toml"), format!("{}[models.M2]\n", new.files["models.toml"])).unwrap();
    let found = diff(old.to_str().unwrap(), newer.to_str().unwrap()).unwrap();
    assert_eq!(found.models_added, ["M2"]);
    assert_eq!(found.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["models.toml", "templates/base.tpl"]);
    let rendering = &found.renderings[0];
    assert_eq!(rendering.models, ["generic model", "M1"]);
    let values: Vec<_> = rendering.values.iter().map(|v| (v.parameter.as_str(), v.old.is_some(), v.new.is_some())).collect();
    assert_eq!(values, [("time.ntp", true, false), ("time.server", false, true)]);
    assert!(diff("no-such-pack", "acme").is_err());
}
