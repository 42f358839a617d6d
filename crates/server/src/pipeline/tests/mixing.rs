//! Two phones never mix, whatever they ask in whatever order from whichever address.

use proptest::prelude::*;
use serde_json::json;

use super::place::Place;

/// One request: which phone, from which address, for which file, with what header.
#[derive(Clone, Debug)]
struct Ask {
    phone: u8,
    ip: u8,
    file: u8,
    agent: u8,
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let one = (1u8..=5, 0u8..4, 0u8..5, 0u8..5).prop_map(|(phone, ip, file, agent)| Ask { phone, ip, file, agent });
    prop::collection::vec(one, 1..60)
}

/// Phones 1 and 2 are of the tenant `red`, 3 of `blue`; 4 and 5 come by themselves. Two addresses are behind NAT.
async fn place() -> Place {
    let place = Place::with(&[("OFFHOOK_PHONES__NAT_NETWORKS", "10.5.0.0/16")]).await;
    place.site(json!({ "display": { "text": "of-${tenant.name}" } })).await;
    for tenant in ["red", "blue"] {
        place.tenant(tenant, None).await;
    }
    for n in 1..=3u8 {
        let line = json!({ "lines": { "1": { "username": format!("user-{n}"), "password": format!("secret-{n}") } } });
        let tenant = if n == 3 { "blue" } else { "red" };
        place.ready(&format!("02:00:5e:00:00:{n:02x}"), line, move |d| d.tenant = tenant.into()).await;
    }
    place
}

async fn check(place: &Place, ask: &Ask) {
    let Ask { phone, ip, file, agent } = ask.clone();
    let ip = ["10.0.0.1", "10.0.0.2", "10.5.0.1", "10.5.0.2"][usize::from(ip)];
    let path = match file {
        0 => "/acme.cfg".to_owned(),
        1 => "/a000046.cfg".to_owned(),
        2 => format!("/acme-02005e0000{phone:02x}.boot"),
        3 => format!("/beta-02005e0000{phone:02x}.cfg"),
        _ => format!("/x/02005E0000{phone:02X}.cfg"),
    };
    let agent = match agent {
        0 | 1 => String::new(),
        2 => "Acme A46 v1.0".to_owned(),
        3 => "Beta B1/7".to_owned(),
        // The phone says who it is, and that is the next one.
        _ => format!("Acme A48 v2.0 02:00:5e:00:00:{:02x}", phone % 5 + 1),
    };
    let (Some(text), _) = place.get(ip, &path, &agent).await else { return };
    let named = path.contains("02005");
    for n in 1..=5u8 {
        let own = named && n == phone;
        assert!(own || !text.contains(&format!("user-{n}")) && !text.contains(&format!("secret-{n}")), "{path} from {ip}: {text}");
        assert!(own || !text.contains(&format!("02005E0000{n:02X}")), "{path} from {ip}: {text}");
    }
    if named {
        let tenant = ["red", "red", "blue", "default", "default"][usize::from(phone - 1)];
        let whose = [format!("of-{tenant}"), "UNPROV".to_owned()];
        assert!(whose.iter().any(|w| text.contains(w)), "{path} from {ip}: {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_phones_never_mix(asks in asks(), together in 1usize..6) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = place().await;
            for asks in asks.chunks(together) {
                futures_util::future::join_all(asks.iter().map(|ask| check(&place, ask))).await;
            }
        });
    }
}
