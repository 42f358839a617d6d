//! Many devices in one write.

use offhook_core::{Error, device::State};
use offhook_store::{DeviceEdit, DeviceFilter, DeviceKey, WrittenDevice};

use crate::common::*;

fn labelled(n: u64, label: &'static str) -> (DeviceKey, DeviceEdit) {
    let edit: DeviceEdit = Box::new(move |device, _, _| {
        device.mac = Some(mac(n));
        device.label = label.into();
        if label == "bad" { Err(Error::invalid("label", "bad")) } else { Ok(()) }
    });
    (DeviceKey::Mac(mac(n)), edit)
}

#[tokio::test]
async fn each_has_an_outcome_of_its_own_and_one_that_fails_takes_no_other_along() {
    let place = Place::new();
    let store = place.store().await;
    let there = device(&store, 1).await;
    let unknown: DeviceEdit = Box::new(|device, _, _| {
        device.mac = Some(mac(9));
        device.profiles = vec!["nobody".into()];
        Ok(())
    });
    let taken: DeviceEdit = Box::new(|device, _, _| {
        device.mac = Some(mac(2));
        Ok(())
    });
    let wanted = vec![
        labelled(1, "changed"),
        labelled(2, "new"),
        labelled(3, "bad"),
        (DeviceKey::New, unknown),
        (DeviceKey::New, taken),
        labelled(2, "new"),
        labelled(4, "last"),
        (DeviceKey::Id(offhook_core::Id::parse("0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10").unwrap()), labelled(5, "x").1),
    ];
    let outcomes = store.write_devices(wanted).await.unwrap();
    assert!(matches!(&outcomes[0], Ok(WrittenDevice::Changed { before, after }) if **before == there && after.label == "changed"));
    assert!(matches!(&outcomes[1], Ok(WrittenDevice::Created(d)) if d.state == State::Ready));
    assert!(matches!(&outcomes[2], Err(Error::Invalid(_))) && matches!(&outcomes[3], Err(Error::Invalid(_))));
    assert!(matches!(&outcomes[4], Err(Error::Conflict(_))), "{:?}", outcomes[4]);
    assert!(matches!(&outcomes[5], Ok(WrittenDevice::Unchanged(_))) && matches!(&outcomes[6], Ok(WrittenDevice::Created(_))));
    assert!(matches!(&outcomes[7], Err(Error::NotFound { .. })));
    let labels = ["changed", "new", "", "last"].map(str::to_owned);
    for (n, label) in (1..=4).zip(labels) {
        let stored = store.device_by_mac(mac(n)).await.unwrap().map(|d| d.label).unwrap_or_default();
        assert_eq!(stored, label, "{n}");
    }
    assert_eq!(store.count_devices_that_fit(&DeviceFilter::default()).await.unwrap(), 3);
    let new = DeviceFilter { q: Some("new".into()), ..DeviceFilter::default() };
    assert_eq!(store.count_devices_that_fit(&new).await.unwrap(), 1);
}

#[tokio::test]
async fn only_tried_nothing_stays() {
    let place = Place::new();
    let store = place.store().await;
    let kept = device(&store, 1).await;
    let outcomes = store.dry().write_devices(vec![labelled(1, "x"), labelled(2, "y")]).await.unwrap();
    assert!(matches!(&outcomes[0], Ok(WrittenDevice::Changed { .. })) && matches!(&outcomes[1], Ok(WrittenDevice::Created(_))));
    let gone = store.dry().delete_devices(vec![kept.id], |_| Ok(())).await.unwrap();
    assert!(gone[0].is_ok());
    assert_eq!(store.device_by_mac(mac(1)).await.unwrap(), Some(kept));
    assert_eq!(store.device_by_mac(mac(2)).await.unwrap(), None);
}

#[tokio::test]
async fn those_that_may_go_are_deleted() {
    let place = Place::new();
    let store = place.store().await;
    let (a, b) = (device(&store, 1).await, device(&store, 2).await);
    let keeps = b.id;
    let may = move |d: &offhook_core::device::Device| if d.id == keeps { Err(Error::not_found("device", d.id)) } else { Ok(()) };
    let outcomes = store.delete_devices(vec![a.id, b.id, a.id], may).await.unwrap();
    assert!(outcomes[0].is_ok() && outcomes[1].is_err() && matches!(outcomes[2], Err(Error::NotFound { .. })));
    assert_eq!(store.device(a.id).await.unwrap(), None);
    assert_eq!(store.device(b.id).await.unwrap(), Some(b));
}
