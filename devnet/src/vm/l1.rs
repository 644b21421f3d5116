//! What a transaction pays for being posted to the parent chain.

use std::io::Write;

use alloy::{
    consensus::{SignableTransaction, TxEip1559},
    eips::eip2718::Encodable2718,
};
use brotlic::{BrotliEncoderOptions, CompressorWriter, Quality, WindowSize};
use revm::{
    Database,
    context::{Transaction, TxEnv},
    primitives::{Address, B256, U256, address, keccak256},
};

use super::{BlockContext, Vm, VmError, upgrade::bare};
use crate::arbos::{
    genesis::{L1_PRICE_PER_UNIT, MIN_BASE_FEE_FIELD},
    space::{Space, id, root},
    world::{Slots, StateError},
};

/// Account that collects what posting costs.
pub(crate) const FUNDS_POOL: Address = address!("a4b00000000000000000000000000000000000f6");
/// Units per byte of a compressed transaction.
const UNITS_PER_BYTE: u64 = 16;
/// Brotli window of the compression that is priced, in bits.
const WINDOW: u8 = 22;
/// Units that an estimate adds before padding.
const ESTIMATE_UNITS: u64 = 16 * 16;
const BIPS: u64 = 10_000;
/// Nobody can buy as much gas as this, and sums with it do not overflow.
const MOST_GAS: u64 = 1 << 62;
/// Share of the units that an estimate counts.
const ESTIMATE_UNIT_BIPS: u64 = 10_100;
/// Share of the cost that an estimate counts.
const ESTIMATE_COST_BIPS: u64 = 11_000;

impl Vm {
    /// Gas that a signed transaction, `raw` in its binary form, pays for being posted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn poster_gas<DB: Database>(
        &self,
        db: &mut DB,
        block: &BlockContext,
        raw: &[u8],
    ) -> Result<u64, VmError> {
        let mut ctx = bare(db, self.config().chain_id);
        let price = unit_price(&mut ctx)?;
        if price.is_zero() || block.env.basefee == 0 {
            return Ok(0);
        }
        let units = UNITS_PER_BYTE.saturating_mul(compressed_len(&mut ctx, raw)?);
        let cost = price.saturating_mul(U256::from(units));
        Ok(gas_for(cost, U256::from(block.env.basefee)))
    }

    /// The same for a transaction that is not signed yet, padded so that an estimate holds while
    /// prices move: more units, a higher cost, and a base fee an eighth lower.
    ///
    /// # Errors
    /// When the database fails.
    pub fn estimated_poster_gas<DB: Database>(
        &self,
        db: &mut DB,
        block: &BlockContext,
        tx: &TxEnv,
    ) -> Result<u64, VmError> {
        let cost = self.estimated_poster_cost(db, tx)?;
        let mut ctx = bare(db, self.config().chain_id);
        let floor: U256 = ctx.slot(Space::root().sub(id::L2_PRICING).field(MIN_BASE_FEE_FIELD))?;
        let gas_price = U256::from(block.env.basefee - block.env.basefee / 8).max(floor);
        Ok(gas_for(cost, gas_price))
    }

    /// What posting an unsigned transaction may cost in wei: more units, and a higher cost.
    ///
    /// # Errors
    /// When the database fails.
    pub fn estimated_poster_cost<DB: Database>(
        &self,
        db: &mut DB,
        tx: &TxEnv,
    ) -> Result<U256, VmError> {
        let mut ctx = bare(db, self.config().chain_id);
        let price = unit_price(&mut ctx)?;
        if price.is_zero() {
            return Ok(U256::ZERO);
        }
        let units = UNITS_PER_BYTE
            .saturating_mul(compressed_len(&mut ctx, &assumed(tx))?)
            .saturating_add(ESTIMATE_UNITS)
            .saturating_mul(ESTIMATE_UNIT_BIPS)
            / BIPS;
        let cost = price.saturating_mul(U256::from(units));
        Ok(cost.saturating_mul(U256::from(ESTIMATE_COST_BIPS)) / U256::from(BIPS))
    }

    /// Price of one unit of calldata on the parent chain, in wei.
    ///
    /// # Errors
    /// When the database fails.
    pub fn l1_price<DB: Database>(&self, db: &mut DB) -> Result<U256, VmError> {
        Ok(unit_price(&mut bare(db, self.config().chain_id))?)
    }
}

/// Gas that buys an amount of wei.
fn gas_for(wei: U256, price: U256) -> u64 {
    wei.checked_div(price).unwrap_or_default().saturating_to::<u64>().min(MOST_GAS)
}

fn unit_price(slots: &mut dyn Slots) -> Result<U256, StateError> {
    slots.slot(Space::root().sub(id::L1_PRICING).field(L1_PRICE_PER_UNIT))
}

fn compressed_len(slots: &mut dyn Slots, raw: &[u8]) -> Result<u64, StateError> {
    let level: u8 = slots.slot(Space::root().field(root::BROTLI_LEVEL))?.saturating_to();
    let failed =
        |error: &dyn std::fmt::Display| StateError(format!("brotli level {level}: {error}"));
    let quality = Quality::new(level).map_err(|error| failed(&error))?;
    let window = WindowSize::new(WINDOW).map_err(|error| failed(&error))?;
    let encoder = BrotliEncoderOptions::new()
        .quality(quality)
        .window_size(window)
        .build()
        .map_err(|error| failed(&error))?;
    let mut writer = CompressorWriter::with_encoder(encoder, Vec::new());
    writer.write_all(raw).map_err(|error| failed(&error))?;
    Ok(writer.into_inner().map_err(|error| failed(&error))?.len() as u64)
}

/// What an unsigned transaction may look like when it is signed: fields that are not given are
/// numbers that do not compress.
fn assumed(tx: &TxEnv) -> Vec<u8> {
    let noise = |name: &str| keccak256(name);
    let number = |name: &str| u32::from_be_bytes(noise(name).0[..4].try_into().unwrap_or_default());
    let or = |given: u64, name: &str| if given == 0 { number(name).into() } else { given };
    let tx = TxEip1559 {
        chain_id: tx.chain_id.unwrap_or_default(),
        nonce: or(tx.nonce, "Nonce"),
        gas_limit: or(tx.gas_limit, "Gas"),
        max_fee_per_gas: number("GasFeeCap").into(),
        max_priority_fee_per_gas: number("GasTipCap").into(),
        to: tx.kind(),
        value: tx.value,
        access_list: tx.access_list.clone(),
        input: tx.data.clone(),
    };
    let scalar = |hash: B256| U256::from_be_bytes(hash.0);
    let signature = alloy::primitives::Signature::new(scalar(noise("R")), scalar(noise("S")), true);
    tx.into_signed(signature).encoded_2718()
}
