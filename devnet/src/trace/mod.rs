//! Tracers: inspectors that watch an execution and tell about it in the shape of Ethereum clients.

mod erc7562;
mod js;
mod kind;
mod options;
mod reasons;
mod steps;
mod stylus;
mod tracer;
mod world;

pub use options::TraceOptions;
pub use tracer::{Finished, Tracer};

/// Most that one trace may take of the node's memory, in MiB.
const MOST_MIB: usize = 256;

/// Why there is no trace. The words are those of geth where it has any.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It took longer than the request allowed.
    #[error("execution timeout")]
    Timeout,
    /// What was recorded outgrew the node's bound.
    #[error(
        "the trace is larger than {MOST_MIB} MiB: set limit, leave memory and stack out of it, or \
         take another tracer"
    )]
    TooLarge,
    /// The options do not describe a tracer.
    #[error("{0}")]
    Options(String),
    /// The tracer itself failed.
    #[error("{0}")]
    Tracer(String),
}
