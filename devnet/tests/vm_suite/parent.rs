//! What concerns the parent chain: messages to it, what posting costs, who posts.

use alloy::sol_types::{SolCall, SolEvent};
use devnet::vm::{Job, Mode, VmConfig};
use revm::primitives::{Address, B256, I256, TxKind, U256, address, keccak256};

use super::{abi::*, support::*};

const AGGREGATOR: Address = address!("000000000000000000000000000000000000006d");
const SEQUENCER: Address = address!("a4b000000000000000000073657175656e636572");
const TICKETS: Address = address!("000000000000000000000000000000000000006e");
const STATISTICS: Address = address!("000000000000000000000000000000000000006f");
const ARBOS: Address = address!("00000000000000000000000000000000000a4b05");

/// The hash that stands in the tree for a message.
fn message(bench: &Bench, to: Address, wei: u64, data: &[u8]) -> B256 {
    let number = |value: U256| value.to_be_bytes::<32>().to_vec();
    let parts = [
        ALICE.to_vec(),
        to.to_vec(),
        number(bench.block.env.number),
        number(U256::from(bench.block.l1_number)),
        number(bench.block.env.timestamp),
        word(wei).to_vec(),
        data.to_vec(),
    ];
    keccak256(parts.concat())
}

#[test]
fn messages_go_into_a_tree_and_their_value_leaves() {
    let mut bench = Bench::new();
    bench.block.l1_number = 7;
    assert_eq!(bench.vm.sends(&mut bench.db).unwrap(), (B256::ZERO, 0));
    let destination = Address::repeat_byte(0xdd);
    let call = Sys::withdrawEthCall { destination };
    let first = message(&bench, destination, 5, &[]);
    let before = bench.balance(ALICE);
    let outcome = bench.send(SYS, call.abi_encode(), 5);
    assert!(outcome.result.is_success(), "{outcome:?}");
    assert_eq!(output(&outcome).to_vec(), word(0));
    // State 800, argument 3, native tokens 800, hashing 168 bytes (30 + 6 x 6), the tree's size
    // 800 and 20000 and once more 800, its only node 20000, the event with 4 topics and 7 words
    // of data (375 x 5 + 8 x 224), the result 3.
    let event = 375 * 5 + 8 * 224;
    let body = 800 + 3 + 800 + 66 + 20_800 + 800 + 20_000 + event + 3;
    assert_eq!(gas(&outcome), intrinsic(&call.abi_encode()) + body);
    // The sender is the network, so only the value is gone; nobody has it.
    assert_eq!(bench.balance(ALICE), before - U256::from(5));
    assert_eq!(bench.balance(SYS), U256::ZERO);
    assert_eq!(outcome.result.logs().len(), 1);
    let log = Sys::L2ToL1Tx::decode_log(&outcome.result.logs()[0]).unwrap();
    assert_eq!((log.caller, log.destination, log.callvalue), (ALICE, destination, U256::from(5)));
    assert_eq!((log.hash, log.position), (first.into(), U256::ZERO));
    assert_eq!((log.arbBlockNum, log.ethBlockNum), (U256::ONE, U256::from(7)));
    assert_eq!(bench.vm.sends(&mut bench.db).unwrap(), (keccak256(first), 1));

    // The second one completes a pair.
    let data = b"hello parent";
    let second = message(&bench, destination, 0, data);
    let call = Sys::sendTxToL1Call { destination, data: data.into() };
    let outcome = tell(&mut bench, SYS, call.clone());
    let pair = keccak256([keccak256(first), keccak256(second)].concat());
    // The node of level 0 is read 800, hashed 42, cleared 5000; level 1 is new: 20000. Four
    // words of arguments, 180 bytes hashed, an update with 4 topics, a word more of data.
    let body = 800 + 12 + 800 + 66 + 20_800 + 800 + (800 + 42 + 5000) + 20_000;
    let events = 375 * 5 + 375 * 5 + 8 * 256;
    assert_eq!(gas(&outcome), intrinsic(&call.abi_encode()) + body + events + 3);
    let update = Sys::SendMerkleUpdate::decode_log(&outcome.result.logs()[0]).unwrap();
    assert_eq!((update.hash, update.position), (pair, (U256::ONE << 192) + U256::ONE));
    assert_eq!(bench.vm.sends(&mut bench.db).unwrap(), (pair, 2));
    tell(&mut bench, SYS, call);
    let (root, count) = bench.vm.sends(&mut bench.db).unwrap();
    assert_eq!(count, 3);

    // Only nobody may ask for the whole state of the tree.
    let question = Sys::sendMerkleTreeStateCall {}.abi_encode();
    assert!(is_revert(&bench.call(SYS, question.clone())));
    let mut tx = bench.tx(TxKind::Call(SYS), question, 0);
    tx.caller = Address::ZERO;
    let outcome = bench.vm.transact(&mut bench.db, &bench.block, tx, Mode::Call).unwrap();
    let state = Sys::sendMerkleTreeStateCall::abi_decode_returns(&output(&outcome)).unwrap();
    assert_eq!((state.size, state.root), (U256::from(3), root));
    assert_eq!(state.partials[1], pair);
    let third = keccak256([state.partials[0], B256::ZERO].concat());
    assert_eq!(root, keccak256([pair, third].concat()));
}

