//! An agent that gives up: it writes half a result, says why on stderr and exits with 3.

use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut input = Vec::new();
    let read = std::io::stdin().read_to_end(&mut input);
    eprintln!("exit-nonzero: read {} bytes ({read:?})", input.len());
    let written = std::io::stdout().write_all(b"half a result, never to be paid for\n");
    eprintln!("exit-nonzero: wrote half a result ({written:?}), giving up with exit code 3");
    ExitCode::from(3)
}
