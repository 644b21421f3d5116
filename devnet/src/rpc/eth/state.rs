//! Balances, code, storage, nonces and proofs.

use crate::chain::{Chain, LookupError};
use crate::rpc::registry::{Registered, Registry};
use alloy::consensus::TrieAccount;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256, KECCAK256_EMPTY, U64, U256};
use alloy::rpc::types::{EIP1186AccountProofResponse, EIP1186StorageProof};
use alloy::serde::JsonStorageKey;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.method(&["eth_getBalance"], |node, mut args| async move {
        let (address, block): (Address, _) = (args.next()?, args.block()?);
        node.chain(move |chain| chain.find_state(block).map(|(_, state)| state.balance(address)))
            .await
    })?;
    registry.method(&["eth_getCode"], |node, mut args| async move {
        let (address, block): (Address, _) = (args.next()?, args.block()?);
        node.chain(move |chain| chain.find_state(block).map(|(_, state)| state.code(address))).await
    })?;
    registry.method(&["eth_getStorageAt"], |node, mut args| async move {
        let (address, slot): (Address, JsonStorageKey) = (args.next()?, args.next()?);
        let (slot, block) = (slot.as_b256(), args.block()?);
        node.chain(move |chain| {
            let (_, state) = chain.find_state(block)?;
            Ok::<_, LookupError>(B256::from(state.storage(address, slot.into())))
        })
        .await
    })?;
    registry.method(&["eth_getTransactionCount"], |node, mut args| async move {
        let (address, block): (Address, _) = (args.next()?, args.block()?);
        node.chain(move |chain| nonce(chain, address, block).map(U64::from)).await
    })?;
    registry.method(&["eth_getAccount"], |node, mut args| async move {
        let (address, block): (Address, _) = (args.next()?, args.block()?);
        node.chain(move |chain| {
            let (_, state) = chain.find_state(block)?;
            Ok::<_, LookupError>(state.account(address).map(|account| TrieAccount {
                nonce: account.nonce,
                balance: account.balance,
                storage_root: account.storage.root(),
                code_hash: account.code_hash,
            }))
        })
        .await
    })?;
    registry.method(&["eth_getProof"], |node, mut args| async move {
        let (address, slots): (Address, Vec<JsonStorageKey>) = (args.next()?, args.next()?);
        let block = args.block()?;
        node.chain(move |chain| proof(chain, address, slots, block)).await
    })
}

fn nonce(chain: &Chain, address: Address, block: BlockId) -> Result<u64, LookupError> {
    if block == BlockId::Number(BlockNumberOrTag::Pending) {
        return Ok(chain.pending_nonce(address));
    }
    Ok(chain.find_state(block)?.1.nonce(address))
}

fn proof(
    chain: &Chain,
    address: Address,
    slots: Vec<JsonStorageKey>,
    block: BlockId,
) -> Result<EIP1186AccountProofResponse, LookupError> {
    let (_, state) = chain.find_state(block)?;
    let account = state.account(address);
    let storage_proof = slots.into_iter().map(|key| {
        let slot = U256::from_be_bytes(key.as_b256().0);
        EIP1186StorageProof {
            key,
            value: account.map_or(U256::ZERO, |account| account.slot(slot)),
            proof: account.map_or_else(Vec::new, |account| account.slot_proof(slot)),
        }
    });
    let storage_proof = storage_proof.collect();
    Ok(EIP1186AccountProofResponse {
        address,
        balance: account.map_or(U256::ZERO, |account| account.balance),
        code_hash: account.map_or(KECCAK256_EMPTY, |account| account.code_hash),
        nonce: account.map_or(0, |account| account.nonce),
        storage_hash: account
            .map_or(alloy::trie::EMPTY_ROOT_HASH, |account| account.storage.root()),
        account_proof: state.proof(address),
        storage_proof,
    })
}
