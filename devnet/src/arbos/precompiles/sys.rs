//! ArbSys, 0x64: the L2 chain as contracts see it.

use alloy::sol_types::{SolCall, SolError, SolInterface};
use revm::primitives::{Address, U256, address};

use super::{
    Ctx, Purity, Stop,
    abi::ArbSys::{self, ArbSysCalls as Calls},
    account, flag, word,
};

/// Added to ArbOS versions by `arbOSVersion`.
const VERSION_OFFSET: u64 = 55;
/// Added to L1 contract addresses.
const ALIAS: Address = address!("1111000000000000000000000000000000001111");
/// How many past block hashes can be asked for.
const HASHES: u64 = 256;

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbSys::mapL1SenderContractAddressToL2AliasCall::SELECTOR => Purity::Pure,
        other if Calls::valid_selector(other) => Purity::View,
        _ => return None,
    })
}

pub(super) fn run(ctx: &mut Ctx<'_>, input: &[u8]) -> Result<Vec<u8>, Stop> {
    let block = ctx.world.block();
    Ok(match Calls::abi_decode(input).map_err(|_| Stop::OutOfGas)? {
        Calls::arbBlockNumber(_) => word(block.number),
        Calls::arbBlockHash(call) => {
            let requested: u64 = call.number.saturating_to();
            if requested >= block.number || requested + HASHES < block.number {
                let current = U256::from(block.number);
                let error = ArbSys::InvalidBlockNumber { requested: call.number, current };
                return Err(Stop::Solidity(error.abi_encode()));
            }
            ctx.world.block_hash(requested)?.to_vec()
        }
        Calls::arbChainID(_) => word(block.chain_id),
        Calls::arbOSVersion(_) => word(VERSION_OFFSET + ctx.arbos),
        Calls::getStorageGasAvailable(_) => word(0u64),
        Calls::isTopLevelCall(_) => flag(ctx.depth <= 2),
        Calls::mapL1SenderContractAddressToL2Alias(call) => {
            let sender = U256::from_be_slice(call.sender.as_slice());
            let sum = sender.wrapping_add(U256::from_be_slice(ALIAS.as_slice()));
            account(Address::from_word(sum.into()))
        }
        Calls::wasMyCallersAddressAliased(_) => flag(false),
    })
}
