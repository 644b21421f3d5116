//! Client of the keeper's HTTP and WebSocket API.

use std::time::Duration;

use alloy::primitives::B256;
use anyhow::Context as _;
use futures::{Stream, StreamExt as _};
use keeper::rpc::without_urls;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::failure::Failure;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The keeper's API at one base URL.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    client: Client,
}

/// The keeper's answer to an offered input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upload {
    /// Stored; the run can begin.
    Taken,
    /// Refused for now, with the reason: the keeper may not have seen the purchase yet.
    NotYet(String),
    /// Refused because of what it is, with the reason.
    Refused(String),
}

/// The keeper's answer to the question for a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// Its bytes.
    Result(Vec<u8>),
    /// Not before the settlement is as good as its operator wants it to be.
    NotSettled,
    /// It has none.
    Nothing,
}

/// What the keeper says about itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Largest input the keeper accepts by PUT, bytes.
    pub max_input_bytes: u64,
    /// Everything else it says.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, Value>,
}

/// One message of a job's event stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Position in the stream; a new connection may continue from it.
    pub cursor: u64,
    /// Unix time in milliseconds.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: EventKind,
}

/// What an event tells.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum EventKind {
    /// The job entered a state.
    State {
        /// Name of the state.
        state: String,
    },
    /// The agent wrote a line to its log.
    Log {
        /// The line.
        line: String,
    },
    /// A kind this client does not know.
    #[serde(other)]
    Other,
}

impl Api {
    /// A client for the API at `base`, for example `http://127.0.0.1:8600`.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        let base = base.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") {
            anyhow::bail!("the API URL {base} must begin with http://");
        }
        Ok(Self { base, client })
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    async fn get(&self, path: &str) -> Result<Response, Failure> {
        self.client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .map_err(|e| self.unreachable(&e))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        Failure::Service(format!(
            "the keeper's API at {} does not answer ({}); start the keeper, or give --api-url",
            self.base,
            without_urls(&error.to_string())
        ))
    }

    async fn body(&self, path: &str, response: Response) -> anyhow::Result<Vec<u8>> {
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        Err(refused(&format!("GET {path}"), status, &body).into())
    }

    /// True when the keeper says it is healthy.
    pub async fn is_healthy(&self) -> bool {
        self.get("/healthz").await.is_ok_and(|response| response.status().is_success())
    }

    /// What the keeper says about its health, for people.
    pub async fn health(&self) -> String {
        match self.get("/healthz").await {
            Ok(response) => response.text().await.unwrap_or_else(|error| error.to_string()),
            Err(error) => error.to_string(),
        }
    }

    /// What the keeper says about itself.
    pub async fn info(&self) -> anyhow::Result<Info> {
        self.json("/v1/info").await
    }

    async fn json<T: for<'a> Deserialize<'a>>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.get(path).await?;
        let body = self.body(path, response).await?;
        serde_json::from_slice(&body)
            .with_context(|| format!("{}{path} did not answer with the expected JSON", self.base))
    }

    /// The body of a path, or `None` when the keeper does not have it (yet).
    async fn optional(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let response = self.get(path).await?;
        self.optional_body(path, response).await
    }

    async fn optional_body(
        &self,
        path: &str,
        response: Response,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.body(path, response).await.map(Some)
    }

    /// Jobs with numbers above `after`, ascending, at most `limit`.
    pub async fn jobs(&self, after: u64, limit: u64) -> anyhow::Result<Vec<Value>> {
        let page: Value = self.json(&format!("/v1/jobs?after={after}&limit={limit}")).await?;
        Ok(page["jobs"].as_array().cloned().unwrap_or_default())
    }

    /// A job, or `None` when the keeper does not know the purchase.
    pub async fn job(&self, purchase: u64) -> anyhow::Result<Option<Value>> {
        let body = self.optional(&format!("/v1/jobs/{purchase}")).await?;
        body.map(|bytes| serde_json::from_slice(&bytes).context("the keeper's job is not JSON"))
            .transpose()
    }

    /// The result bytes of a job, once the keeper hands them out.
    pub async fn result(&self, purchase: u64) -> anyhow::Result<Handed> {
        let path = format!("/v1/jobs/{purchase}/result");
        let response = self.get(&path).await?;
        let status = response.status();
        if status != StatusCode::CONFLICT {
            let body = self.optional_body(&path, response).await?;
            return Ok(body.map_or(Handed::Nothing, Handed::Result));
        }
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        match serde_json::from_slice::<Value>(&body) {
            Ok(answer) if answer["error"]["code"] == "notSettled" => Ok(Handed::NotSettled),
            _ => Err(refused(&format!("GET {path}"), status, &body).into()),
        }
    }

    /// The signed receipt of a job, once there is one.
    pub async fn receipt(&self, purchase: u64) -> anyhow::Result<Option<Vec<u8>>> {
        self.optional(&format!("/v1/jobs/{purchase}/receipt")).await
    }

    /// Offers an input to the keeper, which takes it when a purchase wants this hash.
    pub async fn put_input(&self, hash: B256, bytes: Vec<u8>) -> anyhow::Result<Upload> {
        let path = format!("/v1/inputs/{hash}");
        let response = self
            .client
            .put(format!("{}{path}", self.base))
            .body(bytes)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Upload::Taken);
        }
        let body = response.bytes().await.unwrap_or_default();
        let refusal = refused(&format!("PUT {path}"), status, &body);
        match status {
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::BAD_REQUEST => {
                Ok(Upload::Refused(refusal.to_string()))
            }
            _ => Ok(Upload::NotYet(refusal.to_string())),
        }
    }

    /// The events of a job after `cursor`. Ends when the keeper closes the stream.
    pub async fn events(
        &self,
        purchase: u64,
        cursor: u64,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<Event>> + Unpin + use<>> {
        let base = self.base.replacen("http", "ws", 1);
        let url = format!("{base}/v1/jobs/{purchase}/events?cursor={cursor}");
        let (socket, _) = tokio_tungstenite::connect_async(&url)
            .await
            .map_err(|error| Failure::Service(format!("{url} refused the connection: {error}")))?;
        Ok(Box::pin(socket.filter_map(|message| async {
            match message {
                Ok(Message::Text(text)) => {
                    Some(serde_json::from_str(&text).with_context(|| format!("event {text:?}")))
                }
                Ok(_) => None,
                Err(error) => Some(Err(error.into())),
            }
        })))
    }
}

