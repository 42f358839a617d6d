//! `make bench-million`: a server with a million devices, on SQLite and on PostgreSQL. DEVICES (default 1000000) and STORES (default
//! `sqlite postgres`) come from the environment.

use anyhow::Context as _;
use offhook_bench::million::Run;
use offhook_tests::{Setup, postgres};

#[allow(clippy::print_stdout, reason = "its output")]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let devices = std::env::var("DEVICES").map_or(Ok(1_000_000), |n| n.parse().context("DEVICES is no whole number"))?;
    let stores = std::env::var("STORES").unwrap_or_else(|_| "sqlite postgres".into());
    for store in stores.split_whitespace() {
        let setup = Setup::default().set("log.level", "warn").set("phones.nat_networks", "[\"127.0.0.0/8\"]");
        let database = (store == "postgres").then(postgres::Database::new);
        let setup = if let Some(database) = &database { setup.set("store.url", &database.url()) } else { setup };
        let mut server = setup.start();
        println!("\n## {devices} devices on {store}");
        println!("{}", Run::new(&mut server, devices)?.all().await?);
        if let Some(database) = &database {
            let size = database.sql("SELECT pg_database_size(current_database()) / 1048576");
            println!("The database has {} MiB.", size.trim());
        }
    }
    Ok(())
}
