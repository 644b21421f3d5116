//! Owners with bad intentions: on debug chains anybody can become one.

use alloy::sol_types::SolCall;
use devnet::vm::Mode;
use revm::{
    DatabaseCommit,
    primitives::{Address, TxKind, U256},
};

use super::{abi::*, modules::with, support::*};

#[test]
fn no_setting_of_an_owner_breaks_the_engine() {
    let settings = [
        Owner::setInkPriceCall { price: 1 }.abi_encode(),
        Owner::setInkPriceCall { price: (1 << 24) - 1 }.abi_encode(),
        Owner::setWasmMaxStackDepthCall { depth: 0 }.abi_encode(),
        Owner::setWasmMaxStackDepthCall { depth: u32::MAX }.abi_encode(),
        Owner::setWasmFreePagesCall { pages: u16::MAX }.abi_encode(),
        Owner::setWasmPageGasCall { gas: u16::MAX }.abi_encode(),
        Owner::setWasmPageLimitCall { limit: 0 }.abi_encode(),
        Owner::setWasmPageLimitCall { limit: u16::MAX }.abi_encode(),
        Owner::setWasmMinInitGasCall { gas: u8::MAX, cached: u16::MAX }.abi_encode(),
        Owner::setWasmInitCostScalarCall { percent: u64::MAX }.abi_encode(),
        Owner::setWasmExpiryDaysCall { _days: 0 }.abi_encode(),
        Owner::setWasmExpiryDaysCall { _days: u16::MAX }.abi_encode(),
        Owner::setWasmKeepaliveDaysCall { _days: u16::MAX }.abi_encode(),
        Owner::setWasmBlockCacheSizeCall { count: u16::MAX }.abi_encode(),
        Owner::setWasmMaxSizeCall { size: u32::MAX }.abi_encode(),
        Owner::setMaxStylusContractFragmentsCall { maxFragments: u8::MAX }.abi_encode(),
        Owner::setWasmActivationGasCall { gas: u64::MAX }.abi_encode(),
        Owner::setMaxTxGasLimitCall { limit: 0 }.abi_encode(),
        Owner::setMaxTxGasLimitCall { limit: u64::MAX }.abi_encode(),
        Owner::setSpeedLimitCall { limit: u64::MAX }.abi_encode(),
        Owner::setSpeedLimitCall { limit: 1 }.abi_encode(),
        Owner::setL2GasPricingInertiaCall { sec: u64::MAX }.abi_encode(),
        Owner::setL2GasBacklogToleranceCall { sec: u64::MAX }.abi_encode(),
        Owner::setMinimumL2BaseFeeCall { priceInWei: U256::MAX }.abi_encode(),
        Owner::setL2BaseFeeCall { priceInWei: U256::MAX }.abi_encode(),
        Owner::setL1PricePerUnitCall { price: U256::MAX }.abi_encode(),
    ];
    for setting in settings {
        let mut bench = Bench::at(60);
        let old = bench.program(&with("(func)"));
        let outcome = bench.send(OWNER, setting.clone(), 0);
        assert!(outcome.result.is_success(), "{setting:?}");
        bench.begin_block(1);
        let grower = bench.put_wat(
            r#"(module (import "vm_hooks" "pay_for_memory_grow" (func $pay (param i32)))
                (memory (export "memory") 1)
                (func (export "user_entrypoint") (param i32) (result i32)
                    (drop (memory.grow (i32.const 100))) (i32.const 0)))"#,
        );
        for gas_limit in [100_000, 30_000_000, 1 << 50] {
            for (to, data) in [(ARB_WASM, activate(grower)), (old, vec![]), (grower, vec![])] {
                let mut tx = bench.tx(TxKind::Call(to), data, 0);
                tx.gas_limit = gas_limit;
                tx.value = U256::from(if to == ARB_WASM { ETHER } else { 0 });
                let mode = Mode::Call;
                let outcome = bench.vm.transact(&mut bench.db, &bench.block, tx, mode).unwrap();
                assert!(gas(&outcome) <= gas_limit);
                bench.db.commit(outcome.state);
            }
        }
        bench.begin_block(1000);
        bench.vm.base_fee(&mut bench.db).unwrap();
    }
}

fn activate(program: Address) -> Vec<u8> {
    Wasm::activateProgramCall { program }.abi_encode()
}
