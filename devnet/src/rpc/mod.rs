//! JSON-RPC over HTTP and WebSocket on one port; a file for each namespace.

mod anvil;
mod args;
mod bundler;
mod deal;
mod debug;
mod error;
mod eth;
mod evm;
mod guard;
mod net;
mod registry;
mod saved;
mod shapes;

use crate::chain::{CallError, Chain, View};
use crate::config::Config;
use crate::error::Error;
use crate::handle::Handle;
use crate::interval::Interval;
use alloy::eips::BlockId;
pub use bundler::Bundler;
use error::{RpcError, RpcResult};
use guard::GuardLayer;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::server::{BatchRequestConfig, IdProvider, Server, ServerConfig, ServerHandle};
use jsonrpsee::types::SubscriptionId;
use registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// Calls, estimates and traces that run at the same time.
const PARALLEL_CALLS: usize = 8;

/// What the methods work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    handle: Handle,
    config: Arc<Config>,
    interval: Arc<Interval>,
    calls: Arc<Semaphore>,
    bundler: Arc<Bundler>,
}

impl Node {
    /// The parts of a running chain.
    pub fn new(
        handle: Handle,
        config: Arc<Config>,
        interval: Arc<Interval>,
        bundler: Bundler,
    ) -> Self {
        let calls = Arc::new(Semaphore::new(PARALLEL_CALLS));
        Self { handle, config, interval, calls, bundler: Arc::new(bundler) }
    }

    /// Runs something on the chain's thread.
    async fn chain<T: Send + 'static, E: Into<RpcError> + Send + 'static>(
        &self,
        work: impl FnOnce(&mut Chain) -> Result<T, E> + Send + 'static,
    ) -> RpcResult<T> {
        self.handle.run(work).await?.map_err(Into::into)
    }

    /// Runs something that cannot fail on the chain's thread.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Chain) -> T + Send + 'static,
    ) -> RpcResult<T> {
        Ok(self.handle.run(work).await?)
    }

    /// Runs a call beside the chain's thread, on a view of a block.
    async fn on_view<T: Send + 'static>(
        &self,
        block: BlockId,
        work: impl FnOnce(View) -> Result<T, CallError> + Send + 'static,
    ) -> RpcResult<T> {
        let view = self.chain(move |chain| chain.view(block)).await?;
        self.blocking(move || work(view)).await
    }

    /// Runs long work beside the chain's thread.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CallError> + Send + 'static,
    ) -> RpcResult<T> {
        let permit = self.calls.clone().acquire_owned().await.map_err(|_| Error::Stopped)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        let result = done.await.map_err(|_| RpcError::server("the call made the node panic"))?;
        Ok(result?)
    }
}

/// Subscription ids are hex quantities, as in other clients.
#[derive(Debug, Default)]
struct HexIds(AtomicU64);

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        let id = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        SubscriptionId::Str(format!("{id:#x}").into())
    }
}

/// Starts to serve on a bound socket.
pub fn serve(node: Node, listener: std::net::TcpListener) -> Result<ServerHandle, Error> {
    let address = listener.local_addr();
    let limits = &node.config.limits;
    let config = ServerConfig::builder()
        .max_request_body_size(limits.body_bytes)
        .max_response_body_size(limits.body_bytes.saturating_mul(10))
        .max_connections(limits.connections)
        .max_subscriptions_per_connection(limits.subscriptions)
        .set_batch_request_config(BatchRequestConfig::Unlimited)
        .set_tcp_no_delay(true)
        .set_id_provider(HexIds::default())
        .build();
    let cors = tower::ServiceBuilder::new().layer(cors(node.config.allow_origins.as_deref())?);
    let batch = limits.batch;
    let methods = methods(node)?;
    let guard = RpcServiceBuilder::new().layer(GuardLayer::new(methods.method_names(), batch));
    let server = Server::builder()
        .set_config(config)
        .set_http_middleware(cors)
        .set_rpc_middleware(guard)
        .build_from_tcp(listener)
        .map_err(|source| Error::Listen {
            address: address.unwrap_or_else(|_| ([127, 0, 0, 1], 0).into()),
            source,
        })?;
    Ok(server.start(methods))
}

/// Lets web pages use the node: all of them, or those of some origins.
fn cors(origins: Option<&[String]>) -> Result<CorsLayer, Error> {
    let Some(origins) = origins else { return Ok(CorsLayer::permissive()) };
    if let Some(origin) = origins.iter().find(|origin| !origin.contains("://")) {
        return Err(Error::Config {
            name: "allowed origin",
            value: origin.clone(),
            reason: "it must look like http://localhost:3000",
        });
    }
    let origins = origins.to_vec();
    let allowed = AllowOrigin::predicate(move |asked, _| {
        origins.iter().any(|origin| origin.as_bytes() == asked.as_bytes())
    });
    Ok(CorsLayer::new().allow_origin(allowed).allow_methods(Any).allow_headers(Any))
}

fn methods(node: Node) -> Result<jsonrpsee::Methods, Error> {
    let mut registry = Registry::new(node);
    net::register(&mut registry)?;
    eth::register(&mut registry)?;
    evm::register(&mut registry)?;
    anvil::register(&mut registry)?;
    saved::register(&mut registry)?;
    deal::register(&mut registry)?;
    debug::register(&mut registry)?;
    bundler::register(&mut registry)?;
    Ok(registry.finish())
}
