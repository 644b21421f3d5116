//! A running chain with its RPC server.

use crate::accounts::{self, DevAccount};
use crate::chain::Chain;
use crate::config::Config;
use crate::error::Error;
use crate::handle::Handle;
use crate::interval::Interval;
use crate::saved::{self, Keeper};
use crate::stylus::engine::Engine;
use crate::vm::{Vm, VmConfig, VmError};
use crate::{bundler, genesis, rpc};
use jsonrpsee::server::ServerHandle;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

/// ArbOS versions that the engine knows.
const ARBOS: std::ops::RangeInclusive<u64> = 30..=60;

/// A development chain that serves JSON-RPC until it is shut down or dropped.
#[derive(Debug)]
pub struct Devnet {
    address: SocketAddr,
    accounts: Vec<DevAccount>,
    handle: Handle,
    server: ServerHandle,
    interval: Arc<Interval>,
    keeper: Option<Keeper>,
    thread: Option<JoinHandle<()>>,
}

impl Devnet {
    /// Builds the genesis block, starts the chain's thread and begins to listen.
    pub async fn spawn(config: Config) -> Result<Self, Error> {
        check(&config)?;
        let wanted = SocketAddr::new(config.host, config.port);
        let listen = |source| Error::Listen { address: wanted, source };
        let listener = tokio::net::TcpListener::bind(wanted).await.map_err(listen)?;
        let listener = listener.into_std().map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let config = Arc::new(config);
        let bundler = bundler::account(&config.mnemonic)?;
        let bundler_address = bundler.address;
        let (chain, accounts) = {
            let config = config.clone();
            tokio::task::spawn_blocking(move || create(config, &bundler))
                .await
                .map_err(|_| Error::Stopped)??
        };
        let (handle, thread) = Handle::start(chain)?;
        let interval = Arc::new(Interval::new(handle.clone()));
        interval.set(config.block_time);
        let keeper = config.dump_state.clone().map(|path| {
            Keeper::start(handle.clone(), config.chain_id, path, config.state_interval)
        });
        let bundler = rpc::Bundler::new(bundler_address);
        let node = rpc::Node::new(handle.clone(), config, interval.clone(), bundler);
        let server = rpc::serve(node, listener)?;
        let thread = Some(thread);
        Ok(Self { address, accounts, handle, server, interval, keeper, thread })
    }

    /// Where JSON-RPC is served over HTTP.
    pub fn rpc_url(&self) -> String {
        format!("http://{}", self.reachable())
    }

    /// Where JSON-RPC is served over WebSocket.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.reachable())
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The funded accounts.
    pub fn accounts(&self) -> &[DevAccount] {
        &self.accounts
    }

    /// The chain behind the server.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Stops serving and ends the chain's thread; returns when both are done. That the state could
    /// not be saved is only logged: see [`Devnet::close`].
    pub async fn shutdown(self) {
        if let Err(error) = self.close().await {
            tracing::error!("{error}");
        }
    }

    /// Stops serving, saves the state if that was asked for, and ends the chain's thread.
    ///
    /// # Errors
    /// When the state cannot be saved; everything is stopped nevertheless.
    pub async fn close(mut self) -> Result<(), Error> {
        // A server that has stopped by itself is stopped, too.
        let _ = self.server.stop();
        self.server.clone().stopped().await;
        self.interval.set(None);
        let saved = match self.keeper.take() {
            Some(keeper) => keeper.finish().await,
            None => Ok(()),
        };
        self.handle.stop().await;
        if let Some(thread) = self.thread.take()
            && tokio::task::spawn_blocking(move || thread.join()).await.is_err()
        {
            tracing::error!("the chain's thread did not end cleanly");
        }
        saved
    }

    fn reachable(&self) -> SocketAddr {
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            ip => ip,
        };
        SocketAddr::new(host, self.address.port())
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let _ = self.server.stop();
        self.interval.set(None);
    }
}

fn check(config: &Config) -> Result<(), Error> {
    if !ARBOS.contains(&config.arbos) {
        return Err(Error::Config {
            name: "arbos",
            value: config.arbos.to_string(),
            reason: "versions 30 to 60 exist",
        });
    }
    if config.chain_id == 0 {
        return Err(Error::Config {
            name: "chain id",
            value: "0".into(),
            reason: "it must not be 0",
        });
    }
    Ok(())
}

fn create(config: Arc<Config>, bundler: &DevAccount) -> Result<(Chain, Vec<DevAccount>), Error> {
    let accounts = accounts::derive(&config.mnemonic, config.accounts)?;
    Engine::shared_with(config.code_cache.as_deref())
        .map_err(|error| VmError::Engine(error.to_string()))?;
    let vm = Vm::new(VmConfig {
        chain_id: config.chain_id,
        arbos: config.arbos,
        auto_activate: config.auto_activate,
        chain_owner: genesis::CHAIN_OWNER,
        cache_managers: vec![genesis::CACHE_MANAGER],
        base_fee: config.base_fee,
        l1_price_per_unit: config.l1_price,
        ..VmConfig::default()
    })?;
    let mut state = genesis::build(&vm, &accounts, config.balance)?;
    state.update(bundler.address, |account| account.balance = config.balance);
    let mut chain = Chain::new(config.clone(), vm, &accounts, state)?;
    chain.sign_for(bundler)?;
    if let Some(path) = &config.load_state {
        chain.resume(saved::read(path, config.chain_id)?);
    }
    Ok((chain, accounts))
}
