//! Accepting transactions.

use super::{Chain, ChainEvent, HEADER_GAS_LIMIT, MineError};
use crate::pool::PoolError;
use crate::tx::{Tx, TxError};
use crate::vm::VmError;
use alloy::consensus::Transaction;
use alloy::primitives::{Address, B256, U256};
use alloy::rpc::types::TransactionRequest;
use revm::context_interface::cfg::gas::calculate_initial_tx_gas_for_tx;
use revm::primitives::eip3860::MAX_INITCODE_SIZE;
use revm::primitives::hardfork::SpecId;

/// Why a transaction was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It is no transaction of this chain.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// It may not wait.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Its nonce is used.
    #[error("nonce too low: address {sender}, tx: {nonce} state: {expected}")]
    NonceTooLow {
        /// Who sent it.
        sender: Address,
        /// Its nonce.
        nonce: u64,
        /// The sender's next nonce.
        expected: u64,
    },
    /// It can cost more than the sender has.
    #[error("insufficient funds for gas * price + value: address {sender} have {have} want {want}")]
    Funds {
        /// Who sent it.
        sender: Address,
        /// The sender's balance in wei.
        have: U256,
        /// The most that the transaction can cost, in wei.
        want: U256,
    },
    /// It pays less than the base fee.
    #[error(
        "max fee per gas less than block base fee: address {sender}, maxFeePerGas: {have}, \
         baseFee: {want}"
    )]
    FeeTooLow {
        /// Who sent it.
        sender: Address,
        /// Its fee cap in wei per gas.
        have: u128,
        /// The base fee in wei per gas.
        want: u64,
    },
    /// Its gas limit does not cover what is charged before it runs.
    #[error("intrinsic gas too low: have {have}, want {want}")]
    Intrinsic {
        /// Its gas limit.
        have: u64,
        /// What is charged.
        want: u64,
    },
    /// Its gas limit is more than any block's.
    #[error("exceeds block gas limit: have {have}, limit {HEADER_GAS_LIMIT}")]
    GasLimit {
        /// Its gas limit.
        have: u64,
    },
    /// It creates a contract with too much code.
    #[error("max initcode size exceeded: code size {have} limit {MAX_INITCODE_SIZE}")]
    InitCode {
        /// Bytes of its init code.
        have: usize,
    },
    /// It wants to pay a tip that its fee cap does not allow.
    #[error("max priority fee per gas higher than max fee per gas")]
    TipAboveCap,
    /// The sender is neither a dev account nor impersonated.
    #[error("unknown account {0}: not a dev account, and not impersonated")]
    UnknownAccount(Address),
    /// The engine refused it.
    #[error("{}", super::view::invalid_text(.0))]
    Rejected(VmError),
    /// No block could be made.
    #[error(transparent)]
    Mine(#[from] MineError),
}

impl Chain {
    /// Accepts a transaction; with automining it is in a block when this returns.
    pub fn submit(&mut self, tx: Tx) -> Result<B256, SubmitError> {
        self.check(&tx)?;
        let hash = tx.hash();
        self.pool.add(tx.clone())?;
        self.announce(ChainEvent::Pending(tx));
        if self.automine {
            let rejected = self.mine_waiting()?;
            if let Some((_, error)) = rejected.into_iter().find(|(found, _)| *found == hash) {
                return Err(SubmitError::Rejected(error));
            }
        }
        Ok(hash)
    }

    /// Completes and signs a request of a dev account or an impersonated sender.
    pub fn build(&self, mut request: TransactionRequest) -> Result<Tx, SubmitError> {
        let sender = request.from.or(self.accounts().first().copied()).unwrap_or_default();
        request.from = Some(sender);
        request.chain_id = Some(self.config.chain_id);
        request.nonce.get_or_insert(self.pending_nonce(sender));
        request.input.normalize_input();
        request.to.get_or_insert(alloy::primitives::TxKind::Create);
        let base_fee = u128::from(self.base_fee());
        if request.gas_price.is_none() {
            let tip = *request.max_priority_fee_per_gas.get_or_insert(0);
            request.max_fee_per_gas.get_or_insert(base_fee * 2 + tip);
        }
        request.gas.get_or_insert(BUILD_GAS);
        request.value.get_or_insert(U256::ZERO);
        if self.impersonated.contains(&sender) || self.impersonate_all {
            return Ok(Tx::impersonate(request, sender)?);
        }
        let signer = self.signer(sender).ok_or(SubmitError::UnknownAccount(sender))?;
        Ok(Tx::sign(request, signer)?)
    }

    fn check(&self, tx: &Tx) -> Result<(), SubmitError> {
        tx.check_chain(self.config.chain_id)?;
        if self.tx_index.contains_key(&tx.hash()) {
            return Err(PoolError::Known.into());
        }
        let (sender, nonce, envelope) = (tx.sender(), tx.nonce(), tx.envelope());
        let expected = self.state().nonce(sender);
        if nonce < expected {
            return Err(SubmitError::NonceTooLow { sender, nonce, expected });
        }
        let cap = envelope.max_fee_per_gas();
        if envelope.max_priority_fee_per_gas().is_some_and(|tip| tip > cap) {
            return Err(SubmitError::TipAboveCap);
        }
        let base_fee = self.base_fee();
        if cap < u128::from(base_fee) {
            return Err(SubmitError::FeeTooLow { sender, have: cap, want: base_fee });
        }
        check_gas(tx)?;
        let (have, want) = (self.state().balance(sender), tx.max_cost());
        if have < want {
            return Err(SubmitError::Funds { sender, have, want });
        }
        Ok(())
    }
}

/// Refuses what cannot run in any block.
fn check_gas(tx: &Tx) -> Result<(), SubmitError> {
    let envelope = tx.envelope();
    let (have, code) = (envelope.gas_limit(), envelope.input().len());
    if have > HEADER_GAS_LIMIT {
        return Err(SubmitError::GasLimit { have });
    }
    if envelope.is_create() && code > MAX_INITCODE_SIZE {
        return Err(SubmitError::InitCode { have: code });
    }
    // What is charged up front is the same from Prague on.
    let initial = calculate_initial_tx_gas_for_tx(tx.env(), SpecId::PRAGUE, None);
    let want = initial.initial_total_gas();
    if have < want {
        return Err(SubmitError::Intrinsic { have, want });
    }
    Ok(())
}

/// Gas limit of a request that names none and was not estimated.
const BUILD_GAS: u64 = 30_000_000;
