//! The execution receipt: what ran, on what, with which outcome, as EIP-712 typed data.

mod outcome;

use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain};
use serde::{Deserialize, Serialize};

pub use outcome::{Outcome, UnknownOutcome};

use crate::ids::{AgentId, ImageDigest, PurchaseId};
use crate::signature::{self, SignatureError};

mod sol {
    alloy_sol_types::sol! {
        struct ExecutionReceipt {
            uint64 purchaseId;
            uint256 agentId;
            uint32 version;
            address buyer;
            address keeper;
            bytes32 imageDigest;
            bytes32 manifestHash;
            bytes32 inputHash;
            bytes32 resultHash;
            bytes32 logHash;
            uint8 outcome;
            int64 exitCode;
            uint64 startedAt;
            uint64 finishedAt;
            uint64 cpuMicros;
            uint64 peakMemoryBytes;
            uint96 charge;
        }

        struct Order {
            address buyer;
            uint256 agentId;
            uint32 version;
            bytes32 inputHash;
        }
    }
}

/// What a keeper vouches for about one run. Its digest goes on-chain with the settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecutionReceipt {
    /// The purchase that paid for the run.
    pub purchase_id: PurchaseId,
    /// The agent that ran.
    pub agent_id: AgentId,
    /// The version of its listing that was bought.
    pub version: u32,
    /// Who bought the run.
    pub buyer: Address,
    /// The keeper's smart account, which settles.
    pub keeper: Address,
    /// The image that ran.
    pub image_digest: ImageDigest,
    /// Hash of the manifest of that version.
    pub manifest_hash: B256,
    /// Hash of the input given to the agent.
    pub input_hash: B256,
    /// Hash of its standard output; of no bytes when there is no result.
    pub result_hash: B256,
    /// Hash of its standard error, as far as it was kept.
    pub log_hash: B256,
    /// How the run ended.
    pub outcome: Outcome,
    /// The process's exit code; -1 when it never exited by itself.
    pub exit_code: i64,
    /// Start of the run, in Unix seconds.
    pub started_at: u64,
    /// End of the run, in Unix seconds.
    pub finished_at: u64,
    /// CPU time used, in microseconds.
    pub cpu_micros: u64,
    /// Highest memory use seen, in bytes.
    pub peak_memory_bytes: u64,
    /// What the buyer is charged, in wei; zero unless the outcome is `Ok`.
    #[serde(with = "crate::serde_text::wei")]
    pub charge: U96,
}

impl ExecutionReceipt {
    /// `receiptHash`: the EIP-712 digest under the given registry, which is what gets signed.
    pub fn digest(&self, chain_id: u64, registry: Address) -> B256 {
        self.to_sol().eip712_signing_hash(&domain(chain_id, registry))
    }

    /// `orderHash`: what was bought and by whom, which the registry compares with the purchase.
    ///
    /// A purchase that a reorganisation removes and brings back has the same hash; another
    /// purchase that got its id has not.
    pub fn order_hash(&self) -> B256 {
        order_hash(self.buyer, self.agent_id, self.version, self.input_hash)
    }

    /// The EIP-712 type of a receipt, as verifiers in other languages need it.
    pub fn type_string() -> String {
        sol::ExecutionReceipt::eip712_root_type().into_owned()
    }

    fn to_sol(&self) -> sol::ExecutionReceipt {
        sol::ExecutionReceipt {
            purchaseId: self.purchase_id.0,
            agentId: self.agent_id.0,
            version: self.version,
            buyer: self.buyer,
            keeper: self.keeper,
            imageDigest: self.image_digest.0,
            manifestHash: self.manifest_hash,
            inputHash: self.input_hash,
            resultHash: self.result_hash,
            logHash: self.log_hash,
            outcome: self.outcome.code(),
            exitCode: self.exit_code,
            startedAt: self.started_at,
            finishedAt: self.finished_at,
            cpuMicros: self.cpu_micros,
            peakMemoryBytes: self.peak_memory_bytes,
            charge: self.charge,
        }
    }
}

/// A receipt with the signature of the keeper account's owner and where it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedReceipt {
    /// Chain of the registry.
    pub chain_id: u64,
    /// The registry that the run was bought from.
    pub registry: Address,
    /// What is vouched for.
    pub receipt: ExecutionReceipt,
    /// 65 bytes, `r || s || v`, over the digest.
    pub signature: Bytes,
}

impl SignedReceipt {
    /// The digest that was signed and that the registry stores.
    pub fn digest(&self) -> B256 {
        self.receipt.digest(self.chain_id, self.registry)
    }

    /// The address whose key signed; the caller compares it with the keeper account's owner.
    ///
    /// # Errors
    /// When the signature is malformed or malleable.
    pub fn signer(&self) -> Result<Address, SignatureError> {
        signature::recover(&self.digest(), &self.signature)
    }
}

/// Hashes what was bought and by whom, as the registry does from its storage:
/// `keccak256(abi.encode(address buyer, uint256 agentId, uint32 version, bytes32 inputHash))`.
pub fn order_hash(buyer: Address, agent: AgentId, version: u32, input_hash: B256) -> B256 {
    let order = sol::Order { buyer, agentId: agent.0, version, inputHash: input_hash };
    keccak256(order.abi_encode())
}

/// The EIP-712 domain of receipts.
pub fn domain(chain_id: u64, registry: Address) -> Eip712Domain {
    eip712_domain! {
        name: "AgentNexus",
        version: "1",
        chain_id: U256::from(chain_id).to(),
        verifying_contract: registry,
    }
}

#[cfg(test)]
mod tests;
