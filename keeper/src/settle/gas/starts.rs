//! What the programs of a settlement cost more to start once the chain's cache has lost them.
//!
//! Arbitrum charges a Stylus program's start at every call, and far less while the program is
//! cached. A bid of somebody else can end that between an estimate and the block that takes the
//! operation in, so limits must hold the difference whatever the cache said before.

use std::time::Duration;

use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes, U256, address, b256};
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
}

/// Where Arbitrum nodes answer for `ArbWasm`.
const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
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

/// How long an answer is believed: it changes only when the chain is upgraded or its owner sets
/// other prices.
const FRESH: Duration = Duration::from_secs(600);

/// Gas by which an uncached start is dearer than a cached one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColdStarts {
    /// Of the account's program, which validates and executes.
    pub account: u64,
    /// Of the registry's program.
    pub registry: u64,
}

impl ColdStarts {
    /// What the validation may cost more than its estimate says.
    pub(super) const fn validation(self) -> u64 {
        passed_on(self.account)
    }

    /// What the execution may cost more than its estimate says.
    pub(super) const fn execution(self) -> u64 {
        passed_on(self.account + self.registry)
    }
}

/// Every call in between keeps a 64th of the gas back: three of them stand before the registry.
const fn passed_on(gas: u64) -> u64 {
    gas + gas / 16
}

/// The starts of this keeper's programs, asked at most once in [`FRESH`].
#[derive(Debug, Default)]
pub(crate) struct StartBook(Mutex<Option<(Instant, ColdStarts)>>);

impl StartBook {
    /// Gives what is known, or asks the node in six calls.
    ///
    /// # Errors
    /// When the node fails, or a program is not active; the next call asks again.
    pub(crate) async fn read(&self, chain: &Chain) -> Result<ColdStarts, ChainError> {
        let mut known = self.0.lock().await;
        if let Some((since, starts)) = *known
            && since.elapsed() < FRESH
        {
            return Ok(starts);
        }
        let implementation = implementation(chain).await?;
        let starts = ColdStarts {
            account: cold_start(chain, implementation).await?,
            registry: cold_start(chain, chain.config.registry).await?,
        };
        tracing::debug!(%implementation, ?starts, "asked what uncached starts cost");
        *known = Some((Instant::now(), starts));
        Ok(starts)
    }
}

/// The address whose code the account runs: its own, its proxy's or its delegation's.
async fn implementation(chain: &Chain) -> Result<Address, ChainError> {
    let account = chain.account;
    let code = code_of(chain, account).await?;
    if let Some(delegate) = code.strip_prefix(&DELEGATION_PREFIX)
        && let Ok(delegate) = Address::try_from(delegate)
    {
        return Ok(delegate);
    }
    let word = chain.provider.get_storage_at(account, IMPLEMENTATION_SLOT).latest().await;
    let word = word.doing("asking for the account's implementation")?;
    if word.is_zero() { Ok(account) } else { Ok(Address::from_word(word.into())) }
}

/// Gas by which the start of the code at `address` gets dearer: none unless it is a program.
async fn cold_start(chain: &Chain, address: Address) -> Result<u64, ChainError> {
    if !code_of(chain, address).await?.starts_with(&PROGRAM_PREFIX) {
        return Ok(0);
    }
    let data = ArbWasm::programInitGasCall { program: address }.abi_encode();
    let request = TransactionRequest::default().to(ARB_WASM).input(data.into());
    let answer = chain.provider.call(request).block(BlockId::latest()).await;
    difference(&answer.doing(DOING)?)
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
