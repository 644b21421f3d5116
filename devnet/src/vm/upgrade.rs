//! ArbOS versions in force: reading them, and upgrades whose time has come.

use revm::{
    Database, Journal,
    context::JournalTr,
    primitives::{B256, U256},
    state::EvmState,
};

use super::{TxState, Vm, VmContext, VmError, l2, transact::context};
use crate::arbos::{
    genesis, merkle,
    params::{NEWEST, StylusParams},
    precompiles,
    space::{Space, id, root},
    world::{Slots, StateError, World},
};

impl From<StateError> for VmError {
    fn from(error: StateError) -> Self {
        Self::Database(error.to_string())
    }
}

/// The version in force in a state.
pub(super) fn version(slots: &mut dyn Slots, initial: u64) -> Result<u64, StateError> {
    let version = slots.slot(Space::root().field(root::VERSION))?;
    Ok(if version.is_zero() { initial } else { version.saturating_to() })
}

impl Vm {
    /// The ArbOS version in force.
    ///
    /// # Errors
    /// When the database fails.
    pub fn arbos_version<DB: Database>(&self, db: &mut DB) -> Result<u64, VmError> {
        let mut ctx = bare(db, self.config().chain_id);
        Ok(version(&mut ctx, self.config().arbos)?)
    }

    /// Gas that a transaction may use at once, from ArbOS 50.
    pub(super) fn tx_gas_limit<DB: Database>(&self, db: &mut DB) -> Result<u64, VmError> {
        let slot = Space::root().sub(id::L2_PRICING).field(genesis::TX_LIMIT_FIELD);
        Ok(bare(db, self.config().chain_id).slot(slot)?.saturating_to())
    }

    /// Root of the tree of messages to the parent chain, and how many there are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sends<DB: Database>(&self, db: &mut DB) -> Result<(B256, u64), VmError> {
        let mut ctx = bare(db, self.config().chain_id);
        let count = merkle::size(&mut ctx)?;
        Ok((merkle::root(&merkle::partials(&mut ctx)?), count))
    }

    /// Applies what is due at the start of a block, `passed` seconds after its parent: the base
    /// fee of the block after it, and a scheduled ArbOS upgrade.
    ///
    /// Commit the returned state before the block's first transaction.
    ///
    /// # Errors
    /// When the database fails, or the chain is to become a version this node does not know.
    pub fn begin_block<DB: Database>(
        &self,
        db: &mut DB,
        timestamp: u64,
        passed: u64,
    ) -> Result<Option<EvmState>, VmError> {
        let mut ctx = bare(db, self.config().chain_id);
        let changed = l2::update_price(&mut ctx, passed)?;
        let base = Space::root();
        let current = version(&mut ctx, self.config().arbos)?;
        let next: u64 = ctx.slot(base.field(root::UPGRADE_VERSION))?.saturating_to();
        let due: u64 = ctx.slot(base.field(root::UPGRADE_TIMESTAMP))?.saturating_to();
        if next <= current || timestamp < due {
            return Ok(changed.then(|| ctx.journaled_state.finalize()));
        }
        if next > NEWEST {
            return Err(VmError::Engine(format!(
                "the chain upgrades to ArbOS {next}, this node knows {NEWEST} at most"
            )));
        }
        let mut params = StylusParams::load(&mut ctx)?;
        params.upgrade(current, next);
        params.store(&mut ctx)?;
        ctx.set_slot(base.field(root::VERSION), U256::from(next))?;
        let known: Vec<_> = precompiles::addresses(current).collect();
        for address in precompiles::addresses(next).filter(|new| !known.contains(new)) {
            ctx.set_code(address, genesis::STAND_IN.into())?;
        }
        Ok(Some(ctx.journaled_state.finalize()))
    }
}

/// A context that only reaches state.
pub(super) fn bare<DB: Database>(db: &mut DB, chain_id: u64) -> VmContext<'_, DB> {
    let cfg = revm::context::CfgEnv::new().with_chain_id(chain_id);
    context(Journal::new(db), Default::default(), cfg, TxState::default())
}
