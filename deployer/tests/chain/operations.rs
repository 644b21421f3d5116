//! UserOperations of an account: building, signing, bundling.

use crate::support::*;
use alloy::primitives::{Address, B256, Bytes, U256, aliases::U192};
use alloy::providers::DynProvider;
use alloy::rpc::types::TransactionReceipt;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use bindings::AgentAccount::{self, AgentAccountInstance};
use bindings::{AccountFactory, IEntryPoint, PackedUserOperation};

pub const ETHER: u128 = 1_000_000_000_000_000_000;
const SALT: B256 = B256::ZERO;

/// An account of the buyer's key, perhaps not created yet.
pub struct Wallet<'a> {
    pub world: &'a World,
    pub address: Address,
    pub key: PrivateKeySigner,
}

impl<'a> Wallet<'a> {
    /// Known address, some ETH, no code.
    pub async fn planned(world: &'a World) -> Self {
        let factory = AccountFactory::new(world.deployment.factory, world.provider(STRANGER));
        let implementation = world.deployment.account_implementation;
        let owner = world.address(BUYER);
        let address = factory.accountAddress(implementation, owner, SALT).call().await;
        let wallet = Self { world, address: address.expect("view"), key: world.signer(BUYER) };
        wallet.fund(ETHER).await;
        wallet
    }

    /// Created, with some ETH.
    pub async fn created(world: &'a World) -> Self {
        let wallet = Self::planned(world).await;
        let factory = AccountFactory::new(world.deployment.factory, world.provider(STRANGER));
        let implementation = world.deployment.account_implementation;
        done(factory.createAccount(implementation, world.address(BUYER), SALT)).await;
        wallet
    }

    pub async fn fund(&self, wei: u128) {
        send_wei(self.world, self.address, wei).await;
    }

    /// The account, called by `who`.
    pub fn contract(&self, who: usize) -> AgentAccountInstance<DynProvider> {
        AgentAccount::new(self.address, self.world.provider(who))
    }

    /// `initCode` that creates this account.
    pub fn init_code(&self) -> Bytes {
        let create = AccountFactory::createAccountCall {
            implementation: self.world.deployment.account_implementation,
            owner: self.world.address(BUYER),
            salt: SALT,
        };
        [self.world.deployment.factory.as_slice(), &create.abi_encode()].concat().into()
    }

    /// An unsigned operation with the next nonce of `key`.
    pub async fn operation(&self, key: u64, call_data: Vec<u8>) -> PackedUserOperation {
        let entry_point = self.world.entry_point();
        let nonce = entry_point.getNonce(self.address, U192::from(key)).call().await;
        PackedUserOperation {
            sender: self.address,
            nonce: nonce.expect("view"),
            initCode: Bytes::new(),
            callData: call_data.into(),
            accountGasLimits: halves(1_500_000, 1_500_000),
            preVerificationGas: U256::from(60_000),
            gasFees: halves(1_000_000_000, 1_000_000_000),
            paymasterAndData: Bytes::new(),
            signature: Bytes::new(),
        }
    }

    /// Signed by `key` over the raw hash of the operation.
    pub async fn signed(
        &self,
        mut operation: PackedUserOperation,
        key: &PrivateKeySigner,
    ) -> PackedUserOperation {
        let hash = self.world.entry_point().getUserOpHash(operation.clone()).call().await;
        let signature = key.sign_hash_sync(&hash.expect("view")).expect("signs");
        operation.signature = signature.as_bytes().to_vec().into();
        operation
    }

    /// Signs and bundles an operation that must be included; tells whether its call worked.
    pub async fn run(&self, key: u64, call_data: Vec<u8>) -> (bool, TransactionReceipt) {
        let operation = self.operation(key, call_data).await;
        let operation = self.signed(operation, &self.key).await;
        self.bundle(operation).await
    }

    pub async fn bundle(&self, operation: PackedUserOperation) -> (bool, TransactionReceipt) {
        let beneficiary = self.world.address(BUNDLER);
        let receipt = done(self.world.entry_point().handleOps(vec![operation], beneficiary)).await;
        let event = receipt.decoded_log::<IEntryPoint::UserOperationEvent>().expect("event");
        (event.success, receipt)
    }

    /// The EntryPoint's reason for refusing an operation.
    pub async fn refusal(&self, operation: PackedUserOperation) -> String {
        let beneficiary = self.world.address(BUNDLER);
        let entry_point = self.world.entry_point();
        let call = entry_point.handleOps(vec![operation], beneficiary);
        let error = call.send().await.expect_err("must be refused");
        match error.as_decoded_interface_error::<IEntryPoint::IEntryPointErrors>() {
            Some(IEntryPoint::IEntryPointErrors::FailedOp(failed)) => failed.reason,
            Some(IEntryPoint::IEntryPointErrors::FailedOpWithRevert(failed)) => failed.reason,
            None => panic!("not an error of the EntryPoint: {error}"),
        }
    }
}

pub async fn send_wei(world: &World, to: Address, wei: u128) {
    use alloy::network::TransactionBuilder;
    use alloy::providers::Provider;
    let request =
        alloy::rpc::types::TransactionRequest::default().with_to(to).with_value(U256::from(wei));
    let pending = world.provider(STRANGER).send_transaction(request).await.expect("accepted");
    assert!(pending.get_receipt().await.expect("included").status(), "ETH arrives");
}

fn halves(high: u128, low: u128) -> B256 {
    let mut out = B256::ZERO;
    out[..16].copy_from_slice(&high.to_be_bytes());
    out[16..].copy_from_slice(&low.to_be_bytes());
    out
}

/// Calldata of `execute(target, value, data)`.
pub fn execute(target: Address, value: u128, data: Vec<u8>) -> Vec<u8> {
    let value = U256::from(value);
    AgentAccount::execute_0Call { target, value, data: data.into() }.abi_encode()
}
