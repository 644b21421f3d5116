//! What must hold before any money moves.

use alloy::primitives::{B256, U256};
use domain::{hash::input_hash, ids::AgentId, manifest::Manifest};

use super::INLINE_MAX;
use crate::{
    agents::{self, Agent},
    api::Api,
    chain::{Chain, must_afford},
    failure::Failure,
    money,
};

/// A purchase that passed every check.
#[derive(Debug)]
pub struct Plan {
    /// What is bought.
    pub agent: Agent,
    /// The input.
    pub input: Vec<u8>,
    /// Its hash.
    pub input_hash: B256,
    /// The keeper that takes the input, when it is too large for the transaction.
    pub upload_to: Option<Api>,
}

/// Checks everything that can be checked without spending: the agent is for sale, the
/// input fits its manifest, the price is acceptable, the buyer can pay, and the keeper
/// will take an input that is too large for the transaction.
pub async fn plan(
    chain: &Chain,
    api: impl FnOnce() -> anyhow::Result<Api>,
    id: AgentId,
    input: Vec<u8>,
    max_price: Option<U256>,
) -> anyhow::Result<Plan> {
    let agent = agents::read(chain, id).await?;
    if !agent.listed {
        return Err(refused(format!("agent {id} is no longer for sale")));
    }
    check_input(&agent.manifest, &input)?;
    if let Some(max) = max_price.filter(|max| agent.price.0 > *max) {
        return Err(refused(format!(
            "agent {id} costs {}, more than --max-price {}",
            agent.price,
            money::show(max)
        )));
    }
    must_afford(chain, chain.user()?, agent.price.0).await?;
    let upload_to = match input.len() {
        0..=INLINE_MAX => None,
        length => Some(accepting(api()?, length).await?),
    };
    Ok(Plan { input_hash: input_hash(&input), agent, input, upload_to })
}

/// Checks an input against what the agent takes.
pub fn check_input(manifest: &Manifest, input: &[u8]) -> anyhow::Result<()> {
    let wanted = &manifest.input;
    if input.is_empty() && wanted.min_bytes > 0 {
        return Err(refused(format!(
            "the input is empty, but {} needs text to work on",
            manifest.name
        )));
    }
    manifest.check_input(input).map_err(|error| {
        refused(format!(
            "the input does not suit {} ({}, {} to {} bytes): {error}",
            manifest.name, wanted.media_type, wanted.min_bytes, wanted.max_bytes
        ))
    })
}

async fn accepting(api: Api, length: usize) -> anyhow::Result<Api> {
    let max = api.info().await?.max_input_bytes;
    if length as u64 > max {
        return Err(refused(format!(
            "the input has {length} bytes, but the keeper at {} takes at most {max}",
            api.base()
        )));
    }
    Ok(api)
}

fn refused(message: String) -> anyhow::Error {
    Failure::Refused(format!("{message}; no money was moved")).into()
}

#[cfg(test)]
mod tests {
    use domain::manifest::{InputSpec, Limits, OutputKind, OutputSpec};

    use super::*;
    use crate::failure;

    fn manifest() -> Manifest {
        Manifest {
            name: "summarize".into(),
            version: "1.0.0".into(),
            description: String::new(),
            repository: None,
            args: vec![],
            input: InputSpec {
                media_type: "text/plain; charset=utf-8".into(),
                min_bytes: 1,
                max_bytes: 10,
            },
            output: OutputSpec { kind: OutputKind::Text, max_bytes: 10 },
            limits: Limits {
                seconds: 1,
                memory_bytes: 1 << 26,
                cpu_millis: 100,
                pids: 1,
                tmp_bytes: 0,
                log_bytes: 0,
            },
        }
    }

    #[test]
    fn bad_inputs_are_refused_with_the_reason() {
        for (input, reason) in [
            (&b""[..], "empty"),
            (&b"0123456789a"[..], "11 bytes"),
            (&b"ok\xff\xfe"[..], "not UTF-8"),
        ] {
            let error = check_input(&manifest(), input).unwrap_err();
            assert_eq!(failure::exit_code(&error), 3);
            let text = error.to_string();
            assert!(text.contains(reason) && text.ends_with("no money was moved"), "{text}");
        }
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        check_input(&manifest(), b"x").unwrap();
        check_input(&manifest(), "é456789ab".as_bytes()).unwrap();
    }
}
