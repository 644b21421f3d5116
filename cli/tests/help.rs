//! The help texts are part of the interface: a change of them is seen in review.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

mod support;

use support::{run, text};

fn help(arguments: &[&str]) -> String {
    let mut all = arguments.to_vec();
    all.push("--help");
    let output = run(&all);
    assert!(output.status.success(), "{arguments:?}");
    assert!(output.stderr.is_empty());
    text(&output.stdout)
}

const COMMANDS: &[&[&str]] = &[
    &[],
    &["dev"],
    &["demo"],
    &["bench"],
    &["contracts"],
    &["contracts", "build"],
    &["contracts", "check"],
    &["contracts", "deploy"],
    &["contracts", "export-abi"],
    &["agent"],
    &["agent", "build"],
    &["agent", "publish"],
    &["agent", "unlist"],
    &["agent", "list"],
    &["agent", "show"],
    &["buy"],
    &["job"],
    &["job", "show"],
    &["job", "list"],
    &["job", "upload"],
    &["refund"],
    &["withdraw"],
    &["balance"],
    &["receipt"],
    &["receipt", "show"],
    &["receipt", "verify"],
    &["completions"],
];

#[test]
fn help_texts() {
    for command in COMMANDS {
        let name = if command.is_empty() { "nexus".to_owned() } else { command.join("-") };
        insta::assert_snapshot!(format!("help-{name}"), help(command));
    }
}

#[test]
fn every_command_that_does_something_has_examples() {
    for command in COMMANDS {
        let text = help(command);
        let is_group = text.contains("\nCommands:\n") && !command.is_empty();
        assert!(is_group || text.contains("Examples:"), "{command:?} has no examples");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completions", shell]).stdout);
        assert!(script.contains("export-abi"), "{shell}");
    }
}
