//! Smart accounts of the reference implementation, from npm, and operations of theirs.

use crate::process::tool;
use crate::rpc::Node;
use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use devnet::Devnet;
use devnet::bundler::UserOperation;
use devnet::genesis::ENTRY_POINT;
use serde_json::{Value, json};

sol! {
    #[sol(rpc)]
    interface Factory {
        function createAccount(address owner, uint256 salt) external returns (address);
        function getAddress(address owner, uint256 salt) external view returns (address);
    }
    interface Account {
        function execute(address target, uint256 value, bytes calldata data) external;
    }
}

/// Logs its input, with the first word as topic, and adds 1 to slot 0.
const COUNTER: &str = "366000600037600054600101600055600035366000a100";
/// Reverts with its input as data.
const REVERTER: &str = "366000600037366000fd";

/// A chain with what operations need.
#[derive(Debug)]
pub struct Stage {
    pub devnet: Devnet,
    pub node: Node,
    pub client: DynProvider,
    pub factory: Address,
    pub counter: Address,
    pub reverter: Address,
}

impl Stage {
    pub async fn new() -> Self {
        let devnet = Devnet::spawn(devnet::Config::default()).await.unwrap();
        let node = Node::new(&devnet.rpc_url());
        let wallet = EthereumWallet::new(devnet.accounts()[0].signer().unwrap());
        let url = devnet.rpc_url().parse().unwrap();
        let client = ProviderBuilder::new().wallet(wallet).connect_http(url).erased();
        let factory = [&artifact("SimpleAccountFactory")[..], &ENTRY_POINT.abi_encode()].concat();
        let factory = deploy(&client, factory.into()).await;
        let counter = deploy(&client, init_code(COUNTER)).await;
        let reverter = deploy(&client, init_code(REVERTER)).await;
        Self { devnet, node, client, factory, counter, reverter }
    }

    /// The account of an owner, not created yet, with some ETH.
    pub async fn account(&self, owner: &PrivateKeySigner) -> Address {
        let factory = Factory::new(self.factory, &self.client);
        let account = factory.getAddress(owner.address(), U256::ZERO).call().await.unwrap();
        let value = U256::from(10).pow(U256::from(18));
        send(&self.client, TransactionRequest::default().to(account).value(value)).await;
        account
    }

    /// An operation that calls `target` from an account, which it creates, without gas limits.
    pub async fn operation(
        &self,
        owner: &PrivateKeySigner,
        target: Address,
        data: Bytes,
    ) -> UserOperation {
        let create = Factory::createAccountCall { owner: owner.address(), salt: U256::ZERO };
        let nobodys = crate::smart::owner(99).sign_hash_sync(&B256::ZERO).unwrap();
        let call = Account::executeCall { target, value: U256::ZERO, data };
        serde_json::from_value(json!({
            "sender": self.account(owner).await,
            "nonce": "0x0",
            "factory": self.factory,
            "factoryData": Bytes::from(create.abi_encode()),
            "callData": Bytes::from(call.abi_encode()),
            "maxFeePerGas": "0xbebc200",
            "maxPriorityFeePerGas": "0x0",
            "signature": Bytes::from(nobodys.as_bytes()),
        }))
        .unwrap()
    }

    /// Fills the gas limits in.
    pub async fn estimate(&self, op: &mut UserOperation) {
        let limits = self.node.call("eth_estimateUserOperationGas", json!([op, ENTRY_POINT])).await;
        let mut whole = serde_json::to_value(&*op).unwrap();
        for (name, limit) in limits.as_object().unwrap() {
            whole[name] = limit.clone();
        }
        *op = serde_json::from_value(whole).unwrap();
    }

    /// Sends an operation.
    pub async fn send(&self, op: &UserOperation) -> Result<Value, String> {
        let request = ("eth_sendUserOperation", json!([op, ENTRY_POINT]));
        self.node.try_all(&[request]).await.remove(0)
    }
}

/// Signs an operation as SimpleAccount wants it.
pub fn sign(op: &mut UserOperation, owner: &PrivateKeySigner, delegate: Option<Address>) {
    let hash = op.hash(412_346, delegate);
    op.signature = owner.sign_hash_sync(&hash).unwrap().as_bytes().into();
}

/// Creation code of a contract of the reference implementation.
pub fn artifact(name: &str) -> Bytes {
    let path = format!("@account-abstraction/contracts/artifacts/{name}.json");
    let text = std::fs::read_to_string(tool(&path)).unwrap();
    let artifact: Value = serde_json::from_str(&text).unwrap();
    artifact["bytecode"].as_str().unwrap().parse().unwrap()
}

/// The creation code of a runtime.
pub fn init_code(runtime: &str) -> Bytes {
    let length = runtime.len() / 2;
    format!("0x60{length:02x}80600b6000396000f3{runtime}").parse().unwrap()
}

/// The creation code of a runtime of any length.
pub fn init_code_long(runtime: &[u8]) -> Bytes {
    let [high, low] = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    let copy = [0x61, high, low, 0x80, 0x60, 0x0c, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    [&copy[..], runtime].concat().into()
}

/// Creates a contract.
pub async fn deploy(client: &DynProvider, code: Bytes) -> Address {
    let request = TransactionRequest::default().input(code.into());
    let request = alloy::network::TransactionBuilder::into_create(request);
    send(client, request).await.contract_address.unwrap()
}

/// Sends a transaction, which must succeed.
pub async fn send(client: &DynProvider, request: TransactionRequest) -> TransactionReceipt {
    let pending = client.send_transaction(request).await.unwrap();
    let receipt = crate::process::within(pending.get_receipt()).await.unwrap();
    assert!(receipt.status());
    receipt
}

/// The key of an owner who has nothing else.
pub fn owner(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[number; 32]).unwrap()
}

/// Somewhere that has no code.
pub const NOBODY: Address = address!("00000000000000000000000000000000deadbeef");
