//! What execution sees around a transaction: the block, per-transaction state, tracing hooks.

use revm::{
    Context, Database, Journal,
    context::{BlockEnv, CfgEnv, TxEnv},
    inspector::{Inspector, NoOpInspector},
};

/// The revm context type all execution and all inspectors work on.
pub type VmContext<'a, DB> =
    Context<BlockEnv, TxEnv, CfgEnv, &'a mut DB, Journal<&'a mut DB>, TxState>;

/// One block under construction (or the block a call is simulated in).
///
/// Create one per block, and a fresh one per `eth_call` or estimate.
#[derive(Debug)]
pub struct BlockContext {
    /// Environment; `number` is the L2 block number. NUMBER, PREVRANDAO and the rest of the
    /// Arbitrum rules are applied by the engine.
    pub env: BlockEnv,
    /// L1 block number that NUMBER and `block_number` answer (0 on a chain without parent).
    pub l1_number: u64,
}

impl BlockContext {
    /// Wraps an environment whose `number` is the L2 block number; the L1 number is 0.
    #[must_use]
    pub fn new(env: BlockEnv) -> Self {
        Self { env, l1_number: 0 }
    }
}

/// State that lives for one transaction and is not journaled.
#[derive(Clone, Debug, Default)]
pub struct TxState {}

/// One host call of a Stylus program, as tracers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIo {
    /// Name of the host function.
    pub name: &'static str,
    /// Arguments in the tracer's byte layout.
    pub args: Vec<u8>,
    /// Results in the tracer's byte layout.
    pub outs: Vec<u8>,
    /// Ink left before the call.
    pub start_ink: u64,
    /// Ink left after the call.
    pub end_ink: u64,
}

/// Receives the host calls of Stylus programs; the default ignores them.
pub trait HostIoSink {
    /// Whether events are wanted at all; they are not even built otherwise.
    fn wants_host_io(&self) -> bool {
        false
    }
    /// Called after each host call, in order; inner frames are reported before it.
    fn host_io(&mut self, event: HostIo) {
        let _ = event;
    }
}

/// The inspector that looks at nothing.
pub type NoTrace = NoOpInspector;

impl HostIoSink for NoOpInspector {}

/// Everything the engine needs from an inspector.
pub trait VmInspector<'a, DB: Database>: Inspector<VmContext<'a, DB>> + HostIoSink {}

impl<'a, DB: Database, T: Inspector<VmContext<'a, DB>> + HostIoSink> VmInspector<'a, DB> for T {}
