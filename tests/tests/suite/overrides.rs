//! Overrides of templates, as phones see them: for every device, one model, one device; a tenant over the site; gone again. And a
//! tenant's templates in their own process: whatever they do, the server and the other tenants' phones go on.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use offhook_tests::{
    Server, Setup,
    clients::{Http, Tftp, curl, runtime},
    copy_folder, root,
};
use reqwest::Method;
use serde_json::json;

/// A server with the invented family, with one more model and a file that its phones ask for and that is never there.
fn server() -> Server {
    let setup = Setup::default().set("phones.auto_create", "off");
    let pack = setup.data().join("packs/zentoro");
    copy_folder(&root().join("tests/packs/zentoro"), &pack);
    let append = |file: &str, text: &str| {
        let old = fs::read_to_string(pack.join(file)).unwrap();
        fs::write(pack.join(file), old + text).unwrap();
    };
    append("models.toml", "[models.Z200]\n");
    append(
        "vendor.toml",
        "[[file]]\nname = \"extra\"\npath = \"{mac}.extra\"\nkind = \"device\"\nsource = \"none\"\noptional = true\nformat = \"pairs\"\n",
    );
    setup.start()
}

fn device(server: &Server, n: usize, tenant: &str, model: &str, text: &str) {
    let settings = json!({ "display": { "text": text } });
    let model = (!model.is_empty()).then_some(model);
    server.post(
        "/devices",
        &json!({ "mac": format!("025a5400{n:04x}"), "tenant": tenant, "model": model, "pack": "zentoro", "settings": settings }),
    );
}

fn put(server: &Server, scope: &str, name: &str, source: &str) {
    server.put(&format!("/templates/{scope}/zentoro/{name}"), &json!({ "source": source }));
}

fn ask(server: &Server, n: usize) -> Http {
    // The fourth is of a model that the pack does not know.
    let agent: &[&str] = if n == 4 { &["-A", "Zentoro Z300 1.2.3 02:5a:54:00:00:04"] } else { &[] };
    curl(&server.phone_url(&format!("/zt-025a5400{n:04x}.conf")), agent)
}

/// The first line of a phone's file.
fn first(server: &Server, n: usize) -> String {
    let answer = ask(server, n);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().next().unwrap_or_default().to_owned()
}

fn outdated(server: &Server) -> usize {
    server.get("/devices?sync=outdated")["items"].as_array().unwrap().len()
}

const MARKED: &str = "mark: {% block mark %}site{% endblock %}\n\n{% include \"@pack/base.tpl\" %}\n";

