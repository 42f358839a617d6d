//! Effective settings: what the layers give together, each value with the layer it came from.
//! How they are merged stands in [`super::merge`].

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::field::Field;
use super::generate::{self, GeneratedForm, derive_generated};
use super::layer::LayerSource;
use super::model;
use super::path::{Path, Segment, Trail};
use super::secret::{self, Found, RawSecrets};
use super::variable::{LineVariables, Variable, VariableContext, expand};

/// Name of a node within its object. The order is that of the model, of numbers, and of the alphabet for raw names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Field(u16, &'static str),
    Number(u32),
    Raw(Box<str>),
}

impl Key {
    fn text(&self) -> String {
        match self {
            Self::Field(_, name) => (*name).to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Raw(name) => name.to_string(),
        }
    }

    pub(super) fn is(&self, text: &str) -> bool {
        match self {
            Self::Field(_, name) => *name == text,
            Self::Number(number) => model::number(text, u32::MAX) == Some(*number),
            Self::Raw(name) => **name == *text,
        }
    }

    fn trail<'a>(&'a self, above: &'a Trail<'a>) -> Trail<'a> {
        match self {
            Self::Field(_, name) => above.name(name),
            Self::Number(number) => above.number(*number),
            Self::Raw(name) => above.name(name),
        }
    }
}

pub(super) type Children = BTreeMap<Key, Node>;

#[derive(Clone, Debug)]
pub(super) enum Node {
    Object(Children),
    Leaf(LeafNode),
}

/// The layer, and the account if one gave the value, as indexes into [`Effective`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) layer: u32,
    pub(super) account: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct LeafNode {
    pub(super) value: Value,
    pub(super) origin: Origin,
    pub(super) overridden: Vec<Origin>,
    /// None: a raw parameter.
    pub(super) field: Option<&'static Field>,
    /// Sum of the counters of every layer that says `generate` here: whichever layer says it again, the sum is another.
    pub(super) counters: u64,
    /// The value was derived where `generate` stood.
    pub(super) generated: bool,
    /// Addresses that an address map replaced in the value.
    pub(super) addresses: Vec<IpAddr>,
}

/// What the layers give together. Every leaf (a scalar, or a list as a whole) knows the layer it came from.
#[derive(Clone)]
pub struct Effective {
    pub(super) root: Children,
    pub(super) layers: Vec<LayerSource>,
    pub(super) accounts: Vec<Box<str>>,
    pub(super) unknown_accounts: Vec<(Path, String)>,
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance<'a> {
    /// The layer.
    pub layer: &'a LayerSource,
    /// The account that the layer names, if the value is the account's.
    pub account: Option<&'a str>,
}

/// One effective value: a scalar, or a list as a whole.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// The value, secrets and all.
    pub value: &'a Value,
    /// Where it came from.
    pub provenance: Provenance<'a>,
    /// Whose values it replaced, lowest layer first.
    pub overridden: Vec<Provenance<'a>>,
    /// Addresses in it that an address map replaced by names.
    pub addresses: &'a [IpAddr],
}

/// One effective value as people may see it.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Where it stands.
    pub path: Path,
    /// The value, masked.
    pub value: Value,
    /// The layer it came from.
    pub layer: String,
    /// The account that the layer names, if the value is the account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The layers whose values it replaced, lowest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
    /// Addresses that address maps replaced in the value by names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub address_maps: Vec<String>,
}

