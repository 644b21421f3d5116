//! Whether built programs fit on a chain and would be activated by it.

use alloy::{
    network::TransactionBuilder as _,
    primitives::{Address, Bytes, U256, address, keccak256, utils::parse_ether},
    providers::{DynProvider, Provider as _},
    rpc::types::{
        TransactionRequest,
        state::{AccountOverride, StateOverride},
    },
    sol,
    sol_types::SolCall as _,
    transports::TransportError,
};
use deployer::{Artifact, build::MAX_CODE};
use serde::Serialize;

use crate::{
    money::Wei,
    output::{Report, table},
};

/// The precompile that activates programs.
const ARB_WASM: Address = address!("0x0000000000000000000000000000000000000071");

sol! {
    #[derive(Debug)]
    interface IArbWasm {
        function activateProgram(address program) external payable returns (uint16 version, uint256 dataFee);
        function codehashVersion(bytes32 codehash) external view returns (uint16 version);
        error ProgramNotWasm();
        error ProgramNotActivated();
        error ProgramNeedsUpgrade(uint16 version, uint16 stylusVersion);
        error ProgramExpired(uint64 ageInSeconds);
        error ProgramUpToDate();
        error ProgramInsufficientValue(uint256 have, uint256 want);
    }
}

/// What a chain says about a program that is not on it yet.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// The program.
    pub program: &'static str,
    /// Bytes that would stand on the chain.
    pub code_bytes: usize,
    /// Most bytes that may.
    pub limit: usize,
    /// Whether it fits.
    pub fits: bool,
    /// Stylus version it is or would be activated as.
    pub stylus_version: Option<u16>,
    /// Whether the chain already has it activated.
    pub active: bool,
    /// What activation would cost beside gas.
    pub data_fee: Option<Wei>,
    /// Why the chain would refuse it.
    pub refusal: Option<String>,
}

impl Checked {
    fn verdict(&self) -> String {
        match (&self.refusal, self.stylus_version, self.active) {
            (Some(reason), _, _) => format!("refused: {reason}"),
            (None, Some(version), true) => format!("is active, Stylus version {version}"),
            (None, Some(version), false) => format!("would be, Stylus version {version}"),
            (None, None, _) => "not asked".to_owned(),
        }
    }

    /// True when the program could be deployed and activated.
    pub fn is_ok(&self) -> bool {
        self.fits && self.refusal.is_none()
    }
}

/// Asks the chain, without any transaction, what activating the program would give.
pub async fn check(provider: &DynProvider, artifact: &Artifact) -> Checked {
    let code_bytes = artifact.code.len();
    let mut checked = Checked {
        program: artifact.program.name(),
        code_bytes,
        limit: MAX_CODE,
        fits: code_bytes <= MAX_CODE,
        stylus_version: None,
        active: false,
        data_fee: None,
        refusal: None,
    };
    if let Some(version) = active_version(provider, &artifact.code).await {
        checked.active = true;
        checked.stylus_version = Some(version);
        return checked;
    }
    match simulate(provider, &artifact.code).await {
        Ok(answer) => {
            checked.stylus_version = Some(answer.version);
            checked.data_fee = Some(answer.dataFee.into());
        }
        Err(reason) => checked.refusal = Some(reason),
    }
    checked
}

/// The Stylus version of code that the chain has already activated, wherever it stands.
async fn active_version(provider: &DynProvider, code: &Bytes) -> Option<u16> {
    let call = IArbWasm::codehashVersionCall { codehash: keccak256(code) };
    let request = TransactionRequest::default().with_to(ARB_WASM).with_input(call.abi_encode());
    let answer = provider.call(request).await.ok()?;
    IArbWasm::codehashVersionCall::abi_decode_returns(&answer).ok()
}

async fn simulate(
    provider: &DynProvider,
    code: &Bytes,
) -> Result<IArbWasm::activateProgramReturn, String> {
    // Addresses that nobody uses: the code is only there for this call.
    let program = Address::from_word(keccak256(code));
    let sender = Address::from_word(keccak256(program));
    let mut overrides = StateOverride::default();
    overrides.insert(program, AccountOverride::default().with_code(code.clone()));
    overrides.insert(sender, AccountOverride::default().with_balance(U256::MAX >> 1));
    let call = IArbWasm::activateProgramCall { program };
    let fee = parse_ether("1").map_err(|error| error.to_string())?;
    let request = TransactionRequest::default()
        .with_from(sender)
        .with_to(ARB_WASM)
        .with_value(fee)
        .with_input(call.abi_encode());
    let answer = provider.call(request).overrides(overrides).await.map_err(refusal)?;
    IArbWasm::activateProgramCall::abi_decode_returns(&answer).map_err(|_| {
        "the answer of ArbWasm is no activation: is this an Arbitrum chain?".to_owned()
    })
}

fn refusal(error: TransportError) -> String {
    let reason = error
        .as_error_resp()
        .and_then(|response| response.as_decoded_interface_error::<IArbWasm::IArbWasmErrors>());
    match reason {
        Some(reason) => format!("{reason:?}"),
        None => error.to_string(),
    }
}

/// All programs.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct CheckTable(pub Vec<Checked>);

impl Report for CheckTable {
    fn human(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|program| {
                vec![
                    program.program.to_owned(),
                    format!("{} of {}", program.code_bytes, program.limit),
                    program.verdict(),
                    program.data_fee.map(|fee| fee.to_string()).unwrap_or_default(),
                ]
            })
            .collect();
        table(&["program", "bytes", "activation", "data fee"], &[1, 3], &rows)
    }
}
