//! Buying a run: every check first, then the payment, the input, and the wait for the end.

mod check;
mod collect;
mod order;
mod pay;
pub mod resume;
mod story;
mod watch;

pub use check::{Plan, check_input, plan};
pub use collect::Finished;
pub use order::Order;
pub use pay::{Bought, pay, upload};
pub use story::StateAt;
pub use watch::follow;

use std::{fs, io::Read as _, path::Path};

use crate::failure::Failure;

/// Inputs up to this size travel inside the purchase transaction, bytes.
pub const INLINE_MAX: usize = 16_384;
/// No agent of the protocol takes more than this, bytes; larger files are not even read.
pub const READ_MAX: u64 = 1 << 30;

/// Reads an input: a file, or standard input for `-`.
pub fn read_input(path: &Path) -> anyhow::Result<Vec<u8>> {
    let refuse = |error: std::io::Error| {
        Failure::Refused(format!("the input {} cannot be read: {error}", path.display()))
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(READ_MAX + 1).read_to_end(&mut bytes).map_err(refuse)?;
    } else {
        let file = fs::File::open(path).map_err(refuse)?;
        file.take(READ_MAX + 1).read_to_end(&mut bytes).map_err(refuse)?;
    }
    if bytes.len() as u64 > READ_MAX {
        let message = format!("the input {} is larger than {READ_MAX} bytes", path.display());
        return Err(Failure::Refused(message).into());
    }
    Ok(bytes)
}
