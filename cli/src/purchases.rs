//! Purchases as the chain knows them: their state, and the settlement that ended them.

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider as _,
    rpc::types::{Log, TransactionReceipt},
    sol_types::SolEvent as _,
};
use anyhow::Context as _;
use bindings::{AgentRegistry, IEntryPoint};
use domain::ids::PurchaseId;
use serde::Serialize;

use crate::{
    chain::{Chain, Mined, explain},
    failure::Failure,
    logs,
    money::{self, Wei},
    output::{Report, fields},
};

/// Where a purchase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Paid, not yet delivered.
    Open,
    /// Delivered and paid out.
    SettledOk,
    /// The run failed; the buyer has the escrow back.
    SettledFailed,
    /// Nothing came before the deadline; the buyer has the escrow back.
    Refunded,
}

impl Status {
    fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Open,
            2 => Self::SettledOk,
            3 => Self::SettledFailed,
            4 => Self::Refunded,
            _ => return None,
        })
    }

    /// The status in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::SettledOk => "settled, paid",
            Self::SettledFailed => "run failed, buyer refunded",
            Self::Refunded => "refunded after the deadline",
        }
    }
}

/// A purchase as the registry stores it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    /// Its number.
    pub purchase_id: PurchaseId,
    /// The agent bought, as a decimal string.
    pub agent_id: domain::ids::AgentId,
    /// Version of its listing.
    pub version: u32,
    /// Who paid.
    pub buyer: Address,
    /// Where it stands.
    pub status: Status,
    /// What was paid.
    pub escrow: Wei,
    /// Unix seconds after which anyone may refund it while it is open.
    pub deadline: u64,
    /// Hash of the input.
    pub input_hash: B256,
    /// Smart account of the keeper that settled; zero before.
    pub keeper: Address,
    /// Hash of the receipt; zero before settlement.
    pub receipt_hash: B256,
}

/// The settlement of a purchase.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settlement {
    /// Whether the run succeeded and was paid for.
    pub ok: bool,
    /// Smart account of the keeper.
    pub keeper: Address,
    /// What the buyer paid in the end.
    pub charge: Wei,
    /// The keeper's part of it.
    pub keeper_fee: Wei,
    /// The protocol's part of it.
    pub protocol_fee: Wei,
    /// Hash of the result.
    pub result_hash: B256,
    /// Hash of the receipt.
    pub receipt_hash: B256,
    /// Hash of the UserOperation that settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_operation: Option<B256>,
    /// What the EntryPoint charged the keeper's smart account for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_operation_cost: Option<Wei>,
    /// The transaction that carried it.
    #[serde(flatten)]
    pub mined: Mined,
}

/// Reads a purchase; an unknown one is refused.
pub async fn read(chain: &Chain, id: PurchaseId) -> anyhow::Result<Purchase> {
    let what = format!("reading purchase {id}");
    let raw = match chain.registry().purchaseOf(id.0).call().await {
        Ok(raw) => raw,
        Err(error) => return Err(explain(&error, &what)),
    };
    let unknown = || {
        Failure::Refused(format!(
            "there is no purchase {id} in registry {}",
            chain.contracts.registry
        ))
    };
    Ok(Purchase {
        purchase_id: id,
        agent_id: raw.agentId.into(),
        version: raw.version,
        buyer: raw.buyer,
        status: Status::from_code(raw.status).ok_or_else(unknown)?,
        escrow: raw.escrow.into(),
        deadline: raw.deadline,
        input_hash: raw.inputHash,
        keeper: raw.keeper,
        receipt_hash: raw.receiptHash,
    })
}

/// How many purchases there have been.
pub async fn count(chain: &Chain) -> anyhow::Result<u64> {
    let count = chain.registry().purchaseCount().call().await;
    count.map_err(|error| explain(&error, "reading the number of purchases"))
}

/// The settlement of a purchase, if it is settled.
pub async fn settlement(chain: &Chain, purchase: &Purchase) -> anyhow::Result<Option<Settlement>> {
    let id = purchase.purchase_id;
    if !matches!(purchase.status, Status::SettledOk | Status::SettledFailed) {
        return Ok(None);
    }
    let what = format!("reading the settlement of purchase {id}");
    let filter = chain.registry().Settled_filter().topic1(U256::from(id.0)).filter;
    let decoded = |log: &Log| AgentRegistry::Settled::decode_log(&log.inner).ok();
    let log = logs::find(chain, &filter, &what, |log| {
        decoded(log).is_some_and(|event| event.data.receiptHash == purchase.receipt_hash)
    })
    .await?;
    let event = decoded(&log).context("a log that was decoded before")?.data;
    let hash = log.transaction_hash.context("the node gave a log without its transaction")?;
    let receipt = chain.provider.get_transaction_receipt(hash).await;
    let receipt = receipt.map_err(|error| Failure::Chain(format!("{what}: {error}")))?;
    let receipt = receipt.ok_or_else(|| {
        Failure::Chain(format!("{what}: the node has no receipt of transaction {hash}"))
    })?;
    let operation = user_operation(chain, id, &receipt);
    Ok(Some(Settlement {
        ok: event.ok,
        keeper: event.keeper,
        charge: event.charge.into(),
        keeper_fee: event.keeperFee.into(),
        protocol_fee: event.protocolFee.into(),
        result_hash: event.resultHash,
        receipt_hash: event.receiptHash,
        user_operation: operation.as_ref().map(|op| op.userOpHash),
        user_operation_cost: operation.map(|op| op.actualGasCost.into()),
        mined: Mined::from(&receipt),
    }))
}

// The nonce key of a settlement is the purchase's id.
fn user_operation(
    chain: &Chain,
    id: PurchaseId,
    receipt: &TransactionReceipt,
) -> Option<IEntryPoint::UserOperationEvent> {
    receipt
        .inner
        .logs()
        .iter()
        .filter(|log| log.address() == chain.contracts.entry_point)
        .filter_map(|log| IEntryPoint::UserOperationEvent::decode_log(&log.inner).ok())
        .map(|log| log.data)
        .find(|event| PurchaseId::from_nonce(event.nonce).is_some_and(|(key, _)| key == id))
}

impl Report for Purchase {
    fn human(&self) -> String {
        let mut rows = vec![
            ("purchase", self.purchase_id.to_string()),
            ("agent", format!("{} version {}", self.agent_id, self.version)),
            ("status", self.status.words().to_owned()),
            ("buyer", self.buyer.to_string()),
            ("paid", money::show(self.escrow.0)),
            ("deadline", format!("{} (Unix time)", self.deadline)),
            ("input hash", self.input_hash.to_string()),
        ];
        if !self.receipt_hash.is_zero() {
            rows.push(("keeper", self.keeper.to_string()));
            rows.push(("receipt hash", self.receipt_hash.to_string()));
        }
        fields(&rows)
    }
}

impl Report for Settlement {
    fn human(&self) -> String {
        let mut rows = vec![
            (
                "outcome",
                if self.ok { "paid".to_owned() } else { "failed, buyer refunded".to_owned() },
            ),
            ("charge", self.charge.to_string()),
            ("keeper fee", self.keeper_fee.to_string()),
            ("protocol fee", self.protocol_fee.to_string()),
        ];
        if let Some(hash) = self.user_operation {
            rows.push(("UserOperation", hash.to_string()));
        }
        rows.push(("transaction", self.mined.transaction.to_string()));
        rows.push(("gas", format!("{} ({})", self.mined.gas_used, self.mined.gas_cost)));
        fields(&rows)
    }
}
