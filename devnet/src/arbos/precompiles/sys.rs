//! ArbSys, 0x64: the L2 chain as contracts see it.

use alloy::sol_types::{SolCall, SolError, SolEvent, SolInterface};
use revm::primitives::{Address, Bytes, U256, address};

use super::{
    Ctx, Purity, READ, Stop, WRITE, WRITE_ZERO,
    abi::ArbSys::{self, ArbSysCalls as Calls},
    account, flag, word,
};
use crate::arbos::merkle;

/// Added to ArbOS versions by `arbOSVersion`.
const VERSION_OFFSET: u64 = 55;
/// Added to L1 contract addresses.
const ALIAS: Address = address!("1111000000000000000000000000000000001111");
/// How many past block hashes can be asked for.
const HASHES: u64 = 256;
/// First version in which tokens of the chain's own may forbid withdrawals.
const NATIVE_TOKENS_FROM: u64 = 41;

pub(super) fn purity(selector: [u8; 4]) -> Option<Purity> {
    Some(match selector {
        ArbSys::mapL1SenderContractAddressToL2AliasCall::SELECTOR => Purity::Pure,
        ArbSys::withdrawEthCall::SELECTOR | ArbSys::sendTxToL1Call::SELECTOR => Purity::Payable,
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
        // Only transactions from the parent chain come from aliases, and there is none.
        Calls::wasMyCallersAddressAliased(_) => flag(false),
        Calls::myCallersAddressWithoutAliasing(_) => {
            let frame = ctx.depth.checked_sub(2);
            account(frame.and_then(|frame| ctx.world.caller_at(frame)).unwrap_or_default())
        }
        Calls::withdrawEth(call) => send(ctx, call.destination, Bytes::new())?,
        Calls::sendTxToL1(call) => send(ctx, call.destination, call.data)?,
        Calls::sendMerkleTreeState(_) => tree_state(ctx)?,
    })
}

/// Records a message to the parent chain; the value that came with it leaves this chain.
fn send(ctx: &mut Ctx<'_>, destination: Address, data: Bytes) -> Result<Vec<u8>, Stop> {
    if ctx.arbos >= NATIVE_TOKENS_FROM {
        ctx.burn(READ)?;
    }
    let block = ctx.world.block();
    let [number, timestamp] = [block.number, block.timestamp].map(U256::from);
    let l1_number = U256::from(ctx.world.l1_number());
    let value = ctx.value;
    let numbers = [number, l1_number, timestamp, value].map(|n| n.to_be_bytes::<32>()).concat();
    let addresses = [ctx.caller, destination].concat();
    let hash = ctx.keccak(&[&addresses, numbers.as_slice(), &data].concat())?;

    let nodes = merkle::append(ctx.world, hash)?;
    pay_for_append(ctx, &nodes)?;
    ctx.burn(READ)?;
    let leaf = U256::from(merkle::size(ctx.world)? - 1);
    if !ctx.world.burn(ctx.to, value)? {
        return Err(Stop::Revert);
    }
    for node in nodes {
        let position = (U256::from(node.level) << 192) + U256::from(node.leaf);
        let event = ArbSys::SendMerkleUpdate { reserved: U256::ZERO, hash: node.hash, position };
        ctx.emit(event.encode_log_data())?;
    }
    let event = ArbSys::L2ToL1Tx {
        caller: ctx.caller,
        destination,
        hash: hash.into(),
        position: leaf,
        arbBlockNum: number,
        ethBlockNum: l1_number,
        timestamp,
        callvalue: value,
        data,
    };
    ctx.emit(event.encode_log_data())?;
    Ok(word(leaf))
}

/// The size is read and written; every level on the way is read, and hashed and cleared if it
/// was full; the last one is written.
fn pay_for_append(ctx: &mut Ctx<'_>, nodes: &[merkle::Node]) -> Result<(), Stop> {
    const PAIR: u64 = 30 + 6 * 2;
    let completed = nodes.len() as u64;
    let leaf = merkle::size(ctx.world)? - 1;
    let last = if merkle::looks_up_last(leaf, completed) { READ } else { 0 };
    ctx.burn(READ + WRITE + completed * (READ + PAIR + WRITE_ZERO) + last + WRITE)
}

fn tree_state(ctx: &mut Ctx<'_>) -> Result<Vec<u8>, Stop> {
    if !ctx.caller.is_zero() {
        return Err(Stop::Revert);
    }
    let size = U256::from(merkle::size(ctx.world)?);
    let partials = merkle::partials(ctx.world)?;
    let root = merkle::root(&partials);
    let answer = ArbSys::sendMerkleTreeStateReturn { size, root, partials };
    Ok(ArbSys::sendMerkleTreeStateCall::abi_encode_returns(&answer))
}
