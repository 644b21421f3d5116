//! An agent that takes memory, and touches it, until something stops it.

use std::process::ExitCode;

const CHUNK: usize = 4 << 20;
/// It stops by itself here, so that a machine without limits survives the test.
const CEILING: usize = 4 << 30;

fn main() -> ExitCode {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    let mut held = 0;
    while held < CEILING {
        let mut chunk = Vec::new();
        if let Err(error) = chunk.try_reserve_exact(CHUNK) {
            eprintln!("memory-hog: refused after {} MiB: {error}", held >> 20);
            return ExitCode::from(4);
        }
        chunk.resize(CHUNK, u8::try_from(hoard.len() % 251).unwrap_or(1) | 1);
        hoard.push(chunk);
        held += CHUNK;
        eprintln!("memory-hog: holding {} MiB", held >> 20);
    }
    let sum: u64 = hoard.iter().map(|chunk| u64::from(chunk[0])).sum();
    println!("memory-hog: nothing stopped me at {} MiB ({sum})", held >> 20);
    ExitCode::SUCCESS
}
