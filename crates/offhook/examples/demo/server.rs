//! The running server as the demo sees it: the addresses it listens on, and its REST API.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// Addresses, token and a client.
pub struct Server {
    client: reqwest::Client,
    api: String,
    token: String,
    /// HTTP of the phone face, on loopback.
    pub http: SocketAddr,
    /// TFTP of the phone face, on loopback.
    pub tftp: SocketAddr,
}

impl Server {
    /// The server of the local data folder.
    pub async fn find() -> Result<Self> {
        let dir = PathBuf::from(std::env::var("OFFHOOK_DATA_DIR").unwrap_or_else(|_| "offhook-data".into()));
        let read =
            |name: &str| std::fs::read_to_string(dir.join(name)).with_context(|| format!("cannot read {}", dir.join(name).display()));
        let listeners: Value = serde_json::from_str(&read("listeners.json")?)?;
        let address = |face: &str| -> Result<SocketAddr> {
            let text = listeners[face][0].as_str().with_context(|| format!("the server has no {face} listener"))?;
            let address: SocketAddr = text.parse()?;
            Ok(if address.ip().is_unspecified() { SocketAddr::new([127, 0, 0, 1].into(), address.port()) } else { address })
        };
        Ok(Self {
            client: reqwest::Client::new(),
            api: format!("http://{}/api/v1", address("admin")?),
            token: read("admin.token")?.trim().to_owned(),
            http: address("http")?,
            tftp: address("tftp")?,
        })
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<(StatusCode, Value)> {
        let mut request = self.client.request(method.clone(), format!("{}/{path}", self.api)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.call(method.clone(), path, body).await?;
        if !status.is_success() {
            bail!("{method} {path}: {status}: {answer}");
        }
        Ok(answer)
    }

    /// Makes something.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.ok(Method::POST, path, Some(body)).await
    }

    /// Changes something.
    pub async fn patch(&self, path: &str, body: Value) -> Result<Value> {
        self.ok(Method::PATCH, path, Some(body)).await
    }

    /// The first page of a list.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let page = self.ok(Method::GET, path, None).await?;
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    }

    /// Deletes what may not be there.
    pub async fn delete_if_there(&self, path: &str) -> Result<()> {
        let (status, answer) = self.call(Method::DELETE, path, None).await?;
        if status.is_success() || status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        bail!("DELETE {path}: {status}: {answer}")
    }

    /// The id of a profile.
    pub async fn profile_id(&self, name: &str) -> Result<String> {
        let profile = self.list("profiles").await?.into_iter().find(|p| p["name"] == name).context("the profile")?;
        Ok(profile["id"].as_str().context("an id")?.to_owned())
    }

    /// Why the newest request from an address was decided as it was.
    pub async fn newest_reason(&self, ip: &str) -> Result<String> {
        let entry = self.list(&format!("requests?ip={ip}&limit=1")).await?.into_iter().next().context("a logged request")?;
        Ok(entry["reason"].as_str().unwrap_or("?").to_owned())
    }
}
