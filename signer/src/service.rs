//! From request to answer: policy, journal, signature, in this order.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, TxKind, U256};
use domain::bundle::BundleTransaction;
use domain::wire::{RefusalCode, Request, Response, SignReceipt, SignUserOperation, SignerCaps};

use crate::journal::{Day, Journal, ReceiptKey};
use crate::keys::{Key, KeyError, Keys};
use crate::policy::Policy;
use crate::refusal::Refusal;

const SECONDS_PER_DAY: u64 = 86_400;

/// Tells the time; tests tell another.
pub type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;

/// Everything needed to answer requests.
pub struct Service {
    keys: Keys,
    policy: Policy,
    journal: Journal,
    clock: Clock,
}

impl Service {
    /// A service by the system's clock.
    pub fn new(keys: Keys, policy: Policy, journal: Journal) -> Self {
        Self { keys, policy, journal, clock: Box::new(SystemTime::now) }
    }

    /// Replaces the clock, which decides which day's budget counts.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Answers a request; never fails otherwise than by refusing.
    pub fn answer(&self, request: &Request) -> Response {
        let (kind, answer) = match request {
            Request::Info => ("info", Ok(self.info())),
            Request::SignUserOperation(request) => ("user operation", self.operation(request)),
            Request::SignBundle(bundle) => ("bundle", self.bundle(bundle)),
            Request::SignReceipt(request) => ("receipt", self.receipt(request)),
        };
        match answer {
            Ok(response) => {
                log_signed(&response);
                response
            }
            Err(refusal) => {
                tracing::warn!(kind, code = %refusal.code, message = refusal.message, "refused");
                refusal.into()
            }
        }
    }

    fn info(&self) -> Response {
        Response::Info {
            owner: self.keys.owner.address(),
            bundler: self.keys.bundler.address(),
            caps: Some(SignerCaps {
                max_fee_per_gas: self.policy.max_fee_per_gas,
                max_operation_gas: self.policy.max_operation_gas,
                max_bundle_gas: self.policy.max_bundle_gas,
            }),
        }
    }

    fn operation(&self, request: &SignUserOperation) -> Result<Response, Refusal> {
        let op = self.policy.operation(request)?;
        self.journal.operation(&op, self.today())?;
        let signature = sign(&self.keys.owner, &op.hash)?;
        Ok(Response::UserOperation { hash: op.hash, signature: signature.into() })
    }

    fn bundle(&self, bundle: &BundleTransaction) -> Result<Response, Refusal> {
        let (owner, bundler) = (self.keys.owner.address(), self.keys.bundler.address());
        let approved = self.policy.bundle(bundle, owner, bundler)?;
        let transaction = transaction(bundle);
        let digest = transaction.signature_hash();
        self.journal.bundle(&approved, digest, self.today())?;
        let signed = transaction.into_signed(self.keys.bundler.sign(&digest)?);
        Ok(Response::Bundle { hash: *signed.hash(), raw: signed.encoded_2718().into() })
    }

    fn receipt(&self, request: &SignReceipt) -> Result<Response, Refusal> {
        let digest = self.policy.receipt(request)?;
        let key = ReceiptKey {
            registry: request.registry,
            purchase: request.receipt.purchase_id,
            order_hash: request.receipt.order_hash(),
            digest,
        };
        self.journal.receipt(request.chain_id, &key)?;
        let signature = sign(&self.keys.owner, &digest)?;
        Ok(Response::Receipt { hash: digest, signature: signature.into() })
    }

    fn today(&self) -> Day {
        // A clock before 1970 is as wrong as can be; day 0 then shares one budget.
        let since = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        Day { number: since.as_secs() / SECONDS_PER_DAY, budget: self.policy.daily_budget }
    }
}

fn transaction(bundle: &BundleTransaction) -> TxEip1559 {
    TxEip1559 {
        chain_id: bundle.chain_id,
        nonce: bundle.nonce,
        gas_limit: bundle.gas_limit,
        max_fee_per_gas: bundle.max_fee_per_gas,
        max_priority_fee_per_gas: bundle.max_priority_fee_per_gas,
        to: TxKind::Call(bundle.entry_point),
        value: U256::ZERO,
        access_list: Default::default(),
        input: bundle.call_data(),
    }
}

fn sign(key: &Key, digest: &B256) -> Result<[u8; 65], KeyError> {
    Ok(domain::signature::to_bytes(&key.sign(digest)?))
}

fn log_signed(response: &Response) {
    match response {
        Response::UserOperation { hash, .. } => tracing::info!(%hash, "signed a user operation"),
        Response::Bundle { hash, .. } => tracing::info!(%hash, "signed a bundle"),
        Response::Receipt { hash, .. } => tracing::info!(%hash, "signed a receipt"),
        Response::Info { .. } | Response::Refused { .. } => {}
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        Self::new(RefusalCode::Internal, error.to_string())
    }
}
