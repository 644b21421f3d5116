//! Where the two nodes must differ, and exactly how. What differs in every transaction (tips, the
//! floor of EIP-7623, who gets the fees) is computed in `compare`.

use super::pair::{Pair, number};
use super::transactions::{BASE_FEE, CHAIN, intrinsic, sign};
use alloy::consensus::{TxEip1559, TxEip7702, TxEnvelope, TypedTransaction};
use alloy::eips::eip2930::{AccessList, AccessListItem};
use alloy::eips::eip7702::Authorization;
use alloy::primitives::{Address, TxKind, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use revm::bytecode::opcode::*;
use serde_json::{Value, json};

/// Gas limit of most transactions here.
const SOME_GAS: u64 = 1_000_000;
/// More than a transaction may use on Arbitrum.
const MUCH_GAS: u64 = 40_000_000;
/// The most that it may use there.
const MOST_GAS: u64 = 32_000_000;
const TIP: u64 = 777;

/// What a program sees.
#[derive(Debug, PartialEq)]
enum Seen {
    /// This word.
    Word(U256),
    /// Any word but 0 and 1.
    Random,
    /// Nothing: it fails.
    Failure,
    /// Nothing: it succeeds.
    Success,
}

/// One difference.
struct Rule {
    why: &'static str,
    /// Leaves a word on the stack, or ends by itself.
    code: Vec<u8>,
    gas: u64,
    ours: Seen,
    theirs: Seen,
}

fn rule(why: &'static str, code: &[u8], ours: Seen, theirs: Seen) -> Rule {
    Rule { why, code: code.to_vec(), gas: SOME_GAS, ours, theirs }
}

fn word(number: u64) -> Seen {
    Seen::Word(U256::from(number))
}

fn rules(their_genesis: U256) -> Vec<Rule> {
    let mut rules = vec![
        rule("NUMBER is the parent chain's, and there is none", &[NUMBER], word(0), word(1)),
        rule("PREVRANDAO is always 1", &[DIFFICULTY], word(1), Seen::Random),
        rule(
            "BLOCKHASH speaks of the parent chain's blocks",
            &[PUSH0, BLOCKHASH],
            word(0),
            Seen::Word(their_genesis),
        ),
        rule("there are no blobs", &[BLOBBASEFEE], Seen::Failure, word(1)),
        rule("tips are dropped", &[GASPRICE], word(BASE_FEE), word(BASE_FEE + TIP)),
        rule("ArbSys is a contract", &[PUSH1, 0x64, EXTCODESIZE], word(1), word(0)),
        rule(
            "ArbOS's precompiles are warm",
            &[GAS, PUSH1, 0x64, BALANCE, POP, GAS, SWAP1, SUB],
            word(107),
            word(2_607),
        ),
        rule(
            "code may begin with the mark of Stylus",
            &[PUSH4, 0xef, 0xf0, 0x00, 0x00, PUSH0, MSTORE, PUSH1, 4, PUSH1, 28, RETURN],
            Seen::Success,
            Seen::Failure,
        ),
    ];
    let mut held_back =
        rule("a transaction uses 32 million gas at most", &[GAS], word(MOST_GAS), word(MUCH_GAS));
    held_back.gas = MUCH_GAS;
    rules.push(held_back);
    rules
}

/// A creation that logs what the rule's code finds.
fn creation(key: &PrivateKeySigner, nonce: u64, rule: &Rule) -> (TxEnvelope, u64) {
    let log = [PUSH0, MSTORE, PUSH1, 32, PUSH0, LOG0, STOP];
    let typed = TypedTransaction::Eip1559(TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: rule.gas,
        max_fee_per_gas: u128::from(2 * BASE_FEE),
        max_priority_fee_per_gas: u128::from(TIP),
        to: TxKind::Create,
        input: [&rule.code[..], &log].concat().into(),
        ..TxEip1559::default()
    });
    // GAS itself costs 2.
    let charged = intrinsic(&typed) + 2;
    (sign(typed, key), charged)
}

fn seen(receipt: &Value) -> Seen {
    let data = receipt["logs"][0]["data"].as_str();
    match (data, receipt["status"].as_str()) {
        (Some(data), _) => Seen::Word(data.parse().unwrap()),
        (None, Some("0x1")) => Seen::Success,
        _ => Seen::Failure,
    }
}

fn agrees(seen: &Seen, want: &Seen) -> bool {
    match (seen, want) {
        (Seen::Word(word), Seen::Random) => *word > U256::ONE,
        _ => seen == want,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arbitrum_rules_otherwise_differs_exactly_so() {
    let mut pair = Pair::start().await;
    let key = pair.devnet.accounts()[0].signer().unwrap();
    let genesis = pair.theirs.call("eth_getBlockByNumber", json!(["0x0", false])).await;
    let mut rules = rules(genesis["hash"].as_str().unwrap().parse().unwrap());
    let mut txs = Vec::new();
    for (nonce, rule) in (0..).zip(&mut rules) {
        let (tx, charged) = creation(&key, nonce, rule);
        txs.push(tx);
        if rule.gas == MUCH_GAS {
            rule.ours = word(MOST_GAS - charged);
            rule.theirs = word(MUCH_GAS - charged);
        }
    }
    let outcomes = pair.block(&txs).await;
    for (rule, outcome) in rules.iter().zip(&outcomes) {
        let (ours, theirs) = (seen(&outcome.ours), seen(&outcome.theirs));
        assert!(agrees(&ours, &rule.ours), "{}: ours {ours:?}, not {:?}", rule.why, rule.ours);
        let want = &rule.theirs;
        assert!(agrees(&theirs, want), "{}: theirs {theirs:?}, not {want:?}", rule.why);
    }
    pair.devnet.shutdown().await;
}

/// No rule of Arbitrum: EIP-7702 refunds for an authority that is there, and anvil for any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_authority_that_exists_is_refunded_for() {
    let mut pair = Pair::start().await;
    let key = pair.devnet.accounts()[0].signer().unwrap();
    let authority = PrivateKeySigner::from_slice(&[9; 32]).unwrap();
    let address = Address::repeat_byte(7);
    let authorization = Authorization { chain_id: U256::from(CHAIN), address, nonce: 0 };
    let signature = authority.sign_hash_sync(&authorization.signature_hash()).unwrap();
    let item = |byte| AccessListItem { address: Address::repeat_byte(byte), storage_keys: vec![] };
    let typed = TypedTransaction::Eip7702(TxEip7702 {
        chain_id: CHAIN,
        gas_limit: SOME_GAS,
        max_fee_per_gas: u128::from(BASE_FEE),
        to: address,
        // Enough gas that the refund is not cut to a fifth of it.
        access_list: AccessList((10..20).map(item).collect()),
        authorization_list: vec![authorization.into_signed(signature)],
        ..TxEip7702::default()
    });
    let outcome = pair.block(&[sign(typed, &key)]).await.remove(0);
    let gas = (number(&outcome.ours, "gasUsed"), number(&outcome.theirs, "gasUsed"));
    assert_eq!(gas, (70_000, 70_000 - 12_500));
    pair.devnet.shutdown().await;
}
