//! Wrong use is told clearly, on stderr, with an exit code that says what kind it is.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use support::{run, text};

/// Runs, expects the exit code, nothing on stdout, and gives stderr.
fn fails(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    stderr
}

#[test]
fn wrong_arguments() {
    let cases: &[&[&str]] = &[
        &["buy"],
        &["buy", "0"],
        &["buy", "one"],
        &["buy", "1", "--max-price", "cheap"],
        &["buy", "1", "--timeout", "5"],
        &["buy", "1", "--account", "dev:buyer", "--private-key-file", "key"],
        &["withdraw", "--to", "0x12"],
        &["withdraw", "--keystore", "file"],
        &["agent", "publish", "folder"],
        &["agent", "publish", "folder", "--price", "1", "--image", "latest"],
        &["bench", "--runs", "0"],
        &["job", "show", "x"],
        &["receipt", "verify", "1", "--offline"],
    ];
    let all: Vec<String> = cases
        .iter()
        .map(|case| format!("$ nexus {}\n{}", case.join(" "), fails(case, 2)))
        .collect();
    insta::assert_snapshot!("wrong-arguments", all.join("\n"));
}

#[test]
fn what_is_missing_is_named() {
    let cases: &[(&[&str], i32)] = &[
        (&["agent", "list"], 1),
        (&["job", "show", "1"], 1),
        (&["receipt", "show", "1"], 1),
        (&["receipt", "show", "nowhere.json"], 1),
        (&["--ready-file", "/nonexistent/ready.json", "agent", "list"], 1),
        (
            &[
                "--deployment",
                "/nonexistent.json",
                "--rpc-url",
                "http://127.0.0.1:9",
                "agent",
                "list",
            ],
            1,
        ),
    ];
    let all: Vec<String> = cases
        .iter()
        .map(|(case, code)| format!("$ nexus {}\n{}", case.join(" "), fails(case, *code)))
        .collect();
    insta::assert_snapshot!("what-is-missing", all.join("\n"));
}

#[test]
fn machines_get_errors_as_json() {
    let line = fails(&["--json", "agent", "list"], 1);
    let document: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(document["error"]["kind"], "failed");
    assert_eq!(document["error"]["exitCode"], 1);
    assert!(document["error"]["message"].as_str().unwrap().contains("--rpc-url"));
}

#[test]
fn an_unreachable_chain_has_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deployment.json");
    let address = "0x0000000000000000000000000000000000000001";
    let deployment = serde_json::json!({
        "chainId": 1, "entryPoint": address, "registry": address,
        "accountImplementation": address, "factory": address,
    });
    std::fs::write(&path, deployment.to_string()).unwrap();
    let path = path.display().to_string();
    // Port 9 (discard) is not served.
    let text =
        fails(&["--deployment", &path, "--rpc-url", "http://127.0.0.1:9", "agent", "list"], 5);
    assert!(text.contains("http://127.0.0.1:9 does not answer"), "{text}");
}

#[test]
fn the_key_in_a_dead_nodes_url_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).display().to_string()
    };
    let address = "0x0000000000000000000000000000000000000001";
    let deployment = serde_json::json!({
        "chainId": 1, "entryPoint": address, "registry": address,
        "accountImplementation": address, "factory": address,
    });
    let deployment = write("deployment.json", &deployment.to_string());
    let key = write("key", &format!("0x{}", "11".repeat(32)));
    let input = write("input.txt", "A text.");
    let hash = format!("0x{}", "22".repeat(32));
    let cases: &[&[&str]] = &[
        &["agent", "list"],
        &["agent", "unlist", "1", "--private-key-file", &key],
        &["job", "show", "1"],
        &["job", "list"],
        &["balance", address],
        &["refund", "1", "--private-key-file", &key],
        &["withdraw", "--private-key-file", &key],
        &["buy", "1", "--input", &input, "--private-key-file", &key],
        &["buy", "--resume", &hash],
        &["receipt", "verify", "1"],
        &["contracts", "check"],
        &["contracts", "deploy", "--owner", address, "--private-key-file", &key],
    ];
    // Nothing listens on port 1.
    let host = "127.0.0.1:1";
    for url in ["http", "ws"].map(|scheme| format!("{scheme}://{host}/v2/SECRETKEY?k=SECRETKEY")) {
        for case in cases {
            for more in [&[][..], &["--json"]] {
                let mut command = support::nexus();
                command.args(["--rpc-url", &url, "--deployment", &deployment]);
                let output = command.args(more).args(*case).env("NEXUS_LOG", "trace").output();
                let output = output.unwrap();
                let shown = text(&output.stderr) + &text(&output.stdout);
                assert_ne!(output.status.code(), Some(2), "{case:?}: {shown}");
                assert!(!output.status.success(), "{case:?}");
                assert!(!shown.contains("SECRETKEY"), "{case:?} {url}: {shown}");
            }
        }
    }
}

#[test]
fn a_missing_input_file_moves_no_money() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.txt").display().to_string();
    let text = fails(&["buy", "1", "--input", &absent, "--account", "dev:buyer"], 3);
    assert!(text.contains("absent.txt cannot be read"), "{text}");
}
