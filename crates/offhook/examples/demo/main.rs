//! `make demo`: a small office boots, in tenant `demo`, against the server that `make run` started. Phones ask from addresses
//! 127.0.0.x over TFTP and HTTP; one is refused, one is approved and boots again. What the demo made it takes away.
#![allow(clippy::print_stdout)]

mod phone;
mod server;

use anyhow::{Context, Result, bail};
use phone::Phone;
use serde_json::{Value, json};
use server::Server;

const TENANT: &str = "demo";
/// The office's network: loopback, so that the server trusts it by itself.
const NETWORK: &str = "127.0.0.32/27";
/// Locally administered addresses would be no phone's; these are of the makers' blocks and of nobody's phone.
const RECEPTION: &str = "0015650d3001";
const INTRUDER: &str = "0015650d3002";
const WORKSHOP: &str = "00036b0d3003";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let server = Server::find().await.context("start the server first: make run")?;
    clean(&server).await?;
    let outcome = play(&server).await;
    clean(&server).await?;
    if outcome.is_ok() {
        say("The demo has removed tenant, accounts, profile and devices. `offhook requests` still shows what was asked.");
    }
    outcome
}

async fn play(server: &Server) -> Result<()> {
    say("1. An office: a tenant with its network, an account for each desk, one profile for all.");
    server.post("tenants", json!({ "name": TENANT, "networks": [NETWORK], "settings": { "display": { "text": "Demo office" } } })).await?;
    for (name, person) in [("1001", "Reception"), ("1002", "Workshop")] {
        let account = json!({ "tenant": TENANT, "username": name, "password": format!("demo-{name}-secret"), "display_name": person, "servers": [{ "host": "pbx.demo.example" }] });
        server.post("accounts", account).await?;
    }
    let profile =
        json!({ "name": "demo-office", "tenant": TENANT, "settings": { "time": { "zone": "Europe/Paris", "ntp": ["pool.ntp.org"] } } });
    server.post("profiles", profile).await?;

    say("2. Two phones that nobody has set up boot: a desk phone over HTTP, an old one over TFTP.");
    let reception = Phone { ip: "127.0.0.33", user_agent: "Yealink SIP-T46S 66.86.0.15 00:15:65:0d:30:01" };
    let workshop = Phone { ip: "127.0.0.34", user_agent: "" };
    let own = format!("/{RECEPTION}.cfg");
    let old = format!("SIP{}.cnf", WORKSHOP.to_uppercase());
    for path in [format!("/{RECEPTION}.boot"), "/y000000000066.cfg".into(), own.clone()] {
        show(&reception, "HTTP", &path, reception.http(server, &path).await?);
    }
    for name in ["OS79XX.TXT", "SIPDefault.cnf", &old] {
        show(&workshop, "TFTP", name, workshop.tftp(server, name).await?);
    }
    let (status, bootstrap) = reception.http(server, &own).await?;
    check(status == 200 && text(&bootstrap).contains("UNPROV"), "a pending phone shows UNPROV")?;
    say("   Both are pending now, in the tenant of their network, and show UNPROV; their files hold no password.");
    for device in pending(server).await? {
        println!(
            "   pending: {}  {}  {}",
            device["mac"].as_str().unwrap_or("?"),
            device["model"].as_str().unwrap_or("-"),
            device["tenant"].as_str().unwrap_or("?")
        );
    }

    say("3. The administrator approves the reception's phone and gives it its line.");
    let ready = json!({ "state": "ready", "label": "Reception", "profiles": ["demo-office"], "settings": { "lines": { "1": { "account": "1001" } } } });
    server.patch(&format!("devices/{RECEPTION}"), ready).await?;
    let (status, real) = reception.http(server, &own).await?;
    show(&reception, "HTTP", &own, (status, real.clone()));
    check(text(&real).contains("demo-1001-secret"), "the approved phone gets its account")?;
    for line in text(&real)
        .lines()
        .filter(|l| l.starts_with("account.1.label") || l.starts_with("account.1.user_name") || l.starts_with("local_time.time_zone "))
    {
        println!("      {line}");
    }

    say("4. A phone of the same office asks for the reception's file. It is refused, as if there were none.");
    let intruder = Phone { ip: "127.0.0.35", user_agent: "Yealink SIP-T46S 66.86.0.15 00:15:65:0d:30:02" };
    let refused = intruder.http(server, &own).await?;
    check(refused.0 == 404, "another phone's file is refused")?;
    show(&intruder, "HTTP", &own, refused);
    println!("   why: {}", server.newest_reason("127.0.0.35").await?);

    say("5. The workshop's phone is approved too, boots again over TFTP, and the time zone of all changes at once.");
    let ready =
        json!({ "state": "ready", "model": "7960", "profiles": ["demo-office"], "settings": { "lines": { "1": { "account": "1002" } } } });
    server.patch(&format!("devices/{WORKSHOP}"), ready).await?;
    let (_, before) = workshop.tftp(server, &old).await?;
    check(text(&before).contains("demo-1002-secret"), "the old phone gets its account over TFTP")?;
    server
        .patch(
            &format!("profiles/{}", server.profile_id("demo-office").await?),
            json!({ "settings": { "time": { "zone": "America/New_York" } } }),
        )
        .await?;
    let (status, after) = workshop.tftp(server, &old).await?;
    show(&workshop, "TFTP", &old, (status, after.clone()));
    let zone = |bytes: &[u8]| text(bytes).lines().find(|l| l.starts_with("time_zone")).unwrap_or("").to_owned();
    println!("      before: {}\n      after:  {}", zone(&before), zone(&after));
    check(before != after, "the profile's change is in the next fetch")
}

/// Takes away what an earlier or this run made.
async fn clean(server: &Server) -> Result<()> {
    for mac in [RECEPTION, INTRUDER, WORKSHOP] {
        server.delete_if_there(&format!("devices/{mac}")).await?;
    }
    for noun in ["profiles", "accounts", "tenants"] {
        for item in server.list(noun).await? {
            let ours = if noun == "tenants" { &item["name"] } else { &item["tenant"] };
            if ours == TENANT {
                let id = item["id"].as_str().context("an id")?;
                server.delete_if_there(&format!("{noun}/{id}")).await?;
            }
        }
    }
    Ok(())
}

async fn pending(server: &Server) -> Result<Vec<Value>> {
    let devices = server.list(&format!("devices?state=pending&tenant={TENANT}")).await?;
    check(devices.len() == 2, "two phones are pending")?;
    Ok(devices)
}

fn say(text: &str) {
    println!("\n{text}");
}

fn show(phone: &Phone, how: &str, path: &str, (status, bytes): (u16, Vec<u8>)) {
    let what = if status == 200 { format!("{} bytes", bytes.len()) } else { "not found".into() };
    println!("   {}  {how}  {path:<22} -> {status} {what}", phone.ip);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn check(holds: bool, what: &str) -> Result<()> {
    if !holds {
        bail!("this should hold and does not: {what}");
    }
    Ok(())
}
