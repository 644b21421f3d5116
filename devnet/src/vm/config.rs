//! What a chain fixes for its engine, and the accounts its genesis must hold.

use revm::{
    primitives::{Address, U256},
    state::AccountInfo,
};

/// Fixed properties of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmConfig {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// ArbOS version that genesis starts with (30 to 60).
    pub arbos: u64,
    /// Activate programs silently on their first call instead of requiring `activateProgram`.
    pub auto_activate: bool,
    /// Debug chain: `console` imports and the ArbDebug precompile exist.
    pub debug: bool,
    /// Initial chain owner, who also receives the base fees and activation fees.
    pub chain_owner: Address,
    /// Contracts that may put programs into the chain's cache.
    pub cache_managers: Vec<Address>,
    /// Initial and least base fee in wei.
    pub base_fee: u64,
    /// Initial price of one L1 calldata unit in wei; 0 makes poster gas 0.
    pub l1_price_per_unit: u64,
}

impl Default for VmConfig {
    fn default() -> Self {
        Self {
            chain_id: 412_346,
            arbos: 51,
            auto_activate: false,
            debug: true,
            chain_owner: Address::ZERO,
            cache_managers: Vec::new(),
            base_fee: crate::arbos::genesis::MIN_BASE_FEE,
            l1_price_per_unit: 0,
        }
    }
}

/// One account that genesis state must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Its address.
    pub address: Address,
    /// Nonce, balance and code.
    pub info: AccountInfo,
    /// Storage slots that are not zero.
    pub storage: Vec<(U256, U256)>,
}
