//! Host functions with arguments that a hostile program would choose: the engine must stay
//! whole, the gas must add up, and a static call must change nothing.

use devnet::{
    stylus::prices::prices,
    vm::{Mode, Outcome},
};
use revm::primitives::{Address, TxKind, U256};

use super::support::*;

/// Numbers at and around the limits of memory and of 32 bits.
const EDGES: [u32; 12] =
    [0, 1, 4, 31, 32, 33, 65_504, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const RUNS: u64 = 60;

/// A program that calls one function with the arguments in its calldata, 8 bytes each, three
/// times, so that the third call meets what the first ones left.
fn caller(name: &str) -> String {
    let (params, results) = prices().host_signature(name).expect("a host function");
    let load = |(i, ty): (usize, &String)| format!("({ty}.load (i32.const {}))", 128 + 8 * i);
    let args: String = params.iter().enumerate().map(load).collect();
    let drop = if results.is_empty() { "" } else { "drop" };
    let call = format!("(call ${name} {args}) {drop}");
    let imports: Vec<_> = ["read_args"].into_iter().filter(|other| *other != name).collect();
    let imports: Vec<_> = imports.into_iter().chain([name]).collect();
    let body = format!("(call $read_args (i32.const 128)) {call} {call} {call} i32.const 0");
    module(&imports, 1, &body)
}

/// Arguments by number: edges first, then neighbours of them.
fn arguments(run: u64) -> Vec<u8> {
    let mut seed = run.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let mut argument = || u64::from(EDGES[next() % EDGES.len()]) | (next() as u64 % 3) << 62;
    (0..6).flat_map(|_| argument().to_le_bytes()).collect()
}

fn simulate(bench: &mut Bench, to: Address, data: Vec<u8>, gas: u64) -> Outcome {
    let mut tx = bench.tx(TxKind::Call(to), data, 0);
    tx.gas_limit = gas;
    let outcome = bench.vm.transact(&mut bench.db, &bench.block, tx, Mode::Call);
    outcome.unwrap_or_else(|error| panic!("the engine broke: {error}"))
}

#[test]
fn no_argument_breaks_the_engine() {
    let mut bench = Bench::new();
    for name in prices().host_names() {
        let program = bench.program(&caller(name));
        let fixed = bench.put(forwarder(0xfa, program));
        for run in 0..RUNS {
            let data = arguments(run);
            // Plenty of gas, and hardly enough to start.
            for limit in [5_000_000, 33_000 + 700 * run] {
                let outcome = simulate(&mut bench, program, data.clone(), limit);
                assert!(gas(&outcome) <= limit, "{name} {run}");
                assert!(outcome.result.is_success() || outcome.result.logs().is_empty());
            }
            let outcome = simulate(&mut bench, fixed, data, 5_000_000);
            assert!(outcome.result.logs().is_empty(), "{name} {run}");
            for (address, account) in &outcome.state {
                let unchanged = account.storage.values().all(|slot| !slot.is_changed());
                assert!(unchanged, "{name} {run} wrote to {address}");
                assert!(!account.is_created(), "{name} {run} created {address}");
            }
        }
        assert_eq!(bench.balance(program), U256::ZERO);
    }
}
