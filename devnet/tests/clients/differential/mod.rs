//! The same EVM transactions on our node and on anvil do the same.
//!
//! `NEXUS_DIFFERENTIAL_SEED` and `NEXUS_DIFFERENTIAL_COUNT` choose other transactions, and more.

mod compare;
mod dice;
mod pair;
mod precompiled;
mod program;
mod rules;
mod transactions;

use crate::solidity::compile;
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolValue;
use compare::Ledger;
use dice::Dice;
use pair::Pair;
use transactions::World;

/// Transactions of one run.
const COUNT: usize = 3_000;
/// Transactions in one block.
const BLOCK: usize = 40;
/// Accounts that authorize code for themselves (EIP-7702) and send nothing.
const AUTHORITIES: usize = 12;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| {
        value.parse().unwrap_or_else(|_| panic!("{name}={value}: not a number"))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_transactions_do_the_same_as_on_anvil() {
    let seed = setting("NEXUS_DIFFERENTIAL_SEED", 4_337);
    let count = usize::try_from(setting("NEXUS_DIFFERENTIAL_COUNT", COUNT as u64)).unwrap();
    println!("NEXUS_DIFFERENTIAL_SEED={seed} NEXUS_DIFFERENTIAL_COUNT={count}");
    let mut pair = Pair::start().await;
    let mut world = world(&pair, Dice::new(seed));
    let mut ledger = Ledger::new(&world);
    settle(&mut pair, &mut world, &mut ledger).await;

    for block in 0..count.div_ceil(BLOCK) {
        let sender = block % world.senders.len();
        let txs: Vec<_> = (0..BLOCK).map(|_| world.transaction(sender)).collect();
        let outcomes = pair.block(&txs).await;
        for (tx, outcome) in txs.iter().zip(&outcomes) {
            ledger.compare(sender, tx, outcome);
        }
        world.contracts.extend(ledger.take_created(&mut world.dice));
    }
    ledger.close(&pair, &world).await;
    pair.devnet.shutdown().await;
}

fn world(pair: &Pair, mut dice: Dice) -> World {
    let key = |bytes: Vec<u8>| alloy::signers::local::PrivateKeySigner::from_slice(&bytes).unwrap();
    let accounts = pair.devnet.accounts();
    let senders: Vec<_> = accounts.iter().map(|account| (account.signer().unwrap(), 0)).collect();
    let first = senders[0].0.address();
    let authorities: Vec<_> = (0..AUTHORITIES).map(|_| (key(dice.bytes(32)), 0)).collect();
    World {
        receivers: vec![dice.address(), dice.address()],
        contracts: authorities.iter().map(|(key, _)| key.address()).collect(),
        token: first.create(0),
        prober: first.create(1),
        dice,
        senders,
        authorities,
    }
}

/// Deploys the token and the prober, gives every sender tokens and allowances, and every
/// authority one wei.
async fn settle(pair: &mut Pair, world: &mut World, ledger: &mut Ledger) {
    let supply = U256::from(10).pow(U256::from(18)).abi_encode();
    let token = [&compile("Token.sol", "Token").await[..], &supply].concat();
    let mut prober = program::Program::default();
    prober.deploy(&transactions::PROBER);
    let mut txs = vec![
        world.plain(0, None, 0, token.into()),
        world.plain(0, None, 0, prober.finish().into()),
    ];
    let all: Vec<Address> = world.senders.iter().map(|(key, _)| key.address()).collect();
    for to in &all[1..] {
        txs.push(world.plain(0, Some(world.token), 0, transactions::transfer(*to, 1_000_000)));
        txs.push(world.plain(0, Some(world.token), 0, transactions::approve(*to, 500)));
    }
    // An authority must exist: anvil refunds for one that does not, too.
    for index in 0..world.authorities.len() {
        let authority = world.authorities[index].0.address();
        txs.push(world.plain(0, Some(authority), 1, Bytes::new()));
    }
    let outcomes = pair.block(&txs).await;
    for (tx, outcome) in txs.iter().zip(&outcomes) {
        assert_eq!(outcome.ours["status"], "0x1", "{tx:?}");
        ledger.compare(0, tx, outcome);
    }
    world.contracts.extend([world.token, world.prober]);
}

/// The input of a call, for a message.
fn shorten(input: &Bytes) -> String {
    let text = input.to_string();
    if text.len() > 400 { format!("{}… ({} bytes)", &text[..400], input.len()) } else { text }
}
