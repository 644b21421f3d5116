//! The engine's entry points.

use std::sync::Arc;

use revm::{
    Context, Database, Journal,
    context::{BlockEnv, CfgEnv, Evm, FrameStack, JournalTr, LocalContext, TxEnv},
    context_interface::result::{EVMError, ExecutionResult, HaltReason},
    handler::Handler,
    inspector::InspectorHandler,
    primitives::{B256, U256, hardfork::SpecId},
    state::EvmState,
};

use super::{
    BlockContext, GenesisAccount, NoTrace, TxState, VmConfig, VmContext, VmError, VmInspector,
    evm::ArbEvm, handler::ArbHandler, opcodes, precompiles::ArbPrecompiles,
};
use crate::{
    arbos::{genesis, world::BlockFacts},
    stylus::{engine::Engine, module::Rules},
};

/// How strictly a transaction is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A real transaction: nonce, balance, fees and EIP-3607 are checked, fees are paid.
    Transaction,
    /// A simulation (`eth_call`, estimate): none of those are checked, nothing is paid.
    Call,
}

/// What is to be executed.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The transaction or call.
    pub env: TxEnv,
    /// Gas that pays for posting it to the parent chain, taken before execution.
    pub l1_gas: u64,
}

impl From<TxEnv> for Job {
    fn from(env: TxEnv) -> Self {
        Self { env, l1_gas: 0 }
    }
}

/// The result of an execution; the caller commits `state` if it wants to keep it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Success, revert or halt with gas, logs and output.
    pub result: ExecutionResult<HaltReason>,
    /// Changed accounts.
    pub state: EvmState,
    /// Part of the gas used that pays for L1 data.
    pub gas_used_for_l1: u64,
}

impl Outcome {
    /// Text of a hard failure, as an RPC error would carry it; `None` on success or revert.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        let ExecutionResult::Halt { reason, .. } = &self.result else { return None };
        Some(match reason {
            HaltReason::PrecompileErrorWithContext(text) => text.clone(),
            HaltReason::OutOfGas(_) => "out of gas".into(),
            HaltReason::CallTooDeep => "max call depth exceeded".into(),
            HaltReason::OutOfFunds => "insufficient balance for transfer".into(),
            HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode => "invalid opcode".into(),
            HaltReason::InvalidJump => "invalid jump destination".into(),
            HaltReason::StackUnderflow => "stack underflow".into(),
            HaltReason::StackOverflow => "stack limit reached 1024".into(),
            HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
                "write protection".into()
            }
            HaltReason::CreateCollision => "contract address collision".into(),
            HaltReason::CreateContractSizeLimit => "max code size exceeded".into(),
            HaltReason::CreateContractStartingWithEF => {
                "invalid code: must not begin with 0xef".into()
            }
            HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded".into(),
            other => format!("{other:?}"),
        })
    }
}

/// The engine; cheap to clone and safe to share between threads.
#[derive(Clone, Debug)]
pub struct Vm {
    shared: Arc<Shared>,
}

/// What all executions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub config: VmConfig,
    pub engine: Arc<Engine>,
    genesis: Vec<GenesisAccount>,
}

impl Vm {
    /// Makes an engine for a chain.
    ///
    /// # Errors
    /// When the WASM engine cannot be set up on this machine.
    pub fn new(config: VmConfig) -> Result<Self, VmError> {
        let engine = Engine::shared().map_err(|error| VmError::Engine(error.to_string()))?;
        let genesis = genesis::accounts(&config)?;
        Ok(Self { shared: Arc::new(Shared { config, engine, genesis }) })
    }

    /// The chain's fixed properties.
    #[must_use]
    pub fn config(&self) -> &VmConfig {
        &self.shared.config
    }

    /// Accounts that ArbOS needs in genesis state.
    #[must_use]
    pub fn genesis(&self) -> Vec<GenesisAccount> {
        self.shared.genesis.clone()
    }

    /// Runs a transaction or call on top of `db` without committing anything.
    ///
    /// # Errors
    /// See [`VmError`]; a revert or halt is an [`Outcome`], not an error.
    pub fn transact<DB: Database>(
        &self,
        db: &mut DB,
        block: &BlockContext,
        job: impl Into<Job>,
        mode: Mode,
    ) -> Result<Outcome, VmError> {
        let mut evm = self.evm(db, block, job.into(), mode, NoTrace {})?;
        let result = ArbHandler::default().run(&mut evm);
        outcome(evm, result)
    }

