//! Transactions: decoding, signing for dev accounts, impersonation, and what the engine is given.

use alloy::consensus::transaction::{Recovered, SignerRecoverable};
use alloy::consensus::{Transaction, TxEnvelope, TypedTransaction};
use alloy::eips::eip2718::{Decodable2718, Eip2718Error};
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, B256, Signature, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use revm::context::TxEnv;
use std::sync::Arc;

/// The first byte of a transaction is a type up to here, or begins a list of a legacy one.
const LAST_TYPE: u8 = 0x7f;

/// A transaction with its sender; cheap to copy.
#[derive(Debug, Clone)]
pub struct Tx {
    recovered: Arc<Recovered<TxEnvelope>>,
    impersonated: bool,
}

/// Why bytes or a request are not a transaction of this chain.
#[derive(Debug, thiserror::Error)]
pub enum TxError {
    /// The bytes are no encoded transaction.
    #[error("rlp: {}", rlp_text(.0))]
    Decode(alloy::rlp::Error),
    /// There are not even enough bytes for a type and something of that type.
    #[error("typed transaction too short")]
    Short,
    /// Blob transactions do not exist on this chain, other types nowhere.
    #[error("transaction type not supported")]
    Unsupported,
    /// No sender follows from the signature.
    #[error("invalid transaction v, r, s values")]
    Signature,
    /// The transaction is signed for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    ChainId {
        /// Chain id in the transaction.
        have: u64,
        /// Chain id of this chain.
        want: u64,
    },
    /// A request lacks fields that its transaction type needs, or has contradicting ones.
    #[error("incomplete transaction request: {0}")]
    Incomplete(String),
    /// Signing failed.
    #[error("transaction could not be signed: {0}")]
    Sign(#[from] alloy::signers::Error),
}

impl Tx {
    /// Decodes a signed transaction in its binary form and recovers the sender.
    pub fn decode(raw: &[u8]) -> Result<Self, TxError> {
        match raw {
            [] | [..=LAST_TYPE] => return Err(TxError::Short),
            [1 | 2 | 4, ..] => {}
            [..=LAST_TYPE, ..] => return Err(TxError::Unsupported),
            _ => {}
        }
        let mut rest = raw;
        let envelope = TxEnvelope::decode_2718(&mut rest).map_err(|error| match error {
            Eip2718Error::RlpError(error) => TxError::Decode(error),
            // All types were checked: what is left is a list that is no legacy transaction.
            _ => TxError::Decode(alloy::rlp::Error::InputTooShort),
        })?;
        if !rest.is_empty() {
            return Err(TxError::Decode(alloy::rlp::Error::UnexpectedLength));
        }
        let sender = envelope.recover_signer().map_err(|_| TxError::Signature)?;
        Ok(Self::new(envelope, sender, false))
    }

    /// Completes a request into a transaction signed by a dev account.
    pub fn sign(request: TransactionRequest, signer: &PrivateKeySigner) -> Result<Self, TxError> {
        let mut typed = typed(request)?;
        let signature = match &mut typed {
            TypedTransaction::Legacy(tx) => signer.sign_transaction_sync(tx)?,
            TypedTransaction::Eip2930(tx) => signer.sign_transaction_sync(tx)?,
            TypedTransaction::Eip1559(tx) => signer.sign_transaction_sync(tx)?,
            TypedTransaction::Eip7702(tx) => signer.sign_transaction_sync(tx)?,
            TypedTransaction::Eip4844(_) => return Err(TxError::Unsupported),
        };
        Ok(Self::new(typed.into_envelope(signature), signer.address(), false))
    }

    /// Completes a request into a transaction of an impersonated sender. Its signature is made up
    /// of the sender's address, so that equal requests of two senders differ in their hashes.
    pub fn impersonate(request: TransactionRequest, sender: Address) -> Result<Self, TxError> {
        let typed = typed(request)?;
        if matches!(typed, TypedTransaction::Eip4844(_)) {
            return Err(TxError::Unsupported);
        }
        let signature = Signature::new(U256::from_be_slice(sender.as_slice()), U256::ONE, false);
        Ok(Self::new(typed.into_envelope(signature), sender, true))
    }