#[test]
fn messages_of_reverted_frames_are_not_sent() {
    let mut bench = Bench::new();
    let destination = ALICE;
    let send = Sys::withdrawEthCall { destination }.abi_encode();
    let code = [forwarder(0xf1, SYS), vec![]].concat();
    // The same code, but it always reverts in the end: fd instead of f3.
    let mut failing = code.clone();
    *failing.last_mut().unwrap() = 0xfd;
    let (works, fails) = (bench.put(code), bench.put(failing));
    assert!(is_revert(&bench.send(fails, send.clone(), 3)));
    assert_eq!(bench.vm.sends(&mut bench.db).unwrap().1, 0);
    assert!(bench.send(works, send.clone(), 3).result.is_success());
    assert_eq!(bench.vm.sends(&mut bench.db).unwrap().1, 1);
    let fixed = bench.put(forwarder(0xfa, SYS));
    assert!(is_revert(&bench.call(fixed, send)));
}

#[test]
fn precompiles_know_who_called() {
    let mut bench = Bench::new();
    let top = Sys::isTopLevelCallCall {}.abi_encode();
    let caller = Sys::myCallersAddressWithoutAliasingCall {}.abi_encode();
    let mut at = SYS;
    // Through n contracts: top level up to two; whose caller is known from two on.
    for depth in 0..4 {
        assert_eq!(output(&bench.call(at, top.clone())).to_vec(), word(u64::from(depth <= 2)));
        let known = Address::from_word(B256::from_slice(&output(&bench.call(at, caller.clone()))));
        let expected = match depth {
            0 | 1 => Address::ZERO,
            2 => ALICE,
            _ => Address::left_padding_from(&0xC0DE_0003u64.to_be_bytes()),
        };
        assert_eq!(known, expected, "depth {depth}");
        at = bench.put(forwarder(0xf1, at));
    }
    assert!(!ask(&mut bench, SYS, Sys::wasMyCallersAddressAliasedCall {}));
}

#[test]
fn prices_of_posting() {
    let price = 50_000_000_000;
    let config = VmConfig { l1_price_per_unit: price, ..VmConfig::default() };
    let mut bench = Bench::with(config);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1RewardRateCall {}), 10);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1RewardRecipientCall {}), ALICE);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1FeesAvailableCall {}), U256::ZERO);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1PricingSurplusCall {}), I256::ZERO);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1PricingUnitsSinceUpdateCall {}), 0);
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getPerBatchGasChargeCall {}), 210_000);
    let units = ask(&mut bench, GAS_INFO, GasInfo::getL1PricingEquilibrationUnitsCall {});
    assert_eq!(units, U256::from(160_000_000));
    // 16 x 50 gwei at 0.1 gwei a gas are 8000 gas a byte, and 140 bytes of that.
    let quoted = ask(&mut bench, GAS_INFO, GasInfo::getPricesInArbGasCall {});
    let expected = [8000 * 140, 8000, 20_000].map(U256::from);
    assert_eq!([quoted._0, quoted._1, quoted._2], expected);
    // Rounded down once each: 3 wei a unit are 48 a byte and 6720 for all.
    tell(&mut bench, OWNER, Owner::setL1PricePerUnitCall { price: U256::from(3_000_000) });
    let quoted = ask(&mut bench, GAS_INFO, GasInfo::getPricesInArbGasCall {});
    assert_eq!([quoted._0, quoted._1], [67, 0].map(U256::from));
    tell(&mut bench, OWNER, Owner::setPerBatchGasChargeCall { cost: -5 });
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getPerBatchGasChargeCall {}), -5);
    tell(&mut bench, OWNER, Owner::setL1PricingRewardRateCall { weiPerUnit: 11 });
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1RewardRateCall {}), 11);
    // What a transaction pays for being posted, it can see.
    let data = GasInfo::getCurrentTxL1GasFeesCall {}.abi_encode();
    let env = bench.tx(TxKind::Call(GAS_INFO), data, 0);
    let job = Job { env, l1_gas: 4321 };
    let outcome = bench.vm.transact(&mut bench.db, &bench.block, job, Mode::Transaction).unwrap();
    assert_eq!(output(&outcome).to_vec(), word(4321 * 100_000_000));
    // Posters can be paid from what the pool has received.
    revm::DatabaseCommit::commit(&mut bench.db, outcome.state);
    let most = U256::from(100_000_000);
    let call = Owner::releaseL1PricerSurplusFundsCall { most };
    let outcome = tell(&mut bench, OWNER, call);
    assert_eq!(output(&outcome).to_vec(), word(100_000_000));
    assert_eq!(ask(&mut bench, GAS_INFO, GasInfo::getL1FeesAvailableCall {}), most);
}

