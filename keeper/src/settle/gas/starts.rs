//! What the programs of a settlement cost more to start once the chain's cache has lost them.
//!
//! Arbitrum charges a Stylus program's start at every call, and far less while the program is
//! cached. A bid of somebody else can end that between an estimate and the block that takes the
//! operation in, so limits must hold the difference.

use std::time::Duration;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, U256, address, b256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::chain::{Chain, ChainError, Doing};

sol! {
    /// What Arbitrum knows about programs.
    interface ArbWasm {
        function programInitGas(address program)
            external view returns (uint64 gas, uint64 gasWhenCached);
    }

    /// What Arbitrum keeps ready to start.
    interface ArbWasmCache {
        function codehashIsCached(bytes32 codehash) external view returns (bool);
    }
}

/// Where Arbitrum nodes answer for `ArbWasm`.
const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
/// Where they answer for `ArbWasmCache`.
const ARB_WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");
/// Where an ERC-1967 proxy keeps the address of its implementation.
const IMPLEMENTATION_SLOT: U256 = U256::from_be_bytes(
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc").0,
);
/// How the code of a Stylus program begins. No other contract can have such code, so a chain
/// without programs is never asked about one.
const PROGRAM_PREFIX: [u8; 2] = [0xef, 0xf0];
/// How the code of an EOA that delegates begins (EIP-7702); the delegate's address follows.
const DELEGATION_PREFIX: [u8; 3] = [0xef, 0x01, 0x00];

const DOING: &str = "asking what a program's start costs";

/// Gas by which reading a proxy's slot and calling its implementation is dearer the first time in
/// a transaction than later (EIP-2929).
const PROXY_WARMED: u64 = 2_000 + 2_500;

/// How long an answer is believed: it changes only when the chain is upgraded or its owner sets
/// other prices.
const FRESH: Duration = Duration::from_secs(600);

/// One program that a settlement starts.
#[derive(Clone, Copy, Debug)]
struct Program {
    code_hash: B256,
    /// Gas by which its start gets dearer without the cache.
    cold: u64,
}

/// The programs of a settlement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Starts {
    /// Validates and executes.
    account: Program,
    /// Is called by the execution.
    registry: Program,
    /// Whether a proxy stands before the account's program.
    proxied: bool,
}

impl Starts {
    /// What the validation may cost more than its estimate says, whatever the cache held.
    pub(super) const fn validation(&self) -> u64 {
        passed_on(self.account.cold)
    }

    /// What an execution costs less than its estimate says: the estimate goes through a cold proxy,
    /// but the validation, in the same transaction, went through it before.
    pub(super) const fn warmed(&self) -> u64 {
        if self.proxied { PROXY_WARMED } else { 0 }
    }

    /// What the execution may cost more than its estimate at that block says: the starts of what
    /// was in the cache there. An estimate holds the others already.
    ///
    /// # Errors
    /// When the node fails.
    pub(super) async fn execution(&self, chain: &Chain, at: BlockId) -> Result<u64, ChainError> {
        let [account, registry] = [self.account, self.registry].map(|one| lost(chain, one, at));
        let (account, registry) = tokio::try_join!(account, registry)?;
        Ok(passed_on(account + registry))
    }
}

/// Each call keeps a 64th of its gas back: two of them stand before the registry's start.
const fn passed_on(gas: u64) -> u64 {
    gas + gas / 31
}

/// Gas that an eviction would add to a start: none if it is uncached at that block.
async fn lost(chain: &Chain, program: Program, at: BlockId) -> Result<u64, ChainError> {
    const DOING: &str = "asking whether a program is cached";
    if program.cold == 0 {
        return Ok(0);
    }
    let data = ArbWasmCache::codehashIsCachedCall { codehash: program.code_hash }.abi_encode();
    let request = TransactionRequest::default().to(ARB_WASM_CACHE).input(data.into());
    let answer = chain.provider.call(request).block(at).await.doing(DOING)?;
    let cached = ArbWasmCache::codehashIsCachedCall::abi_decode_returns(&answer).doing(DOING)?;
    Ok(if cached { program.cold } else { 0 })
}

