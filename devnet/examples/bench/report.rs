//! What was measured, side by side.

use serde_json::{Map, Value, json};
use std::time::Duration;

/// Values by what was measured and of whom, in the order of measurement.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<(String, Vec<(&'static str, f64)>)>,
}

const OURS: &str = "nexus-devnet";
const THEIRS: &str = "anvil";

impl Report {
    /// Adds one value.
    pub fn add(&mut self, node: &'static str, what: &str, value: f64) {
        match self.rows.iter_mut().find(|(name, _)| name == what) {
            Some((_, values)) => values.push((node, value)),
            None => self.rows.push((what.to_owned(), vec![(node, value)])),
        }
    }

    /// Adds the median and the slowest hundredth of sorted times.
    pub fn latency(&mut self, node: &'static str, what: &str, times: Vec<Duration>) {
        for (name, share) in [("p50", 50), ("p99", 99)] {
            let at = (times.len() * share / 100).min(times.len() - 1);
            let value = times[at].as_secs_f64() * 1_000.0;
            self.add(
                node,
                &format!("eth_call of an {what}, {name}, ms").replace("an W", "a W"),
                value,
            );
        }
    }

    fn value(&self, what: &str, node: &str) -> Option<f64> {
        let (_, values) = self.rows.iter().find(|(name, _)| name == what)?;
        values.iter().find(|(of, _)| *of == node).map(|(_, value)| *value)
    }

    /// How the nodes compare, and WASM with EVM on ours: the first value through the second.
    fn ratios(&self) -> Vec<(String, f64)> {
        let mut ratios: Vec<_> = self
            .rows
            .iter()
            .filter_map(|(what, _)| {
                let (ours, theirs) = (self.value(what, OURS)?, self.value(what, THEIRS)?);
                Some((format!("{what}: {OURS} / {THEIRS}"), ours / theirs))
            })
            .collect();
        let token = "ERC-20 transfers per second";
        let of = |kind: &str| self.value(&format!("{kind} {token}"), OURS);
        if let (Some(wasm), Some(evm)) = (of("WASM"), of("EVM")) {
            ratios.push((format!("{token}: WASM / EVM on {OURS}"), wasm / evm));
        }
        ratios
    }

    /// Prints a table.
    pub fn print_table(&self) {
        println!("{:<44} {OURS:>14} {THEIRS:>14}", "");
        for (what, _) in &self.rows {
            let cell = |node| self.value(what, node).map_or("-".to_owned(), |v| format!("{v:.2}"));
            println!("{what:<44} {:>14} {:>14}", cell(OURS), cell(THEIRS));
        }
        println!();
        for (what, ratio) in self.ratios() {
            println!("{what:<72} {ratio:>6.2}");
        }
    }

    /// Prints one JSON document.
    pub fn print_json(&self) {
        let rows = self.rows.iter().map(|(what, values)| {
            let values = values.iter().map(|(node, value)| ((*node).to_owned(), json!(value)));
            (what.clone(), Value::Object(values.collect()))
        });
        let ratios = self.ratios().into_iter().map(|(what, ratio)| (what, json!(ratio)));
        let document = json!({
            "measured": rows.collect::<Map<_, _>>(),
            "ratios": ratios.collect::<Map<_, _>>(),
        });
        println!("{document}");
    }
}
