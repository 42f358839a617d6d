//! Where templates are looked up: in a tenant's overrides, in the site's, in the pack. What a name means is decided here and nowhere
//! else.

use std::{collections::BTreeMap, fmt, sync::Arc};

use offhook_core::template::{Scope, TemplateOverride, TemplateSet};

/// One of the places, the first to be asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// Overrides of a tenant.
    Tenant,
    /// Overrides of the site.
    Site,
    /// The pack's own.
    Pack,
}

/// Where a template is, and its full name: `tenant:acme/base.tpl`, `site/base.tpl`, and `base.tpl` for the pack's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub layer: Layer,
    pub full: String,
}

/// What stands behind a full name.
pub(crate) enum Text {
    /// As the engine takes it.
    Here(String),
    /// A tenant's: it is not read in this process.
    Tenants,
    /// There is none.
    None,
}

/// What an engine reads its templates from.
pub(crate) trait Templates: fmt::Debug + Send + Sync {
    /// The full name of what `extends`, `include` and `import` of that name mean in a template of the full name `parent`. What there is
    /// not stays as it is; a template that means itself gets a name that nothing has.
    fn resolve(&self, name: &str, parent: &str) -> String;

    /// The text of a full name.
    fn text(&self, full: &str) -> Text;

    /// A line of a template, from 1, for people.
    fn line(&self, full: &str, line: usize) -> Option<String>;
}

/// Starts the name of a template that means itself.
const ITSELF: char = '\u{1}';

/// What is wrong with a template that means itself; none for every other name.
pub(crate) fn means_itself(name: &str) -> Option<String> {
    let (layer, bare) = split(name.strip_prefix(ITSELF)?);
    let site = if layer == Layer::Tenant { format!("{{% extends \"@site/{bare}\" %}} or ") } else { String::new() };
    Some(format!("{bare} means this override itself: to build on what it replaces write {site}{{% extends \"@pack/{bare}\" %}}"))
}

/// The layer and the name in it of a full name.
fn split(full: &str) -> (Layer, &str) {
    if let Some(rest) = full.strip_prefix("tenant:") {
        (Layer::Tenant, rest.split_once('/').map_or("", |(_, name)| name))
    } else if let Some(name) = full.strip_prefix("site/") {
        (Layer::Site, name)
    } else {
        (Layer::Pack, full)
    }
}

/// Whether a pack may have a template of this name: not when it looks like an override's full name.
pub(crate) fn free_for_packs(name: &str) -> bool {
    split(name).0 == Layer::Pack && !name.starts_with('@')
}

/// A pack's own templates by name in lower case.
pub(crate) type Own = BTreeMap<String, (String, String)>;

/// The places of one pack, for one tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    tenant: BTreeMap<String, Arc<TemplateOverride>>,
    site: BTreeMap<String, Arc<TemplateOverride>>,
    own: Arc<Own>,
}

impl Layers {
    /// Of a pack alone: name and text as the engine takes it.
    pub fn new(own: impl IntoIterator<Item = (String, String)>) -> Self {
        let own = own.into_iter().map(|(name, text)| (name.to_lowercase(), (name, text))).collect();
        Self { own: Arc::new(own), ..Self::default() }
    }

    /// The same pack under the overrides of a tenant and the site.
    pub fn under(&self, tenant: &str, pack: &str, templates: &TemplateSet) -> Self {
        let of = |scope: Scope| templates.of(&scope, pack).map(|o| (o.name.to_lowercase(), o.clone())).collect();
        Self { tenant: of(Scope::Tenant(tenant.to_owned())), site: of(Scope::Site), own: self.own.clone() }
    }

    /// Whether there are no overrides.
    pub fn is_plain(&self) -> bool {
        self.tenant.is_empty() && self.site.is_empty()
    }

