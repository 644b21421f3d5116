//! Waiting for the receipt of a transaction, and telling how it ended.

use std::time::Duration;

use alloy::{
    primitives::TxHash, providers::Provider, rpc::types::TransactionReceipt,
    transports::TransportError,
};
use tokio::time::{Instant, sleep};

use super::{
    Outgoing,
    broadcast::without_body,
    fate::{Fate, is_mined, is_nonce_used, look_up},
};
use crate::output::Output;

/// The first pause between two looks; each is half as long again, up to the longest.
const PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A transaction that is not mined by then is looked for closely, and sent again if unknown.
const CLOSELY_AFTER: Duration = Duration::from_secs(3);
/// Pause between two close looks.
const CLOSE_LOOK: Duration = Duration::from_secs(1);
/// Close looks in a row that must agree before a transaction counts as dropped or as unknown.
const AGREEING: u32 = 5;

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
#[derive(Debug, Default)]
struct Closely {
    replaced: u32,
    absent: u32,
}

/// Waits until a transaction is mined or surely never will be, at most `allowed`. Failed looks
/// are repeated, with one warning. With its signed bytes it is sent again when the node has
/// forgotten it.
pub async fn await_receipt(
    provider: &impl Provider,
    hash: TxHash,
    outgoing: Option<&Outgoing>,
    out: Output,
    allowed: Duration,
) -> Ended {
    let begun = Instant::now();
    let mut next_close_look = begun + if outgoing.is_some() { CLOSELY_AFTER } else { CLOSE_LOOK };
    let (mut pause, mut closely) = (PAUSE, Closely::default());
    let mut trouble: Option<String> = None;
    loop {
        let found = match provider.get_transaction_receipt(hash).await {
            Ok(Some(receipt)) if is_mined(&receipt, hash) => {
                return Ended::Mined(Box::new(receipt));
            }
            Ok(_) if Instant::now() >= next_close_look => {
                next_close_look = Instant::now() + CLOSE_LOOK;
                closely.look(provider, hash, outgoing).await
            }
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(ended)) => return ended,
            Ok(None) => {}
            Err(error) => {
                let reason = without_body(&error);
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
            let reason = trouble.unwrap_or_else(|| "it waits to be mined".to_owned());
            return Ended::Open(format!("{reason} (after {} s)", allowed.as_secs()));
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

impl Closely {
    /// Looks at hash and nonce; gives the end once enough looks agree on it.
    async fn look(
        &mut self,
        provider: &impl Provider,
        hash: TxHash,
        outgoing: Option<&Outgoing>,
    ) -> Result<Option<Ended>, TransportError> {
        let fate = look_up(provider, hash).await?;
        let (Fate::Unknown, known) = (&fate, outgoing) else {
            *self = Self::default();
            return Ok(match fate {
                Fate::Mined(receipt) => Some(Ended::Mined(receipt)),
                Fate::Waiting | Fate::Unknown => None,
            });
        };
        let Some(outgoing) = known else {
            self.absent += 1;
            return Ok((self.absent >= AGREEING).then_some(Ended::NotKnown));
        };
        if is_nonce_used(provider, outgoing.from, outgoing.nonce).await? {
            self.replaced += 1;
            return Ok((self.replaced >= AGREEING).then_some(Ended::Dropped));
        }
        self.replaced = 0;
        // The answer says nothing that the next look does not say better.
        let bytes = alloy::hex::encode_prefixed(&outgoing.raw);
        let _: Result<serde_json::Value, _> =
            provider.client().request("eth_sendRawTransaction", (bytes,)).await;
        Ok(None)
    }
}
