//! What a request of a known phone costs when everything is in memory. A measurement, not a test:
//! `valgrind --tool=callgrind --toggle-collect='*pipeline::tests::cost::measured*' TESTS --ignored --exact pipeline::tests::cost::of_a_request`

use std::hint::black_box;

use serde_json::json;

use super::place::{Place, request};

const TIMES: u32 = 1000;

#[inline(never)]
fn measured(runtime: &tokio::runtime::Runtime, place: &Place, path: &str) {
    runtime.block_on(async {
        for _ in 0..TIMES {
            let answered = place.pipeline.answer(request("10.0.0.1", path, "Acme A46 v1.0 02:00:5e:00:00:01")).await;
            black_box(answered.answer());
            answered.finish("GET", 200, 1, true);
        }
    });
}

#[test]
#[ignore = "a measurement"]
fn of_a_request() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = runtime.block_on(async {
        let place = Place::new().await;
        let line = json!({ "lines": { "1": { "username": "user", "password": "secret" } } });
        place.ready("02:00:5e:00:00:01", line, |_| {}).await;
        for _ in 0..3 {
            place.file("10.0.0.1", "/02005e000001.cfg", "Acme A46 v1.0 02:00:5e:00:00:01").await;
            place.pipeline.settle().await;
        }
        place
    });
    measured(&runtime, &place, "/02005e000001.cfg");
}
