//! The program's command line: configuration in, clear words out.

use std::process::{Command, Output};

const GOOD: &str = r#"
[chain]
rpc_url = "http://127.0.0.1:1"
chain_id = 412346
registry = "0x1111111111111111111111111111111111111111"
[account]
address = "0x2222222222222222222222222222222222222222"
[signer]
socket = "/nowhere/signer.sock"
[store]
path = "keeper.db"
"#;

fn keeper(command: &str, config: &str, variable: Option<(&str, &str)>) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keeper.toml");
    std::fs::write(&path, config).expect("a file");
    let mut program = Command::new(env!("CARGO_BIN_EXE_nexus-keeper"));
    program.arg(command).arg("--config").arg(path).current_dir(folder.path()).envs(variable);
    program.output().expect("the keeper starts")
}

#[test]
fn check_config_prints_the_whole_configuration_and_starts_nothing() {
    let set = Some(("NEXUS_KEEPER__DOCKER__PIDS", "7"));
    let output = keeper("check-config", GOOD, set);
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("confirmations = 1") && printed.contains("pids = 7"), "{printed}");
    assert!(output.stderr.is_empty());
    assert!(keeper("check-config", &printed, None).status.success(), "it reads what it prints");
}

#[test]
fn a_wrong_configuration_is_refused_by_both_commands_with_the_key() {
    for command in ["check-config", "run"] {
        let output = keeper(command, &GOOD.replace("chain_id", "chian_id"), None);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("chain.chian_id"), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_nexus-keeper"));
    let output = program.args(["run", "--config", "/nowhere/keeper.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nowhere/keeper.toml"));
}
