//! Firmware: uploads as a stream, names, limits.

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use futures_util::stream;
use serde_json::json;

use super::harness::{Answer, Server};

async fn upload(server: &Server, query: &str, body: Body) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/api/v1/firmware?{query}"))
        .header("authorization", format!("Bearer {}", server.admin));
    server.send(request.header("content-type", "application/octet-stream").body(body).unwrap()).await
}

#[tokio::test]
async fn stored_listed_deleted() {
    let server = Server::start().await;
    let pieces = stream::iter((0..10).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; 1000]))));
    let stored = upload(&server, "name=P0S3-8-12-00.sb2", Body::from_stream(pieces)).await.expect(201);
    assert_eq!((&stored["size"], &stored["pack"]), (&json!(10_000), &json!("cisco-7940-7960-sip")));
    assert_eq!(stored["sha256"].as_str().unwrap().len(), 64);
    upload(&server, "name=p0s3-8-12-00.SB2", Body::from("x")).await.problem(409);
    assert_eq!(server.get("/firmware/p0s3-8-12-00.sb2").await.expect(200), stored);
    assert_eq!(server.get("/firmware?pack=cisco-7940-7960-sip&q=P0S").await.expect(200)["items"], json!([stored]));
    assert_eq!(server.get("/firmware?pack=yealink").await.expect(200)["items"], json!([]));
    server.delete(&format!("/firmware/{}", stored["id"].as_str().unwrap())).await.expect(204);
    server.get("/firmware/P0S3-8-12-00.sb2").await.problem(404);
    server.delete("/firmware/P0S3-8-12-00.sb2").await.problem(404);
}

#[tokio::test]
async fn names_are_file_names_that_a_pack_knows() {
    let server = Server::start().await;
    for name in ["", "..%2Fx", "a%2Fb", "a%5Cb", "..", ".", "a%0Ab", "no-pack-knows-this.txt"] {
        assert_eq!(upload(&server, &format!("name={name}"), Body::from("x")).await.faults(422), ["name"], "{name}");
    }
    assert_eq!(upload(&server, "name=x.bin&pack=nokia", Body::from("x")).await.faults(422), ["pack"]);
    upload(&server, "name=x.bin&pack=yealink", Body::from("x")).await.expect(201);
    upload(&server, "name=y.bin&pack=yealink", Body::empty()).await.problem(422);
}

#[tokio::test]
async fn too_much_is_refused_and_leaves_nothing() {
    let server = Server::with(&[("OFFHOOK_LIMITS__FIRMWARE_SIZE", "2MiB")]).await;
    let pieces = stream::iter((0..3).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; 1024 * 1024]))));
    upload(&server, "name=x.bin&pack=yealink", Body::from_stream(pieces)).await.problem(413);
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("gone"))]);
    upload(&server, "name=x.bin&pack=yealink", Body::from_stream(broken)).await.problem(422);
    assert_eq!(server.get("/firmware").await.expect(200)["items"], json!([]));
}
