//! The registry's logs, each answer checked against the block's own header before it is believed.
//!
//! A node that has not indexed a block's logs yet answers with none, and so does one that is
//! behind: an empty list alone proves nothing. The header is what proves. Its hash vouches for
//! its bloom, and the bloom says when there are no logs of the registry for sure. Where it says
//! that there may be some, the block's receipts decide: as many as transactions, their logs
//! numbered without a gap and together giving the header's bloom.

use alloy::primitives::{B256, Bloom, BloomInput};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use alloy::transports::{RpcError, TransportResult};
use bindings::AgentRegistry;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;

use super::client::{Chain, Described};
use super::error::{ChainError, Doing};

/// Receipts asked for at the same time, where a node does not give those of a block at once.
const CONCURRENCY: usize = 4;

/// A receipt of any kind of transaction, as far as its logs are concerned.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: B256,
    block_hash: Option<B256>,
    logs: Vec<Log>,
}

impl Chain {
    /// Returns the registry's logs of a block, in their order.
    ///
    /// # Errors
    /// [`ChainError::Doubtful`] when the node's answers do not prove which logs there are; asking
    /// again helps as soon as it has indexed the block. Or when the node fails.
    pub(super) async fn logs_of(&self, block: &Described) -> Result<Vec<Log>, ChainError> {
        if may_hold(&block.bloom, &self.config.registry) {
            let receipts = self.receipts_of(block).await?;
            let logs = receipts.into_iter().flat_map(|receipt| receipt.logs);
            return Ok(logs.filter(|log| log.address() == self.config.registry).collect());
        }
        if block.proven {
            return Ok(Vec::new());
        }
        // A chain of its own kind, whose blooms may be left empty.
        let number = block.head.block.number;
        let filter = self.filter().at_block_hash(block.head.block.hash);
        let logs = self.provider.get_logs(&filter).await.doing("asking for a block's logs")?;
        self.check_range(&logs, number, number)?;
        if logs.iter().any(|log| log.block_hash != Some(block.head.block.hash)) {
            return Err(doubtful(block, "the logs are those of another block"));
        }
        Ok(logs)
    }

    /// Returns all receipts of a block, proven to be complete.
    async fn receipts_of(&self, block: &Described) -> Result<Vec<Receipt>, ChainError> {
        let hash = block.head.block.hash;
        let client = self.provider.client();
        let whole: TransportResult<Option<Vec<Receipt>>> =
            client.request("eth_getBlockReceipts", (hash,)).await;
        let receipts = match whole {
            Ok(receipts) => receipts.unwrap_or_default(),
            // Not every node knows that method.
            Err(RpcError::ErrorResp(_)) => self.receipts_one_by_one(block).await?,
            Err(error) => return Err(ChainError::rpc("asking for a block's receipts", &error)),
        };
        check_receipts(block, &receipts)?;
        Ok(receipts)
    }

    async fn receipts_one_by_one(&self, block: &Described) -> Result<Vec<Receipt>, ChainError> {
        let chain = self.clone();
        let asked =
            block.transactions.clone().into_iter().map(move |hash| chain.clone().receipt(hash));
        futures::stream::iter(asked).buffered(CONCURRENCY).try_collect().await
    }

    async fn receipt(self, hash: B256) -> Result<Receipt, ChainError> {
        let asked = self.provider.client().request("eth_getTransactionReceipt", (hash,));
        let receipt: Option<Receipt> = asked.await.doing("asking for a receipt of a block")?;
        receipt.ok_or_else(|| ChainError::Doubtful(format!("there is no receipt of {hash}")))
    }

    /// Every log of the registry.
    pub(super) fn filter(&self) -> Filter {
        Filter::new().address(self.config.registry)
    }

    /// Returns the registry's logs of some blocks that are too deep to change.
    ///
    /// # Errors
    /// [`Refused::TooMuch`] when the node wants a smaller range.
    pub(super) async fn logs_between(
        &self,
        filter: &Filter,
        from: u64,
        to: u64,
    ) -> Result<Vec<Log>, Refused> {
        let filter = filter.clone().from_block(from).to_block(to);
        match self.provider.get_logs(&filter).await {
            Ok(logs) => {
                self.check_range(&logs, from, to)?;
                Ok(logs)
            }
            // Limits of blocks or of results have no common code; other errors are not made
            // worse by a smaller range.
            Err(RpcError::ErrorResp(error)) if from < to => {
                tracing::debug!(from, to, %error, "the node refuses a range of blocks");
                Err(Refused::TooMuch)
            }
            Err(error) => Err(ChainError::rpc("asking for logs", &error).into()),
        }
    }

