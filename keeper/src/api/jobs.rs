//! Owns how jobs look from outside.

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256};
use axum::Json;
use axum::extract::{Path, Query, State};
use domain::ids::{AgentId, ImageDigest};
use domain::job::{self, RunRecord, Settlement};
use domain::receipt::Outcome;
use domain::serde_text::wei;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::error::ApiError;
use crate::store::{JobRow, Store};
use crate::waits::{WaitBoard, Waiting};

const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

/// A job in the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobView {
    id: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    created_at: u64,
    updated_at: u64,
    agent_id: AgentId,
    agent_version: u32,
    buyer: Address,
    #[serde(with = "wei")]
    escrow: U96,
    deadline: u64,
    input_hash: B256,
    /// What was bought by whom: with the number it names the order.
    order_hash: B256,
    block: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest: Option<ImageDigest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_hash: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement: Option<SettlementView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunView {
    attempt: u32,
    outcome: Outcome,
    exit_code: i64,
    detail: String,
    result_hash: B256,
    log_hash: B256,
    started_at: u64,
    finished_at: u64,
    cpu_micros: u64,
    peak_memory_bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettlementView {
    ok: bool,
    keeper: Address,
    ours: bool,
    tx_hash: B256,
    block: u64,
    #[serde(with = "wei")]
    charge: U96,
    #[serde(with = "wei")]
    keeper_fee: U96,
    #[serde(with = "wei")]
    protocol_fee: U96,
}

impl From<&RunRecord> for RunView {
    fn from(run: &RunRecord) -> Self {
        Self {
            attempt: run.attempt,
            outcome: run.outcome,
            exit_code: run.exit_code,
            detail: run.detail.clone(),
            result_hash: run.result_hash,
            log_hash: run.log_hash,
            started_at: run.started_at,
            finished_at: run.finished_at,
            cpu_micros: run.cpu_micros,
            peak_memory_bytes: run.peak_memory_bytes,
        }
    }
}

impl From<&Settlement> for SettlementView {
    fn from(settlement: &Settlement) -> Self {
        Self {
            ok: settlement.ok,
            keeper: settlement.keeper,
            ours: settlement.ours,
            tx_hash: settlement.tx_hash,
            block: settlement.block.number,
            charge: settlement.charge,
            keeper_fee: settlement.keeper_fee,
            protocol_fee: settlement.protocol_fee,
        }
    }
}

impl JobView {
    /// A job as stored, with what it waits for at the moment.
    fn new(row: &JobRow, waits: &WaitBoard) -> Self {
        let (state, purchase) = (&row.state, row.state.purchase());
        Self {
            id: row.id,
            state: state.kind().name(),
            reason: reason(state),
            waiting: waits.of(row),
            created_at: row.created_at,
            updated_at: row.updated_at,
            agent_id: purchase.agent_id,
            agent_version: purchase.version,
            buyer: purchase.buyer,
            escrow: purchase.escrow,
            deadline: purchase.deadline,
            input_hash: purchase.input_hash,
            order_hash: purchase.order_hash(),
            block: purchase.block.number,
            image_digest: state.terms().map(|terms| terms.image_digest),
            run: state.run().map(RunView::from),
            receipt_hash: state.prepared().map(|prepared| prepared.intent.receipt_hash),
            settlement: state.settlement().map(SettlementView::from),
        }
    }
}

/// Says why a job is stuck or why its run failed.
fn reason(state: &job::State) -> Option<String> {
    let failed = state.run().filter(|run| !run.outcome.is_ok());
    state.stuck_reason().or(failed.map(|run| run.detail.as_str())).map(str::to_owned)
}

/// Which part of the list is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    after: Option<u64>,
    limit: Option<u32>,
}

/// A part of the list; `next` is the `after` of the following part, if there is one.
#[derive(Serialize)]
pub(super) struct JobPage {
    jobs: Vec<JobView>,
    next: Option<u64>,
}

/// Jobs by ascending number.
pub(super) async fn list(
    State(shared): State<Shared>,
    range: Result<Query<Range>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<JobPage>, ApiError> {
    let Query(range) = range.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let limit = range.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let after = range.after.unwrap_or(0).min(LARGEST_ID);
    let rows = shared.api.store.jobs(after, limit).await?;
    let full = rows.len() == limit as usize;
    let next = rows.last().filter(|_| full).map(|row| row.id);
    Ok(Json(JobPage {
        jobs: rows.iter().map(|row| JobView::new(row, &shared.api.waits)).collect(),
        next,
    }))
}

/// One job.
pub(super) async fn show(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, ApiError> {
    let row = find(&shared.api.store, &id).await?;
    Ok(Json(JobView::new(&row, &shared.api.waits)))
}

/// The store's numbers are signed.
pub(super) const LARGEST_ID: u64 = i64::MAX as u64;

/// The job of that number.
pub(super) async fn find(store: &Store, id: &str) -> Result<JobRow, ApiError> {
    let number: u64 = id
        .parse()
        .map_err(|_| ApiError::bad_request(format!("{id:?} is not the number of a job")))?;
    let row = if number <= LARGEST_ID { store.job(number).await? } else { None };
    row.ok_or_else(|| {
        ApiError::not_found(format!(
            "there is no job {number}: no such purchase, or the keeper has not seen it yet"
        ))
    })
}
