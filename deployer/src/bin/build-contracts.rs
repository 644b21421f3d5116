//! Builds the contracts and prints their sizes. `--export-abi` writes `bindings/abi` too.

use anyhow::Context;
use std::io::Write;

fn main() -> anyhow::Result<()> {
    let workspace = deployer::Workspace::find()?;
    let report = deployer::build(&workspace).context("the contracts could not be built")?;
    let mut out = std::io::stdout().lock();
    write!(out, "{report}")?;
    if std::env::args().any(|argument| argument == "--export-abi") {
        deployer::abi::write(&workspace).context("the ABIs could not be exported")?;
        writeln!(out, "ABIs written to {}", workspace.abi().display())?;
    }
    Ok(())
}