impl Effective {
    /// The value at a path; `None` where nothing, or an object, stands.
    pub fn get(&self, path: &Path) -> Option<Leaf<'_>> {
        let names = path.names()?;
        find(&self.root, names.into_iter()).map(|leaf| self.leaf(leaf))
    }

    /// The value at a path of plain names (`lines.1.number`; raw parameters need [`Effective::get`]).
    pub fn value(&self, path: &str) -> Option<&Value> {
        find(&self.root, path.split('.')).map(|leaf| &leaf.value)
    }

    fn leaf<'a>(&'a self, leaf: &'a LeafNode) -> Leaf<'a> {
        Leaf {
            value: &leaf.value,
            provenance: self.provenance(leaf.origin),
            overridden: leaf.overridden.iter().map(|origin| self.provenance(*origin)).collect(),
            addresses: &leaf.addresses,
        }
    }

    fn provenance(&self, origin: Origin) -> Provenance<'_> {
        const NOWHERE: &LayerSource = &LayerSource::BuiltIn;
        Provenance {
            layer: self.layers.get(origin.layer as usize).unwrap_or(NOWHERE),
            account: origin.account.and_then(|account| self.accounts.get(account as usize)).map(|name| &**name),
        }
    }

    /// Every value, in the model's order.
    pub fn leaves(&self) -> Vec<(Path, Leaf<'_>)> {
        let mut leaves = Vec::new();
        for_each_leaf(&self.root, &Trail::root(), &mut |trail, leaf| leaves.push((trail.path(), self.leaf(leaf))));
        leaves
    }

    /// The settings as one document, secrets and all, in the model's order.
    pub fn to_json(&self) -> Value {
        json(&self.root)
    }

    /// The settings as one document for people: masks stand for secrets.
    pub fn masked(&self, raw: &RawSecrets) -> Value {
        let mut copy = self.clone();
        copy.mask(raw);
        copy.to_json()
    }

    /// Every value for people, with where it came from; masks stand for secrets.
    pub fn explain(&self, raw: &RawSecrets) -> Vec<Explained> {
        let mut copy = self.clone();
        copy.mask(raw);
        copy.explain_revealed()
    }

    /// Every value with where it came from, secrets in clear: for those who may see them.
    pub fn explain_revealed(&self) -> Vec<Explained> {
        let explained = |(path, leaf): (Path, Leaf<'_>)| Explained {
            path,
            value: leaf.value.clone(),
            layer: leaf.provenance.layer.to_string(),
            account: leaf.provenance.account.map(str::to_owned),
            overridden: leaf.overridden.iter().map(|provenance| provenance.layer.to_string()).collect(),
            address_maps: leaf.addresses.iter().map(ToString::to_string).collect(),
        };
        self.leaves().into_iter().map(explained).collect()
    }

    /// Puts masks in place of secrets: for a file that a person looks at.
    pub fn mask(&mut self, raw: &RawSecrets) {
        self.for_each_secret(raw, &mut |found, generated, value| {
            secret::mask_value(if generated { Found::Generated } else { found }, value);
            true
        });
    }

    /// Takes every secret out, of URLs with a login the login. What is left may stand in a file that is not marked as
    /// holding credentials.
    pub fn without_secrets(&mut self, raw: &RawSecrets) {
        self.for_each_secret(raw, &mut |found, _, value| secret::strip_value(found, value));
    }

    /// Lines that name an account which was not found.
    pub fn unknown_accounts(&self) -> &[(Path, String)] {
        &self.unknown_accounts
    }

    /// Puts derived texts where `generate` stands. `form` is what the family takes at a path, if it has a say.
    pub fn fill_generated(&mut self, master_key: &[u8], device_id: &str, form: &dyn Fn(&Path) -> Option<GeneratedForm>) {
        retain_leaves(&mut self.root, &Trail::root(), &mut |trail, leaf| {
            let wanted = leaf.field.and_then(|field| Some((field.generate?, text_limit(field))));
            if let (Some((alphabet, limit)), Some(counter)) = (wanted, generate::counter(&leaf.value).map(|_| leaf.counters)) {
                let path = trail.path();
                let (alphabet, length) = form(&path).unwrap_or_default().within(alphabet, limit);
                leaf.value = derive_generated(master_key, device_id, &path.to_string(), counter, alphabet, length).into();
                leaf.generated = true;
            }
            true
        });
    }

    /// Replaces the variables in every text, and gives those that stood for nothing.
    pub fn expand(&mut self, context: &VariableContext) -> Vec<(Path, Variable)> {
        let mut missing = Vec::new();
        retain_leaves(&mut self.root, &Trail::root(), &mut |trail, leaf| {
            if !leaf.generated {
                expand_value(&mut leaf.value, context, &mut |variable| missing.push((trail.path(), variable)));
            }
            true
        });
        missing
    }

    /// What `${line.N.…}` stands for.
    pub fn line_variables(&self) -> BTreeMap<u32, LineVariables> {
        let lines = self.root.iter().find(|(key, _)| key.is("lines"));
        let Some((_, Node::Object(lines))) = lines else { return BTreeMap::new() };
        let numbered = lines.iter().filter_map(|(key, line)| match (key, line) {
            (Key::Number(number), Node::Object(line)) => Some((*number, line)),
            _ => None,
        });
        let text = |line: &Children, name: &str| match line.iter().find(|(key, _)| key.is(name)) {
            Some((_, Node::Leaf(leaf))) => leaf.value.as_str().map(str::to_owned),
            _ => None,
        };
        let variables = |line| LineVariables {
            number: text(line, "number"),
            username: text(line, "username"),
            display_name: text(line, "display_name"),
        };
        numbered.map(|(number, line)| (number, variables(line))).collect()
    }

    fn for_each_secret(&mut self, raw: &RawSecrets, f: &mut dyn FnMut(Found, bool, &mut Value) -> bool) {
        retain_leaves(&mut self.root, &Trail::root(), &mut |trail, leaf| {
            let generated = leaf.generated;
            let mut visit = |_: &Trail<'_>, found, value: &mut Value| Ok::<_, Infallible>(f(found, generated, value));
            let Ok(keep) = match leaf.field {
                Some(field) => secret::walk_field(field, &mut leaf.value, trail, raw, &mut visit),
                None => match trail.path().segments() {
                    [_, Segment::Name(pack), Segment::Name(name)] => secret::walk_raw(pack, name, &mut leaf.value, trail, raw, &mut visit),
                    _ => Ok(true),
                },
            };
            keep
        });
    }
}

