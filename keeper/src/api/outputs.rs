//! Owns what a job leaves: result, log and receipt.
//!
//! Result and log come from an agent, so from anybody: they are handed out byte for byte,
//! but never as anything that a browser would show or run.
//!
//! The result is the work that was bought, so it is withheld until the settlement is mined, and
//! again if the settlement leaves the chain. Log and receipt are not: the log streams while the
//! agent runs, and the receipt holds no more of the result than its hash.

use alloy::primitives::B256;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::job::Kind;
use domain::receipt::SignedReceipt;

use super::Shared;
use super::error::ApiError;
use super::jobs::find;
use crate::config::ResultAfter;
use crate::store::JobRow;

/// The result of a successful run, not before its settlement is mined.
pub(super) async fn result(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let row = find(&shared.api.store, &id).await?;
    let run = row.state.run().ok_or_else(|| pending(&row, "result"))?;
    if !run.outcome.is_ok() {
        let message = format!("job {} has no result, its run failed: {}", row.id, run.detail);
        return Err(ApiError::not_found(message));
    }
    if let Some(settlement) = row.state.settlement().filter(|settlement| !settlement.ok) {
        let (id, keeper) = (row.id, settlement.keeper);
        let message = format!(
            "job {id} has no result: {keeper} settled it as failed, the buyer has the money back"
        );
        return Err(ApiError::not_found(message));
    }
    let state = row.state.kind();
    let (paid, once) = match shared.api.result_after {
        ResultAfter::Settled => (matches!(state, Kind::Settled | Kind::Final), "is mined"),
        ResultAfter::Final => (state == Kind::Final, "is final"),
    };
    if !paid {
        // Whoever had it before could still take the money back at the deadline.
        let id = row.id;
        let message = format!("job {id} is {state}: its result comes once its settlement {once}");
        return Err(ApiError::not_settled(message));
    }
    contents(&shared, &row, run.result_hash, "result").await
}

/// The log of a run that has ended, as far as it was kept.
pub(super) async fn log(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let row = find(&shared.api.store, &id).await?;
    let run = row.state.run().ok_or_else(|| pending(&row, "log"))?;
    contents(&shared, &row, run.log_hash, "log").await
}

/// The signed receipt, as `nexus receipt verify` takes it; its hash is the entity tag.
pub(super) async fn receipt(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let row = find(&shared.api.store, &id).await?;
    let prepared = row.state.prepared().ok_or_else(|| pending(&row, "receipt"))?;
    let signed = SignedReceipt {
        chain_id: shared.api.info.chain_id,
        registry: shared.api.info.registry,
        receipt: prepared.intent.receipt.clone(),
        signature: prepared.intent.receipt_signature.clone(),
    };
    let tag = format!("\"{}\"", prepared.intent.receipt_hash);
    Ok(([(header::ETAG, tag)], Json(signed)).into_response())
}

fn pending(row: &JobRow, what: &str) -> ApiError {
    let state = row.state.kind();
    if row.state.is_terminal() {
        return ApiError::not_found(format!("job {} ended as {state}, without a {what}", row.id));
    }
    ApiError::not_yet(format!("job {} is {state}: there is no {what} yet", row.id))
}

async fn contents(
    shared: &Shared,
    row: &JobRow,
    hash: B256,
    what: &str,
) -> Result<Response, ApiError> {
    let bytes = shared.api.store.blob(hash).await?.ok_or_else(|| {
        ApiError::not_found(format!("the {what} of job {} is not kept here any more", row.id))
    })?;
    let (content_type, extension) = match std::str::from_utf8(&bytes) {
        Ok(_) => ("text/plain; charset=utf-8", "txt"),
        Err(_) => ("application/octet-stream", "bin"),
    };
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{what}-{}.{extension}\"", row.id),
        ),
        (header::ETAG, format!("\"{hash}\"")),
    ];
    Ok((headers, bytes).into_response())
}
