//! The one task that sends: open bundles first, by nonce, then a new one.

use std::time::Duration;

use domain::job::{Effect, Event};
use domain::wire::RefusalCode;
use tokio_util::sync::CancellationToken;

use super::assemble;
use super::follow::{self, LastSent, Progress};
use crate::backoff::Backoff;
use crate::pipeline::{Context, Trouble};
use crate::signer_client::SignerError;
use crate::store::StoredBundle;

/// How often a mined bundle's depth is looked at when nothing else happens.
const IDLE: Duration = Duration::from_secs(5);

/// What one round found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Something moved: look again at once.
    Again,
    /// A bundle is with the node: look again soon.
    Pending,
    /// Nothing to do until something changes.
    Idle,
}

/// Bundles and sends until told to stop. Being one task, it uses the bundler's nonces in order.
pub async fn bundle(context: Context, stop: CancellationToken) {
    let most = context.config.settle.max_batch;
    let mut bundler = Bundler { context, sent: LastSent::default(), most };
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
    loop {
        let round = tokio::select! {
            () = stop.cancelled() => return,
            round = bundler.round() => round,
        };
        let pause = match round {
            Ok(round) => {
                backoff.reset();
                match round {
                    Round::Again => continue,
                    Round::Pending => bundler.context.config.chain.poll_interval(),
                    Round::Idle => IDLE,
                }
            }
            Err(trouble) => {
                complain(&bundler.context, &trouble);
                backoff.pause()
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = bundler.context.bell.notified(), if pause == IDLE => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Bundler {
    context: Context,
    sent: LastSent,
    /// Operations in one bundle; lowered while the signer finds bundles too large.
    most: usize,
}

impl Bundler {
    async fn round(&mut self) -> Result<Round, Trouble> {
        let mut moved = false;
        for bundle in self.context.store.live_bundles().await? {
            match follow::follow(&self.context, &bundle, &mut self.sent).await {
                Ok(Progress::Old) => {}
                Ok(Progress::Done) => moved = true,
                Ok(Progress::Pending) => return Ok(Round::Pending),
                Err(Trouble::Signer(error)) if is_final(&error) && bundle.txs.is_empty() => {
                    self.refused(&bundle, &error).await?;
                    return Ok(Round::Again);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if assemble::assemble(&self.context, self.most).await? {
            return Ok(Round::Again);
        }
        Ok(if moved { Round::Again } else { Round::Idle })
    }

    /// The signer will never sign that bundle: smaller ones, or it is the operation itself.
    async fn refused(&mut self, bundle: &StoredBundle, error: &SignerError) -> Result<(), Trouble> {
        tracing::warn!(bundle = bundle.id, operations = bundle.ops.len(), %error, "bundle refused");
        let event = if bundle.ops.len() > 1 {
            self.most = bundle.ops.len() / 2;
            Event::Dropped
        } else {
            self.most = self.context.config.settle.max_batch;
            Event::Stuck(error.to_string())
        };
        Ok(self.context.store.discard_bundle(bundle.id, event).await?)
    }
}

/// A refusal of the policy. A used nonce is none: discarding would not free it.
fn is_final(error: &SignerError) -> bool {
    !error.is_retryable() && error.refusal().is_some_and(|code| code != RefusalCode::NonceUsed)
}

fn complain(context: &Context, trouble: &Trouble) {
    if trouble.is_outdated() {
        return;
    }
    trouble.note(&context.health, Effect::Bundle);
    if trouble.is_retryable() {
        tracing::debug!(%trouble, "bundling tries again");
    } else {
        tracing::error!(%trouble, "bundling needs the operator");
    }
}
