//! The other precompiles: what a call costs, what is refused, what owners can do.

use alloy::sol_types::{SolCall, SolError, SolEvent};
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
    let outcome = bench.send(DEBUG, call.abi_encode(), 0);
    assert_eq!(outcome.error_text().as_deref(), Some("debug precompiles are disabled"));
    assert_eq!(gas(&outcome), 30_000_000);
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

#[test]
fn owners_need_the_gas_but_get_it_back() {
    let mut bench = Bench::new();
    let price = U256::from(7);
    let set = Owner::setL1PricePerUnitCall { price }.abi_encode();
    // 800 for the state, 3 for the argument, 20000 for the slot.
    for (body, result) in [(20_803, true), (20_802, false)] {
        let mut tx = bench.tx(revm::primitives::TxKind::Call(OWNER), set.clone(), 0);
        tx.gas_limit = intrinsic(&set) + body;
        let outcome = bench.run(tx);
        assert_eq!(outcome.result.is_success(), result, "{outcome:?}");
        assert_eq!(gas(&outcome), intrinsic(&set));
    }
    // What does not exist or may not be set reverts, and costs an owner nothing either.
    let refused = [
        vec![1, 2, 3, 4],
        Owner::setSpeedLimitCall { limit: 0 }.abi_encode(),
        Owner::setBrotliCompressionLevelCall { level: 12 }.abi_encode(),
        Owner::removeChainOwnerCall { owner: MALLORY }.abi_encode(),
    ];
    for data in refused {
        let outcome = bench.send(OWNER, data.clone(), 0);
        assert!(is_revert(&outcome) && outcome.result.logs().is_empty());
        assert_eq!(gas(&outcome), intrinsic(&data));
    }
    // A static call may ask, and leaves no event.
    let fixed = bench.put(forwarder(0xfa, OWNER));
    let who = Owner::isChainOwnerCall { addr: ALICE }.abi_encode();
    let outcome = bench.send(fixed, who, 0);
    assert!(!outcome.result.is_success(), "the contract is no owner");
    let outcome = bench.send(OWNER, Owner::isChainOwnerCall { addr: ALICE }.abi_encode(), 0);
    assert_eq!(output(&outcome).to_vec(), word(1));
    assert_eq!(outcome.result.logs().len(), 1);
}

#[test]
fn owners_move_limits_and_prices() {
    let mut bench = Bench::new();
    tell(&mut bench, OWNER, Owner::setSpeedLimitCall { limit: 1_000_000 });
    tell(&mut bench, OWNER, Owner::setMaxTxGasLimitCall { limit: 20_000_000 });
    let answer = ask(&mut bench, GAS_INFO, GasInfo::getGasAccountingParamsCall {});
    let expected = [1_000_000u64, 32_000_000, 32_000_000].map(U256::from);
    assert_eq!([answer._0, answer._1, answer._2], expected);
    let limit = ask(&mut bench, GAS_INFO, GasInfo::getMaxTxGasLimitCall {});
    assert_eq!(limit, U256::from(20_000_000));
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getMaxBlockGasLimitCall {}), 32_000_000);
    let price = U256::from(5_000_000_000u64);
    tell(&mut bench, OWNER, Owner::setMinimumL2BaseFeeCall { priceInWei: price });
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getMinimumGasPriceCall {}), price);
    bench.begin_block(1);
    assert_eq!(bench.vm.base_fee(&mut bench.db).unwrap(), 5_000_000_000);
}