    /// Returns the newest log between two blocks of which `pick` makes something, asking for as
    /// small ranges as the node wants.
    ///
    /// # Errors
    /// When the node fails.
    pub(super) async fn newest_log<T>(
        &self,
        filter: &Filter,
        (from, to): (u64, u64),
        pick: impl Fn(&Log) -> Option<T>,
    ) -> Result<Option<T>, ChainError> {
        let (mut end, mut width) = (to, u64::MAX);
        loop {
            let start = from.max(end.saturating_sub(width - 1));
            match self.logs_between(filter, start, end).await {
                Ok(logs) => match logs.iter().rev().find_map(&pick) {
                    Some(found) => return Ok(Some(found)),
                    None if start <= from => return Ok(None),
                    None => end = start - 1,
                },
                Err(Refused::TooMuch) => width = (end - start).div_ceil(2),
                Err(Refused::Failed(error)) => return Err(error),
            }
        }
    }

    /// Checks that logs belong to what was asked for and stand in their order.
    fn check_range(&self, logs: &[Log], from: u64, to: u64) -> Result<(), ChainError> {
        let wrong = |what: &str| {
            ChainError::Doubtful(format!("of the logs of blocks {from} to {to} {what}"))
        };
        let mut last: Option<(u64, u64, B256)> = None;
        for log in logs {
            let (Some(number), Some(index), Some(hash)) =
                (log.block_number, log.log_index, log.block_hash)
            else {
                return Err(wrong("one has no place in the chain"));
            };
            if log.removed || log.address() != self.config.registry {
                return Err(wrong("one was not asked for"));
            }
            if !(from..=to).contains(&number) {
                return Err(wrong("one lies outside"));
            }
            if let Some((block, before, same)) = last {
                if (block, before) >= (number, index) {
                    return Err(wrong("some are out of order"));
                }
                if block == number && same != hash {
                    return Err(wrong("two name different blocks of one height"));
                }
            }
            last = Some((number, index, hash));
        }
        Ok(())
    }
}

/// Why a range of logs was not had.
pub(super) enum Refused {
    /// The node wants a smaller range.
    TooMuch,
    /// Anything else.
    Failed(ChainError),
}

impl From<ChainError> for Refused {
    fn from(error: ChainError) -> Self {
        Self::Failed(error)
    }
}

/// Whether a bloom leaves room for an event that the keeper acts on. It never says no wrongly.
fn may_hold(bloom: &Bloom, registry: &alloy::primitives::Address) -> bool {
    let events = [
        AgentRegistry::Purchased::SIGNATURE_HASH,
        AgentRegistry::Settled::SIGNATURE_HASH,
        AgentRegistry::Refunded::SIGNATURE_HASH,
        AgentRegistry::Listed::SIGNATURE_HASH,
    ];
    bloom.contains_input(BloomInput::Raw(registry.as_slice()))
        && events.iter().any(|event| bloom.contains_input(BloomInput::Raw(event.as_slice())))
}

/// Checks that receipts are all of the block's, and hold all of its logs.
fn check_receipts(block: &Described, receipts: &[Receipt]) -> Result<(), ChainError> {
    if receipts.len() != block.transactions.len() {
        let (found, wanted) = (receipts.len(), block.transactions.len());
        return Err(doubtful(block, &format!("there are {found} receipts, not {wanted}")));
    }
    let (mut bloom, mut next) = (Bloom::ZERO, 0);
    for (receipt, transaction) in receipts.iter().zip(&block.transactions) {
        if receipt.transaction_hash != *transaction
            || receipt.block_hash != Some(block.head.block.hash)
        {
            return Err(doubtful(block, "a receipt belongs to another block"));
        }
        for log in &receipt.logs {
            if log.log_index != Some(next) || log.block_hash != Some(block.head.block.hash) {
                return Err(doubtful(block, &format!("log {next} is not where it should be")));
            }
            bloom.accrue_log(&log.inner);
            next += 1;
        }
    }
    if bloom != block.bloom {
        return Err(doubtful(block, "the receipts do not hold all logs of its bloom"));
    }
    Ok(())
}

fn doubtful(block: &Described, what: &str) -> ChainError {
    let block = &block.head.block;
    ChainError::Doubtful(format!("of block {} ({}) {what}", block.number, block.hash))
}
