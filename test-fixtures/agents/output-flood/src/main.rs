//! An agent that floods stdout until something stops it.

use std::io::Write;
use std::process::ExitCode;

/// It stops by itself here, so that a machine without limits survives the test.
const CEILING: usize = 1 << 30;

fn main() -> ExitCode {
    let line = b"the same line over and over, and nobody asked for it\n";
    let block: Vec<u8> = line.iter().copied().cycle().take(line.len() * 1024).collect();
    eprintln!("output-flood: flooding stdout");
    let mut stream = std::io::stdout();
    let mut written = 0;
    while written < CEILING {
        if let Err(error) = stream.write_all(&block) {
            eprintln!("output-flood: refused after {written} bytes: {error}");
            return ExitCode::from(6);
        }
        written += block.len();
    }
    eprintln!("output-flood: nothing stopped me at {written} bytes");
    ExitCode::SUCCESS
}
