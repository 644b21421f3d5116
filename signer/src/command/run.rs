//! `nexus-signer run`.

use std::path::PathBuf;
use std::thread;

use anyhow::Context;
use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signer::config::Config;
use signer::journal::Journal;
use signer::keystore::Keystore;
use signer::server::Server;
use signer::service::Service;

use super::PasswordFlags;

/// Flags of `run`.
#[derive(Args)]
pub struct Run {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    password: PasswordFlags,
}

impl Run {
    /// Serves until a signal asks to stop.
    pub fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let password = self.password.read()?;
        let keys = Keystore::new(&config.keystore).open(&password)?;
        drop(password);
        let journal = Journal::open(&config.journal)?;
        tracing::info!(
            owner = %keys.owner.address(),
            bundler = %keys.bundler.address(),
            chain = config.policy.chain_id,
            account = %config.policy.account,
            registry = %config.policy.registry,
            "keys are open"
        );
        let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot watch for signals")?;
        let service = Service::new(keys, config.policy, journal);
        let server = Server::bind(config.socket, service)?;
        let stopper = server.stopper();
        tracing::info!(socket = %server.path().display(), "listening");
        let watcher = thread::Builder::new().name("signals".into()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                tracing::info!(signal, "stopping");
                stopper.stop();
            }
        });
        watcher.context("cannot start the signal thread")?;
        server.serve();
        tracing::info!("stopped");
        Ok(())
    }
}
