//! Tracers: inspectors that watch an execution and tell about it in the shape of Ethereum clients.

mod call;

pub use call::CallTracer;
