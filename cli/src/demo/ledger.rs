//! Where every wei went: balances before and after, and proof that the rows add up.

use alloy::{
    consensus::BlockHeader as _,
    primitives::{Address, I256, U256},
    providers::Provider as _,
};
use anyhow::Context as _;
use serde::Serialize;

use crate::{
    chain::{Chain, explain},
    failure::Failure,
    money::{Change, Wei, show_change},
    output::table,
};

/// Somebody whose money is followed.
#[derive(Debug, Clone)]
pub struct Party {
    /// Name shown.
    pub name: &'static str,
    /// Address.
    pub address: Address,
}

/// Everybody's money at one block.
#[derive(Debug)]
pub struct Snapshot {
    block: u64,
    rows: Vec<Holding>,
    owed: U256,
}

#[derive(Debug, Clone, Copy)]
struct Holding {
    ether: U256,
    credit: U256,
}

/// What changed between two snapshots.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// One row per party.
    pub rows: Vec<Row>,
    /// Gas paid to the chain by all transactions in between.
    pub gas: Wei,
    /// The sum of all changes of ether, plus the gas: zero, or the ledger is wrong.
    pub difference: Change,
    /// What the registry owes to all in the end: escrow and balances.
    pub registry_owes: Wei,
}

/// A party's money before and after.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Who.
    pub name: &'static str,
    /// Address.
    pub address: Address,
    /// Ether before.
    pub before: Wei,
    /// Ether after.
    pub after: Wei,
    /// Change of ether.
    pub change: Change,
    /// Change of the balance that the registry holds for this party.
    pub registry_balance_change: Change,
}

/// Reads everybody's money.
pub async fn snapshot(chain: &Chain, parties: &[Party]) -> anyhow::Result<Snapshot> {
    let registry = chain.registry();
    let mut rows = Vec::with_capacity(parties.len());
    for party in parties {
        let credit = registry.balanceOf(party.address).call().await;
        rows.push(Holding {
            ether: chain.ether(party.address).await?,
            credit: credit.map_err(|error| explain(&error, "reading a balance"))?.to(),
        });
    }
    let owed = registry.totalOwed().call().await;
    let owed = owed.map_err(|error| explain(&error, "reading what the registry owes"))?.to();
    Ok(Snapshot { block: chain.provider.get_block_number().await?, rows, owed })
}

/// Compares two snapshots of the same parties. Fails when the rows do not add up, or when
/// the registry holds other money than it owes.
pub async fn compare(
    chain: &Chain,
    parties: &[Party],
    before: &Snapshot,
    after: &Snapshot,
) -> anyhow::Result<Ledger> {
    let gas = gas_paid(chain, before.block + 1..=after.block).await?;
    let rows: Vec<Row> = parties
        .iter()
        .zip(before.rows.iter().zip(&after.rows))
        .map(|(party, (old, new))| Row {
            name: party.name,
            address: party.address,
            before: Wei(old.ether),
            after: Wei(new.ether),
            change: Change::between(old.ether, new.ether),
            registry_balance_change: Change::between(old.credit, new.credit),
        })
        .collect();
    let gas_in = Change::between(U256::ZERO, gas).0;
    let difference = rows.iter().fold(gas_in, |sum, row| sum + row.change.0);
    let held = chain.ether(chain.contracts.registry).await?;
    let ledger = Ledger {
        rows,
        gas: Wei(gas),
        difference: Change(difference),
        registry_owes: Wei(after.owed),
    };
    if difference != I256::ZERO || held != after.owed {
        return Err(Failure::Unverified(format!(
            "the money does not add up: {} are unaccounted for, the registry holds {held} wei \
             and owes {} wei\n{}",
            show_change(difference),
            after.owed,
            ledger.table()
        ))
        .into());
    }
    Ok(ledger)
}

async fn gas_paid(chain: &Chain, blocks: std::ops::RangeInclusive<u64>) -> anyhow::Result<U256> {
    let mut gas = U256::ZERO;
    for number in blocks {
        let block = chain
            .provider
            .get_block_by_number(number.into())
            .await?
            .with_context(|| format!("the node has no block {number}"))?;
        for hash in block.transactions.hashes() {
            let receipt =
                chain.provider.get_transaction_receipt(hash).await?.with_context(|| {
                    format!("no receipt of {hash} in block {}", block.header.number())
                })?;
            gas += U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
        }
    }
    Ok(gas)
}

impl Ledger {
    /// The changes as one line each.
    pub fn story(&self) -> String {
        let changed = self.rows.iter().filter_map(|row| {
            let (ether, credit) = (row.change.0, row.registry_balance_change.0);
            let parts = [(ether, "in ether"), (credit, "as balance in the registry")];
            let told: Vec<String> = parts
                .iter()
                .filter(|(change, _)| !change.is_zero())
                .map(|(change, what)| format!("{} {what}", show_change(*change)))
                .collect();
            (!told.is_empty()).then(|| format!("{:<19}  {}", row.name, told.join(", ")))
        });
        let mut lines: Vec<String> = changed.collect();
        lines.push(format!("{:<19}  +{}", "gas, to the chain", self.gas));
        lines.push("The rows add up to zero, and the registry holds what it owes.".to_owned());
        lines.join("\n")
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.name.to_owned(),
                    row.before.to_string(),
                    row.after.to_string(),
                    show_change(row.change.0),
                    show_change(row.registry_balance_change.0),
                ]
            })
            .collect();
        let empty = String::new;
        rows.push(vec![
            "gas, to the chain".to_owned(),
            empty(),
            empty(),
            show_change(Change::between(U256::ZERO, self.gas.0).0),
            empty(),
        ]);
        rows.push(vec![
            "sum".to_owned(),
            empty(),
            empty(),
            show_change(self.difference.0),
            empty(),
        ]);
        let header = ["who", "ether before", "ether after", "change", "balance in the registry"];
        table(&header, &[1, 2, 3, 4], &rows)
    }
}
