//! Firmware files: taken in as a stream, kept once, served under the names that packs know. What can be fetched and what is assigned to whom
//! stand beside.

pub mod assignment;
pub mod catalogue;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use offhook_core::{Error, Id, Result, firmware::Firmware};

use super::{
    App, Caller,
    fields::plain_text,
    page::{self, Listed, Part},
};

/// Orders of the list.
pub const SORTS: &[&str] = &["name", "size", "created_at"];

/// Which files.
#[derive(Clone, Debug, Default)]
pub struct FirmwareFilter {
    /// Of this pack.
    pub pack: Option<String>,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// One page of the files that fit.
pub fn list(app: &App, filter: &FirmwareFilter, part: &Part) -> Result<Listed<Firmware>> {
    let shelf = app.store.shelf();
    let fits =
        |f: &&Firmware| filter.pack.as_ref().is_none_or(|p| f.pack == *p) && filter.q.as_deref().is_none_or(|q| page::holds(&f.name, q));
    let key = |f: &Firmware| match part.sort {
        "size" => format!("{:020} {}", f.size, f.id),
        "created_at" => format!("{} {}", f.created_at, f.id),
        _ => format!("{}\0{}", f.name.to_lowercase(), f.id),
    };
    page::cut(shelf.iter().filter(fits).cloned(), key, part)
}

/// The file of that id or name, letter case ignored.
pub fn read(app: &App, key: &str) -> Result<Firmware> {
    let shelf = app.store.shelf();
    let by_id = || Id::parse(key).and_then(|id| shelf.iter().find(|f| f.id == id));
    shelf.get(key).or_else(by_id).cloned().ok_or_else(|| Error::not_found("firmware", key))
}

/// Takes a file in. Without a pack it is the one whose phones ask for that name. The name is checked before a byte is read.
/// More bytes than `limits.firmware_size` are an [`Error::Full`], and nothing of them remains.
pub async fn add(
    app: &App,
    who: &Caller,
    name: &str,
    pack: Option<&str>,
    mut bytes: impl Stream<Item = Result<Bytes>> + Unpin,
) -> Result<Firmware> {
    who.may_write()?;
    who.must_be_of_all("firmware files are for every tenant")?;
    file_name(name)?;
    let pack = pack_of(app, name, pack)?;
    if app.store.shelf().get(name).is_some() {
        return Err(Error::Conflict(format!("there is firmware of the name {name:?}: delete it first")));
    }
    let most = app.config.limits.firmware_size;
    let mut blob = app.store.new_blob().await?;
    while let Some(bytes) = bytes.next().await {
        blob.write(&bytes?).await?;
        if blob.written() > most {
            return Err(Error::Full(format!("the file is larger than limits.firmware_size ({most} bytes)")));
        }
    }
    if blob.written() == 0 {
        return Err(Error::invalid("", "the file is empty"));
    }
    app.store.add_firmware(name, &pack, blob.finish().await?).await
}

/// Deletes a file that no assignment needs. Phones that ask for it are told that there is none.
pub async fn delete(app: &App, who: &Caller, key: &str) -> Result<()> {
    who.may_write()?;
    let firmware = read(app, key)?;
    who.must_be_of_all("firmware files are for every tenant")?;
    let users = assignment::users_of(app, &firmware.name);
    if !users.is_empty() {
        return Err(Error::Conflict(format!(
            "{} is needed by the firmware that is assigned in: {}; take that back first (offhook firmware unassign)",
            firmware.name,
            users.join(", ")
        )));
    }
    app.store.delete_firmware(firmware.id).await
}

fn pack_of(app: &App, name: &str, pack: Option<&str>) -> Result<String> {
    match pack {
        Some(pack) => app.pipeline.check_pack(pack).map(|()| pack.to_owned()),
        None => app.pipeline.firmware_pack(name).ok_or_else(|| {
            Error::invalid("name", format!("no pack knows firmware of the name {name:?}: correct the name, or say which pack it is for"))
        }),
    }
}

/// One file name without folders.
fn file_name(name: &str) -> Result<()> {
    let why = if name.is_empty() {
        "is needed".to_owned()
    } else if name.contains(['/', '\\']) || name == "." || name == ".." {
        "must be a file name without folders".to_owned()
    } else {
        match plain_text(name, 255) {
            Ok(()) => return Ok(()),
            Err(why) => why,
        }
    };
    Err(Error::invalid("name", why))
}