#[test]
fn overrides_are_looked_up_by_name_and_layer() {
    let server = server();
    server.post("/tenants", &json!({ "name": "acme" }));
    for (n, tenant, model) in [(1, "default", "Z100"), (2, "default", "Z200"), (3, "acme", "Z100"), (4, "acme", "")] {
        device(&server, n, tenant, model, "hello");
    }
    let all = || [1, 2, 3, 4].map(|n| first(&server, n));
    let own = ["model: Z100", "model: Z200", "model: Z100", "model: "];
    assert_eq!(all(), own);
    assert_eq!(outdated(&server), 0);

    // Every device: the base of the site, which builds on the pack's.
    put(&server, "site", "base.tpl", MARKED);
    assert_eq!(outdated(&server), 4);
    assert_eq!(all(), ["mark: site"; 4]);
    assert!(ask(&server, 1).text().contains("text: hello"));
    assert_eq!(outdated(&server), 0);

    // A tenant over the site, building on the site's.
    put(
        &server,
        "tenant:acme",
        "Base.TPL",
        "{% extends \"@site/base.tpl\" %}{% block mark %}acme of {{ device.mac_bare }}{% endblock %}\n",
    );
    assert_eq!(outdated(&server), 2);
    assert_eq!(all(), ["mark: site", "mark: site", "mark: acme of 025a54000003", "mark: acme of 025a54000004"]);

    // One model, also one that the pack does not know.
    put(&server, "site", "Z100.tpl", "{% extends \"base.tpl\" %}{% block mark %}hundred{% endblock %}\n");
    put(&server, "tenant:acme", "Z300.tpl", "{% extends \"base.tpl\" %}{% block mark %}three of {{ super() }}{% endblock %}\n");
    assert_eq!(all(), ["mark: hundred", "mark: site", "mark: hundred", "mark: three of acme of 025a54000004"]);

    // One device, by the name of its file in any letter case; nobody else is outdated by it.
    assert_eq!(outdated(&server), 0);
    put(&server, "site", "ZT-025A54000002.conf.tpl", "only: {{ settings.display.text }}\n");
    assert_eq!(outdated(&server), 1);
    assert_eq!(all(), ["mark: hundred", "only: hello", "mark: hundred", "mark: three of acme of 025a54000004"]);
    assert_eq!(Tftp::ALL.map(|c| c.fetch(server.tftp(), "zt-025a54000002.conf").unwrap()), Tftp::ALL.map(|_| b"only: hello\n".to_vec()));

    // A file that the pack does not have.
    let extra = |n: usize| curl(&server.phone_url(&format!("/025a5400{n:04x}.extra")), &[]);
    assert_eq!(extra(2).status, 404);
    put(&server, "site", "025a54000002.extra.tpl", "mine: {{ device.MAC }}\n");
    assert_eq!((extra(2).text().as_str(), extra(1).status), ("mine: 025A54000002\n", 404));

    // The layer is named, and its fault with line and text.
    let simulated = server.post("/simulate", &json!({ "transport": "http", "path": "/zt-025a54000003.conf" }));
    assert_eq!(simulated["file"]["template"], "site/Z100.tpl", "{simulated}");
    let refused = |scope: &str, source: &str| {
        let answer = server.api(Method::PUT, &format!("/templates/{scope}/zentoro/base.tpl"), Some(&json!({ "source": source })));
        assert!(answer.status >= 400, "{}", answer.text());
        answer.text()
    };
    let text = refused("tenant:acme", "a: 1\nb: {{ nothing.such() }}\n");
    assert!(text.contains("tenant:acme/base.tpl:2") && text.contains("{{ nothing.such() }}"), "{text}");
    let text = refused("site", "{% extends \"base.tpl\" %}");
    assert!(text.contains("site/base.tpl:1") && text.contains("@pack/base.tpl"), "{text}");

    // Gone, and everything is as it was.
    for path in ["site/zentoro/025a54000002.extra.tpl", "site/zentoro/ZT-025A54000002.conf.tpl", "site/zentoro/Z100.tpl"] {
        server.delete(&format!("/templates/{path}"));
    }
    assert_eq!(all(), ["mark: site", "mark: site", "mark: acme of 025a54000003", "mark: three of acme of 025a54000004"]);
    for path in ["tenant:acme/zentoro/Z300.tpl", "tenant:acme/zentoro/base.tpl", "site/zentoro/base.tpl"] {
        server.delete(&format!("/templates/{path}"));
    }
    assert_eq!(all(), own);
    assert_eq!(extra(2).status, 404);
}

/// A template that fails where data changed: the last good file while it can be held, and never a broken one.
#[test]
fn a_phone_keeps_the_last_good_file() {
    let server = server();
    device(&server, 1, "default", "Z100", "fine");
    put(
        &server,
        "site",
        "base.tpl",
        "text: {{ settings.display.text }}{% if settings.time.zone == \"Asia/Tokyo\" %}{{ x.y.z() }}{% endif %}\n",
    );
    assert_eq!(first(&server, 1), "text: fine");
    // What is shared changed: the file as it last could be made.
    server.patch("/site", &json!({ "settings": { "time": { "zone": "Asia/Tokyo" } } }));
    assert_eq!(first(&server, 1), "text: fine");
    let requests = server.get("/requests")["items"].as_array().unwrap().clone();
    assert!(requests[0].to_string().contains("the last file that could be made was given"), "{}", requests[0]);
    // The device itself changed: what was made of it before is not its file any more.
    server.patch("/devices/025a54000001", &json!({ "settings": { "display": { "text": "new" } } }));
    let answer = ask(&server, 1);
    assert_eq!((answer.status, answer.text().contains("text:")), (500, false));
    server.patch("/site", &json!({ "settings": { "time": { "zone": "Europe/Paris" } } }));
    assert_eq!(first(&server, 1), "text: new");
}

