//! The accounts a chain needs at its genesis.

use std::collections::BTreeMap;

use revm::{
    bytecode::Bytecode,
    primitives::{Bytes, U256},
    state::AccountInfo,
};

use super::{
    params::StylusParams,
    precompiles,
    programs::PRICER,
    space::{AddressSet, Space, id, root},
    world::{ARBOS_ADDRESS, Slots, StateError},
};
use crate::vm::{GenesisAccount, VmConfig};

/// ArbOS storage in a map.
#[derive(Clone, Debug, Default)]
pub struct MapSlots(BTreeMap<U256, U256>);

impl MapSlots {
    /// All values that were written.
    pub fn values(&self) -> impl Iterator<Item = U256> {
        self.0.values().copied()
    }
}

impl Slots for MapSlots {
    fn slot(&mut self, slot: U256) -> Result<U256, StateError> {
        Ok(self.0.get(&slot).copied().unwrap_or_default())
    }

    fn set_slot(&mut self, slot: U256, value: U256) -> Result<(), StateError> {
        self.0.insert(slot, value);
        Ok(())
    }
}

/// L2 base fee: minimum and initial, 0.1 gwei.
pub const MIN_BASE_FEE: u64 = 100_000_000;
/// Slot of the price of an L1 calldata unit in the L1 pricing space.
pub const L1_PRICE_PER_UNIT: u64 = 7;

/// The other fields of the L1 pricing space.
pub mod l1_field {
    /// Who receives rewards.
    pub const REWARD_RECIPIENT: u64 = 0;
    /// Units over which the price finds its balance.
    pub const EQUILIBRATION: u64 = 1;
    /// How slowly the price moves.
    pub const INERTIA: u64 = 2;
    /// Reward per unit in wei.
    pub const REWARD_RATE: u64 = 3;
    /// When the price last moved.
    pub const UPDATED: u64 = 4;
    /// Rewards that are not paid yet, in wei.
    pub const REWARDS_DUE: u64 = 5;
    /// Units since the price last moved.
    pub const UNITS: u64 = 6;
    /// Surplus when the price last moved, in wei.
    pub const LAST_SURPLUS: u64 = 8;
    /// L1 gas that a batch costs by itself.
    pub const PER_BATCH: u64 = 9;
    /// Cap of amortised costs in basis points; 0 is none.
    pub const COST_CAP: u64 = 10;
    /// Fees that posters can be paid from, in wei.
    pub const FEES_AVAILABLE: u64 = 11;
    /// Floor of L1 gas per token of calldata (ArbOS 50).
    pub const GAS_FLOOR: u64 = 12;
}

/// L1 pricing at the start.
const L1_PRICING: [(u64, u64); 4] = [
    (l1_field::EQUILIBRATION, 160_000_000),
    (l1_field::INERTIA, 10),
    (l1_field::REWARD_RATE, 10),
    (l1_field::PER_BATCH, 210_000),
];
/// Fields of the L2 pricing space: gas per second that the chain works off.
pub const SPEED_LIMIT_FIELD: u64 = 0;
/// Base fee of the next block, in wei.
pub const BASE_FEE_FIELD: u64 = 2;
/// The base fee never falls below this, in wei.
pub const MIN_BASE_FEE_FIELD: u64 = 3;
/// Gas used beyond the speed limit.
pub const BACKLOG_FIELD: u64 = 4;
/// How slowly the base fee follows the backlog, in seconds.
pub const INERTIA_FIELD: u64 = 5;
/// Backlog that does not raise the base fee, in seconds.
pub const TOLERANCE_FIELD: u64 = 6;
/// Gas limit of a block, and from ArbOS 50 of a transaction.
pub const BLOCK_LIMIT_FIELD: u64 = 1;
/// See [`BLOCK_LIMIT_FIELD`].
pub const TX_LIMIT_FIELD: u64 = 7;
/// L2 pricing at the start.
pub const L2_PRICING: [(u64, u64); 8] = [
    (SPEED_LIMIT_FIELD, 7_000_000),
    (BLOCK_LIMIT_FIELD, 32_000_000),
    (TX_LIMIT_FIELD, 32_000_000),
    (BASE_FEE_FIELD, MIN_BASE_FEE),
    (MIN_BASE_FEE_FIELD, MIN_BASE_FEE),
    (BACKLOG_FIELD, 0),
    (INERTIA_FIELD, 102),
    (TOLERANCE_FIELD, 10),
];
/// Code of accounts that are precompiles, so that they do not look empty.
pub const STAND_IN: [u8; 1] = [0xFE];

/// Builds the accounts: ArbOS storage and the precompiles' stand-in code.
///
/// # Errors
/// None in practice: the map does not fail.
pub fn accounts(config: &VmConfig) -> Result<Vec<GenesisAccount>, StateError> {
    let mut slots = MapSlots::default();
    let base = Space::root();
    let mut set = |slot, value: u64| slots.set_slot(slot, U256::from(value));
    set(base.field(root::VERSION), config.arbos)?;
    set(base.field(root::CHAIN_ID), config.chain_id)?;
    set(base.field(root::BROTLI_LEVEL), 1)?;
    set(base.sub(id::L1_PRICING).field(L1_PRICE_PER_UNIT), config.l1_price_per_unit)?;
    for (field, value) in L1_PRICING {
        set(base.sub(id::L1_PRICING).field(field), value)?;
    }
    for (field, value) in L2_PRICING {
        set(base.sub(id::L2_PRICING).field(field), value)?;
    }
    for field in [BASE_FEE_FIELD, MIN_BASE_FEE_FIELD] {
        set(base.sub(id::L2_PRICING).field(field), config.base_fee)?;
    }
    for (field, value) in PRICER {
        set(Space::programs(3).field(field), value)?;
    }
    let owner = config.chain_owner.into_word().into();
    slots.set_slot(base.field(root::NETWORK_FEE_ACCOUNT), owner)?;
    slots.set_slot(base.sub(id::L1_PRICING).field(l1_field::REWARD_RECIPIENT), owner)?;
    precompiles::aggregator::enter(&mut slots, precompiles::aggregator::POSTER)?;
    StylusParams::initial(config.arbos).store(&mut slots)?;
    if !config.chain_owner.is_zero() {
        AddressSet::new(base.sub(id::CHAIN_OWNERS)).add(&mut slots, config.chain_owner)?;
    }
    for manager in &config.cache_managers {
        AddressSet::new(Space::programs(4)).add(&mut slots, *manager)?;
    }
    let storage = slots.0.into_iter().filter(|(_, value)| !value.is_zero()).collect();
    let info = AccountInfo { nonce: 1, ..Default::default() };
    let mut accounts = vec![GenesisAccount { address: ARBOS_ADDRESS, info, storage }];
    accounts.extend(precompiles::addresses(config.arbos).map(|address| GenesisAccount {
        address,
        info: AccountInfo::default().with_code(Bytecode::new_legacy(Bytes::from_static(&STAND_IN))),
        storage: Vec::new(),
    }));
    Ok(accounts)
}
