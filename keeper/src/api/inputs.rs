//! Owns the taking of inputs: by hash, within the cap, and only while a purchase waits.

use alloy::primitives::{B256, keccak256};
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::{Value, json};

use super::Shared;
use super::error::ApiError;
use crate::store::PutInput;

/// A refused body is still read this far, so that its sender gets to see the refusal.
const PATIENCE: usize = 64 << 20;

/// Takes an input; the same one twice is fine.
pub(super) async fn put(
    State(shared): State<Shared>,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let hash: B256 = match hash.starts_with("0x").then(|| hash.parse()) {
        Some(Ok(hash)) => hash,
        _ => return Err(ApiError::bad_request(format!("{hash:?} is not 0x and 64 hex digits"))),
    };
    let mut body = body.into_data_stream();
    let place = shared.uploads.try_acquire();
    let refused = match &place {
        Err(_) => Some(ApiError::busy("too many inputs are being received: try again")),
        Ok(_) => refusal(&shared, hash, &headers).await?,
    };
    if let Some(refused) = refused {
        discard(&mut body).await;
        return Err(refused);
    }
    let bytes = receive(&mut body, shared.api.max_input_bytes).await?;
    let found = keccak256(&bytes);
    if found != hash {
        let message =
            format!("the {} bytes received have the hash {found}, not {hash}", bytes.len());
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "hashMismatch", message));
    }
    match shared.api.store.put_input(bytes).await? {
        PutInput::Stored => Ok((StatusCode::CREATED, Json(json!({ "hash": hash, "new": true })))),
        PutInput::AlreadyStored => {
            Ok((StatusCode::OK, Json(json!({ "hash": hash, "new": false }))))
        }
        PutInput::NotWanted => Err(not_wanted(hash)),
    }
}

/// Why this input is not taken, as far as can be told before it is received.
async fn refusal(
    shared: &Shared,
    hash: B256,
    headers: &HeaderMap,
) -> Result<Option<ApiError>, ApiError> {
    let announced: Option<u64> =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let cap = shared.api.max_input_bytes;
    if announced.is_some_and(|bytes| bytes > cap) {
        return Ok(Some(too_large(cap)));
    }
    let store = &shared.api.store;
    let wanted = store.wanted_input(hash).await?.is_some() || store.has_blob(hash).await?;
    Ok((!wanted).then(|| not_wanted(hash)))
}

fn not_wanted(hash: B256) -> ApiError {
    let message = format!(
        "no purchase waits for the input {hash} yet: buy with this hash first, then try again \
         until the keeper has seen the purchase"
    );
    ApiError::new(StatusCode::NOT_FOUND, "notWanted", message)
}

fn too_large(cap: u64) -> ApiError {
    let message = format!("this keeper takes inputs of at most {cap} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "tooLarge", message)
}

async fn receive(body: &mut BodyDataStream, cap: u64) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            ApiError::bad_request(format!("the input did not arrive whole: {error}"))
        })?;
        if (bytes.len() + piece.len()) as u64 > cap {
            drop(bytes);
            discard(body).await;
            return Err(too_large(cap));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

async fn discard(body: &mut BodyDataStream) {
    let mut read = 0;
    while let Some(Ok(piece)) = body.next().await {
        read += piece.len();
        if read > PATIENCE {
            return;
        }
    }
}
