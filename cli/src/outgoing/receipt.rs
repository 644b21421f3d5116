//! Waiting for the receipt of a transaction, and telling how it ended.

use std::time::Duration;

use alloy::{primitives::TxHash, providers::Provider, rpc::types::TransactionReceipt};
use tokio::time::{Instant, sleep};

use super::{
    Outgoing,
    broadcast::without_body,
    dropped::{Dropping, Proof},
    fate::{Fate, is_mined, is_nonce_used, look_up},
};
use crate::output::Output;

/// The first pause between two looks; each is half as long again, up to the longest.
const PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a transaction is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// In all.
    pub allowed: Duration,
    /// A transaction that is not mined by then is looked for closely, and sent again if unknown.
    pub closely_after: Duration,
    /// Pause between two close looks.
    pub close_look: Duration,
    /// What must hold before it counts as dropped; without its bytes, as unknown after as many
    /// looks.
    pub proof: Proof,
}

impl Patience {
    /// Waits as long as that, and is otherwise as patient as chains and nodes need.
    pub fn within(allowed: Duration) -> Self {
        Self {
            allowed,
            closely_after: Duration::from_secs(3),
            close_look: Duration::from_secs(1),
            proof: Proof::default(),
        }
    }
}

/// How a transaction ended, as far as it can be told.
#[derive(Debug, Clone)]
pub enum Ended {
    /// It is in a block; whether it succeeded is in the receipt.
    Mined(Box<TransactionReceipt>),
    /// Another transaction has its nonce: it can never be mined.
    Dropped,
    /// The node does not know it, and there are no bytes to send again.
    NotKnown,
    /// The time is over; the last reason not to know better.
    Open(String),
}

/// What the close looks found so far.
struct Closely {
    proof: Proof,
    replaced: Option<Dropping>,
    absent: u32,
}

/// Waits until a transaction is mined or surely never will be. Failed looks are repeated, with
/// one warning. With its signed bytes it is sent again when the node has
/// forgotten it.
pub async fn await_receipt(
    provider: &impl Provider,
    hash: TxHash,
    outgoing: Option<&Outgoing>,
    out: Output,
    patience: Patience,
) -> Ended {
    let Patience { allowed, closely_after, close_look, proof } = patience;
    let begun = Instant::now();
    let mut next_close_look = begun + if outgoing.is_some() { closely_after } else { close_look };
    let (mut pause, mut closely) = (PAUSE, Closely { proof, replaced: None, absent: 0 });
    let mut trouble: Option<String> = None;
    loop {
        let found = match provider.get_transaction_receipt(hash).await {
            Ok(Some(receipt)) if is_mined(&receipt, hash) => {
                return Ended::Mined(Box::new(receipt));
            }
            Ok(_) if Instant::now() >= next_close_look => {
                next_close_look = Instant::now() + close_look;
                closely.look(provider, hash, outgoing).await
            }
            Ok(_) => Ok(None),
            Err(error) => Err(without_body(&error)),
        };
        match found {
            Ok(Some(ended)) => return ended,
            Ok(None) => {}
            Err(reason) => {
                if trouble.is_none() {
                    out.warn(format!(
                        "looking for transaction {hash} failed ({reason}); trying again for up to \
                         {} s",
                        allowed.as_secs()
                    ));
                }
                trouble = Some(reason);
            }
        }
        if begun.elapsed() > allowed {
            let reason = match closely.replaced {
                Some(dropping) => dropping.to_string(),
                None => trouble.unwrap_or_else(|| "it waits to be mined".to_owned()),
            };
            return Ended::Open(format!("{reason} (after {} s)", allowed.as_secs()));
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

impl Closely {
    /// Looks at hash and nonce; gives the end once enough looks agree on it, else why not to know
    /// better.
    async fn look(
        &mut self,
        provider: &impl Provider,
        hash: TxHash,
        outgoing: Option<&Outgoing>,
    ) -> Result<Option<Ended>, String> {
        match look_up(provider, hash).await.map_err(|error| without_body(&error))? {
            Fate::Mined(receipt) => return Ok(Some(Ended::Mined(receipt))),
            Fate::Waiting => {
                (self.replaced, self.absent) = (None, 0);
                return Ok(None);
            }
            Fate::Unknown => {}
        }
        let Some(outgoing) = outgoing else {
            self.absent += 1;
            return Ok((self.absent >= self.proof.looks).then_some(Ended::NotKnown));
        };
        let used = is_nonce_used(provider, outgoing.from, outgoing.nonce).await;
        if used.map_err(|error| without_body(&error))? {
            let dropping = self.replaced.get_or_insert_with(|| Dropping::new(outgoing));
            let sure = dropping.look(provider, outgoing, self.proof).await?;
            return Ok(sure.then_some(Ended::Dropped));
        }
        self.replaced = None;
        // The answer says nothing that the next look does not say better.
        let bytes = alloy::hex::encode_prefixed(&outgoing.raw);
        let _: Result<serde_json::Value, _> =
            provider.client().request("eth_sendRawTransaction", (bytes,)).await;
        Ok(None)
    }
}
