//! The JSON-RPC client of keeper and command line: it asks again what failed in passing.
//!
//! Public nodes answer 429, drop connections, or send a web page in place of an answer, each for a
//! moment. Such an answer says nothing about the chain, so the request is sent again, a few times
//! and for about a second; `Retry-After` is obeyed up to [`LONGEST_PAUSE`]. What a node says as an
//! answer is never doubted here: that is for the caller, who knows what it should be.
//!
//! A transaction is sent again only when the node certainly did not take it (429 or 503). Whether
//! it was taken in all other cases is a question for the chain.

mod urls;

use std::task::{Context, Poll};
use std::time::Duration;

use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket, ResponsePayload, RpcError};
use alloy::transports::http::{Http, reqwest};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use tower::Service;

pub use urls::{LOG_LIMITS, origin, with_origins, without_urls};

use crate::backoff::Backoff;

/// Longest pause that a node may ask for by `Retry-After`.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Requests in all, for one question.
const TRIES: u32 = 4;
/// First and longest pause between them, unless the node names one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(800));

/// Methods to which `null` is no answer.
const NEVER_NULL: &[&str] = &[
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getCode",
    "eth_getLogs",
    "eth_getStorageAt",
    "eth_getTransactionCount",
    "eth_maxPriorityFeePerGas",
];

/// Makes a client of the node at `url` that waits at most `timeout` for each answer.
///
/// # Errors
/// When no HTTP client can be made.
pub fn connect(url: reqwest::Url, timeout: Duration) -> Result<RpcClient, reqwest::Error> {
    let http = reqwest::Client::builder().timeout(timeout).build()?;
    let is_local = url.host_str().is_some_and(|host| host == "localhost" || host == "127.0.0.1");
    let http = PatientHttp { url: url.clone(), http: Http::with_client(http, url) };
    Ok(RpcClient::new(http, is_local))
}

/// An HTTP transport that asks again, and whose errors do not show its URL.
#[derive(Clone)]
struct PatientHttp {
    http: Http<reqwest::Client>,
    url: reqwest::Url,
}

impl Service<RequestPacket> for PatientHttp {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(context)
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(ask(self.clone(), request))
    }
}

impl PatientHttp {
    async fn ask_once(
        &mut self,
        request: &RequestPacket,
    ) -> Result<ResponsePacket, TransportError> {
        self.http.call(request.clone()).await.map_err(|error| urls::clean(error, &self.url))
    }
}

async fn ask(
    mut node: PatientHttp,
    request: RequestPacket,
) -> Result<ResponsePacket, TransportError> {
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    for _ in 1..TRIES {
        let answer = node.ask_once(&request).await;
        let Some(hint) = passing_failure(&request, &answer) else { return answer };
        tracing::debug!(methods = ?names(&request), ?answer, "asks the node again");
        tokio::time::sleep(hint.unwrap_or_else(|| backoff.pause())).await;
    }
    let answer = node.ask_once(&request).await?;
    match has_null(&request, &answer) {
        Some(method) => {
            Err(TransportErrorKind::custom_str(&format!("the node answered null to {method}")))
        }
        None => Ok(answer),
    }
}

/// `Some` if asking again may help, with the pause that the node wants, if it names one.
#[allow(clippy::option_option)]
fn passing_failure(
    request: &RequestPacket,
    answer: &Result<ResponsePacket, TransportError>,
) -> Option<Option<Duration>> {
    let sends = names(request).contains(&"eth_sendRawTransaction");
    match answer {
        Err(RpcError::Transport(TransportErrorKind::HttpErrorWithRetryAfter {
            error,
            retry_after,
        })) => {
            (!sends || is_untaken(error.status)).then_some(Some((*retry_after).min(LONGEST_PAUSE)))
        }
        Err(RpcError::Transport(TransportErrorKind::HttpError(error))) => {
            let passing = matches!(error.status, 408 | 429 | 500..);
            (if sends { is_untaken(error.status) } else { passing }).then_some(None)
        }
        Err(RpcError::Transport(TransportErrorKind::Custom(error))) => {
            (!sends && !is_timeout(error.as_ref())).then_some(None)
        }
        // A web page, or half an answer.
        Err(RpcError::DeserError { .. }) => (!sends).then_some(None),
        Err(_) => None,
        Ok(packet) => {
            let refused = packet.as_error().is_some_and(|error| error.is_retry_err());
            (!sends && (refused || has_null(request, packet).is_some())).then_some(None)
        }
    }
}

/// Whether a status says that the request was not even looked at.
const fn is_untaken(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// Whether the node let the whole time pass: then the caller is asked, not the node.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
}

fn names(request: &RequestPacket) -> Vec<&str> {
    request.requests().iter().map(|request| request.method()).collect()
}

/// The method to which the node answered `null` although that is no answer.
fn has_null<'a>(request: &'a RequestPacket, answer: &ResponsePacket) -> Option<&'a str> {
    request.requests().iter().find_map(|request| {
        let is_null = |response: &alloy::rpc::json_rpc::Response| {
            response.id == *request.id()
                && matches!(&response.payload, ResponsePayload::Success(value) if value.get() == "null")
        };
        let wants_value = NEVER_NULL.contains(&request.method()) || asks_for_newest_block(request);
        (wants_value && answer.responses().iter().any(is_null)).then_some(request.method())
    })
}

/// There is always a newest block.
fn asks_for_newest_block(request: &alloy::rpc::json_rpc::SerializedRequest) -> bool {
    request.method() == "eth_getBlockByNumber"
        && request.params().is_some_and(|params| params.get().contains("\"latest\""))
}
