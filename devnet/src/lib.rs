//! A development chain that runs EVM bytecode and Stylus programs side by side, with JSON-RPC.

pub mod state;