    /// Names of the pack's own templates.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.own.values().map(|(name, _)| name)
    }

    /// The pack's own template of that name, letter case ignored.
    pub fn own(&self, name: &str) -> Option<&str> {
        self.own.get(&name.to_lowercase()).map(|(_, text)| text.as_str())
    }

    /// The first of that name in this layer and those below, letter case ignored.
    pub fn find(&self, from: Layer, name: &str) -> Option<Found> {
        let key = name.to_lowercase();
        let over = |layer, map: &BTreeMap<String, Arc<TemplateOverride>>| map.get(&key).map(|o| Found { layer, full: o.shown() });
        let tenant = || over(Layer::Tenant, &self.tenant).filter(|_| from <= Layer::Tenant);
        let site = || over(Layer::Site, &self.site).filter(|_| from <= Layer::Site);
        let own = || self.own.get(&key).map(|(name, _)| Found { layer: Layer::Pack, full: name.clone() });
        tenant().or_else(site).or_else(own)
    }

    /// An override of that name.
    pub fn find_override(&self, name: &str) -> Option<Found> {
        self.find(Layer::Tenant, name).filter(|found| found.layer != Layer::Pack)
    }

    fn an_override(&self, full: &str) -> Option<&TemplateOverride> {
        let (layer, name) = split(full);
        let map = if layer == Layer::Tenant { &self.tenant } else { &self.site };
        map.get(&name.to_lowercase()).filter(|o| o.shown() == full).map(AsRef::as_ref)
    }

    /// The text of a full name, a tenant's as it was written.
    pub fn raw(&self, full: &str) -> Option<(Layer, &str)> {
        match split(full) {
            (Layer::Pack, name) => {
                self.own.get(&name.to_lowercase()).filter(|(n, _)| n == name).map(|(_, text)| (Layer::Pack, text.as_str()))
            }
            (layer, _) => self.an_override(full).map(|o| (layer, o.source.as_str())),
        }
    }
}

impl Templates for Layers {
    fn resolve(&self, name: &str, parent: &str) -> String {
        let (layer, bare) = split(parent);
        let (from, wanted) = match name.strip_prefix('@').and_then(|n| n.split_once('/')) {
            Some(("tenant", rest)) => (Layer::Tenant, rest),
            Some(("site", rest)) => (Layer::Site, rest),
            Some(("pack", rest)) => (Layer::Pack, rest),
            _ => (Layer::Tenant, name),
        };
        // Whoever writes the name of his own override means what it replaces; looked up it would be itself, for ever.
        if layer != Layer::Pack && from <= layer && wanted.eq_ignore_ascii_case(bare) {
            return format!("{ITSELF}{parent}");
        }
        self.find(from, wanted).map_or_else(|| name.to_owned(), |found| found.full)
    }

    fn text(&self, full: &str) -> Text {
        match self.raw(full) {
            Some((Layer::Tenant, _)) => Text::Tenants,
            Some((Layer::Site, text)) => Text::Here(super::source(text)),
            Some((Layer::Pack, text)) => Text::Here(text.to_owned()),
            None => Text::None,
        }
    }

    fn line(&self, full: &str, line: usize) -> Option<String> {
        line_of(self.raw(full)?.1, line)
    }
}

