//! What must hold for every document.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::settings::field::{Field, Kind, field};
use crate::settings::model::field_paths;
use crate::settings::{
    Effective, Layer, LayerSource, Path, RawSecrets, SEALED, Scope, Settings, VariableContext, apply_merge_patch, compose, expand,
    is_refused,
};

const MARK: &str = "S3CRET";

/// Some leaf of a document: a path of names and a value that is right there.
fn leaf() -> impl Strategy<Value = (Vec<String>, Value)> {
    let number = || (1u32..4).prop_map(|n| n.to_string());
    let word = || select(vec!["a", "b", "c"]);
    prop_oneof![
        (number(), word()).prop_map(|(n, w)| (path(&["lines", &n, "label"]), json!(w))),
        (number(), word()).prop_map(|(n, w)| (path(&["lines", &n, "password"]), json!(format!("{MARK}{w}")))),
        (number(), word()).prop_map(|(n, w)| (path(&["keys", &n, "value"]), json!(w))),
        (number(), word()).prop_map(|(n, w)| (path(&["modules", "1", "keys", &n, "label"]), json!(w))),
        proptest::collection::vec(word(), 0..3).prop_map(|list| (path(&["time", "ntp"]), json!(list))),
        any::<bool>().prop_map(|on| (path(&["calls", "dnd"]), json!(on))),
        (0i64..64).prop_map(|n| (path(&["network", "sip_dscp"]), json!(n))),
        word().prop_map(|w| (path(&["provisioning", "url"]), json!(format!("http://{w}:{MARK}@h/")))),
        word().prop_map(|w| (path(&["directory", "phonebooks"]), json!([{ "id": w, "password": MARK }]))),
        (word(), word()).prop_map(|(name, w)| (path(&["raw", "x", &format!("{name}.{w}")]), json!(w))),
        (word(), word()).prop_map(|(name, w)| (path(&["raw", "x", &format!("{name}.secret")]), json!(format!("{MARK}{w}")))),
    ]
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn document() -> impl Strategy<Value = Settings> {
    proptest::collection::vec(leaf(), 0..12).prop_map(|leaves| {
        let mut whole = json!({});
        for (path, value) in leaves {
            let nested = path.iter().rev().fold(value, |inner, name| json!({ name.as_str(): inner }));
            apply_merge_patch(&mut whole, &nested);
        }
        Settings::validate(&whole, Scope::Device).unwrap()
    })
}

fn compose_all(documents: &[&Settings]) -> Effective {
    let sources = [LayerSource::Site, LayerSource::Tenant("t".into()), LayerSource::Device, LayerSource::SiteEnforced];
    let layers: Vec<Layer<'_>> = documents.iter().zip(sources).map(|(settings, source)| Layer { source, settings, unset: &[] }).collect();
    compose(&layers, &|_| None)
}

fn merged(documents: &[&Settings]) -> Settings {
    Settings::from_stored(compose_all(documents).to_json()).unwrap()
}

/// Any JSON, with names of the model among the names.
fn anything() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        select(vec![
            "lines",
            "1",
            "2",
            "servers",
            "host",
            "password",
            "raw",
            "x",
            "keys",
            "type",
            "access",
            "admin_password",
            "generate",
            "time",
            "zone",
            "directory",
            "phonebooks",
            "url"
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    let text = prop_oneof![
        "\\PC{0,8}",
        ".{0,8}",
        select(vec!["generate", "********", "(generated)", "${line.1.number}", "${", "auto", "custom", "http://u:********@h/"])
            .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn texts(value: &Value, f: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => f(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, f)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            f(name);
            texts(member, f);
        }),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn merge_is_associative_and_idempotent(a in document(), b in document(), c in document()) {
        let right = merged(&[&b, &c]);
        let left = merged(&[&a, &b]);
        prop_assert_eq!(merged(&[&left, &c]), merged(&[&a, &right]));
        prop_assert_eq!(merged(&[&a, &b, &c]), merged(&[&left, &c]));
        prop_assert_eq!(merged(&[&a, &a]), merged(&[&a]));
    }

    #[test]
    fn later_wins_and_every_value_names_a_layer_that_holds_it(a in document(), b in document(), c in document()) {
        let documents = [&a, &b, &c];
        let sources = [LayerSource::Site, LayerSource::Tenant("t".into()), LayerSource::Device];
        let effective = compose_all(&documents);
        for (path, leaf) in effective.leaves() {
            let names = path.names().unwrap();
            let value_in = |document: &&Settings| {
                let (last, above) = names.split_last()?;
                above.iter().try_fold(document.tree(), |map, name| map.get(*name)?.as_object())?.get(*last).cloned()
            };
            let last = documents.iter().rposition(|document| value_in(document).is_some()).unwrap();
            prop_assert_eq!(leaf.provenance.layer, &sources[last], "{}", path);
            prop_assert_eq!(&value_in(&documents[last]).unwrap(), leaf.value);
            let earlier = documents[..last].iter().filter(|document| value_in(document).is_some()).count();
            prop_assert_eq!(leaf.overridden.len(), earlier);
        }
    }

    #[test]
    fn what_is_unset_is_gone(a in document(), pick in any::<prop::sample::Index>()) {
        let whole = compose_all(&[&a]);
        let leaves = whole.leaves();
        prop_assume!(!leaves.is_empty());
        let unset = [leaves[pick.index(leaves.len())].0.clone()];
        let empty = Settings::default();
        let layers = [
            Layer { source: LayerSource::Site, settings: &a, unset: &[] },
            Layer { source: LayerSource::Device, settings: &empty, unset: &unset },
        ];
        let effective = compose(&layers, &|_| None);
        prop_assert!(effective.get(&unset[0]).is_none());
        prop_assert_eq!(effective.leaves().len(), leaves.len() - 1);
    }

    #[test]
    fn no_secret_gets_through_a_mask(a in document(), b in document()) {
        let effective = compose_all(&[&a, &b]);
        let explained = serde_json::to_string(&effective.explain(RawSecrets::none())).unwrap();
        for text in [a.masked(RawSecrets::none()).to_string(), format!("{a:?}"), effective.masked(RawSecrets::none()).to_string(), explained] {
            prop_assert!(!text.contains(MARK), "{}", text);
        }
        let mut bare = effective;
        bare.without_secrets(RawSecrets::none());
        prop_assert!(!bare.to_json().to_string().contains(MARK));
        let mut sealed = a.clone();
        sealed.for_each_secret_mut(RawSecrets::none(), &mut |_, value| { *value = SEALED.to_string().into(); Ok::<_, ()>(()) }).unwrap();
        prop_assert!(!serde_json::to_string(sealed.tree()).unwrap().contains(MARK));
    }

    #[test]
    fn what_was_read_can_be_written_back(a in document()) {
        prop_assert_eq!(&Settings::write(&a.masked(RawSecrets::none()), Some(&a), Scope::Device).unwrap(), &a);
        prop_assert_eq!(&Settings::validate(&Value::Object(a.tree().clone()), Scope::Device).unwrap(), &a);
    }

    #[test]
    fn no_value_with_a_control_character_is_accepted(value in anything()) {
        if let Ok(accepted) = Settings::validate(&value, Scope::Device) {
            texts(&Value::Object(accepted.tree().clone()), &mut |text| assert!(!text.contains(is_refused), "{text:?}"));
        }
    }

    #[test]
    fn a_control_character_is_refused_in_any_text(a in document(), c in select(vec!['\0', '\n', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}']), pick in any::<prop::sample::Index>()) {
        let leaves = compose_all(&[&a]).leaves().into_iter().filter(|(_, leaf)| leaf.value.is_string()).map(|(path, leaf)| (path, leaf.value.clone())).collect::<Vec<_>>();
        prop_assume!(!leaves.is_empty());
        let (path, value) = &leaves[pick.index(leaves.len())];
        let hostile = json!(format!("{}{c}x", value.as_str().unwrap()));
        let patch = path.names().unwrap().into_iter().rev().fold(hostile, |inner, name| json!({ name: inner }));
        let faults = a.patch(&patch, Scope::Device).unwrap_err();
        prop_assert_eq!(faults[0].path.clone(), path.to_string());
    }

    #[test]
    fn faults_are_one_line_and_bounded(value in anything()) {
        if let Err(faults) = Settings::validate(&value, Scope::Site) {
            prop_assert!(!faults.is_empty() && faults.len() <= 101);
            for fault in faults {
                prop_assert!(!fault.to_string().contains(is_refused), "{:?}", fault);
            }
        }
    }

    #[test]
    fn a_path_reads_as_it_was_written(names in proptest::collection::vec(".{0,10}", 1..6)) {
        let path = Path::of(names);
        prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
    }

    #[test]
    fn any_text_is_a_path_or_a_fault(text in ".{0,30}") {
        if let Ok(path) = text.parse::<Path>() {
            prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
        }
    }

    #[test]
    fn expanding_without_variables_changes_nothing(text in "[^$]{0,20}") {
        prop_assert_eq!(expand(&text, &VariableContext::default()).0, text);
    }

    #[test]
    fn expanding_any_text_is_safe(text in "[${}a.]{0,20}") {
        let _ = expand(&text, &VariableContext::default());
    }
}

/// A document that holds nothing but a value at a path of the reference (`N` a number, `[]` the items of a list).
fn planted(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, name| match name.strip_suffix("[]") {
        Some(name) => json!({ name: [inner] }),
        None => json!({ if name == "N" { "1" } else { name }: inner }),
    })
}

/// Values that a person may put there by mistake, each with a secret that no fault may repeat.
fn slips(field: &Field) -> Vec<Value> {
    let mut slips =
        vec![json!({ "x": MARK }), json!({ "1": MARK }), json!([{ "x": MARK }]), json!([[MARK]]), json!(format!("htp:/u:{MARK}@h ?"))];
    let takes_text = matches!(field.kind, Kind::Text { .. } | Kind::Choice(_) | Kind::PortOrAuto);
    if field.secret || !takes_text {
        slips.push(json!(MARK));
    }
    if field.secret {
        let long = MARK.repeat(1000);
        slips.extend([json!(format!("{MARK}\n")), json!(long), json!(format!("${{{MARK}}}")), json!([long]), json!([MARK, MARK])]);
    }
    slips
}

#[test]
fn no_fault_repeats_a_secret_or_what_stands_where_it_does_not_belong() {
    let numbered = ["lines", "keys", "modules", "modules.N.keys", "handsets", "ports", "intercom.buttons", "raw.x"];
    let mut documents: Vec<Value> = slips(&field("", Kind::Raw, "")).into_iter().filter(|v| !v.is_object()).collect();
    for (path, field) in field_paths() {
        documents.extend(slips(field).into_iter().map(|slip| planted(path, slip)));
    }
    for path in numbered {
        documents.push(planted(&format!("{path}.N"), json!([MARK])));
        documents.push(planted(path, json!(MARK)));
    }
    let mut refused = 0;
    for document in documents {
        for scope in [Scope::Device, Scope::Site] {
            for fault in Settings::validate(&document, scope).err().unwrap_or_default() {
                refused += 1;
                assert!(!fault.to_string().contains(MARK), "{document}: {fault}");
                assert!(fault.message.len() < 1200, "{fault}");
            }
            let faults = Settings::default().patch(&document, scope).err().unwrap_or_default();
            assert!(!faults.iter().any(|fault| fault.to_string().contains(MARK)), "{document}: {faults:?}");
        }
    }
    assert!(refused > 2000, "{refused}");
}

#[test]
fn a_deep_document_is_refused() {
    let deep = || {
        (0..1000).fold(json!("x"), |inner, n| {
            if n % 2 == 0 { Value::Array(vec![inner]) } else { Map::from_iter([("lines".to_owned(), inner)]).into() }
        })
    };
    for names in [&["lines"][..], &["lines", "1"], &["raw"], &["raw", "x"], &["raw", "x", "y"], &["keys", "1", "value"], &["time", "ntp"]] {
        let value = names.iter().rev().fold(deep(), |inner, name| Map::from_iter([((*name).to_owned(), inner)]).into());
        assert!(Settings::validate(&value, Scope::Device).is_err(), "{names:?}");
    }
}
