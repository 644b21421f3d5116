//! What is compared, and what differs by a rule of Arbitrum.

use super::dice::Dice;
use super::pair::{Outcomes, Pair, number, raw};
use super::transactions::{BASE_FEE, World, floor};
use super::{precompiled, program, shorten};
use crate::rpc::Request;
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::primitives::{Address, U256, map::HashMap};
use devnet::chain::SEQUENCER;
use devnet::genesis::CHAIN_OWNER;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Contracts that one block adds to those which later transactions use.
const KEEP: usize = 3;

/// Everything that has happened, to be compared with the state in the end.
#[derive(Debug)]
pub struct Ledger {
    /// By sender: what it paid more on anvil.
    paid_more: Vec<U256>,
    fees: U256,
    tips: U256,
    created: BTreeSet<Address>,
    fresh: Vec<Address>,
    /// What has happened how often.
    seen: BTreeMap<String, u64>,
}

impl Ledger {
    pub fn new(world: &World) -> Self {
        Self {
            paid_more: vec![U256::ZERO; world.senders.len()],
            fees: U256::ZERO,
            tips: U256::ZERO,
            created: BTreeSet::new(),
            fresh: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Compares the outcomes of one transaction.
    pub fn compare(&mut self, sender: usize, tx: &TxEnvelope, outcome: &Outcomes) {
        let context = || format!("{}\nto {:?} with {}", raw(tx), tx.to(), shorten(tx.input()));
        let Outcomes { ours, theirs, our_trace, their_trace } = outcome;
        assert_eq!(essence(ours), essence(theirs), "{}", context());
        assert_eq!(frame(our_trace, true, false), frame(their_trace, true, false), "{}", context());

        let (gas, their_gas) = (number(ours, "gasUsed"), number(theirs, "gasUsed"));
        // Arbitrum has no floor of EIP-7623.
        assert_eq!(
            gas.max(floor(tx.input())),
            their_gas,
            "{}\n{our_trace:#}\n{their_trace:#}",
            context()
        );
        // Arbitrum drops tips.
        let tip = tx.max_priority_fee_per_gas().unwrap_or(0);
        assert_eq!(number(ours, "effectiveGasPrice"), BASE_FEE, "{}", context());
        let price = u128::from(number(theirs, "effectiveGasPrice"));
        assert_eq!(price, u128::from(BASE_FEE) + tip, "{}", context());

        let fee = U256::from(gas) * U256::from(BASE_FEE);
        self.paid_more[sender] += U256::from(their_gas) * U256::from(price) - fee;
        self.fees += fee;
        self.tips += U256::from(their_gas) * U256::from(tip);
        self.count(tx, ours, their_gas > gas, tip > 0);
        self.note_creations(our_trace);
    }

    fn count(&mut self, tx: &TxEnvelope, ours: &Value, floored: bool, tipped: bool) {
        let status = &ours["status"];
        let mut keys = vec![format!("type {} status {status}", tx.tx_type() as u8)];
        keys.extend(floored.then(|| "floor".to_owned()));
        keys.extend(tipped.then(|| "tip".to_owned()));
        let topic = ours["logs"][0]["topics"][0].as_str().and_then(|topic| topic.parse().ok());
        if let (Some(ok), Some(target)) = (topic, tx.input().get(..32))
            && let Ok(target) = u64::try_from(U256::from_be_slice(target))
        {
            let ok: U256 = ok;
            keys.push(format!("precompile {target} success {ok}"));
        }
        for key in keys {
            *self.seen.entry(key).or_default() += 1;
        }
    }

    fn note_creations(&mut self, frame: &Value) {
        if frame["type"].as_str().is_some_and(|kind| kind.starts_with("CREATE"))
            && let Some(to) = frame["to"].as_str()
        {
            let address: Address = to.parse().unwrap();
            self.created.insert(address);
            if frame["error"].is_null() && frame["output"].as_str().is_some_and(|o| o.len() > 2) {
                self.fresh.push(address);
            }
        }
        for call in frame["calls"].as_array().into_iter().flatten() {
            self.note_creations(call);
        }
    }

    /// Some of the contracts that were created since the last time.
    pub fn take_created(&mut self, dice: &mut Dice) -> Vec<Address> {
        let mut fresh = std::mem::take(&mut self.fresh);
        while fresh.len() > KEEP {
            fresh.swap_remove(dice.size(fresh.len()));
        }
        fresh
    }

    /// Compares the states, and that enough of everything has happened.
    pub async fn close(self, pair: &Pair, world: &World) {
        let accounts: Vec<Address> =
            self.created.iter().chain(&world.receivers).chain(&world.contracts).copied().collect();
        let mut look = Vec::new();
        for account in &accounts {
            look.extend(whole(account));
        }
        for (key, _) in &world.senders {
            let data = super::transactions::balance_of(key.address());
            look.push(("eth_call", json!([{ "to": world.token, "data": data }, "latest"])));
            look.push(("eth_getTransactionCount", json!([key.address(), "latest"])));
        }
        let (ours, theirs) = pair.both(&look).await;
        for (request, (ours, theirs)) in look.iter().zip(ours.iter().zip(&theirs)) {
            assert_eq!(ours, theirs, "{request:?}");
        }
        self.check_fees(pair, world).await;
        self.check_coverage();
    }

    async fn check_fees(&self, pair: &Pair, world: &World) {
        let who = world.senders.iter().map(|(key, _)| key.address());
        let who: Vec<Address> = who.chain([SEQUENCER, CHAIN_OWNER]).collect();
        let look = |at: &'static str| -> Vec<Request> {
            who.iter().map(|account| ("eth_getBalance", json!([account, at]))).collect()
        };
        let parse = |values: Vec<Value>| -> Vec<U256> {
            values.iter().map(|value| value.as_str().unwrap().parse().unwrap()).collect()
        };
        let (ours, theirs) = pair.both(&look("latest")).await;
        let (before, _) = pair.both(&look("0x0")).await;
        let (ours, theirs, before) = (parse(ours), parse(theirs), parse(before));
        for (index, more) in self.paid_more.iter().enumerate() {
            assert_eq!(ours[index], theirs[index] + more, "balance of sender {index}");
        }
        let [sequencer, owner] = [who.len() - 2, who.len() - 1];
        // Ethereum pays tips to the beneficiary and burns the rest; Arbitrum's network account
        // gets it.
        assert_eq!((ours[sequencer], theirs[sequencer]), (U256::ZERO, self.tips));
        assert_eq!(ours[owner] - before[owner], self.fees);
    }

    /// A test of nothing would pass, too.
    fn check_coverage(&self) {
        let seen = HashMap::<&str, u64>::from_iter(self.seen.iter().map(|(k, n)| (k.as_str(), *n)));
        let mut want: Vec<String> = ["floor", "tip"].map(str::to_owned).into();
        for kind in [0, 1, 2, 4] {
            want.extend([0, 1].map(|status| format!("type {kind} status \"0x{status}\"")));
        }
        want.extend(precompiled::ALL.map(|number| format!("precompile {number} success 1")));
        let missing: Vec<_> = want.iter().filter(|key| !seen.contains_key(key.as_str())).collect();
        assert!(missing.is_empty(), "never happened: {missing:?} of {:#?}", self.seen);
        println!("{:#?}, {} contracts", self.seen, self.created.len());
    }
}

/// Requests for all that an account is.
fn whole(account: &Address) -> Vec<Request> {
    let mut look = vec![
        ("eth_getBalance", json!([account, "latest"])),
        ("eth_getTransactionCount", json!([account, "latest"])),
        ("eth_getCode", json!([account, "latest"])),
    ];
    let slots = 0..program::SLOTS;
    look.extend(
        slots.map(|slot| ("eth_getStorageAt", json!([account, U256::from(slot), "latest"]))),
    );
    look
}

/// What must be equal in two receipts.
fn essence(receipt: &Value) -> Value {
    let log = |log: &Value| json!([log["address"], log["topics"], log["data"], log["logIndex"]]);
    let logs: Vec<Value> = receipt["logs"].as_array().unwrap().iter().map(log).collect();
    json!({
        "status": receipt["status"],
        "type": receipt["type"],
        "to": receipt["to"],
        "contract": receipt["contractAddress"],
        "bloom": receipt["logsBloom"],
        "logs": logs,
    })
}

/// What must be equal in two frames of a trace.
fn frame(trace: &Value, top: bool, doomed: bool) -> Value {
    let failed = !trace["error"].is_null();
    let doomed = doomed || failed;
    // anvil tells of destructions without saying whose.
    let calls = trace["calls"].as_array().into_iter().flatten();
    let calls = calls.filter(|call| call["type"] != "SELFDESTRUCT");
    let calls: Vec<Value> = calls.map(|call| frame(call, false, doomed)).collect();
    let kept = |field: &str, keep: bool| if keep { trace[field].clone() } else { Value::Null };
    json!({
        "type": trace["type"],
        "from": trace["from"],
        // A creation that failed has made nothing, and what has failed has logged nothing.
        "to": kept("to", !failed || trace["type"] == "CALL"),
        "logs": kept("logs", !doomed),
        "value": trace["value"],
        // The gas of the whole transaction is compared by itself.
        "gas": kept("gas", !top),
        "used": kept("gasUsed", !top),
        "input": trace["input"],
        "output": trace["output"],
        "failed": failed,
        "calls": calls,
    })
}
