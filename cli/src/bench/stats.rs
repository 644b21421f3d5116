//! Percentiles and the report of the benchmark.

use serde::Serialize;

use crate::output::{Report, table};

/// One purchase, in milliseconds. The parts add up to the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// From sending the purchase to the settlement that the keeper saw mined.
    pub total: u64,
    /// Until the keeper saw the purchase: mining included.
    pub seen: u64,
    /// From there until the run began: confirmations, input, queue.
    pub start: u64,
    /// The container: made, fed, run, read, removed.
    pub container: u64,
    /// Receipt, signatures, bundle, inclusion.
    pub settle: u64,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half of the runs were at most this.
    pub p50: u64,
    /// All but one in a hundred were at most this.
    pub p99: u64,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BenchReport {
    /// Number of runs.
    pub runs: usize,
    /// Size of the input in bytes.
    pub input_bytes: usize,
    /// From purchase to settlement.
    pub total: Spread,
    /// Its part until the keeper saw the purchase.
    pub seen: Spread,
    /// Its part until the run began.
    pub start: Spread,
    /// Its part in the container.
    pub container: Spread,
    /// Its part until settlement.
    pub settle: Spread,
    /// `docker run` of the same image with the same input.
    pub plain_docker_run: Spread,
    /// Median total over median `docker run`.
    pub ratio_to_plain: f64,
    /// Every sample.
    pub samples: Vec<Sample>,
    /// Every `docker run`.
    pub plain_samples: Vec<u64>,
}

impl BenchReport {
    /// Computes the report from at least one sample of each.
    pub fn new(input_bytes: usize, samples: &[Sample], plain: &[u64]) -> anyhow::Result<Self> {
        anyhow::ensure!(!samples.is_empty() && !plain.is_empty(), "nothing was measured");
        let of = |part: fn(&Sample) -> u64| spread(samples.iter().map(part).collect());
        let (total, plain_docker_run) = (of(|s| s.total), spread(plain.to_vec()));
        Ok(Self {
            runs: samples.len(),
            input_bytes,
            total,
            seen: of(|s| s.seen),
            start: of(|s| s.start),
            container: of(|s| s.container),
            settle: of(|s| s.settle),
            plain_docker_run,
            ratio_to_plain: total.p50 as f64 / plain_docker_run.p50.max(1) as f64,
            samples: samples.to_vec(),
            plain_samples: plain.to_vec(),
        })
    }
}

// Nearest rank.
fn spread(mut values: Vec<u64>) -> Spread {
    values.sort_unstable();
    let rank = |percent: usize| {
        let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
        values.get(index).copied().unwrap_or_default()
    };
    Spread { p50: rank(50), p99: rank(99) }
}

impl Report for BenchReport {
    fn human(&self) -> String {
        let row =
            |name: &str, s: Spread| vec![name.to_owned(), s.p50.to_string(), s.p99.to_string()];
        let rows = [
            row("purchase to settled", self.total),
            row("  seen by the keeper", self.seen),
            row("  until the run begins", self.start),
            row("  container", self.container),
            row("  settle", self.settle),
            row("plain docker run", self.plain_docker_run),
        ];
        let table = table(&["milliseconds", "p50", "p99"], &[1, 2], &rows);
        format!(
            "{} runs, input of {} bytes\n{table}\nratio to plain docker run (p50): {:.2}",
            self.runs, self.input_bytes, self.ratio_to_plain
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(spread((1..=100).rev().collect()), Spread { p50: 50, p99: 99 });
        assert_eq!(spread((1..=30).collect()), Spread { p50: 15, p99: 30 });
        assert_eq!(spread(vec![7]), Spread { p50: 7, p99: 7 });
    }

    #[test]
    fn the_ratio_compares_medians() {
        let sample = Sample { total: 300, seen: 50, start: 50, container: 150, settle: 50 };
        let report = BenchReport::new(9, &[sample], &[150, 100, 200]).unwrap();
        assert_eq!(report.ratio_to_plain, 2.0);
        assert!(BenchReport::new(9, &[], &[1]).is_err());
    }
}
