//! One input: a module is deployed, activated and called, and every rule that must hold is checked.

use alloy::primitives::{Address, B256, Bytes, TxKind, U256, address};
use arbitrary::Unstructured;
use devnet::stylus::code::compress_classic;
use devnet::vm::{BlockContext, Mode, Outcome, Vm, VmConfig};
use revm::context::{BlockEnv, TxEnv};
use revm::database::InMemoryDB;
use revm::state::AccountInfo;
use revm::{Database, DatabaseCommit, bytecode::Bytecode};

const PROGRAM: Address = address!("00000000000000000000000000000000c0de0001");
const SENDER: Address = address!("a11ce00000000000000000000000000000000000");
const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
const VERSIONS: [u64; 4] = [32, 40, 51, 60];
/// Gas limits; now and then it is the most that a transaction can use.
const GAS: [u64; 6] = [40_000, 60_000, 100_000, 200_000, 400_000, 1_000_000];
const MOST_GAS: u64 = 32_000_000;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its bytes make no module.
    Nothing,
    /// Activation refused it.
    Refused,
    /// It became a program, and ran.
    Ran,
}

/// Runs one input. An error is a broken rule.
pub fn run(input: &[u8]) -> Result<Fate, String> {
    let mut u = Unstructured::new(input);
    let (Ok(arbos), Ok(gas)) = (u.choose(&VERSIONS).copied(), u.choose(&GAS).copied()) else {
        return Ok(Fate::Nothing);
    };
    let gas = if u.ratio(1, 100).unwrap_or_default() { MOST_GAS } else { gas };
    let calldata: Bytes = u.bytes(u.len().min(40)).unwrap_or_default().to_vec().into();
    let Ok(wasm) = super::modules::module(&mut u) else { return Ok(Fate::Nothing) };
    let mut bench = Bench::new(arbos, &wasm)?;

    let mut activate = vec![0x58, 0xc7, 0x80, 0xc2];
    activate.extend(PROGRAM.into_word());
    let outcome = bench.send(ARB_WASM, activate.into(), 32_000_000)?;
    if let Some(text) = outcome.error_text()
        && text.contains("WASM engine")
    {
        return Err(format!("the checks let through what the engine refuses: {text}"));
    }
    let active = outcome.result.is_success();
    let simulated = bench.call(gas, calldata.clone())?;
    let again = bench.call(gas, calldata.clone())?;
    if simulated.result != again.result {
        return Err(format!("two equal calls differ: {simulated:?} {again:?}"));
    }
    let sent = bench.send(PROGRAM, calldata, gas)?;
    if !active && sent.result.is_success() {
        return Err("a program that is not active ran".into());
    }
    Ok(if active { Fate::Ran } else { Fate::Refused })
}

struct Bench {
    vm: Vm,
    db: InMemoryDB,
    block: BlockContext,
}

impl Bench {
    fn new(arbos: u64, wasm: &[u8]) -> Result<Self, String> {
        let config = VmConfig { arbos, chain_owner: SENDER, ..VmConfig::default() };
        let vm = Vm::new(config).map_err(|error| error.to_string())?;
        let mut db = InMemoryDB::default();
        for account in vm.genesis() {
            db.insert_account_info(account.address, account.info);
            for (slot, value) in account.storage {
                let _ = db.insert_account_storage(account.address, slot, value);
            }
        }
        db.insert_account_info(SENDER, AccountInfo::from_balance(U256::MAX >> 8));
        let code = Bytecode::new_legacy(compress_classic(wasm).into());
        db.insert_account_info(PROGRAM, AccountInfo::default().with_code(code));
        let env = BlockEnv {
            number: U256::ONE,
            timestamp: U256::from(1_700_000_000),
            gas_limit: 1 << 50,
            basefee: 100_000_000,
            prevrandao: Some(B256::with_last_byte(1)),
            ..BlockEnv::default()
        };
        Ok(Self { vm, db, block: BlockContext::new(env) })
    }

    fn tx(&mut self, to: Address, data: Bytes, gas: u64) -> TxEnv {
        let nonce = self.db.basic(SENDER).ok().flatten().unwrap_or_default().nonce;
        let value = if to == ARB_WASM { U256::from(10).pow(U256::from(18)) } else { U256::ZERO };
        TxEnv {
            caller: SENDER,
            nonce,
            kind: TxKind::Call(to),
            data,
            value,
            gas_limit: gas,
            gas_price: 100_000_000,
            chain_id: Some(412_346),
            ..TxEnv::default()
        }
    }

    fn send(&mut self, to: Address, data: Bytes, gas: u64) -> Result<Outcome, String> {
        let tx = self.tx(to, data, gas);
        let outcome = self
            .vm
            .transact(&mut self.db, &self.block, tx, Mode::Transaction)
            .map_err(|error| format!("transaction: {error}"))?;
        self.db.commit(outcome.state.clone());
        checked(outcome, gas)
    }

    fn call(&mut self, gas: u64, data: Bytes) -> Result<Outcome, String> {
        let mut tx = self.tx(PROGRAM, data, gas);
        tx.gas_price = 0;
        let block = BlockContext::new(self.block.env.clone());
        let outcome = self
            .vm
            .transact(&mut self.db, &block, tx, Mode::Call)
            .map_err(|error| format!("call: {error}"))?;
        checked(outcome, gas)
    }
}

fn checked(outcome: Outcome, limit: u64) -> Result<Outcome, String> {
    let used = outcome.result.tx_gas_used();
    if used > limit || used < 16_800 {
        return Err(format!("{used} gas used of a limit of {limit}"));
    }
    Ok(outcome)
}
