//! The documented example is accepted, and errors name their key.

use super::*;

const EXAMPLE: &str = r#"
keystore = "keys"
journal = "/var/lib/nexus-signer/journal.db"

[socket]
path = "run/signer.sock"
allowed_uids = [990]

[policy]
chain_id = 412346
account = "0x1111111111111111111111111111111111111111"
registry = "0x2222222222222222222222222222222222222222"
max_operation_gas = 5_000_000
max_bundle_gas = 8_000_000
max_fee_per_gas = "1 gwei"
daily_budget = "0.05 ether"

[[policy.allow]]
target = "0x2222222222222222222222222222222222222222"
function = "withdraw(address)"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/nexus/signer.toml"))
}

#[test]
fn the_example_is_accepted() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.keystore, Path::new("/etc/nexus/keys"));
    assert_eq!(config.journal, Path::new("/var/lib/nexus-signer/journal.db"));
    assert_eq!(config.socket.allowed_uids, [990]);
    assert_eq!(config.socket.path, Path::new("/etc/nexus/run/signer.sock"));
    assert_eq!(config.policy.max_fee_per_gas, 1_000_000_000);
    assert_eq!(config.policy.allow[0].selector, [0x51, 0xcf, 0xf8, 0xd9]);
}

#[test]
fn without_a_list_only_the_own_user_may_ask() {
    let config = parse(&EXAMPLE.replace("allowed_uids = [990]", "")).unwrap();
    assert_eq!(config.socket.allowed_uids, [rustix::process::geteuid().as_raw()]);
}

#[test]
fn errors_name_the_key() {
    let cases = [
        ("keystore = \"keys\"", "", "keystore"),
        ("chain_id = 412346", "chain_id = 0", "policy.chain_id"),
        ("chain_id = 412346", "chian_id = 1", "chian_id"),
        ("daily_budget = \"0.05 ether\"", "daily_budget = \"lots\"", "daily_budget"),
        ("max_fee_per_gas = \"1 gwei\"", "max_fee_per_gas = 1.5", "max_fee_per_gas"),
        ("max_fee_per_gas = \"1 gwei\"", "", "max_fee_per_gas"),
        ("max_operation_gas = 5_000_000", "max_operation_gas = 0", "policy.max_operation_gas"),
        ("account = \"0x1111", "account = \"0x11", "account"),
        ("withdraw(address)", "withdraw", "policy.allow.function"),
        (
            "withdraw(address)",
            "settle(uint64,(bytes32,bool,uint96,bytes32,bytes32))",
            "policy.allow",
        ),
        ("allowed_uids = [990]", "max_connections = 0", "socket.max_connections"),
        ("allowed_uids = [990]", "frame_timeout_ms = 0", "socket.frame_timeout_ms"),
    ];
    for (from, to, key) in cases {
        assert!(EXAMPLE.contains(from), "{from}");
        let error = parse(&EXAMPLE.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(key), "{from} -> {to}: {error}");
        assert!(error.contains("signer.toml"), "{error}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Path::new("/nowhere/signer.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/signer.toml"), "{error}");
}

#[test]
fn the_books_example_is_accepted() {
    let page = include_str!("../../../docs/src/signer.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let config = parse(example).unwrap();
    assert!(config.socket.group_access);
    assert_eq!(config.policy.allow.len(), 1);
}
