//! An order: the number of a purchase and its terms. A number alone is none, because a
//! reorganisation, or `evm_revert` on a development chain, gives it to another purchase.

use alloy::primitives::{Address, B256};
use domain::ids::{AgentId, PurchaseId};
use serde_json::Value;

use crate::{money::Wei, purchases::Purchase};

/// What was bought, as the chain tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Number of the purchase.
    pub purchase_id: PurchaseId,
    /// The agent.
    pub agent_id: AgentId,
    /// Version of the listing.
    pub version: u32,
    /// Who paid.
    pub buyer: Address,
    /// What was paid into escrow.
    pub escrow: Wei,
    /// Unix seconds. Moves when a reorganisation puts the transaction into another block.
    pub deadline: u64,
    /// Hash of the input.
    pub input_hash: B256,
}

impl From<&Purchase> for Order {
    fn from(purchase: &Purchase) -> Self {
        Self {
            purchase_id: purchase.purchase_id,
            agent_id: purchase.agent_id,
            version: purchase.version,
            buyer: purchase.buyer,
            escrow: purchase.escrow,
            deadline: purchase.deadline,
            input_hash: purchase.input_hash,
        }
    }
}

impl Order {
    /// Tells whether the chain's purchase of that number is this order. The deadline may differ:
    /// the same transaction may have been mined again.
    pub fn is(&self, purchase: &Purchase) -> bool {
        let found = Self::from(purchase);
        Self { deadline: found.deadline, ..self.clone() } == found
    }

    /// Compares with a job of the keeper's API; gives the first term that differs. The keeper
    /// then still has another order under this number.
    pub fn difference(&self, job: &Value) -> Option<String> {
        let text = |name: &str| match &job[name] {
            Value::String(text) => text.to_ascii_lowercase(),
            other => other.to_string(),
        };
        let terms = [
            ("id", self.purchase_id.to_string()),
            ("agentId", self.agent_id.to_string()),
            ("agentVersion", self.version.to_string()),
            ("buyer", format!("{:#x}", self.buyer)),
            ("escrow", self.escrow.0.to_string()),
            ("deadline", self.deadline.to_string()),
            ("inputHash", format!("{:#x}", self.input_hash)),
        ];
        terms.into_iter().find_map(|(name, ours)| {
            let theirs = text(name);
            (theirs != ours).then(|| format!("its {name} is {theirs} instead of {ours}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order() -> Order {
        Order {
            purchase_id: PurchaseId(7),
            agent_id: 2.into(),
            version: 1,
            buyer: Address::repeat_byte(0xab),
            escrow: Wei(alloy::primitives::U256::from(5)),
            deadline: 100,
            input_hash: B256::repeat_byte(0xcd),
        }
    }

    fn job() -> Value {
        json!({
            "id": 7, "state": "running", "agentId": "2", "agentVersion": 1,
            "buyer": Address::repeat_byte(0xab), "escrow": "5", "deadline": 100,
            "inputHash": B256::repeat_byte(0xcd),
        })
    }

    #[test]
    fn the_keepers_job_is_this_order_only_with_the_same_terms() {
        assert_eq!(order().difference(&job()), None);
        for (name, other) in [
            ("id", json!(8)),
            ("agentId", json!("3")),
            ("agentVersion", json!(2)),
            ("buyer", json!(Address::repeat_byte(1))),
            ("escrow", json!("6")),
            ("deadline", json!(101)),
            ("inputHash", json!(B256::repeat_byte(1))),
        ] {
            let mut other_job = job();
            other_job[name] = other;
            let told = order().difference(&other_job).unwrap();
            assert!(told.contains(name), "{told}");
            other_job.as_object_mut().unwrap().remove(name);
            assert!(order().difference(&other_job).is_some(), "{name} is not told");
        }
    }
}