/// The programs of this keeper's settlements, asked at most once in [`FRESH`].
#[derive(Debug, Default)]
pub(crate) struct StartBook(Mutex<Option<(Instant, Starts)>>);

impl StartBook {
    /// Gives what is known, or asks the node in six calls.
    ///
    /// # Errors
    /// When the node fails, or a program is not active; the next call asks again.
    pub(crate) async fn read(&self, chain: &Chain) -> Result<Starts, ChainError> {
        let mut known = self.0.lock().await;
        if let Some((since, starts)) = *known
            && since.elapsed() < FRESH
        {
            return Ok(starts);
        }
        let (implementation, proxied) = implementation(chain).await?;
        let starts = Starts {
            proxied,
            account: program(chain, implementation).await?,
            registry: program(chain, chain.config.registry).await?,
        };
        tracing::debug!(%implementation, ?starts, "asked what uncached starts cost");
        *known = Some((Instant::now(), starts));
        Ok(starts)
    }
}

/// The address whose code the account runs: its own, its proxy's or its delegation's; and whether
/// it is a proxy.
async fn implementation(chain: &Chain) -> Result<(Address, bool), ChainError> {
    let account = chain.account;
    let code = code_of(chain, account).await?;
    if let Some(delegate) = code.strip_prefix(&DELEGATION_PREFIX)
        && let Ok(delegate) = Address::try_from(delegate)
    {
        return Ok((delegate, false));
    }
    let word = chain.provider.get_storage_at(account, IMPLEMENTATION_SLOT).latest().await;
    let word = word.doing("asking for the account's implementation")?;
    if word.is_zero() { Ok((account, false)) } else { Ok((Address::from_word(word.into()), true)) }
}

/// The code at `address`: if it is no program, its start costs nothing.
async fn program(chain: &Chain, address: Address) -> Result<Program, ChainError> {
    let code = code_of(chain, address).await?;
    let code_hash = keccak256(&code);
    if !code.starts_with(&PROGRAM_PREFIX) {
        return Ok(Program { code_hash, cold: 0 });
    }
    let data = ArbWasm::programInitGasCall { program: address }.abi_encode();
    let request = TransactionRequest::default().to(ARB_WASM).input(data.into());
    let answer = chain.provider.call(request).block(BlockId::latest()).await;
    Ok(Program { code_hash, cold: difference(&answer.doing(DOING)?)? })
}

/// The code at an address that must have some: an empty answer is the node's fault.
async fn code_of(chain: &Chain, address: Address) -> Result<Bytes, ChainError> {
    let code = chain.provider.get_code_at(address).latest().await;
    let code = code.doing("asking for a settlement's programs")?;
    if code.is_empty() {
        return Err(ChainError::Moved(format!("there is no code at {address}")));
    }
    Ok(code)
}

/// Reads the answer about an active program. Nothing at all is no answer.
fn difference(answer: &[u8]) -> Result<u64, ChainError> {
    let start = ArbWasm::programInitGasCall::abi_decode_returns(answer).doing(DOING)?;
    Ok(start.gas.saturating_sub(start.gasWhenCached))
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolValue;

    use super::*;

    #[test]
    fn only_the_difference_counts() {
        let answer = |cold: u64, cached: u64| (cold, cached).abi_encode();
        assert_eq!(difference(&answer(15_000, 900)).unwrap(), 14_100);
        assert_eq!(difference(&answer(900, 900)).unwrap(), 0);
        assert_eq!(difference(&answer(0, 900)).unwrap(), 0);
    }

    #[test]
    fn an_answer_cut_short_is_no_free_start() {
        let whole = (15_000u64, 900u64).abi_encode();
        for length in [0, 31, 32, 63] {
            assert!(difference(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
