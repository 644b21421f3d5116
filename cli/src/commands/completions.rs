//! `nexus completions SHELL`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{args::Cli, output::Output};

/// Arguments of `nexus completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus completions bash > ~/.local/share/bash-completion/completions/nexus
  nexus completions zsh > ~/.zfunc/_nexus")]
pub struct CompletionsArgs {
    /// The shell to complete in
    pub shell: Shell,
}

/// Prints the script.
pub fn run(out: Output, args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "nexus", &mut script);
    out.text(&String::from_utf8(script)?)
}