/// Masked.
impl std::fmt::Debug for Effective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.masked(RawSecrets::none()))
    }
}

fn find<'a, 'n>(children: &'a Children, mut names: impl Iterator<Item = &'n str>) -> Option<&'a LeafNode> {
    let mut children = children;
    loop {
        let name = names.next()?;
        match children.iter().find(|(key, _)| key.is(name))?.1 {
            Node::Object(below) => children = below,
            Node::Leaf(leaf) => return names.next().is_none().then_some(leaf),
        }
    }
}

fn text_limit(field: &Field) -> usize {
    match field.kind {
        super::field::Kind::Text { max, .. } => max,
        _ => usize::MAX,
    }
}

fn expand_value(value: &mut Value, context: &VariableContext, missing: &mut dyn FnMut(Variable)) {
    match value {
        Value::String(text) if text.contains("${") => {
            let (expanded, unknown) = expand(text, context);
            *text = expanded;
            unknown.into_iter().for_each(missing);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| expand_value(item, context, missing)),
        Value::Object(members) => members.values_mut().for_each(|member| expand_value(member, context, missing)),
        _ => {}
    }
}

fn json(children: &Children) -> Value {
    let mut map = Map::with_capacity(children.len());
    for (key, node) in children {
        let value = match node {
            Node::Object(children) => json(children),
            Node::Leaf(leaf) => leaf.value.clone(),
        };
        map.insert(key.text(), value);
    }
    Value::Object(map)
}

fn for_each_leaf<'a>(children: &'a Children, trail: &Trail<'_>, f: &mut dyn FnMut(&Trail<'_>, &'a LeafNode)) {
    for (key, node) in children {
        let trail = key.trail(trail);
        match node {
            Node::Object(children) => for_each_leaf(children, &trail, f),
            Node::Leaf(leaf) => f(&trail, leaf),
        }
    }
}

/// Visits every leaf and takes out those for which `f` says false.
pub(super) fn retain_leaves(children: &mut Children, trail: &Trail<'_>, f: &mut dyn FnMut(&Trail<'_>, &mut LeafNode) -> bool) {
    children.retain(|key, node| {
        let trail = key.trail(trail);
        match node {
            Node::Object(children) => {
                retain_leaves(children, &trail, f);
                true
            }
            Node::Leaf(leaf) => f(&trail, leaf),
        }
    });
}