fn refused(what: &str, status: StatusCode, body: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(body);
    let message = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| {
            let error = value.get("error").unwrap_or(&value);
            error.get("message").or(Some(error))?.as_str().map(str::to_owned)
        })
        .unwrap_or_else(|| text.trim().to_owned());
    Failure::Service(format!("the keeper answered {what} with {status}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read() {
        let state: Event =
            serde_json::from_str(r#"{"cursor":1,"at":5,"kind":"state","state":"running"}"#)
                .unwrap();
        assert_eq!(state.what, EventKind::State { state: "running".into() });
        let log: Event =
            serde_json::from_str(r#"{"cursor":2,"at":6,"kind":"log","line":"x"}"#).unwrap();
        assert_eq!(log.what, EventKind::Log { line: "x".into() });
        let other: Event = serde_json::from_str(r#"{"cursor":3,"at":7,"kind":"new"}"#).unwrap();
        assert_eq!(other.what, EventKind::Other);
    }

    #[test]
    fn refusals_show_the_keepers_message() {
        let body = br#"{"error":{"code":"tooLarge","message":"at most 5 bytes"}}"#;
        let text = refused("PUT /x", StatusCode::PAYLOAD_TOO_LARGE, body).to_string();
        assert!(text.contains("413") && text.ends_with("at most 5 bytes"), "{text}");
        assert!(
            refused("GET /", StatusCode::BAD_GATEWAY, b"plain\n").to_string().ends_with("plain")
        );
    }
}
