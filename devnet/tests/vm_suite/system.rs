//! The other precompiles: what a call costs, what is refused, what owners can do.

use alloy::sol_types::SolCall;
use devnet::vm::VmConfig;
use revm::{
    DatabaseCommit,
    primitives::{Address, B256, Bytes, U256, address, keccak256},
};

use super::{abi::*, support::*};

#[test]
fn precompile_calls_cost_their_frame() {
    let mut bench = Bench::new();
    let used = |bench: &mut Bench, to, data: Vec<u8>| {
        let outcome = bench.call(to, data.clone());
        gas(&outcome) - intrinsic(&data)
    };
    let version = Wasm::stylusVersionCall {}.abi_encode();
    assert_eq!(used(&mut bench, ARB_WASM, version), 800 + 100 + 3);
    let codehash = B256::ZERO;
    // An error costs its one word instead of the result.
    let unknown = Wasm::codehashVersionCall { codehash }.abi_encode();
    assert_eq!(used(&mut bench, ARB_WASM, unknown), 800 + 3 + 900 + 3);
    let balance = Info::getBalanceCall { account: ALICE }.abi_encode();
    assert_eq!(used(&mut bench, INFO, balance), 800 + 3 + 700 + 3);
    let (sender, unused) = (ALICE, ALICE);
    let alias = Sys::mapL1SenderContractAddressToL2AliasCall { sender, unused }.abi_encode();
    assert_eq!(used(&mut bench, SYS, alias), 6 + 3);
}

#[test]
fn calls_that_are_not_allowed_take_all_gas() {
    let mut bench = Bench::new();
    let halts = |bench: &mut Bench, to, data: Vec<u8>| is_halt(&bench.call(to, data));
    assert!(halts(&mut bench, ARB_WASM, vec![1, 2, 3]));
    assert!(halts(&mut bench, ARB_WASM, vec![1, 2, 3, 4]));
    assert!(halts(&mut bench, ARB_WASM, Wasm::codehashVersionCall::SELECTOR.to_vec()));
    // Through EVM code: a write in a static call, a delegate call, value to a view.
    let view = Wasm::stylusVersionCall {}.abi_encode();
    let program = bench.put_wat(WRITE_ARGS);
    let write = Wasm::activateProgramCall { program }.abi_encode();
    let fixed = bench.put(forwarder(0xfa, ARB_WASM));
    let outcome = bench.call(fixed, write);
    assert!(is_revert(&outcome) && gas(&outcome) > 29_000_000);
    assert!(bench.call(fixed, view.clone()).result.is_success());
    let delegating = bench.put(forwarder(0xf4, ARB_WASM));
    assert!(is_revert(&bench.call(delegating, view.clone())));
    let calling = bench.put(forwarder(0xf1, ARB_WASM));
    assert!(bench.send(calling, view.clone(), 0).result.is_success());
    assert!(is_revert(&bench.send(calling, view, 1)));
}

#[test]
fn programs_can_call_precompiles() {
    let mut bench = Bench::new();
    let body = "(i32.store8 (i32.const 19) (i32.const 0x64)) (call $read_args (i32.const 64))
        (drop (call $static_call_contract (i32.const 0) (i32.const 64) (local.get $len)
            (i64.const -1) (i32.const 128)))
        (drop (call $read_return_data (i32.const 128) (i32.const 0) (i32.const 32)))
        (call $write_result (i32.const 128) (i32.const 32)) (i32.const 0)";
    let imports = ["read_args", "static_call_contract", "read_return_data", "write_result"];
    let program = bench.program(&module(&imports, 1, body));
    let outcome = bench.call(program, Sys::arbChainIDCall {}.abi_encode());
    assert_eq!(output(&outcome).to_vec(), word(412_346));
}

#[test]
fn system_owner_and_price_questions() {
    let mut bench = Bench::new();
    assert_eq!(ask(&mut bench, SYS, Sys::arbBlockNumberCall {}), U256::ONE);
    assert_eq!(ask(&mut bench, SYS, Sys::arbOSVersionCall {}), U256::from(55 + 51));
    let (sender, unused) = (Address::with_last_byte(1), ALICE);
    let alias =
        ask(&mut bench, SYS, Sys::mapL1SenderContractAddressToL2AliasCall { sender, unused });
    assert_eq!(alias, address!("1111000000000000000000000000000000001112"));
    assert!(ask(&mut bench, PUBLIC, Public::isChainOwnerCall { addr: ALICE }));
    assert_eq!(ask(&mut bench, PUBLIC, Public::getAllChainOwnersCall {}), [ALICE]);
    assert_eq!(ask(&mut bench, PUBLIC, Public::getNetworkFeeAccountCall {}), ALICE);
    let fragments = Public::getMaxStylusContractFragmentsCall {}.abi_encode();
    assert!(is_halt(&bench.call(PUBLIC, fragments)));
    let floor = U256::from(100_000_000);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getMinimumGasPriceCall {}), floor);
    let prices = ask(&mut bench, GAS_INFO, GasInfo::getPricesInWeiCall {});
    assert_eq!((prices._0, prices._5), (U256::ZERO, floor));
    assert_eq!(ask(&mut bench, INFO, Info::getCodeCall { account: ARB_WASM })[..], [0xfe]);
}

