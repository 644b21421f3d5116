//! Compiles the Solidity fixtures with the pinned compiler and puts them on the chain.

use crate::support::World;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use deployer::Workspace;
use foundry_compilers::artifacts::{
    CompilerOutput, EvmVersion, Optimizer, Settings, SolcInput, SolcLanguage, Source, Sources,
};
use foundry_compilers::solc::Solc;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

sol! {
    #[sol(rpc)]
    interface Puppet {
        function exec(address target, uint256 value, bytes data) external payable returns (bytes answer);
    }

    #[sol(rpc)]
    interface Reenterer {
        function prepare(bytes data, uint256 value, bool insist) external;
        function attempts() external view returns (uint256);
        function worked() external view returns (bool);
        function answer() external view returns (bytes);
    }
}

/// Creates the fixture `name`.
pub async fn create(world: &World, who: usize, name: &str) -> Address {
    let code = fixtures().get(name).expect("a fixture of that name").clone();
    let request = TransactionRequest::default().with_deploy_code(code);
    let pending = world.provider(who).send_transaction(request).await.expect("accepted");
    let receipt = pending.get_receipt().await.expect("included");
    receipt.contract_address.expect("created")
}

fn fixtures() -> &'static BTreeMap<String, Bytes> {
    static FIXTURES: OnceLock<BTreeMap<String, Bytes>> = OnceLock::new();
    FIXTURES.get_or_init(compile)
}

fn compile() -> BTreeMap<String, Bytes> {
    let workspace = Workspace::find().expect("tests run inside the checkout");
    let folder = workspace.root().join("test-fixtures/solidity");
    let mut sources = Sources::new();
    for entry in folder.read_dir().expect("fixtures") {
        let path = entry.expect("fixture").path();
        if path.extension().is_some_and(|extension| extension == "sol") {
            let name = PathBuf::from(path.file_name().expect("has a name"));
            sources.insert(name, Source::new(fs::read_to_string(&path).expect("readable")));
        }
    }
    let settings = Settings {
        evm_version: Some(EvmVersion::Cancun),
        optimizer: Optimizer { enabled: Some(true), runs: Some(200), details: None },
        ..Settings::default()
    };
    let input = SolcInput::new(SolcLanguage::Solidity, sources, settings);
    let solc = Solc::new(workspace.node_module(".bin/solcjs")).expect("solc is set up");
    let answer = solc.compile_output(&input).expect("solc runs");
    // The JavaScript build announces on stdout that it has no SMT solver.
    let start = answer.iter().position(|byte| *byte == b'{').expect("an answer");
    let output: CompilerOutput = serde_json::from_slice(&answer[start..]).expect("valid answer");
    assert!(!output.has_error(), "{:?}", output.errors);
    let contracts = output.contracts.into_values().flatten();
    contracts
        .map(|(name, contract)| {
            let code = contract.evm.and_then(|evm| evm.bytecode).and_then(|code| code.into_bytes());
            (name, code.expect("compiled"))
        })
        .collect()
}
