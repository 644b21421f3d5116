//! Purchases beside the keeper's jobs: what the chain says, what the keeper says of the same
//! order, and why a job does not go on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use crate::{
    api::Api,
    buy::Order,
    failure::Failure,
    output::{Report, fields, table},
    purchases::{Purchase, Settlement, Status},
};

/// One purchase with its settlement and its job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobReport {
    /// The chain's purchase.
    pub purchase: Purchase,
    /// Its settlement.
    pub settlement: Option<Settlement>,
    /// What the keeper says; null when it cannot be asked or does not know this order.
    pub job: Option<Value>,
    /// Why there is no job, in words.
    pub note: Option<String>,
}

/// Asks the keeper for the job of a purchase. A job of another order under the same number is
/// not shown; the note says so.
pub async fn of(api: &Api, purchase: &Purchase) -> (Option<Value>, Option<String>) {
    let id = purchase.purchase_id;
    match api.job(id.0).await {
        Err(error) => (None, Some(format!("{error:#}"))),
        Ok(None) => (None, Some(format!("the keeper has not seen purchase {id}"))),
        Ok(Some(job)) => match Order::from(purchase).difference(&job) {
            None => (Some(job), None),
            Some(difference) => {
                let note = format!(
                    "the keeper has another order under the number {id} ({difference}): it has \
                     not caught up with the chain"
                );
                (None, Some(note))
            }
        },
    }
}

/// Fails while the keeper has another order under the number of a purchase.
pub async fn must_be_same_order(api: &Api, purchase: &Purchase) -> anyhow::Result<()> {
    match of(api, purchase).await {
        (None, Some(note)) => Err(Failure::Service(note).into()),
        _ => Ok(()),
    }
}

/// The state of a purchase's job among some jobs.
pub fn state_in(jobs: &[Value], purchase: &Purchase) -> Option<String> {
    let job = jobs.iter().find(|job| job["id"] == purchase.purchase_id.0)?;
    if Order::from(purchase).difference(job).is_some() {
        return Some("another order".to_owned());
    }
    job["state"].as_str().map(str::to_owned)
}

/// Everything the keeper tells of why a job stands where it stands.
fn rows(job: &Value) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut row = |name, value: &Value| {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            rows.push((name, text.to_owned()));
        }
    };
    row("job at the keeper", &job["state"]);
    if job["reason"] != job["run"]["detail"] {
        row("reason", &job["reason"]);
    }
    let waiting = &job["waiting"];
    row("waits for", &waiting["on"]);
    row("because", &waiting["reason"]);
    row("what would help", &waiting["help"]);
    let run = &job["run"];
    row("run", &run["outcome"]);
    row("run's detail", &run["detail"]);
    if let Some(code) = run["exitCode"].as_i64() {
        rows.push(("exit code", code.to_string()));
    }
    if let Some(since) = waiting["since"].as_u64() {
        rows.push(("waits since", since_words(since, now_millis())));
    }
    rows
}

fn now_millis() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn since_words(since: u64, now: u64) -> String {
    format!("{} s (Unix time {})", now.saturating_sub(since) / 1000, since / 1000)
}

impl JobReport {
    /// What the buyer can do, when it is the buyer's turn.
    fn advice(&self) -> Option<String> {
        let id = self.purchase.purchase_id;
        let is_overdue = now_millis() / 1000 > self.purchase.deadline;
        (self.purchase.status == Status::Open && is_overdue)
            .then(|| format!("the deadline has passed: `nexus refund {id}` returns the money"))
    }
}

impl Report for JobReport {
    fn human(&self) -> String {
        let mut parts = vec![self.purchase.human()];
        parts.extend(self.settlement.as_ref().map(Report::human));
        parts.extend(self.job.as_ref().map(|job| fields(&rows(job))));
        parts.extend(self.note.as_ref().map(|note| format!("Note: {note}")));
        parts.extend(self.advice().map(|advice| format!("Note: {advice}")));
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }
}

/// One line of a list of purchases.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobLine {
    /// The chain's purchase.
    #[serde(flatten)]
    pub purchase: Purchase,
    /// State of the keeper's job; null when no keeper can be asked or it has none.
    pub keeper_state: Option<String>,
}

/// A list of purchases.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct JobTable(pub Vec<JobLine>);

impl Report for JobTable {
    fn human(&self) -> String {
        if self.0.is_empty() {
            return "No purchases yet. Buy a run with `nexus buy`.".to_owned();
        }
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|JobLine { purchase: p, keeper_state }| {
                vec![
                    p.purchase_id.to_string(),
                    p.agent_id.to_string(),
                    p.escrow.to_string(),
                    p.status.words().to_owned(),
                    keeper_state.clone().unwrap_or_default(),
                    p.buyer.to_string(),
                ]
            })
            .collect();
        table(&["purchase", "agent", "paid", "status", "keeper", "buyer"], &[0, 1, 2], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(job: &Value) -> String {
        fields(&rows(job))
    }

    #[test]
    fn a_stuck_job_shows_its_reason() {
        let text = shown(&json!({ "state": "stuck", "reason": "the signer refuses: budget" }));
        assert!(text.contains("stuck") && text.contains("the signer refuses: budget"), "{text}");
    }

    #[test]
    fn a_failed_run_shows_outcome_exit_code_and_detail() {
        let run = json!({ "outcome": "nonZeroExit", "exitCode": 3, "detail": "exit code 3" });
        let text = shown(&json!({ "state": "failed", "run": run }));
        for part in ["nonZeroExit", "run's detail", "exit code 3", "exit code          3"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
    }

    #[test]
    fn a_waiting_job_shows_on_what_why_since_when_and_what_helps() {
        let waiting = json!({
            "on": "bundlerFunds", "reason": "the bundler has 0 ETH",
            "help": "send ether to 0x12", "since": 1_700_000_000_000u64,
        });
        let text = shown(&json!({ "state": "signed", "waiting": waiting }));
        for part in ["bundlerFunds", "has 0 ETH", "send ether to 0x12", "1700000000"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        assert_eq!(since_words(1_000, 61_500), "60 s (Unix time 1)");
    }
}
