//! Good files, bad files, and what the messages name.

use super::Config;

const GOOD: &str = r#"
[chain]
rpc_url = "http://127.0.0.1:8545"
chain_id = 412346
registry = "0x1111111111111111111111111111111111111111"
[account]
address = "0x2222222222222222222222222222222222222222"
[signer]
socket = "/run/nexus/signer.sock"
[store]
path = "/var/lib/nexus/keeper.db"
"#;

fn refusal(text: &str) -> String {
    Config::from_toml(text).unwrap_err().to_string()
}

#[test]
fn a_short_file_gets_defaults_and_survives_a_round_trip() {
    let config = Config::from_toml(GOOD).unwrap();
    assert_eq!((config.chain.confirmations, config.chain.poll_interval_ms), (1, 250));
    assert!(config.api.listen.ip().is_loopback());
    assert!(config.docker.pull_from.is_empty(), "nothing is pulled unasked");
    let text = toml::to_string(&config).unwrap();
    assert_eq!(Config::from_toml(&text).unwrap(), config);
}

#[test]
fn refusals_name_the_key() {
    assert!(refusal(&GOOD.replace("chain_id", "chainid")).contains("chain.chainid"));
    assert!(refusal(&GOOD.replace("412346", "\"x\"")).contains("`chain.chain_id`"));
    assert!(refusal(&GOOD.replace("chain_id = 412346", "")).contains("chain_id"));
    assert!(refusal(&GOOD.replace("http:", "ws:")).contains("`chain.rpc_url`"));
    let public = format!("{GOOD}[api]\nlisten = \"0.0.0.0:80\"");
    assert!(refusal(&public).contains("`api.listen`"));
    let early = format!("{GOOD}[api]\nresult_after = \"sent\"");
    assert!(refusal(&early).contains("`api.result_after`"));
    let idle = format!("{GOOD}[docker]\nmax_concurrent = 0");
    assert!(refusal(&idle).contains("`docker.max_concurrent`"));
    let shallow = GOOD.replace("chain_id", "max_reorg_depth = 3\nchain_id");
    assert!(refusal(&shallow).contains("`chain.finality_blocks`"));
    let anywhere = format!("{GOOD}[docker]\npull_from = [\"/\"]");
    assert!(refusal(&anywhere).contains("`docker.pull_from`"));
    let url = format!("{GOOD}[docker]\npull_from = [\"https://images.example.org\"]");
    assert!(refusal(&url).contains("`docker.pull_from`"));
    assert!(refusal("chain = [").contains("TOML"));
}

#[test]
fn the_environment_overrides_the_file() {
    let set =
        |name: &str, value: &str| Config::from_parts(GOOD, [(name.to_owned(), value.to_owned())]);
    let config = set("NEXUS_KEEPER__CHAIN__RPC_URL", "http://10.0.0.1:1").unwrap();
    assert_eq!(config.chain.rpc_url.as_str(), "http://10.0.0.1:1/");
    assert_eq!(set("NEXUS_KEEPER__DOCKER__PIDS", "7").unwrap().docker.pids, 7);
    assert_eq!(set("OTHER__CHAIN__CHAIN_ID", "x").unwrap().chain.chain_id, 412_346);
    let error = set("NEXUS_KEEPER__CHAIN__CHAIN_ID", "many").unwrap_err().to_string();
    assert!(error.contains("`chain.chain_id`"), "{error}");
    let error = set("NEXUS_KEEPER__NOWHERE", "1").unwrap_err().to_string();
    assert!(error.contains("NEXUS_KEEPER__NOWHERE"), "{error}");
}
