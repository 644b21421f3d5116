//! The connection to the node, and the checks that it is the right one.

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, Bloom};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::Block;
use bindings::AgentRegistry::AgentRegistryInstance;
use bindings::IEntryPoint::IEntryPointInstance;
use domain::job::BlockRef;

use super::error::{ChainError, Doing};
use super::head::Head;
use crate::config::{ChainConfig, Config};
use crate::rpc;

/// A node and the contracts that matter on it. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The connection.
    pub provider: DynProvider<Ethereum>,
    /// The `[chain]` section.
    pub config: ChainConfig,
    /// The keeper's smart account.
    pub account: Address,
}

impl Chain {
    /// Prepares the connection; nothing is asked yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(config: &Config) -> Result<Self, ChainError> {
        let client = rpc::connect(config.chain.rpc_url.clone(), config.chain.rpc_timeout())
            .map_err(|error| ChainError::rpc("making an HTTP client", &error))?;
        let provider =
            ProviderBuilder::new().disable_recommended_fillers().connect_client(client).erased();
        Ok(Self { provider, config: config.chain.clone(), account: config.account.address })
    }

    /// Checks that the node is on the configured chain and that the contracts are there.
    /// Gives the hash of the first block, which tells chains of one id apart.
    ///
    /// # Errors
    /// When it is another chain, a contract is missing, or the node does not answer.
    pub async fn check(&self) -> Result<B256, ChainError> {
        let found = self.provider.get_chain_id().await.doing("asking for the chain id")?;
        let wanted = self.config.chain_id;
        if found != wanted {
            return Err(ChainError::WrongChain { found, wanted });
        }
        let contracts = [
            (self.config.registry, "chain.registry"),
            (self.config.entry_point, "chain.entry_point"),
            (self.account, "account.address"),
        ];
        for (address, key) in contracts {
            let code = self.provider.get_code_at(address).latest().await;
            if code.doing("asking for a contract's code")?.is_empty() {
                return Err(ChainError::NoContract { address, key });
            }
        }
        self.block_hash(0)
            .await?
            .ok_or_else(|| ChainError::Moved("the node does not know block 0".into()))
    }

    /// The registry.
    pub fn registry(&self) -> AgentRegistryInstance<DynProvider<Ethereum>> {
        AgentRegistryInstance::new(self.config.registry, self.provider.clone())
    }

    /// The EntryPoint.
    pub fn entry_point(&self) -> IEntryPointInstance<DynProvider<Ethereum>> {
        IEntryPointInstance::new(self.config.entry_point, self.provider.clone())
    }

    /// The newest block.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn latest(&self) -> Result<Head, ChainError> {
        Ok(self.newest().await?.head)
    }

    /// Describes the newest block.
    ///
    /// # Errors
    /// When the node fails.
    pub(super) async fn newest(&self) -> Result<Described, ChainError> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
        let block = block.doing("asking for the newest block")?;
        let block = block.ok_or_else(|| ChainError::Moved("there is no newest block".into()))?;
        Ok(Described::of(block))
    }

    /// Describes the canonical block at that height.
    ///
    /// # Errors
    /// When the node fails, does not have the block, or gives another one.
    pub(super) async fn described(&self, number: u64) -> Result<Described, ChainError> {
        let block = self.provider.get_block_by_number(number.into()).await;
        let block = block
            .doing("asking for a block")?
            .ok_or_else(|| ChainError::Moved(format!("the node has no block {number} now")))?;
        if block.header.number != number {
            let found = block.header.number;
            return Err(ChainError::Doubtful(format!("block {found} came for {number}")));
        }
        Ok(Described::of(block))
    }

    /// The hash of the canonical block at that height, if there is one.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn block_hash(&self, number: u64) -> Result<Option<B256>, ChainError> {
        let block = self.provider.get_block_by_number(number.into()).await;
        Ok(block.doing("asking for a block")?.map(|block| block.header.hash))
    }

    /// Whether a block is in the chain.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn is_canonical(&self, block: BlockRef) -> Result<bool, ChainError> {
        Ok(self.block_hash(block.number).await? == Some(block.hash))
    }
}

/// A block without the bodies of its transactions.
#[derive(Clone, Debug)]
pub(super) struct Described {
    /// Number, hash, parent and time.
    pub(super) head: Head,
    /// The bloom over the addresses and topics of its logs.
    pub(super) bloom: Bloom,
    /// The hashes of its transactions, in order.
    pub(super) transactions: Vec<B256>,
    /// Whether the hash is that of the header, and so vouches for the bloom.
    pub(super) proven: bool,
}

impl Described {
    fn of(block: Block) -> Self {
        Self {
            head: Head::of(&block.header),
            bloom: block.header.logs_bloom,
            proven: block.header.inner.hash_slow() == block.header.hash,
            transactions: block.transactions.into_hashes_vec(),
        }
    }
}

/// Reads at just that block, so that several reads agree.
pub(super) const fn at(block: &BlockRef) -> BlockId {
    BlockId::hash(block.hash)
}