/// A line of a text, from 1, as it is shown to people.
pub(crate) fn line_of(text: &str, line: usize) -> Option<String> {
    let line = text.lines().nth(line.checked_sub(1)?)?;
    Some(line.trim().chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::sync::Arc;

    use minijinja::{Value, context};
    use offhook_core::{Id, clock::Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        RenderError,
        engine::{Engine, Marked},
        files::PackFiles,
    };

    fn over(n: u8, scope: &str, name: &str, source: &str) -> TemplateOverride {
        let at = Timestamp::from_millis(0);
        TemplateOverride {
            id: Id::from_parts(at, [n; 10]),
            scope: Scope::parse(scope).unwrap(),
            pack: "acme".into(),
            name: name.into(),
            source: source.into(),
            device_file: false,
            base_version: None,
            base_source: None,
            author: String::new(),
            revision: 1,
            created_at: at,
            updated_at: at,
        }
    }

    fn engine(own: &[(&str, &str)], overrides: &[(&str, &str, &str)]) -> Engine {
        let mut files = PackFiles::default();
        for (name, text) in own {
            files.files.insert(format!("templates/{name}"), text.as_bytes().to_vec().into());
        }
        let engine = Engine::new(&files, serde_json::Value::Null, |t, l, m| panic!("{t}:{l}: {m}"));
        let set = TemplateSet::new(overrides.iter().enumerate().map(|(n, (scope, name, text))| over(n as u8, scope, name, text)));
        let layers = engine.layers().under("a", "acme", &set);
        engine.under(layers)
    }

    fn render(engine: &Engine, name: &str) -> Result<Option<String>, RenderError> {
        let found = engine.layers().find(Layer::Tenant, name).expect("there is one");
        engine.render_values(&found.full, context! { none => Value::from(()) }).map(|m| m.map(|Marked { text, .. }| text))
    }

    const OWN: [(&str, &str); 3] = [
        ("base.tpl", "pack:{% block b %}own{% endblock %}:{% include 'part' %}"),
        ("T1.tpl", "{% extends 'base.tpl' %}{% block b %}T1 {{ super() }}{% endblock %}"),
        ("part", "p"),
    ];

    #[test]
    fn layers_and_their_parts() {
        let site = [
            ("site", "BASE.tpl", "{% extends '@pack/base.tpl' %}{% block b %}site {{ super() }}{% endblock %}"),
            ("tenant:b", "base.tpl", "another tenant's"),
        ];
        let with = |more: &[(&str, &str, &str)]| engine(&OWN, &[&site[..], more].concat());
        assert_eq!(render(&engine(&OWN, &[]), "base.tpl").unwrap().unwrap(), "pack:own:p");
        assert_eq!(render(&with(&[]), "base.tpl").unwrap().unwrap(), "pack:site own:p");
        assert_eq!(render(&with(&[]), "t1.TPL").unwrap().unwrap(), "pack:T1 site own:p");
        let part = with(&[
            ("site", "part", "[{% include '@pack/part' %}]"),
            ("site", "x.tpl", "{% import 'part' as p %}{% include '@site/part' %}"),
        ]);
        assert_eq!(render(&part, "T1.tpl").unwrap().unwrap(), "pack:T1 site own:[p]");
        assert_eq!(render(&part, "x.tpl").unwrap().unwrap(), "[p]");
    }

    #[test]
    fn a_tenant_s_template_is_never_read_here() {
        // Whatever the way to it: by name, through a pack's template, optional, among several.
        let tenants = ("tenant:a", "part", "{{ loop_for_ever }}");
        for source in [
            "{% include 'part' %}",
            "{% include 'part' ignore missing %}",
            "{% include ['part', 'base.tpl'] %}",
            "{% import '@tenant/part' as p %}x",
        ] {
            let engine = engine(&OWN, &[tenants, ("site", "x.tpl", source)]);
            assert_eq!(render(&engine, "x.tpl").unwrap(), None, "{source}");
            assert_eq!(render(&engine, "T1.tpl").unwrap(), None);
        }
        let engine = engine(&OWN, &[tenants, ("site", "x.tpl", "{% include '@site/part' %}{% include 'tenant:b/part' ignore missing %}")]);
        assert_eq!(render(&engine, "x.tpl").unwrap().unwrap(), "p");
    }

    #[test]
    fn what_names_itself_is_told_what_to_write() {
        for source in ["{% extends 'base.tpl' %}", "a\n{% include 'Base.tpl' %}", "{% import '@site/base.tpl' as b %}"] {
            let engine = engine(&OWN, &[("site", "base.tpl", source)]);
            let Err(RenderError::Template { template, line, snippet, message }) = render(&engine, "T1.tpl") else { panic!("{source}") };
            assert_eq!((template.as_str(), line), ("site/base.tpl", source.lines().count()));
            assert!(message.contains("@pack/base.tpl") && source.ends_with(&snippet), "{message} {snippet}");
        }
    }

    #[test]
    fn packs_have_no_names_of_overrides() {
        assert!(["base.tpl", "sub/base.tpl", "sites/x"].iter().all(|n| free_for_packs(n)));
        assert!(["site/base.tpl", "tenant:a/x", "@pack/x"].iter().all(|n| !free_for_packs(n)));
    }

    proptest! {
        #[test]
        fn any_name_means_something_or_nothing(name in ".{0,30}", parent in "(tenant:a/|site/|)[a-z@/:]{0,10}") {
            let layers = Arc::new(engine(&OWN, &[("site", "part", "x"), ("tenant:a", "part", "y")]));
            let full = layers.layers().resolve(&name, &parent);
            let _ = (layers.layers().text(&full), means_itself(&full));
        }
    }
}