/// What a hostile template does when a phone's text says its name.
const HOSTILE: [(&str, &str); 6] = [
    ("loop", "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"),
    ("double", "{% set ns = namespace(s=\"x\" * 100000) %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}"),
    ("recurse", "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 2) }}{% endmacro %}{{ m(0) }}"),
    ("print", "{% for i in range(99999) %}{{ \"x\" * 9999 }}{% endfor %}"),
    (
        "width",
        "{{ \"%999999999d\"|format(1) }}{{ \"x\"|center(999999999) }}{{ \"x\"|indent(999999999) }}{{ [1] * 999999999 }}{{ ns.s.s }}{{ x.y() }}",
    ),
    (
        "list",
        "{% set ns = namespace(l=[range(99999)|list]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l|string|length }}{{ x.y() }}",
    ),
];

#[test]
fn a_hostile_template_harms_nobody_else() {
    let server = server();
    for tenant in ["evil", "good"] {
        server.post("/tenants", &json!({ "name": tenant }));
    }
    let cases: String =
        HOSTILE.iter().map(|(name, what)| format!("{{% if settings.display.text == \"{name}\" %}}{what}{{% endif %}}")).collect();
    put(&server, "tenant:evil", "base.tpl", &format!("who: evil{cases}\n"));
    put(&server, "tenant:good", "base.tpl", "who: good {{ device.MAC }}\n");
    for (n, (name, _)) in HOSTILE.iter().enumerate() {
        device(&server, n + 1, "evil", "Z100", name);
    }
    device(&server, 100, "evil", "Z100", "tame");
    device(&server, 200, "good", "Z100", "x");
    device(&server, 300, "default", "Z100", "x");
    assert_eq!(first(&server, 100), "who: evil");

    let done = std::sync::atomic::AtomicBool::new(false);
    let (mut worst, mut fetched) = (Duration::ZERO, 0);
    std::thread::scope(|scope| {
        let evil: Vec<_> = (1..=HOSTILE.len())
            .map(|n| {
                scope.spawn({
                    let server = &server;
                    move || (n, ask(server, n))
                })
            })
            .collect();
        let others = scope.spawn(|| {
            let (mut worst, mut fetched) = (Duration::ZERO, 0);
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                // A change each time, so that the files are made and not remembered.
                for (n, line) in [(200, "who: good 025A540000C8"), (300, "model: Z100")] {
                    server.patch(
                        &format!("/devices/025a5400{n:04x}"),
                        &json!({ "settings": { "display": { "text": fetched.to_string() } } }),
                    );
                    let begin = Instant::now();
                    assert_eq!(first(&server, n), line);
                    worst = worst.max(begin.elapsed());
                    fetched += 1;
                }
            }
            (worst, fetched)
        });
        for thread in evil {
            let (n, answer) = thread.join().unwrap();
            let name = HOSTILE[n - 1].0;
            println!("{name}: {}", answer.status);
            assert!(matches!(answer.status, 500 | 503), "{name}: {} {}", answer.status, answer.text().len());
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        (worst, fetched) = others.join().unwrap();
    });
    println!("{fetched} files of other tenants meanwhile, the slowest in {} ms", worst.as_millis());
    assert!(fetched > 2 && worst < Duration::from_secs(4), "{fetched} {worst:?}");
    let seen = server.get("/requests?limit=1000").to_string();
    println!(
        "{:?}",
        seen.match_indices("the template failed: ")
            .map(|(at, _)| seen[at..].chars().take(110).collect::<String>())
            .collect::<std::collections::BTreeSet<_>>()
    );
    // The tenant's other phones go on too.
    device(&server, 101, "evil", "Z100", "tame");
    assert_eq!(first(&server, 101), "who: evil");
}

