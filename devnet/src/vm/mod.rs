//! The execution engine: one entry point that runs a transaction or a call over any
//! database, whatever mix of EVM bytecode and Stylus programs it meets.

mod config;
mod context;
mod error;
mod transact;

pub use config::{GenesisAccount, VmConfig};
pub use context::{BlockContext, HostIo, HostIoSink, NoTrace, TxState, VmContext, VmInspector};
pub use error::VmError;
pub use transact::{Mode, Outcome, Vm};
