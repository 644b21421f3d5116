//! The process that holds the keys has no network client, no runtime and no Docker in it.

use std::process::Command;

#[test]
fn no_network_docker_or_runtime_crate_is_linked() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "signer", "-e", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"domain") && crates.contains(&"rusqlite"), "{tree}");
    const FORBIDDEN: [&str; 13] = [
        "tokio",
        "hyper",
        "reqwest",
        "bollard",
        "mio",
        "socket2",
        "h2",
        "rustls",
        "native-tls",
        "openssl",
        "async-std",
        "ureq",
        "curl",
    ];
    for name in crates {
        assert!(!FORBIDDEN.contains(&name), "{name} is linked into the signer");
        let transport = name.starts_with("alloy-provider")
            || name.starts_with("alloy-transport")
            || name.starts_with("alloy-rpc");
        assert!(!transport, "{name} is linked into the signer");
    }
}