    /// A transaction that was accepted before, with what is known about it.
    pub fn restore(raw: &[u8], sender: Address, impersonated: bool) -> Result<Self, TxError> {
        Ok(Self::new(TxEnvelope::decode_2718_exact(raw)?, sender, impersonated))
    }

    fn new(envelope: TxEnvelope, sender: Address, impersonated: bool) -> Self {
        Self { recovered: Arc::new(Recovered::new_unchecked(envelope, sender)), impersonated }
    }

    /// Whether nobody signed it.
    pub fn is_impersonated(&self) -> bool {
        self.impersonated
    }

    /// The transaction without its sender.
    pub fn envelope(&self) -> &TxEnvelope {
        self.recovered.inner()
    }

    /// The transaction with its sender.
    pub fn recovered(&self) -> &Recovered<TxEnvelope> {
        &self.recovered
    }

    /// Who sent it.
    pub fn sender(&self) -> Address {
        self.recovered.signer()
    }

    /// Its hash.
    pub fn hash(&self) -> B256 {
        *self.envelope().tx_hash()
    }

    /// Its nonce.
    pub fn nonce(&self) -> u64 {
        self.envelope().nonce()
    }

    /// The most that it can cost, in wei: gas at the fee cap plus value.
    pub fn max_cost(&self) -> U256 {
        let tx = self.envelope();
        let fees = U256::from(tx.gas_limit()).saturating_mul(U256::from(tx.max_fee_per_gas()));
        fees.saturating_add(tx.value())
    }

    /// Refuses a transaction that is signed for another chain.
    pub fn check_chain(&self, want: u64) -> Result<(), TxError> {
        match self.envelope().chain_id() {
            Some(have) if have != want => Err(TxError::ChainId { have, want }),
            _ => Ok(()),
        }
    }

    /// What the engine executes.
    pub fn env(&self) -> TxEnv {
        let tx = self.envelope();
        let mut env = TxEnv {
            tx_type: tx.tx_type().into(),
            caller: self.sender(),
            gas_limit: tx.gas_limit(),
            gas_price: tx.max_fee_per_gas(),
            kind: tx.kind(),
            value: tx.value(),
            data: tx.input().clone(),
            nonce: tx.nonce(),
            chain_id: tx.chain_id(),
            access_list: tx.access_list().cloned().unwrap_or_default(),
            gas_priority_fee: tx.max_priority_fee_per_gas(),
            ..TxEnv::default()
        };
        env.set_signed_authorization(tx.authorization_list().unwrap_or_default().to_vec());
        env
    }
}

impl From<Eip2718Error> for TxError {
    fn from(error: Eip2718Error) -> Self {
        match error {
            Eip2718Error::RlpError(error) => Self::Decode(error),
            _ => Self::Unsupported,
        }
    }
}

/// The words that other Ethereum clients use.
fn rlp_text(error: &alloy::rlp::Error) -> String {
    use alloy::rlp::Error;
    match error {
        Error::InputTooShort => "value size exceeds available input length".to_owned(),
        Error::UnexpectedLength => "input contains more than one value".to_owned(),
        Error::UnexpectedString => "expected input list for transaction".to_owned(),
        Error::UnexpectedList => "expected input string or byte".to_owned(),
        Error::LeadingZero => "non-canonical integer (leading zero bytes)".to_owned(),
        Error::NonCanonicalSize | Error::NonCanonicalSingleByte => {
            "non-canonical size information".to_owned()
        }
        other => other.to_string(),
    }
}

fn typed(request: TransactionRequest) -> Result<TypedTransaction, TxError> {
    request.build_consensus_tx().map_err(|error| TxError::Incomplete(error.error))
}
