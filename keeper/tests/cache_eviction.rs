//! Settlements whose programs leave the chain's cache, or stay in it.

mod common;

use alloy::primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol;
use alloy::sol_types::{SolCall, SolEvent};
use bindings::{AgentAccount, ENTRY_POINT_V08, IEntryPoint};
use common::World;
use common::gate::Place;
use common::keeper::KeeperProcess;
use devnet::genesis::{CACHE_MANAGER, CHAIN_OWNER};
use serde_json::{Value, json};

sol! {
    #[sol(rpc)]
    interface CacheManager {
        function placeBid(address program) external payable;
        function evictAll() external;
    }

    #[sol(rpc)]
    interface ArbWasmCache {
        function codehashIsCached(bytes32 codehash) external view returns (bool);
    }
}

const ARB_WASM_CACHE: Address = address!("0000000000000000000000000000000000000072");
/// Unused execution gas above which the EntryPoint keeps a tenth of all of it.
const PENALTY_THRESHOLD: u64 = 40_000;

/// What a settlement's operation runs.
fn programs(world: &World) -> [Address; 2] {
    [world.deployment.account_implementation, world.deployment.registry]
}

async fn check_cached(world: &World, expected: bool) {
    let cache = ArbWasmCache::new(ARB_WASM_CACHE, &world.provider);
    for program in programs(world) {
        let code = world.provider.get_code_at(program).await.expect("code");
        let cached = cache.codehashIsCached(keccak256(code)).call().await.expect("an answer");
        assert_eq!(cached, expected, "{program}");
    }
}

/// Somebody bids for both programs.
async fn cache(world: &World) {
    let manager = CacheManager::new(CACHE_MANAGER, &world.provider);
    for program in programs(world) {
        let bid = manager.placeBid(program).from(world.owner).send().await.expect("sent");
        assert!(bid.get_receipt().await.expect("a receipt").status());
    }
    check_cached(world, true).await;
}

/// Both lose their places, as to a higher bid.
async fn evict(world: &World) {
    world.raw("anvil_impersonateAccount", json!([CHAIN_OWNER])).await;
    let data = Bytes::from(CacheManager::evictAllCall {}.abi_encode());
    let call = json!([{ "from": CHAIN_OWNER, "to": CACHE_MANAGER, "data": data }]);
    world.raw("eth_sendTransaction", call).await;
    check_cached(world, false).await;
}

/// A keeper that has settled once, so that every balance exists and later settlements are cheap:
/// nothing but the limits' room is left for dearer starts.
async fn settled_before(world: &World) -> (KeeperProcess, U256) {
    let keeper = world.keeper(&world.config());
    let agent = world.list().await;
    let purchase = world.buy(agent, "out result").await;
    world.assert_settled_once(&keeper, purchase).await;
    (keeper, agent)
}

/// The account's operations so far: transaction, and whether the call worked.
async fn operations(world: &World) -> Vec<(B256, bool)> {
    let filter = Filter::new()
        .address(ENTRY_POINT_V08)
        .event_signature(IEntryPoint::UserOperationEvent::SIGNATURE_HASH)
        .topic2(world.account.into_word())
        .from_block(0);
    let logs = world.provider.get_logs(&filter).await.expect("logs");
    let read = |log: &alloy::rpc::types::Log| {
        let event = IEntryPoint::UserOperationEvent::decode_log(&log.inner).expect("an event");
        (log.transaction_hash.expect("mined"), event.success)
    };
    logs.iter().map(read).collect()
}

/// What the last operation left of its execution limit.
async fn unused_execution_gas(world: &World) -> u64 {
    let (transaction, success) = *operations(world).await.last().expect("an operation");
    assert!(success);
    let trace = json!([transaction, { "tracer": "callTracer" }]);
    let trace = world.raw("debug_traceTransaction", trace).await;
    let call = execution(&trace, world.account).expect("the account's execution");
    let number = |key: &str| {
        let text = call[key].as_str().expect("a quantity").trim_start_matches("0x");
        u64::from_str_radix(text, 16).expect("a quantity")
    };
    number("gas") - number("gasUsed")
}

/// The frame in which the account executes.
fn execution(frame: &Value, account: Address) -> Option<&Value> {
    let to = frame["to"].as_str().and_then(|to| to.parse::<Address>().ok());
    let selector = alloy::hex::encode_prefixed(AgentAccount::execute_0Call::SELECTOR);
    let input = frame["input"].as_str().unwrap_or_default();
    if to == Some(account) && frame["type"] == "CALL" && input.starts_with(&selector) {
        return Some(frame);
    }
    let inner = frame["calls"].as_array().into_iter().flatten();
    inner.into_iter().find_map(|call| execution(call, account))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_survives_that_its_programs_leave_the_cache() {
    let world = World::start().await;
    let (keeper, agent) = settled_before(&world).await;
    cache(&world).await;
    let gate = world.node.gate.clone();
    gate.close("eth_sendRawTransaction", Place::Request);
    let purchase = world.buy(agent, "out result").await;
    // By now its limits are signed, as they were estimated with both programs cached.
    gate.reached().await;
    evict(&world).await;
    gate.open();
    world.assert_settled_once(&keeper, purchase).await;
    let operations = operations(&world).await;
    assert_eq!(operations.len(), 2, "no second try");
    assert!(operations.iter().all(|(_, success)| *success), "{operations:?}");
    println!("unused execution gas, evicted: {}", unused_execution_gas(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn settlements_that_start_cached_pay_no_penalty_for_unused_gas() {
    let world = World::start().await;
    let (keeper, agent) = settled_before(&world).await;
    let mut unused = vec![unused_execution_gas(&world).await];
    for cached in [false, true] {
        if cached {
            cache(&world).await;
        }
        let purchase = world.buy(agent, "out result").await;
        world.assert_settled_once(&keeper, purchase).await;
        unused.push(unused_execution_gas(&world).await);
    }
    println!("unused execution gas, first, later, later and cached: {unused:?}");
    assert!(unused.iter().all(|gas| *gas <= PENALTY_THRESHOLD), "{unused:?}");
}
