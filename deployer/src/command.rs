//! Running a tool and telling what went wrong with it.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// A tool failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("`{command}` could not be started: {source}; run scripts/setup")]
    Start {
        /// The command line.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("`{command}` failed ({status}):\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The end of its error output.
        output: String,
    },
}

/// Runs `command` with `input` on its stdin and returns its stdout.
pub fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, CommandError> {
    let line = shown(command);
    let start = |source| CommandError::Start { command: line.clone(), source };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A tool that stops reading early says why by its exit status.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    let output = output.map_err(start)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(CommandError::Failed { command: line, status: output.status, output: tail(&text) })
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn tail(text: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_goes_in_and_output_comes_out() {
        assert_eq!(run(&mut Command::new("cat"), b"abc").expect("cat"), b"abc");
    }

    #[test]
    fn a_failure_shows_what_the_tool_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such luck >&2; exit 3"]);
        let error = run(&mut command, b"").expect_err("exit 3").to_string();
        assert!(error.contains("no such luck") && error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_missing_tool_is_named() {
        let error = run(&mut Command::new("no-such-tool"), b"").expect_err("missing").to_string();
        assert!(error.contains("no-such-tool") && error.contains("scripts/setup"), "{error}");
    }
}
