//! The merge of layers: later wins, objects merge key by key, lists and scalars are replaced.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::document::AccountValues;
use super::effective::{Children, Effective, Key, LeafNode, Node, Origin};
use super::field::{Field, Kind, Shape};
use super::generate;
use super::layer::Layer;
use super::model::{self, LINE, SETTINGS};
use super::path::Path;

/// Merges layers, the lowest first. `account` finds the values of an account by the name that a line gives.
///
/// Each layer first unsets what it lists, then enters the values of the accounts that its lines name, then sets its own
/// values. Of several layers that name an account for one line only the last one's account enters. An object that gets
/// another `type` is replaced as a whole.
pub fn compose<'a>(layers: &[Layer<'a>], account: &dyn Fn(&str) -> Option<&'a AccountValues>) -> Effective {
    let mut effective = Effective {
        root: Children::new(),
        layers: layers.iter().map(|layer| layer.source.clone()).collect(),
        accounts: Vec::new(),
        unknown_accounts: Vec::new(),
    };
    let accounts = accounts_in_force(layers);
    for (index, layer) in (0u32..).zip(layers) {
        for path in layer.unset {
            if let Some(names) = path.names() {
                unset(&mut effective.root, &names);
            }
        }
        for (&line, &(_, name)) in accounts.iter().filter(|(_, (by, _))| *by == index) {
            match account(name) {
                Some(values) => enter_account(&mut effective, line, name, values, index),
                None => {
                    let path = Path::of(["lines".to_owned(), line.to_string(), "account".to_owned()]);
                    effective.unknown_accounts.push((path, name.to_owned()));
                }
            }
        }
        merge_object(&mut effective.root, layer.settings.tree(), &SETTINGS, Origin { layer: index, account: None });
    }
    effective
}

/// By line: the layer that names the account which holds in the end, and the account.
fn accounts_in_force<'a>(layers: &[Layer<'a>]) -> BTreeMap<u32, (u32, &'a str)> {
    let mut named = BTreeMap::new();
    for (index, layer) in (0u32..).zip(layers) {
        if !named.is_empty() {
            for unset in layer.unset.iter().filter_map(Path::names) {
                named.retain(|line, _| !takes_account(&unset, *line));
            }
        }
        named.extend(layer.settings.line_accounts().map(|(line, name)| (line, (index, name))));
    }
    named
}

/// Whether unsetting this path takes the account of a line away.
fn takes_account(unset: &[&str], line: u32) -> bool {
    match unset {
        ["lines"] => true,
        ["lines", number] | ["lines", number, "account"] => model::number(number, u32::MAX) == Some(line),
        _ => false,
    }
}

fn enter_account(effective: &mut Effective, line: u32, name: &str, values: &AccountValues, layer: u32) {
    let account = u32::try_from(effective.accounts.len()).ok();
    effective.accounts.push(name.into());
    let Some((position, field)) = SETTINGS.position("lines") else { return };
    let lines = object(&mut effective.root, Key::Field(position, field.name));
    if let Some(line) = lines.and_then(|lines| object(lines, Key::Number(line))) {
        merge_object(line, values.tree(), &LINE, Origin { layer, account });
    }
}

/// The object at a key, made when there is none.
fn object(children: &mut Children, key: Key) -> Option<&mut Children> {
    match children.entry(key).or_insert_with(|| Node::Object(Children::new())) {
        Node::Object(children) => Some(children),
        // The model says where objects stand, so no document can have put a value here.
        Node::Leaf(_) => None,
    }
}

fn merge_object(children: &mut Children, document: &Map<String, Value>, shape: &'static Shape, origin: Origin) {
    if let Some(new) = document.get("type")
        && let Some((position, field)) = shape.position("type")
        && let Some(Node::Leaf(old)) = children.get(&Key::Field(position, field.name))
        && old.value != *new
    {
        children.clear();
    }
    for (name, value) in document {
        if let Some((position, field)) = shape.position(name) {
            merge_field(children, Key::Field(position, field.name), field, value, origin);
        }
    }
}

fn merge_field(children: &mut Children, key: Key, field: &'static Field, value: &Value, origin: Origin) {
    match (&field.kind, value) {
        (Kind::Object(shape), Value::Object(document)) => {
            if let Some(below) = object(children, key) {
                merge_object(below, document, shape, origin);
            }
        }
        (Kind::Numbered { of, max }, Value::Object(documents)) => {
            if let Some(below) = object(children, key) {
                merge_numbered(below, documents, of, *max, origin);
            }
        }
        (Kind::Raw, Value::Object(packs)) => {
            if let Some(below) = object(children, key) {
                merge_raw(below, packs, origin);
            }
        }
        _ => set(children, key, Some(field), value, origin),
    }
}

fn merge_numbered(children: &mut Children, documents: &Map<String, Value>, of: &'static Shape, max: u32, origin: Origin) {
    for (number, document) in documents {
        if let (Some(number), Value::Object(document)) = (model::number(number, max), document)
            && let Some(below) = object(children, Key::Number(number))
        {
            merge_object(below, document, of, origin);
        }
    }
}

fn merge_raw(children: &mut Children, packs: &Map<String, Value>, origin: Origin) {
    for (pack, parameters) in packs {
        let Some(below) = object(children, Key::Raw(pack.as_str().into())) else { continue };
        for (name, value) in parameters.as_object().into_iter().flatten() {
            set(below, Key::Raw(name.as_str().into()), None, value, origin);
        }
    }
}

fn set(children: &mut Children, key: Key, field: Option<&'static Field>, value: &Value, origin: Origin) {
    let counter = generate::counter(value).unwrap_or(0);
    match children.get_mut(&key) {
        Some(Node::Leaf(leaf)) => {
            leaf.counters = leaf.counters.saturating_add(counter);
            leaf.value.clone_from(value);
            leaf.overridden.push(leaf.origin);
            leaf.origin = origin;
        }
        _ => {
            let leaf = LeafNode {
                value: value.clone(),
                origin,
                overridden: Vec::new(),
                field,
                counters: counter,
                generated: false,
                addresses: Vec::new(),
            };
            children.insert(key, Node::Leaf(leaf));
        }
    }
}

/// Takes away what stands at a path, and objects that it leaves empty.
fn unset(children: &mut Children, names: &[&str]) {
    let Some((first, rest)) = names.split_first() else { return };
    let Some(key) = children.keys().find(|key| key.is(first)).cloned() else { return };
    let emptied = match children.get_mut(&key) {
        Some(Node::Object(below)) if !rest.is_empty() => {
            unset(below, rest);
            below.is_empty()
        }
        Some(_) => rest.is_empty(),
        None => false,
    };
    if emptied {
        children.remove(&key);
    }
}
