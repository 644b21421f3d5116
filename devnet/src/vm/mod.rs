//! The execution engine: one entry point that runs a transaction or a call over any
//! database, whatever mix of EVM bytecode and Stylus programs it meets.

mod calls;
mod config;
mod context;
mod error;
mod evm;
mod frame;
mod handler;
mod l1;
mod l2;
mod opcodes;
mod precompiles;
mod recent;
mod requests;
mod standins;
mod transact;
mod upgrade;
mod world;

pub use config::{GenesisAccount, VmConfig};
pub use context::{BlockContext, NoTrace, TxState, VmContext, VmInspector};
pub use error::VmError;
pub(crate) use l1::FUNDS_POOL;
pub use transact::{Job, Mode, Outcome, Vm};

pub use crate::stylus::trace::{HostIo, HostIoSink};
