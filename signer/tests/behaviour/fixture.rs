//! A policy, requests that it allows, and a service in a temporary directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, Bytes, U256};
use domain::bundle::BundleTransaction;
use domain::calls::{Call, Settlement};
use domain::ids::{AgentId, ImageDigest, PurchaseId};
use domain::receipt::{ExecutionReceipt, Outcome};
use domain::userop::{ENTRY_POINT_V08, GasLimits, PackedUserOperation, UserOperation};
use domain::wire::{RefusalCode, Request, Response, SignReceipt, SignUserOperation};
use signer::journal::Journal;
use signer::keys::{Key, Keys};
use signer::policy::{Allowed, Policy};
use signer::service::Service;

pub const CHAIN: u64 = 412_346;
pub const ACCOUNT: Address = Address::repeat_byte(0x11);
pub const REGISTRY: Address = Address::repeat_byte(0x22);
pub const FRIEND: Address = Address::repeat_byte(0x33);
pub const PING: [u8; 4] = [1, 2, 3, 4];
pub const GWEI: u128 = 1_000_000_000;
/// The sum of the limits in [`gas`].
pub const OPERATION_GAS: u64 = 1_000_000;
pub const BUNDLE_GAS: u64 = 2_000_000;
pub const DAY: u64 = 86_400;

/// Room for about three settlements and their bundles at one gwei.
pub fn policy() -> Policy {
    Policy {
        chain_id: CHAIN,
        entry_point: ENTRY_POINT_V08,
        account: ACCOUNT,
        registry: REGISTRY,
        allow: vec![Allowed { target: FRIEND, selector: PING }],
        max_value: U256::from(5),
        max_operation_gas: OPERATION_GAS,
        max_bundle_gas: BUNDLE_GAS,
        max_fee_per_gas: 10 * GWEI,
        daily_budget: U256::from(10_000_000 * GWEI),
    }
}

pub fn keys() -> Keys {
    let key = |byte| Key::from_bytes(&[byte; 32]).unwrap();
    Keys { owner: key(0x41), bundler: key(0x42) }
}

pub fn gas(max_fee_per_gas: u128) -> GasLimits {
    GasLimits {
        verification_gas_limit: 300_000,
        call_gas_limit: 600_000,
        pre_verification_gas: U256::from(100_000),
        max_fee_per_gas,
        max_priority_fee_per_gas: 1,
    }
}

pub fn receipt_hash(purchase: u64) -> B256 {
    receipt(purchase).digest(CHAIN, REGISTRY)
}

pub fn settlement(purchase: u64) -> Settlement {
    Settlement {
        purchase: PurchaseId(purchase),
        order_hash: receipt(purchase).order_hash(),
        ok: true,
        charge: U96::from(1000),
        result_hash: B256::repeat_byte(7),
        receipt_hash: receipt_hash(purchase),
    }
}

pub fn settle(purchase: u64) -> Call {
    Call { target: REGISTRY, value: U256::ZERO, data: settlement(purchase).call_data() }
}

pub fn ping(value: u64) -> Call {
    Call { target: FRIEND, value: U256::from(value), data: PING.into() }
}

pub fn operation(nonce: U256, call_data: Bytes, max_fee: u128) -> SignUserOperation {
    let op = UserOperation::new(ACCOUNT, nonce, call_data).with_gas(gas(max_fee));
    SignUserOperation { chain_id: CHAIN, entry_point: ENTRY_POINT_V08, user_op: op.pack() }
}

/// The account nonce of the settlement of [`receipt`]'s order.
pub fn settle_nonce(purchase: u64, sequence: u64) -> U256 {
    PurchaseId(purchase).nonce(receipt(purchase).order_hash(), sequence)
}

/// The settlement of a purchase as a keeper asks for it.
pub fn settle_operation(purchase: u64, max_fee: u128) -> SignUserOperation {
    operation(settle_nonce(purchase, 0), settle(purchase).to_execute(), max_fee)
}

pub fn receipt(purchase: u64) -> ExecutionReceipt {
    ExecutionReceipt {
        purchase_id: PurchaseId(purchase),
        agent_id: AgentId::from(1),
        version: 1,
        buyer: Address::repeat_byte(0x55),
        keeper: ACCOUNT,
        image_digest: ImageDigest(B256::repeat_byte(1)),
        manifest_hash: B256::repeat_byte(2),
        input_hash: B256::repeat_byte(3),
        result_hash: B256::repeat_byte(7),
        log_hash: B256::repeat_byte(4),
        outcome: Outcome::Ok,
        exit_code: 0,
        started_at: 100,
        finished_at: 101,
        cpu_micros: 5,
        peak_memory_bytes: 6,
        charge: U96::from(1000),
    }
}

pub fn sign_receipt(receipt: ExecutionReceipt) -> SignReceipt {
    SignReceipt { chain_id: CHAIN, registry: REGISTRY, receipt }
}

pub fn bundle(nonce: u64, ops: Vec<PackedUserOperation>, max_fee: u128) -> BundleTransaction {
    BundleTransaction {
        chain_id: CHAIN,
        nonce,
        gas_limit: BUNDLE_GAS,
        max_fee_per_gas: max_fee,
        max_priority_fee_per_gas: 1,
        entry_point: ENTRY_POINT_V08,
        ops,
        beneficiary: keys().bundler.address(),
    }
}

/// A service over a journal in a temporary directory, with a clock that tests set.
pub struct Fixture {
    pub directory: tempfile::TempDir,
    pub clock: Arc<AtomicU64>,
    pub policy: Policy,
}

impl Fixture {
    pub fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(20_000 * DAY));
        Self { directory: tempfile::tempdir().unwrap(), clock, policy: policy() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn journal_path(&self) -> PathBuf {
        self.path().join("journal.db")
    }

    /// A new service on the same journal, as after a restart.
    pub fn service(&self) -> Service {
        let journal = Journal::open(&self.journal_path()).unwrap();
        let clock = Arc::clone(&self.clock);
        Service::new(keys(), self.policy.clone(), journal).with_clock(Box::new(move || {
            UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst))
        }))
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// What tests look at in an answer: a hash, or why not.
pub fn outcome(response: &Response) -> Result<B256, RefusalCode> {
    match response {
        Response::UserOperation { hash, .. }
        | Response::Bundle { hash, .. }
        | Response::Receipt { hash, .. } => Ok(*hash),
        Response::Refused { code, .. } => Err(*code),
        Response::Info { .. } => panic!("not asked for"),
    }
}

pub trait Ask {
    fn ask(&self, request: Request) -> Result<B256, RefusalCode>;
    fn sign_op(&self, request: SignUserOperation) -> PackedUserOperation;
}

impl Ask for Service {
    fn ask(&self, request: Request) -> Result<B256, RefusalCode> {
        outcome(&self.answer(&request))
    }

    fn sign_op(&self, request: SignUserOperation) -> PackedUserOperation {
        let op = request.user_op.clone();
        match self.answer(&Request::SignUserOperation(request)) {
            Response::UserOperation { signature, .. } => op.with_signature(signature),
            other => panic!("{other:?}"),
        }
    }
}
