//! The genesis state: ArbOS, dev accounts, and the contracts that every tool expects.

use crate::accounts::DevAccount;
use crate::error::Error;
use crate::state::State;
use crate::vm::{BlockContext, Mode, Vm};
use alloy::hex;
use alloy::primitives::{Address, B256, Bytes, TxKind, U256, address, b256, bytes};
use revm::DatabaseCommit;
use revm::context::{BlockEnv, TxEnv};
use revm::context_interface::result::ExecutionResult;

/// The deterministic deployer: calls `CREATE2` with the first word of its input as salt.
pub const DETERMINISTIC_DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");
/// The deterministic deployer's code.
pub const DETERMINISTIC_DEPLOYER_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035"
    "828234f58015156039578182fd5b8082525050506014600cf3"
);
/// The canonical ERC-4337 EntryPoint v0.8.
pub const ENTRY_POINT: Address = address!("4337084D9E255Ff0702461CF8895CE9E3b5Ff108");
/// The salt that gives the EntryPoint its address.
pub const ENTRY_POINT_SALT: B256 =
    b256!("0a59dbff790c23c976a548690c27297883cc66b4c67024f9117b0238995e35e9");
/// The EntryPoint's creation code in hex, as published by its authors.
pub const ENTRY_POINT_CREATION_CODE: &str = include_str!("../data/entry-point-v0.8.hex");
/// The canonical StylusDeployer: deploys, activates and initialises a program in one transaction.
pub const STYLUS_DEPLOYER: Address = address!("cEcba2F1DC234f70Dd89F2041029807F8D03A990");
/// The StylusDeployer's creation code in hex, as published by its authors.
pub const STYLUS_DEPLOYER_CREATION_CODE: &str = include_str!("../data/stylus-deployer.hex");
/// The chain's CacheManager, which sells places in the cache of compiled programs.
pub const CACHE_MANAGER: Address = address!("249B72F669AE16d94E6dA1b2AD8f1174c5a46349");
/// The CacheManager's creation code in hex, compiled from `contracts/CacheManager.sol`.
pub const CACHE_MANAGER_CREATION_CODE: &str = include_str!("../data/cache-manager.hex");

/// The contracts of block 0 by name, without ArbOS's own.
pub fn contracts() -> impl Iterator<Item = (&'static str, Address)> {
    let deployer = ("Deterministic deployer (CREATE2)", DETERMINISTIC_DEPLOYER);
    CONTRACTS.iter().map(|(name, address, _, _)| (*name, *address)).chain([deployer])
}

/// Owns the chain and earns the fees: the account that Arbitrum's own development mode uses, with
/// a key that its tools publish.
pub const CHAIN_OWNER: Address = address!("3f1Eae7D46d88F08fc2F8ed27FCb2AB183EB2d0E");

/// Pays for nothing and leaves no trace: the sender of genesis transactions.
const CREATOR: Address = address!("0000000000000000000000000000000067656e65");
/// Enough for any creation at genesis.
const CREATION_GAS: u64 = 30_000_000;

/// What the deterministic deployer puts there: names, addresses, salts, creation codes.
const CONTRACTS: [(&str, Address, B256, &str); 3] = [
    ("EntryPoint v0.8", ENTRY_POINT, ENTRY_POINT_SALT, ENTRY_POINT_CREATION_CODE),
    ("StylusDeployer", STYLUS_DEPLOYER, B256::ZERO, STYLUS_DEPLOYER_CREATION_CODE),
    ("CacheManager", CACHE_MANAGER, B256::ZERO, CACHE_MANAGER_CREATION_CODE),
];

/// Builds the state of block 0.
pub fn build(vm: &Vm, accounts: &[DevAccount], balance: U256) -> Result<State, Error> {
    let mut state = State::default();
    for account in vm.genesis() {
        state.update(account.address, |stored| {
            stored.balance = account.info.balance;
            stored.nonce = account.info.nonce;
            if let Some(code) = &account.info.code {
                stored.set_code(code.original_bytes());
            }
            for (slot, value) in &account.storage {
                stored.set_slot(*slot, *value);
            }
        });
    }
    for address in accounts.iter().map(|account| account.address).chain([CHAIN_OWNER]) {
        state.update(address, |stored| stored.balance = balance);
    }
    state.update(DETERMINISTIC_DEPLOYER, |stored| {
        stored.nonce = 1;
        stored.set_code(DETERMINISTIC_DEPLOYER_CODE);
    });
    for (name, address, salt, code) in CONTRACTS {
        let code = hex::decode(code.trim())
            .map_err(|error| Error::Genesis(format!("{name} creation code: {error}")))?;
        let created = create(vm, &mut state, salt, &code)?;
        if created != address {
            return Err(Error::Genesis(format!("{name} came to {created}, not {address}")));
        }
    }
    Ok(state)
}

/// Runs creation code through the deterministic deployer.
fn create(vm: &Vm, state: &mut State, salt: B256, code: &[u8]) -> Result<Address, Error> {
    let tx = TxEnv {
        caller: CREATOR,
        gas_limit: CREATION_GAS,
        kind: TxKind::Call(DETERMINISTIC_DEPLOYER),
        data: [salt.as_slice(), code].concat().into(),
        ..TxEnv::default()
    };
    let block = BlockContext::new(BlockEnv { gas_limit: CREATION_GAS, ..BlockEnv::default() });
    let outcome = vm.transact(state, &block, tx, Mode::Call)?;
    let ExecutionResult::Success { output, .. } = &outcome.result else {
        return Err(Error::Genesis(format!("creation failed: {:?}", outcome.result)));
    };
    let created = Address::try_from(output.data().as_ref())
        .map_err(|_| Error::Genesis(format!("deployer returned {}", output.data())))?;
    state.commit(outcome.state);
    state.remove(CREATOR);
    Ok(created)
}