    /// The same with an inspector; pass `&mut inspector` to read it afterwards.
    ///
    /// # Errors
    /// As [`Vm::transact`].
    pub fn inspect<'a, DB, I>(
        &self,
        db: &'a mut DB,
        block: &BlockContext,
        job: impl Into<Job>,
        mode: Mode,
        inspector: I,
    ) -> Result<Outcome, VmError>
    where
        DB: Database,
        I: VmInspector<'a, DB>,
    {
        let mut evm = self.evm(db, block, job.into(), mode, inspector)?;
        let result = ArbHandler::default().inspect_run(&mut evm);
        outcome(evm, result)
    }

    fn evm<'a, DB, I>(
        &self,
        db: &'a mut DB,
        block: &BlockContext,
        job: Job,
        mode: Mode,
        inspector: I,
    ) -> Result<ArbEvm<'a, DB, I>, VmError>
    where
        DB: Database,
        I: VmInspector<'a, DB>,
    {
        let arbos = self.arbos_version(db)?;
        let rules = Rules { arbos, debug: self.config().debug };
        let spec = spec_of(arbos);
        let limited = mode == Mode::Transaction && arbos >= 50;
        let gas_limit = if limited { Some(self.tx_gas_limit(db)?) } else { None };
        let chain = TxState {
            facts: BlockFacts {
                chain_id: self.config().chain_id,
                number: block.env.number.saturating_to(),
                timestamp: block.env.timestamp.saturating_to(),
                basefee: block.env.basefee,
            },
            rules: Some(rules),
            recent: block.recent.clone(),
            gas_limit,
            l1_gas: job.l1_gas,
            ..TxState::default()
        };
        let mut ctx = context(Journal::new(db), block_env(block), self.cfg(spec, mode), chain);
        ctx.journaled_state.set_spec_id(spec);
        ctx.tx = job.env;
        let inner = Evm {
            ctx,
            inspector,
            instruction: opcodes::table(spec),
            precompiles: ArbPrecompiles::new(rules, spec),
            frame_stack: FrameStack::new_prealloc(8),
        };
        Ok(ArbEvm::new(inner, self.shared.clone()))
    }

    fn cfg(&self, spec: SpecId, mode: Mode) -> CfgEnv {
        let mut cfg = CfgEnv::new_with_spec(spec).with_chain_id(self.config().chain_id);
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        cfg.disable_eip7623 = true;
        cfg.disable_eip3541 = true;
        if mode == Mode::Call {
            cfg.disable_nonce_check = true;
            cfg.disable_balance_check = true;
            cfg.disable_base_fee = true;
            cfg.disable_block_gas_limit = true;
            cfg.disable_eip3607 = true;
            cfg.disable_fee_charge = true;
            cfg.tx_chain_id_check = false;
        }
        cfg
    }
}

/// EVM fork rules of an ArbOS version.
const fn spec_of(arbos: u64) -> SpecId {
    match arbos {
        50.. => SpecId::OSAKA,
        40..50 => SpecId::PRAGUE,
        _ => SpecId::CANCUN,
    }
}

/// What NUMBER, PREVRANDAO and the like answer in a block.
fn block_env(block: &BlockContext) -> BlockEnv {
    let mut env = block.env.clone();
    env.number = U256::from(block.l1_number);
    env.difficulty = U256::ONE;
    env.prevrandao = Some(B256::with_last_byte(1));
    env.set_blob_excess_gas_and_price(0, 1);
    env
}

/// Puts a revm context together.
pub(super) fn context<'a, DB: Database>(
    journaled_state: Journal<&'a mut DB>,
    block: BlockEnv,
    cfg: CfgEnv,
    chain: TxState,
) -> VmContext<'a, DB> {
    Context {
        block,
        tx: TxEnv::default(),
        cfg,
        journaled_state,
        chain,
        local: LocalContext::default(),
        error: Ok(()),
    }
}

fn outcome<'a, DB: Database, I: VmInspector<'a, DB>>(
    mut evm: ArbEvm<'a, DB, I>,
    result: Result<ExecutionResult<HaltReason>, EVMError<DB::Error>>,
) -> Result<Outcome, VmError> {
    let state = evm.inner.ctx.journaled_state.finalize();
    let gas_used_for_l1 = evm.inner.ctx.chain.l1_gas;
    let result = result.map_err(|error| match error {
        EVMError::Transaction(error) => VmError::Transaction(error),
        EVMError::Header(error) => VmError::Header(error),
        EVMError::Database(error) => VmError::Database(error.to_string()),
        EVMError::Custom(error) => VmError::Engine(error),
        EVMError::CustomAny(error) => VmError::Engine(error.to_string()),
    })?;
    Ok(Outcome { result, state, gas_used_for_l1 })
}
