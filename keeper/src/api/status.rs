//! Owns how the keeper is: health, metrics, identity.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{ApiState, Shared};
use crate::Info;
use crate::health::{Component, Health};
use crate::store::{Store, StoreError};
use crate::waits::WaitBoard;

/// A store that takes longer to answer counts as broken.
const STORE_WITHIN: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct HealthView {
    ok: bool,
    #[serde(flatten)]
    health: Health,
    /// Whether settlements can be paid for.
    settling: Component,
    /// Jobs that wait, counted by what they wait for.
    waiting: BTreeMap<&'static str, u64>,
}

/// 200 if everything works, 503 with what is broken if not.
pub(super) async fn healthz(State(shared): State<Shared>) -> Response {
    let mut health = shared.api.health.borrow().clone();
    if health.store.ok {
        health.store = ask(&shared.api.store).await;
    }
    let settling = settling(&shared.api.waits);
    let ok = health.ok() && settling.ok;
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let waiting = shared.api.waits.counts();
    (status, Json(HealthView { ok, health, settling, waiting })).into_response()
}

fn settling(waits: &WaitBoard) -> Component {
    let problem = waits.oldest_that_blocks_settling();
    let problem = problem.map(|wait| format!("{}; what helps: {}", wait.reason, wait.help));
    Component { ok: problem.is_none(), problem }
}

async fn ask(store: &Store) -> Component {
    let problem = match tokio::time::timeout(STORE_WITHIN, store.jobs(0, 1)).await {
        // A lock of another program is waited out; only one that lasts is trouble.
        Ok(Ok(_) | Err(StoreError::Locked)) => store.trouble().map(|error| error.to_string()),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} s", STORE_WITHIN.as_secs())),
    };
    Component { ok: problem.is_none(), problem }
}

/// In Prometheus' text format.
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    shared.api.metrics.run_upkeep();
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, shared.api.metrics.render()).into_response()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InfoView {
    #[serde(flatten)]
    info: Info,
    max_input_bytes: u64,
}

/// Which deployment this keeper serves, as whom, and what it takes.
pub(super) async fn info(State(shared): State<Shared>) -> Json<InfoView> {
    let ApiState { info, max_input_bytes, .. } = &*shared.api;
    Json(InfoView { info: info.clone(), max_input_bytes: *max_input_bytes })
}
