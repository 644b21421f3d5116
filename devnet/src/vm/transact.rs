//! The engine's entry points.

use std::sync::Arc;

use revm::{
    Context, Database, InspectEvm, Journal, MainBuilder,
    context::{CfgEnv, TxEnv},
    context_interface::{
        JournalTr,
        result::{EVMError, ExecutionResult, HaltReason},
    },
    primitives::{B256, U256, hardfork::SpecId},
    state::EvmState,
};

use super::{
    BlockContext, GenesisAccount, NoTrace, TxState, VmConfig, VmError, VmInspector,
};

/// How strictly a transaction is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A real transaction: nonce, balance, fees and EIP-3607 are checked, fees are paid.
    Transaction,
    /// A simulation (`eth_call`, estimate): none of those are checked, nothing is paid.
    Call,
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

/// The engine; cheap to clone and safe to share between threads.
#[derive(Clone, Debug)]
pub struct Vm {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: VmConfig,
}

impl Vm {
    /// Makes an engine for a chain.
    ///
    /// # Errors
    /// When the WASM engine cannot be set up on this machine.
    pub fn new(config: VmConfig) -> Result<Self, VmError> {
        Ok(Self {
            shared: Arc::new(Shared { config }),
        })
    }

    /// The chain's fixed properties.
    #[must_use]
    pub fn config(&self) -> &VmConfig {
        &self.shared.config
    }

    /// Accounts that ArbOS needs in genesis state.
    #[must_use]
    pub fn genesis(&self) -> Vec<GenesisAccount> {
        Vec::new()
    }

    /// Runs a transaction or call on top of `db` without committing anything.
    ///
    /// # Errors
    /// See [`VmError`]; a revert or halt is an [`Outcome`], not an error.
    pub fn transact<DB>(
        &self,
        db: &mut DB,
        block: &BlockContext,
        tx: TxEnv,
        mode: Mode,
    ) -> Result<Outcome, VmError>
    where
        DB: Database,
    {
        self.inspect(db, block, tx, mode, NoTrace {})
    }

    /// The same with an inspector; pass `&mut inspector` to read it afterwards.
    ///
    /// # Errors
    /// As [`Vm::transact`].
    pub fn inspect<'a, DB, I>(
        &self,
        db: &'a mut DB,
        block: &BlockContext,
        tx: TxEnv,
        mode: Mode,
        inspector: I,
    ) -> Result<Outcome, VmError>
    where
        DB: Database,
        I: VmInspector<'a, DB>,
    {
        let mut env = block.env.clone();
        env.number = U256::from(block.l1_number);
        env.prevrandao = Some(B256::with_last_byte(1));
        env.set_blob_excess_gas_and_price(0, 1);
        let mut cfg = CfgEnv::new_with_spec(SpecId::OSAKA).with_chain_id(self.config().chain_id);
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        cfg.disable_eip7623 = true;
        if mode == Mode::Call {
            cfg.disable_nonce_check = true;
            cfg.disable_balance_check = true;
            cfg.disable_base_fee = true;
            cfg.disable_block_gas_limit = true;
            cfg.disable_eip3607 = true;
            cfg.disable_fee_charge = true;
            cfg.tx_chain_id_check = false;
        }
        let mut journaled_state = Journal::new(db);
        journaled_state.set_spec_id(SpecId::OSAKA);
        let ctx = Context {
            block: env,
            tx: TxEnv::default(),
            cfg,
            journaled_state,
            chain: TxState::default(),
            local: Default::default(),
            error: Ok(()),
        };
        let mut evm = ctx.build_mainnet_with_inspector(inspector);
        let done = evm.inspect_tx(tx).map_err(|e| match e {
            EVMError::Transaction(e) => VmError::Transaction(e),
            EVMError::Header(e) => VmError::Header(e),
            EVMError::Database(e) => VmError::Database(e.to_string()),
            EVMError::Custom(e) => VmError::Engine(e),
            EVMError::CustomAny(e) => VmError::Engine(e.to_string()),
        })?;
        Ok(Outcome {
            result: done.result,
            state: done.state,
            gas_used_for_l1: 0,
        })
    }
}