#[test]
fn posters_and_their_collectors() {
    let mut bench = Bench::new();
    assert_eq!(ask(&mut bench, AGGREGATOR, Aggregator::getDefaultAggregatorCall {}), SEQUENCER);
    let preferred = Aggregator::getPreferredAggregatorCall { addr: ALICE };
    let answer = ask(&mut bench, AGGREGATOR, preferred);
    assert_eq!((answer._0, answer._1), (SEQUENCER, true));
    assert_eq!(ask(&mut bench, AGGREGATOR, Aggregator::getBatchPostersCall {}), [SEQUENCER]);
    let free = Aggregator::getTxBaseFeeCall { aggregator: SEQUENCER };
    assert_eq!(ask(&mut bench, AGGREGATOR, free), U256::ZERO);
    let poster = Address::repeat_byte(0x77);
    let collector = Aggregator::getFeeCollectorCall { batchPoster: poster };
    assert!(is_revert(&bench.call(AGGREGATOR, collector.abi_encode())));
    tell(&mut bench, AGGREGATOR, Aggregator::addBatchPosterCall { newBatchPoster: poster });
    assert_eq!(
        ask(&mut bench, AGGREGATOR, Aggregator::getBatchPostersCall {}),
        [SEQUENCER, poster]
    );
    assert_eq!(ask(&mut bench, AGGREGATOR, collector.clone()), poster);
    let set = Aggregator::setFeeCollectorCall { batchPoster: poster, newFeeCollector: MALLORY };
    tell(&mut bench, AGGREGATOR, set);
    assert_eq!(ask(&mut bench, AGGREGATOR, collector), MALLORY);
}

#[test]
fn there_are_no_tickets_and_nobody_else_is_arbos() {
    let mut bench = Bench::new();
    assert_eq!(ask(&mut bench, TICKETS, Tickets::getLifetimeCall {}), U256::from(604_800));
    let call = Tickets::getTimeoutCall { ticketId: B256::ZERO }.abi_encode();
    let outcome = bench.call(TICKETS, call.clone());
    assert_eq!(output(&outcome)[..], keccak256("NoTicketWithID()")[..4]);
    assert_eq!(gas(&outcome), intrinsic(&call) + 800 + 3 + 800 + 3);
    assert_eq!(ask(&mut bench, STATISTICS, Statistics::getStatsCall {})._0, U256::ONE);
    let mut call = keccak256("startBlock(uint256,uint64,uint64,uint64)")[..4].to_vec();
    call.extend([0; 128]);
    let outcome = bench.call(ARBOS, call);
    assert_eq!(output(&outcome)[..], keccak256("CallerNotArbOS()")[..4]);
}

#[test]
fn an_absurd_price_of_posting_breaks_nothing() {
    let mut bench = Bench::new();
    tell(&mut bench, OWNER, Owner::setL1PricePerUnitCall { price: U256::MAX });
    let mut env = bench.tx(TxKind::Call(MALLORY), vec![], 0);
    let (db, block) = (&mut bench.db, &bench.block);
    let charged = bench.vm.poster_gas(db, block, &[1; 100]).unwrap();
    let estimated = bench.vm.estimated_poster_gas(db, block, &env).unwrap();
    for l1_gas in [charged, estimated] {
        for gas_limit in [30_000_000, u64::MAX] {
            env.gas_limit = gas_limit;
            let job = Job { env: env.clone(), l1_gas };
            let outcome = bench.vm.transact(db, block, job, Mode::Call);
            assert_eq!(outcome.is_ok(), gas_limit == u64::MAX);
        }
    }
    let quoted = ask(&mut bench, GAS_INFO, GasInfo::getL1BaseFeeEstimateCall {});
    assert_eq!(quoted, U256::MAX);
    ask(&mut bench, GAS_INFO, GasInfo::getPricesInWeiCall {});
    ask(&mut bench, GAS_INFO, GasInfo::getPricesInArbGasCall {});
}