#[test]
fn owners_set_things_for_free_and_others_cannot() {
    let mut bench = Bench::new();
    let set = Owner::setInkPriceCall { price: 20_000 };
    let outcome = tell(&mut bench, OWNER, set.clone());
    assert_eq!(gas(&outcome), intrinsic(&set.abi_encode()));
    assert_eq!(outcome.result.logs().len(), 1);
    assert_eq!(ask(&mut bench, ARB_WASM, Wasm::inkPriceCall {}), 20_000);
    assert!(is_revert(&bench.send(OWNER, Owner::setInkPriceCall { price: 0 }.abi_encode(), 0)));
    let mut tx = bench.tx(revm::primitives::TxKind::Call(OWNER), set.abi_encode(), 0);
    tx.caller = MALLORY;
    let outcome =
        bench.vm.transact(&mut bench.db, &bench.block, tx.clone(), devnet::vm::Mode::Call).unwrap();
    assert!(is_halt(&outcome));
    // On a debug chain everybody can become an owner.
    tx.kind = revm::primitives::TxKind::Call(DEBUG);
    tx.data = Debug::becomeChainOwnerCall {}.abi_encode().into();
    let outcome =
        bench.vm.transact(&mut bench.db, &bench.block, tx, devnet::vm::Mode::Call).unwrap();
    bench.db.commit(outcome.state);
    assert!(ask(&mut bench, PUBLIC, Public::isChainOwnerCall { addr: MALLORY }));
    let price = U256::from(7);
    tell(&mut bench, OWNER, Owner::setL1PricePerUnitCall { price });
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1BaseFeeEstimateCall {}), price);
}

#[test]
fn code_can_be_overwritten_only_on_debug_chains() {
    let mut bench = Bench::new();
    let target = bench.put(vec![1, 2]);
    let new_code = Bytes::from_static(&[3]);
    let call = Debug::overwriteContractCodeCall { target, newCode: new_code };
    let outcome = tell(&mut bench, DEBUG, call.clone());
    let old = Debug::overwriteContractCodeCall::abi_decode_returns(&output(&outcome)).unwrap();
    assert_eq!(old[..], [1, 2]);
    assert_eq!(hash_of(&mut bench, target), keccak256([3]));
    let mut bench = Bench::with(VmConfig { debug: false, ..VmConfig::default() });
    // Nothing is there: a call of an empty account.
    assert!(output(&bench.send(DEBUG, call.abi_encode(), 0)).is_empty());
}

#[test]
fn upgrades_take_force_at_a_block() {
    let mut bench = Bench::new();
    let timestamp = 1_700_000_100;
    tell(&mut bench, OWNER, Owner::scheduleArbOSUpgradeCall { newVersion: 60, timestamp });
    assert!(bench.vm.begin_block(&mut bench.db, timestamp - 1, 0).unwrap().is_none());
    let state = bench.vm.begin_block(&mut bench.db, timestamp, 0).unwrap().unwrap();
    bench.db.commit(state);
    assert!(bench.vm.begin_block(&mut bench.db, timestamp, 0).unwrap().is_none());
    bench.next_block(100);
    assert_eq!(ask(&mut bench, SYS, Sys::arbOSVersionCall {}), U256::from(55 + 60));
    assert_eq!(ask(&mut bench, PUBLIC, Public::getMaxStylusContractFragmentsCall {}), 2);
    tell(&mut bench, OWNER, Owner::scheduleArbOSUpgradeCall { newVersion: 99, timestamp: 0 });
    assert!(bench.vm.begin_block(&mut bench.db, timestamp, 0).is_err());
}

#[test]
fn p256_is_there_at_its_price() {
    for (arbos, price) in [(40, 3450), (51, 6900)] {
        let mut bench = Bench::at(arbos);
        let outcome = bench.call(address!("0000000000000000000000000000000000000100"), [1]);
        assert_eq!(gas(&outcome), intrinsic(&[1]) + price, "ArbOS {arbos}");
    }
}

#[test]
fn opcodes_follow_arbitrum() {
    let mut bench = Bench::new();
    bench.block.l1_number = 5;
    // Returns the word an opcode pushes.
    let mut push = |opcode: u8| {
        let code = bench.put(vec![opcode, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
        bench.call(code, [])
    };
    assert_eq!(output(&push(0x43)).to_vec(), word(5));
    assert_eq!(output(&push(0x44)).to_vec(), word(1));
    assert_eq!(output(&push(0x46)).to_vec(), word(412_346));
    assert!(is_halt(&push(0x4a)));
}
