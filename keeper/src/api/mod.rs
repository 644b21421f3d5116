//! Owns the keeper's HTTP and WebSocket API: reading for everybody on this machine, and the
//! inputs that purchases wait for.

mod error;
mod events;
mod guard;
mod inputs;
mod jobs;
mod outputs;
mod server;
mod status;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, put};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::Info;
use crate::config::ResultAfter;
use crate::health::Health;
use crate::store::Store;
use crate::waits::WaitBoard;

/// Inputs that are received at the same time; each may take its full size in memory.
const UPLOADS: usize = 4;
/// Event streams that are open at the same time.
const STREAMS: u32 = 128;
/// What open event streams get at shutdown to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the API tells of.
#[derive(Clone)]
pub struct ApiState {
    /// Jobs, contents and events.
    pub store: Store,
    /// How the keeper's surroundings are.
    pub health: watch::Receiver<Health>,
    /// The jobs that wait, and on what.
    pub waits: WaitBoard,
    /// Where metrics are rendered from.
    pub metrics: PrometheusHandle,
    /// Who this keeper is.
    pub info: Info,
    /// Largest input taken, in bytes.
    pub max_input_bytes: u64,
    /// The state from which on results are handed out.
    pub result_after: ResultAfter,
}

/// What handlers share.
#[derive(Clone)]
struct Shared {
    api: Arc<ApiState>,
    uploads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// Serves until `shutdown`, then lets open requests end for a short while.
///
/// # Errors
/// When the listener has no address, which means that it is no listener.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "the API listens");
    let streams = Arc::new(Semaphore::new(STREAMS as usize));
    let shared = Shared {
        api: Arc::new(state),
        uploads: Arc::new(Semaphore::new(UPLOADS)),
        streams: streams.clone(),
        shutdown: shutdown.clone(),
    };
    server::serve(listener, router(shared), shutdown).await;
    if tokio::time::timeout(GOODBYE, streams.acquire_many(STREAMS)).await.is_err() {
        tracing::debug!("event streams are cut off by the shutdown");
    }
    Ok(())
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/healthz", get(status::healthz))
        .route("/metrics", get(status::metrics))
        .route("/v1/info", get(status::info))
        .route("/v1/inputs/{hash}", put(inputs::put))
        .route("/v1/jobs", get(jobs::list))
        .route("/v1/jobs/{id}", get(jobs::show))
        .route("/v1/jobs/{id}/result", get(outputs::result))
        .route("/v1/jobs/{id}/log", get(outputs::log))
        .route("/v1/jobs/{id}/receipt", get(outputs::receipt))
        .route("/v1/jobs/{id}/events", get(events::stream))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(axum::middleware::from_fn(guard::guard))
        .with_state(shared)
}
