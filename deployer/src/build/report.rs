//! What a build made, as a table.

use super::MAX_CODE;
use crate::artifacts::Size;
use std::fmt;

/// What a build made.
#[derive(Clone, Debug)]
pub struct Report {
    /// One entry per program.
    pub sizes: Vec<Size>,
    /// False if everything was up to date.
    pub fresh: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:>10} {:>12} {:>9}", "program", "wasm B", "compressed B", "of limit")?;
        for Size { name, wasm, code } in &self.sizes {
            let share = code * 100 / MAX_CODE;
            writeln!(f, "{name:<10} {wasm:>10} {code:>12} {share:>8}%")?;
        }
        Ok(())
    }
}
