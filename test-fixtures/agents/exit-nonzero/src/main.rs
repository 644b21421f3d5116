//! An agent that gives up: it writes half a result, says why on stderr and exits with 3.
//! `--long-line` makes one line of the result longer than any engine stores in one piece.

use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut input = Vec::new();
    let read = std::io::stdin().read_to_end(&mut input);
    eprintln!("exit-nonzero: read {} bytes ({read:?})", input.len());
    let long = if std::env::args().any(|arg| arg == "--long-line") { 40_000 } else { 16_000 };
    let written = std::io::stdout().write_all(&half_a_result(long));
    eprintln!("exit-nonzero: wrote half a result ({written:?}), giving up with exit code 3");
    ExitCode::from(3)
}

/// Everything that a stream that is not text can hold: zeros, bytes that are no UTF-8, empty
/// lines, a long line, and no line break at the end.
fn half_a_result(long: usize) -> Vec<u8> {
    let long = vec![b'x'; long];
    [b"half a result\r\n\n\n\0\xff\xfe\n".as_slice(), &long, b"\nnever to be paid for"].concat()
}