#[test]
fn addresses_get_short_numbers() {
    let table = address!("0000000000000000000000000000000000000066");
    let mut bench = Bench::new();
    let [first, second] = [0x11, 0x22].map(Address::repeat_byte);
    assert!(!ask(&mut bench, table, Table::addressExistsCall { addr: first }));
    let long = ask(&mut bench, table, Table::compressCall { addr: first });
    assert_eq!(long[..], [&[0x94][..], first.as_slice()].concat());
    for (index, addr) in [first, second, first].into_iter().enumerate() {
        let outcome = tell(&mut bench, table, Table::registerCall { addr });
        assert_eq!(output(&outcome).to_vec(), word(index as u64 % 2));
    }
    assert_eq!(ask(&mut bench, table, Table::sizeCall {}), U256::from(2));
    assert_eq!(ask(&mut bench, table, Table::lookupCall { addr: second }), U256::ONE);
    assert_eq!(ask(&mut bench, table, Table::lookupIndexCall { index: U256::ONE }), second);
    let missing = Table::lookupIndexCall { index: U256::from(2) }.abi_encode();
    assert!(is_revert(&bench.call(table, missing)));
    let short = ask(&mut bench, table, Table::compressCall { addr: second });
    assert_eq!(short[..], [0x01]);
    let buf: Bytes = [&[0xff][..], &short, &long].concat().into();
    for (offset, address, read) in [(1, second, 1), (2, first, 21)] {
        let call = Table::decompressCall { buf: buf.clone(), offset: U256::from(offset) };
        let answer = ask(&mut bench, table, call);
        assert_eq!((answer._0, answer._1), (address, U256::from(read)));
    }
    for offset in [0, 24, u64::MAX] {
        let call = Table::decompressCall { buf: buf.clone(), offset: U256::from(offset) };
        assert!(is_revert(&bench.call(table, call.abi_encode())), "{offset}");
    }
}

#[test]
fn debug_events_and_errors() {
    let mut bench = Bench::new();
    let value = B256::repeat_byte(9);
    let call = Debug::eventsCall { flag: true, value };
    let outcome = bench.send(DEBUG, call.abi_encode(), 4);
    assert_eq!(output(&outcome).to_vec(), [ALICE.into_word().0, word(4)].concat());
    let basic = Debug::Basic::decode_log(&outcome.result.logs()[0]).unwrap();
    assert_eq!((basic.flag, basic.value), (false, value));
    let mixed = Debug::Mixed::decode_log(&outcome.result.logs()[1]).unwrap();
    assert_eq!((mixed.flag, mixed.not, mixed.conn, mixed.caller), (true, false, DEBUG, ALICE));
    let outcome = bench.call(DEBUG, Debug::customRevertCall { number: 6 }.abi_encode());
    let error = Debug::Custom::abi_decode(&output(&outcome)).unwrap();
    assert_eq!((error._0, error._2), (6, true));
    for call in [Debug::legacyErrorCall {}.abi_encode(), Debug::eventsViewCall {}.abi_encode()] {
        let outcome = bench.call(DEBUG, call);
        assert!(is_revert(&outcome) && output(&outcome).is_empty());
    }
}

#[test]
fn unknown_methods_of_every_precompile_take_everything() {
    let mut bench = Bench::at(60);
    let mut all: Vec<_> = (0x64..=0x74).filter(|last| *last != 0x6a && *last != 0x70).collect();
    all.push(0xff);
    for last in all {
        for data in [vec![0xde, 0xad, 0xbe, 0xef], vec![1]] {
            let outcome = bench.call(Address::with_last_byte(last), data);
            assert!(is_halt(&outcome), "{last:#x}");
            assert_eq!(gas(&outcome), 30_000_000);
        }
    }
}

#[test]
fn what_precompiles_touch_stays_cold() {
    let mut bench = Bench::new();
    tell(&mut bench, OWNER, Owner::setNetworkFeeAccountCall { account: MALLORY });
    let program = bench.put_wat(WRITE_ARGS);
    // Activates with its calldata and value, then returns what BALANCE of the payee costs.
    let mut code = forwarder(0xf1, ARB_WASM);
    code.truncate(code.len() - 14);
    code.push(0x50);
    code.extend([0x5a, 0x73]);
    code.extend(MALLORY);
    code.extend([0x31, 0x50, 0x5a, 0x90, 0x03, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
    let contract = bench.put(code);
    let call = Wasm::activateProgramCall { program }.abi_encode();
    let outcome = bench.send(contract, call, ETHER);
    assert!(bench.balance(MALLORY) > U256::ZERO, "{outcome:?}");
    // PUSH20 3, BALANCE cold 2600, POP 2, GAS 2.
    assert_eq!(output(&outcome).to_vec(), word(2607));
}
