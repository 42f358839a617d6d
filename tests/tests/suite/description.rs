//! The API against its own description: schemathesis makes requests of every operation from the OpenAPI document, right and wrong ones,
//! and looks at each answer: no fault of the server's, no status, header, type or shape that is not described, nothing taken that the
//! description forbids. What is right by the description may still be refused (a tenant that does not exist), so that is not looked at.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use offhook_tests::server::{Server, binary};
use reqwest::Method;
use serde_json::json;

/// How long it may go on making requests, in seconds; what follows from the examples and limits of the document is asked whatever it takes.
const SECONDS: &str = "OFFHOOK_TEST_SCHEMATHESIS_SECONDS";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,negative_data_rejection,unsupported_method,ignored_auth";

/// Where `make tools` puts it.
fn program() -> PathBuf {
    let profile = binary().parent().unwrap();
    let tools = profile.parent().unwrap_or(Path::new("target")).join("tools/python/bin/schemathesis");
    assert!(tools.exists(), "{} is missing: `make tools` installs it", tools.display());
    tools
}

/// One of every resource, so that paths lead somewhere.
fn seed(server: &Server) {
    server.post("/accounts", &json!({"name": "1001", "username": "1001", "password": "s3cret-of-1001", "number": "1001"}));
    server.post("/profiles", &json!({"name": "reception", "settings": {"display": {"text": "Hello"}}}));
    server.post("/tenants", &json!({"name": "branch"}));
    let device =
        json!({"mac": "001565aabbcc", "model": "T46S", "settings": {"lines": {"1": {"account": "1001"}}}, "profiles": ["reception"]});
    server.post("/devices", &device);
    assert!(Command::new("curl").args(["-s", "-o", "/dev/null", &server.phone_url("/001565aabbcc.cfg")]).status().unwrap().success());
    assert!(
        server.send(Method::POST, "/firmware?name=x.rom&pack=yealink", Some(("application/octet-stream", b"abc".to_vec()))).status < 500
    );
}

#[test]
fn the_api_is_as_it_describes_itself() {
    let server = Server::start();
    seed(&server);
    let seconds = std::env::var(SECONDS).unwrap_or_else(|_| "60".into());
    let folder = tempfile::tempdir().unwrap();
    let mut run = Command::new(program());
    run.env("SCHEMATHESIS_HOOKS", offhook_tests::root().join("tests/schemathesis_hooks.py"));
    run.current_dir(folder.path()).args(["run", &server.admin_url("/api/v1/openapi.json")]);
    run.args(["-H", &format!("Authorization: Bearer {}", server.token()), "--checks", CHECKS]);
    run.args(["--phases", "examples,coverage,fuzzing", "--max-time", &seconds, "--max-examples", "25", "--seed", "7"]);
    run.args(["--generation-database", "none", "--continue-on-failure", "--no-color", "--warnings", "off", "--request-timeout", "30"]);
    // The filter of the hooks leaves little of some operations' wrong bodies.
    run.args(["--suppress-health-check", "filter_too_much"]);
    // A stream has no end.
    run.args(["--exclude-path", "/api/v1/requests/stream"]);
    let output = run.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.get("/tenants/default")["name"], "default");
}
