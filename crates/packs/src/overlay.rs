//! The templates of a pack under the overrides of one tenant and the site. The pack itself stays compiled once.

use std::sync::atomic::{AtomicU64, Ordering};

use offhook_core::template::{TemplateOverride, TemplateSet};

use crate::{
    Pack, RenderError,
    engine::{self, Engine},
};

/// A pack's templates with overrides over them. Made once for each state of the overrides, and used for many renderings.
#[derive(Debug)]
pub struct Overlay {
    pub(crate) engine: Engine,
    number: u64,
}

/// Whether an override can be read at all, whether anything is made of it or not.
///
/// # Errors
/// [`RenderError::Template`] with line and what stands there.
pub fn check_syntax(one: &TemplateOverride) -> Result<(), RenderError> {
    engine::syntax(&one.shown(), &one.source)
}

impl Overlay {
    /// What lies over a pack for the phones of a tenant; none when nothing does.
    pub fn new(pack: &Pack, tenant: &str, templates: &TemplateSet) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let layers = pack.engine.layers().under(tenant, pack.id(), templates);
        let number = || NEXT.fetch_add(1, Ordering::Relaxed);
        (!layers.is_plain()).then(|| Self { engine: pack.engine.under(layers), number: number() })
    }

    /// No two overlays of this process have the same: what was read of one is never taken for the other.
    pub fn number(&self) -> u64 {
        self.number
    }
}
