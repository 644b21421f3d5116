//! What a request asks of a tracer.

use super::TraceError;
use alloy::rpc::types::trace::geth::{GethDebugTracingOptions, GethDefaultTracingOptions};
use serde_json::Value;
use std::time::Duration;

/// How long a trace may take unless the request says otherwise. Longer than geth's five seconds,
/// for scripts on a busy machine or in an unoptimised build.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The units of Go's durations in nanoseconds; longer names first.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 6e10),
    ("h", 3.6e12),
];

/// Which tracer to run, and how.
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// A tracer's name or a script; the step log without.
    pub tracer: Option<String>,
    /// What the tracer is configured with.
    pub config: Value,
    /// What the step log holds.
    pub steps: GethDefaultTracingOptions,
    /// How long the trace may take.
    pub timeout: Duration,
}

impl TryFrom<GethDebugTracingOptions> for TraceOptions {
    type Error = TraceError;

    fn try_from(options: GethDebugTracingOptions) -> Result<Self, TraceError> {
        let timeout = match &options.timeout {
            None => TIMEOUT,
            Some(text) => duration(text)
                .ok_or_else(|| TraceError::Options(format!("time: invalid duration {text:?}")))?,
        };
        let tracer = options.tracer.map(|tracer| tracer.as_str().to_owned());
        Ok(Self {
            tracer: tracer.filter(|name| !name.is_empty()),
            config: options.tracer_config.into_json(),
            steps: options.config,
            timeout,
        })
    }
}

/// Reads a duration as Go writes it, such as `1m30s` or `1.5h`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut nanos = 0.0;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, size) = UNITS.iter().find(|(unit, _)| {
            let after = rest.strip_prefix(unit);
            after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic()))
        })?;
        rest = &rest[unit.len()..];
        nanos += number * size;
        if rest.is_empty() {
            break;
        }
    }
    Duration::try_from_secs_f64(nanos / 1e9).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_go() {
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1.5h"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("2µs"), Some(Duration::from_micros(2)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        for wrong in ["", "5", "s", "5 s", "1d", "1h-2m", "ms5", "1.2.3s", "-1s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
