//! Owns how the keeper is: health, metrics, identity.

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

/// A store that takes longer to answer counts as broken.
const STORE_WITHIN: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct HealthView {
    ok: bool,
    #[serde(flatten)]
    health: Health,
}

/// 200 if everything works, 503 with what is broken if not.
pub(super) async fn healthz(State(shared): State<Shared>) -> Response {
    let mut health = shared.api.health.borrow().clone();
    if health.store.ok {
        health.store = ask(&shared.api.store).await;
    }
    let ok = health.ok();
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(HealthView { ok, health })).into_response()
}

async fn ask(store: &Store) -> Component {
    let problem = match tokio::time::timeout(STORE_WITHIN, store.jobs(0, 1)).await {
        Ok(Ok(_)) if store.is_locked_long() => Some(StoreError::Locked.to_string()),
        // A lock of another program is waited out; only one that lasts is trouble.
        Ok(Ok(_) | Err(StoreError::Locked)) => None,
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
