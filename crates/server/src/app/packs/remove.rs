//! Uninstalling: a pack that devices need stays unless it is forced; overrides of its templates stay in any case.

use offhook_core::{Error, Result, pack::PackKey};
use offhook_packs::Origin;

use super::{
    super::{App, Caller, devices::Walk},
    Change, Lost, devices_of, find, id_of,
};

/// Takes a pack away: `id` in all versions, `id@version` in one. A built-in one is hidden, and can be installed again.
pub async fn remove(app: &App, who: &Caller, key: &str, force: bool) -> Result<()> {
    who.may_write()?;
    who.must_be_of_all("packs are for every tenant")?;
    let _turn = app.packs.turn().await;
    let now = app.pipeline.catalog();
    let pack = find(app, key)?;
    let (id, one) = (pack.id().to_owned(), PackKey::of(key).version.map(|_| pack.version().to_owned()));
    let gone = || now.versions().iter().filter(|p| p.id() == id && one.as_deref().is_none_or(|v| v == p.version()));
    if gone().any(|p| p.origin() == Origin::Folder) {
        return Err(Error::Conflict(format!("{key} lies in the folder of packs (packs.dir): take it away there, then send SIGHUP")));
    }
    let built_in = one.is_none() || gone().any(|p| p.origin() == Origin::BuiltIn);
    let change = Change { drop: Some((id.clone(), one.clone())), remove_built_in: built_in.then(|| id.clone()), ..Change::default() };
    if !force {
        let (then, _) = app.packs.load_with(Some(now.clone()), change).await?;
        let served = |catalog: &offhook_packs::Catalog, d: &offhook_core::device::Device| {
            d.pack.as_deref().is_some_and(|p| catalog.pack(p).is_some())
        };
        let (mut lost, mut devices) = (Lost::default(), Walk::of(devices_of(id_of(&id))));
        loop {
            let some = devices.next(app).await?;
            if some.is_empty() {
                break;
            }
            some.iter().filter(|d| served(&now, d) && !served(&then, d)).for_each(|d| lost.add(d));
        }
        if lost.count > 0 {
            let names = lost.names.join(", ");
            let more = if lost.count > 10 { " …" } else { "" };
            return Err(Error::Conflict(format!(
                "{key} serves {} devices ({names}{more}), which would get no files: give them another pack first, or force it",
                lost.count
            )));
        }
    }
    let by = who.label.to_string();
    app.store.uninstall_pack(&id, one.as_deref(), built_in, &by).await?;
    app.packs.reload(&app.pipeline).await
}
