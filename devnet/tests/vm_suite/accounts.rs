//! Accounts around programs: their code, delegations, destruction, fees.

use devnet::vm::{Job, Mode};
use revm::{
    Database, DatabaseCommit,
    context_interface::transaction::{Authorization, RecoveredAuthority, RecoveredAuthorization},
    primitives::{Address, B256, TxKind, U256},
};

use super::{calls::*, support::*};

#[test]
fn only_stylus_code_may_begin_with_ef() {
    let mut bench = Bench::new();
    let mut create = |code: &[u8]| {
        let tx = bench.tx(TxKind::Create, init_code(code), 0);
        bench.run(tx)
    };
    assert!(create(&[0xEF, 0xF0, 0x00, 0x00]).result.is_success());
    let refused = create(&[0xEF, 0xF0, 0x01, 0x00]);
    assert!(is_halt(&refused));
    assert_eq!(refused.error_text().unwrap(), "invalid code: must not begin with 0xef");
    assert!(is_halt(&create(&[0xEF, 0x00, 0x00, 0x00])));
    let mut bench = Bench::at(60);
    let tx = bench.tx(TxKind::Create, init_code(&[0xEF, 0xF0, 0x01, 0x00]), 0);
    assert!(bench.run(tx).result.is_success());
}

#[test]
fn an_account_can_delegate_to_a_program() {
    let mut bench = Bench::new();
    let token = bench.program(&token());
    let carol = Address::repeat_byte(0xca);
    let auth = Authorization { chain_id: U256::from(412_346), address: token, nonce: 0 };
    let auth = RecoveredAuthorization::new_unchecked(auth, RecoveredAuthority::Valid(carol));
    let mut tx = bench.tx(TxKind::Call(carol), order(0, ALICE, 3), 0);
    tx.authorization_list = vec![revm::context::either::Either::Right(auth)];
    tx.gas_priority_fee = Some(0);
    tx.tx_type = 4;
    let outcome = bench.run(tx);
    assert!(outcome.result.is_success(), "{outcome:?}");
    assert_eq!(outcome.result.logs()[0].address, carol);
    let relay = bench.program(&relay("call_contract", carol));
    assert_eq!(output(&bench.call(relay, order(2, ALICE, 0))).to_vec(), amount(3));
    assert_eq!(output(&bench.call(token, order(2, ALICE, 0))).to_vec(), amount(0));
}

#[test]
fn evm_code_cannot_destroy_a_program_it_acts_for() {
    let mut bench = Bench::new();
    let destroyer = bench.put(vec![0x5f, 0xff]);
    let program = bench.program(&relay("delegate_call_contract", destroyer));
    let outcome = bench.send(program, [], 0);
    assert!(is_revert(&outcome), "{outcome:?}");
    assert!(bench.db.basic(program).unwrap().unwrap().code_hash != B256::ZERO);
}

#[test]
fn fees_go_to_the_network_and_tips_are_dropped() {
    let mut bench = Bench::new();
    let quiet = bench.program(&module(&[], 1, "(i32.const 0)"));
    let owner_before = bench.balance(ALICE);
    let mut tx = bench.tx(TxKind::Call(quiet), vec![], 0);
    tx.gas_price *= 10;
    let outcome = bench.vm.transact(&mut bench.db, &bench.block, tx, Mode::Transaction).unwrap();
    bench.db.commit(outcome.state.clone());
    // The sender owns the chain here, so the fee comes straight back: nothing is burnt.
    assert_eq!(bench.balance(ALICE), owner_before);
    let beneficiary = bench.block.env.beneficiary;
    assert_eq!(bench.balance(beneficiary), U256::ZERO);
    // 21000 + 9184 + init + cached + opcodes
    assert!((30_184..30_300).contains(&gas(&outcome)), "{}", gas(&outcome));
}

#[test]
fn posting_a_transaction_is_paid_for_in_gas() {
    let mut bench = Bench::with(devnet::vm::VmConfig {
        l1_price_per_unit: 50_000_000_000,
        ..devnet::vm::VmConfig::default()
    });
    let nobody = Address::repeat_byte(0x77);
    let tx = bench.tx(TxKind::Call(nobody), vec![], 0);
    let raw: Vec<u8> = (0..120).collect();
    let (db, block) = (&mut bench.db, &bench.block);
    let l1_gas = bench.vm.poster_gas(db, block, &raw).unwrap();
    // 16 units a byte at 500 gas: 120 bytes that do not compress, and brotli's 4 around them.
    assert_eq!(l1_gas, 124 * 8_000);
    let job = Job { env: tx.clone(), l1_gas };
    let outcome = bench.vm.transact(db, block, job.clone(), Mode::Transaction).unwrap();
    assert_eq!((gas(&outcome), outcome.gas_used_for_l1), (21_000 + l1_gas, l1_gas));
    let pool = Address::from(revm::primitives::hex!("a4b00000000000000000000000000000000000f6"));
    assert_eq!(outcome.state[&pool].info.balance, U256::from(l1_gas) * U256::from(100_000_000));
    // The gas limit must cover it.
    let mut poor = job;
    poor.env.gas_limit = 21_000 + l1_gas - 1;
    assert!(bench.vm.transact(db, block, poor, Mode::Transaction).is_err());
    // What is not posted pays nothing.
    let outcome = bench.vm.transact(db, block, tx, Mode::Transaction).unwrap();
    assert_eq!((gas(&outcome), outcome.gas_used_for_l1), (21_000, 0));
}
