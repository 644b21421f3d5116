//! Verification of execution receipts: first without any network, then against the chain.

use alloy::primitives::{Address, B256, keccak256};
use bindings::AgentAccount;
use domain::receipt::SignedReceipt;
use serde::Serialize;

use crate::{
    chain::{Chain, explain},
    output::{Report, fields},
    purchases,
};

/// One thing that was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was compared.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// What was found, and what was expected if that differs.
    pub detail: String,
}

/// The outcome of verifying a receipt.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// True when every check holds.
    pub verified: bool,
    /// True when the chain was asked as well.
    pub on_chain: bool,
    /// The EIP-712 digest.
    pub receipt_hash: B256,
    /// The address whose key signed.
    pub signer: Option<Address>,
    /// Every check.
    pub checks: Vec<Check>,
}

/// Collects checks.
#[derive(Debug, Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn same<T: PartialEq + ToString>(&mut self, name: &'static str, found: T, expected: T) {
        let ok = found == expected;
        let detail = if ok {
            found.to_string()
        } else {
            format!("{} instead of {}", found.to_string(), expected.to_string())
        };
        self.0.push(Check { name, ok, detail });
    }

    fn holds(&mut self, name: &'static str, ok: bool, detail: String) {
        self.0.push(Check { name, ok, detail });
    }
}

/// What the receipt is compared with, if at hand.
#[derive(Debug, Default)]
pub struct Evidence<'a> {
    /// The input given to the agent.
    pub input: Option<&'a [u8]>,
    /// The result it gave.
    pub result: Option<&'a [u8]>,
    /// Who must have signed.
    pub signer: Option<Address>,
}

/// Verifies a receipt; with a chain also what the registry says.
pub async fn verify(
    signed: &SignedReceipt,
    evidence: Evidence<'_>,
    chain: Option<&Chain>,
) -> anyhow::Result<Verification> {
    let mut checks = Checks::default();
    let signer = offline(signed, &evidence, &mut checks);
    if let Some(chain) = chain {
        online(signed, signer, chain, &mut checks).await?;
    }
    Ok(Verification {
        verified: checks.0.iter().all(|check| check.ok),
        on_chain: chain.is_some(),
        receipt_hash: signed.digest(),
        signer,
        checks: checks.0,
    })
}

fn offline(signed: &SignedReceipt, evidence: &Evidence, checks: &mut Checks) -> Option<Address> {
    let receipt = &signed.receipt;
    let signer = signed.signer();
    match (&signer, evidence.signer) {
        (Ok(found), Some(expected)) => checks.same("signer", *found, expected),
        (Ok(found), None) => checks.holds("signature", true, format!("made by {found}")),
        (Err(error), _) => checks.holds("signature", false, error.to_string()),
    }
    let free = receipt.outcome.is_ok() || receipt.charge.is_zero();
    checks.holds("a failed run costs nothing", free, format!("outcome: {}", receipt.outcome));
    let ordered = receipt.started_at <= receipt.finished_at;
    let times = format!("{} to {}", receipt.started_at, receipt.finished_at);
    checks.holds("it ended after it began", ordered, times);
    if let Some(input) = evidence.input {
        checks.same("input", keccak256(input), receipt.input_hash);
    }
    if let Some(result) = evidence.result {
        checks.same("result", keccak256(result), receipt.result_hash);
    }
    signer.ok()
}

async fn online(
    signed: &SignedReceipt,
    signer: Option<Address>,
    chain: &Chain,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let receipt = &signed.receipt;
    checks.same("chain", signed.chain_id, chain.chain_id);
    checks.same("registry", signed.registry, chain.contracts.registry);
    let purchase = purchases::read(chain, receipt.purchase_id).await?;
    checks.same("receipt hash on-chain", purchase.receipt_hash, signed.digest());
    checks.same("keeper that settled", purchase.keeper, receipt.keeper);
    checks.same("buyer", purchase.buyer, receipt.buyer);
    checks.same("agent", purchase.agent_id, receipt.agent_id);
    checks.same("version", purchase.version, receipt.version);
    checks.same("input hash", purchase.input_hash, receipt.input_hash);
    let listing = chain.registry().listingOf(receipt.agent_id.0, receipt.version).call().await;
    let listing = listing.map_err(|error| explain(&error, "reading the listing of the receipt"))?;
    checks.same("image", listing._0.imageDigest, receipt.image_digest.0);
    checks.same("manifest", listing._1, receipt.manifest_hash);
    let account = AgentAccount::new(receipt.keeper, chain.provider.clone());
    match account.owner().call().await {
        Ok(owner) => checks.same("owner of the keeper account", signer.unwrap_or_default(), owner),
        Err(error) => checks.holds("owner of the keeper account", false, error.to_string()),
    }
    Ok(())
}

impl Report for Verification {
    fn human(&self) -> String {
        let mut lines: Vec<String> = self
            .checks
            .iter()
            .map(|c| format!("{} {}: {}", if c.ok { "ok  " } else { "FAIL" }, c.name, c.detail))
            .collect();
        lines.push(match (self.verified, self.on_chain) {
            (true, true) => "The receipt is genuine and is what the registry settled.".to_owned(),
            (true, false) => {
                "The signer vouches for this run. Whether it was settled is not checked (offline)."
                    .to_owned()
            }
            (false, _) => "The receipt is NOT valid.".to_owned(),
        });
        lines.join("\n")
    }
}

impl Report for Receipt<'_> {
    fn human(&self) -> String {
        let r = &self.0.receipt;
        fields(&[
            ("purchase", r.purchase_id.to_string()),
            ("agent", format!("{} version {}", r.agent_id, r.version)),
            ("buyer", r.buyer.to_string()),
            ("keeper", r.keeper.to_string()),
            ("image", r.image_digest.to_string()),
            ("input hash", r.input_hash.to_string()),
            ("result hash", r.result_hash.to_string()),
            ("log hash", r.log_hash.to_string()),
            ("outcome", format!("{} (exit code {})", r.outcome, r.exit_code)),
            (
                "ran",
                format!(
                    "{} s, {} us CPU",
                    r.finished_at.saturating_sub(r.started_at),
                    r.cpu_micros
                ),
            ),
            ("peak memory", format!("{} bytes", r.peak_memory_bytes)),
            ("charge", crate::money::Wei::from(r.charge).to_string()),
            ("receipt hash", self.0.digest().to_string()),
            ("signature", self.0.signature.to_string()),
        ])
    }
}

/// A receipt that can be shown.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Receipt<'a>(pub &'a SignedReceipt);