/// The processes in which tenants' templates are rendered, of one server.
fn workers(server: &Server) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|p| Some(p.ok()?.path()));
    let read = |path: PathBuf| fs::read(path).map(|b| String::from_utf8_lossy(&b).replace('\0', " ")).unwrap_or_default();
    let parent = |p: &PathBuf| read(p.join("stat")).rsplit(") ").next().and_then(|s| s.split(' ').nth(1).map(str::to_owned));
    let data = format!("OFFHOOK_DATA_DIR={}", server.data().display());
    let ours = |p: &PathBuf| {
        let of = parent(p).map(|id| read(PathBuf::from(format!("/proc/{id}/environ")))).unwrap_or_default();
        read(p.join("cmdline")).contains("render-worker") && of.contains(&data)
    };
    processes.filter(ours).collect()
}

#[test]
fn the_process_of_a_tenant_is_shut_in() {
    let mut server = server();
    server.post("/tenants", &json!({ "name": "acme" }));
    device(&server, 1, "acme", "Z100", "x");
    device(&server, 2, "default", "Z100", "x");
    put(&server, "site", "base.tpl", "who: site\n");
    assert_eq!(first(&server, 2), "who: site");
    assert!(workers(&server).is_empty(), "the site's templates need none");
    put(&server, "tenant:acme", "base.tpl", "who: acme {{ settings.display.text }}\n");
    assert_eq!(first(&server, 1), "who: acme x");
    let found = workers(&server);
    assert_eq!(found.len(), 1);
    let process = &found[0];
    let read = |name: &str| fs::read_to_string(process.join(name)).unwrap_or_default();
    assert_eq!(read("environ"), "");
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), PathBuf::from("/"));
    assert_eq!(fs::read_dir(process.join("fd")).unwrap().count(), 3);
    let status = read("status");
    for line in ["NoNewPrivs:\t1", "Threads:\t1"] {
        assert!(status.contains(line), "{status}");
    }
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        assert!(status.contains("Seccomp:\t2"), "{status}");
    }
    // A warm process renders quickly; each change of the device is a new file.
    let mut took = Vec::new();
    for n in 0..20 {
        server.patch("/devices/025a54000001", &json!({ "settings": { "display": { "text": format!("t{n}") } } }));
        let url = server.phone_url("/zt-025a54000001.conf");
        let begin = Instant::now();
        let text = runtime().block_on(async { reqwest::get(&url).await.unwrap().text().await.unwrap() });
        took.push(begin.elapsed());
        assert_eq!(text, format!("who: acme t{n}\n"));
    }
    took.sort();
    println!(
        "a file of a tenant's template: {:.1} ms, the slowest of 20 in {:.1} ms",
        took[10].as_secs_f64() * 1e3,
        took[19].as_secs_f64() * 1e3
    );
    // It ends with the server, however that ends.
    server.kill();
    assert!(offhook_tests::server::until(|| (!process.exists()).then_some(())).is_some(), "it outlives its server");
}

#[test]
fn a_check_over_very_many_phones_ends_and_says_what_it_left_out() {
    const PHONES: usize = 2060;
    let server = &server();
    server.post("/tenants", &json!({ "name": "north" }));
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || (part..PHONES).step_by(4).for_each(|n| device(server, n, "north", "Z100", "the same")));
        }
    });
    let source = "{% include '@pack/base.tpl' %}mine: {{ device.mac }}\n";
    let change = json!({ "scope": "tenant:north", "pack": "zentoro", "name": "base.tpl", "source": source });
    let began = Instant::now();
    let checked = server.post("/templates:check", &json!({ "changes": [change] }));
    let took = began.elapsed();
    // Twenty seconds for phones, as long for models, and the slowness of a machine that does other things.
    assert!(took < Duration::from_secs(60), "{took:?}");
    let number = |name: &str| checked[name].as_u64().unwrap() as usize;
    assert_eq!((&checked["ok"], number("touched")), (&json!(true), PHONES), "{checked}");
    // On a machine that is too slow for 2,000 the check ends early and says so.
    let early = checked["notes"].to_string().contains("no more devices were rendered after 20 s");
    assert!(if early { (1..2000).contains(&number("rendered")) } else { number("rendered") == 2000 }, "{took:?} {checked}");
    assert_eq!(number("rendered") + number("not_rendered"), PHONES, "{checked}");
    assert_eq!((number("changed"), &checked["models"]), (number("rendered"), &json!(3)), "{checked}");
    assert_eq!(checked["changes"][0]["count"], checked["rendered"], "one change, whoever gets it: {checked}");
}
