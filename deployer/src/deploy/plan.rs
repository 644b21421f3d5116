//! What goes where, before anything is sent.

use super::create2::Creation;
use super::{DeployError, Params, launch};
use crate::artifacts::{Artifact, Artifacts, Program};
use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall;
use bindings::AgentRegistry;

/// Highest sum of both fees that the registry takes, basis points.
const MAX_FEES_BPS: u32 = 2_000;

/// Every creation, with its address.
pub struct Plan {
    /// The registry, created, activated and initialised at once.
    pub(super) registry: Creation,
    /// The program behind accounts.
    pub(super) account: Creation,
    /// Creates accounts.
    pub(super) factory: Creation,
}

impl Plan {
    /// Works the addresses out; refuses parameters that the registry would refuse.
    pub fn new(artifacts: &Artifacts, params: &Params) -> Result<Self, DeployError> {
        if params.owner.is_zero() {
            return Err(DeployError::Params("the registry's owner must not be the zero address"));
        }
        if u32::from(params.keeper_bps) + u32::from(params.protocol_bps) > MAX_FEES_BPS {
            return Err(DeployError::Params(
                "both fees together must not exceed 2000 basis points",
            ));
        }
        let initialize = AgentRegistry::initializeCall {
            owner: params.owner,
            keeperBps: params.keeper_bps,
            protocolBps: params.protocol_bps,
        };
        Ok(Self {
            registry: launched(&artifacts.registry, &initialize.abi_encode()),
            account: program(&artifacts.account),
            factory: program(&artifacts.factory),
        })
    }

    /// Where the registry will stand.
    pub fn registry(&self) -> Address {
        self.registry.address
    }
}

fn program(artifact: &Artifact) -> Creation {
    Creation::direct(name(artifact), stylus_init_code(&artifact.code), artifact.code.clone())
}

fn launched(artifact: &Artifact, initialize: &[u8]) -> Creation {
    let program = stylus_init_code(&artifact.code);
    let init_code = launch::init_code(&program, initialize);
    let address = launch::address(&init_code, &program);
    Creation { what: name(artifact), init_code, code: artifact.code.clone(), address }
}

fn name(artifact: &Artifact) -> &'static str {
    match artifact.program {
        Program::Registry => "AgentRegistry",
        Program::Account => "AgentAccount program",
        Program::Factory => "AccountFactory",
    }
}

/// Init code that returns `code` as it is: the 43 bytes of instructions that Stylus tools
/// write, then the code.
pub fn stylus_init_code(code: &[u8]) -> Bytes {
    const INSTRUCTIONS: u8 = 43;
    let mut out = vec![0x7f]; // PUSH32 length
    out.extend_from_slice(&[0; 24]);
    out.extend_from_slice(&(code.len() as u64).to_be_bytes());
    out.push(0x80); // DUP1
    out.extend_from_slice(&[0x60, INSTRUCTIONS]); // PUSH1 offset of the code
    out.extend_from_slice(&[0x60, 0x00]); // PUSH1 0
    out.push(0x39); // CODECOPY(0, offset, length)
    out.extend_from_slice(&[0x60, 0x00]); // PUSH1 0
    out.push(0xf3); // RETURN(0, length)
    out.push(0x00); // version, never executed
    out.extend_from_slice(code);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::hex;

    #[test]
    fn stylus_init_code_is_the_golden_one() {
        assert_eq!(
            hex::encode(stylus_init_code(&[0xef, 0xf0, 0x00, 0x00, 0xab])),
            "7f000000000000000000000000000000000000000000000000000000000000000580602b6000396000f300\
             eff00000ab"
        );
    }

    fn artifacts() -> Artifacts {
        let artifact =
            |program, byte| Artifact { program, code: vec![0xef, 0xf0, 0, 0, byte].into() };
        Artifacts {
            registry: artifact(Program::Registry, 1),
            account: artifact(Program::Account, 2),
            factory: artifact(Program::Factory, 3),
        }
    }

    #[test]
    fn parameters_decide_the_registry_only() {
        let owner = Address::repeat_byte(1);
        let plan =
            |keeper_bps| Plan::new(&artifacts(), &Params { owner, keeper_bps, protocol_bps: 0 });
        let (one, other) = (plan(1).expect("valid"), plan(2).expect("valid"));
        assert_eq!(one.account.address, other.account.address);
        assert_eq!(one.factory.address, other.factory.address);
        assert_ne!(one.registry(), other.registry());
        assert!(matches!(plan(2_001), Err(DeployError::Params(_))));
        let nobody = Params { owner: Address::ZERO, keeper_bps: 0, protocol_bps: 0 };
        assert!(matches!(Plan::new(&artifacts(), &nobody), Err(DeployError::Params(_))));
    }
}
