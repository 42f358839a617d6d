//! A store in a folder of its own, with a clock that is moved by hand; its database is a file there or, in the suite of that name, one
//! of PostgreSQL.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use offhook_core::{
    Error, Mac,
    account::Account,
    clock::{Clock, Entropy, Timestamp},
    device::{Device, LastSeen},
    request::Transport,
    settings::{AccountValues, Scope, Settings},
};
use offhook_store::{OpenError, Store, StoreOptions};
use offhook_tests::postgres::Database;
use rand::Rng;
use serde_json::Value;

pub struct Hands(AtomicI64);

impl Hands {
    pub fn forward(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub struct Dice;

impl Entropy for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }
}

/// Whether this is the suite on PostgreSQL.
pub fn on_postgres() -> bool {
    env!("CARGO_CRATE_NAME") == "postgres"
}

pub struct Place {
    pub dir: tempfile::TempDir,
    /// The database that is no file.
    pub database: Option<Database>,
    pub clock: Arc<Hands>,
    pub options: StoreOptions,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::in_dir(dir.path().join("data"));
        let database = on_postgres().then(Database::new);
        if let Some(database) = &database {
            options.url = database.url();
        }
        Self { dir, database, clock: Arc::new(Hands(AtomicI64::new(1_800_000_000_000))), options }
    }

    /// Another node on the same database, with the same key.
    pub fn beside(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::copy(self.options.data_dir.join("secret.key"), data.join("secret.key")).unwrap();
        let options = StoreOptions { data_dir: data, ..self.options.clone() };
        Self { dir, database: None, clock: self.clock.clone(), options }
    }

    pub async fn open(&self) -> Result<Store, OpenError> {
        Store::open(self.options.clone(), self.clock.clone(), Arc::new(Dice)).await
    }

    pub async fn store(&self) -> Store {
        self.open().await.unwrap()
    }

    pub async fn refusal(&self) -> String {
        match self.open().await {
            Ok(_) => panic!("the store opened"),
            Err(e) => e.to_string(),
        }
    }
}

pub fn mac(n: u64) -> Mac {
    let b = n.to_be_bytes();
    Mac::new([0x00, 0x15, 0x65, b[5], b[6], b[7]]).unwrap()
}

pub fn settings(text: &str) -> Settings {
    let value: Value = serde_json::from_str(text).unwrap();
    Settings::validate(&value, Scope::Device).unwrap()
}

pub fn account_values(text: &str) -> AccountValues {
    let value: Value = serde_json::from_str(text).unwrap();
    AccountValues::validate(&value, Scope::Account).unwrap()
}

pub async fn device(store: &Store, n: u64) -> Device {
    device_with(store, n, |_| {}).await.unwrap()
}

pub async fn device_with(store: &Store, n: u64, edit: impl FnOnce(&mut Device) + Send + 'static) -> Result<Device, Error> {
    let make = move |d: &mut Device| {
        d.mac = Some(mac(n));
        edit(d);
    };
    store
        .create_device(move |d, _| {
            make(d);
            Ok(())
        })
        .await
}

pub async fn account(store: &Store, name: &'static str, shared: bool) -> Account {
    store
        .create_account(move |a, _| {
            a.name = name.into();
            a.shared = shared;
            a.values = account_values(r#"{"username":"1001","password":"planted-account-secret"}"#);
            Ok(())
        })
        .await
        .unwrap()
}

pub fn seen(at: i64, ip: &str) -> LastSeen {
    LastSeen {
        at: Timestamp::from_millis(at),
        ip: ip.parse().unwrap(),
        transport: Transport::Http,
        path: "/001565aabbcc.cfg".into(),
        user_agent: Some("Phone 1.0".into()),
    }
}

pub fn fields(error: &Error) -> Vec<&str> {
    match error {
        Error::Invalid(faults) => faults.iter().map(|f| f.field.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}
