//! A chain in a map, for tests of the engine: deploy, activate, call, trace.

use alloy::sol_types::SolCall;
use devnet::{
    stylus::{code::compress_classic, prices::prices},
    vm::{BlockContext, HostIo, HostIoSink, Mode, Outcome, Vm, VmConfig},
};
use revm::{
    Database, DatabaseCommit,
    bytecode::Bytecode,
    context::{BlockEnv, ContextTr, TxEnv},
    context_interface::result::ExecutionResult,
    database::InMemoryDB,
    inspector::Inspector,
    primitives::{Address, B256, Bytes, TxKind, U256, address},
    state::AccountInfo,
};

pub const ALICE: Address = address!("a11ce00000000000000000000000000000000000");
pub const ARB_WASM: Address = address!("0000000000000000000000000000000000000071");
pub const ETHER: u64 = 1_000_000_000_000_000_000;

/// Addresses of the ArbOS precompiles.
pub const SYS: Address = address!("0000000000000000000000000000000000000064");
pub const INFO: Address = address!("0000000000000000000000000000000000000065");
pub const PUBLIC: Address = address!("000000000000000000000000000000000000006b");
pub const GAS_INFO: Address = address!("000000000000000000000000000000000000006c");
pub const OWNER: Address = address!("0000000000000000000000000000000000000070");
pub const CACHE: Address = address!("0000000000000000000000000000000000000072");
pub const DEBUG: Address = address!("00000000000000000000000000000000000000ff");
/// Somebody who owns nothing.
pub const MALLORY: Address = address!("0000000000000000000000000000000000bad000");

pub const WRITE_ARGS: &str = r#"(module
    (import "vm_hooks" "read_args" (func $read_args (param i32)))
    (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
    (memory (export "memory") 1 1)
    (func $main (export "user_entrypoint") (param $args_len i32) (result i32)
        (call $read_args (i32.const 0))
        (call $write_result (i32.const 0) (local.get $args_len))
        (i32.const 0)))"#;

pub fn ask<C: SolCall>(bench: &mut Bench, to: Address, call: C) -> C::Return {
    let outcome = bench.call(to, call.abi_encode());
    assert!(outcome.result.is_success(), "{}: {outcome:?}", C::SIGNATURE);
    C::abi_decode_returns(&output(&outcome)).expect("a decodable answer")
}

/// Sends a transaction and expects it to succeed.
pub fn tell<C: SolCall>(bench: &mut Bench, to: Address, call: C) -> Outcome {
    let outcome = bench.send(to, call.abi_encode(), 0);
    assert!(outcome.result.is_success(), "{}: {outcome:?}", C::SIGNATURE);
    outcome
}

pub fn intrinsic(data: &[u8]) -> u64 {
    21_000 + data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum::<u64>()
}

pub fn hash_of(bench: &mut Bench, program: Address) -> B256 {
    bench.db.basic(program).expect("a map does not fail").expect("an account").code_hash
}

/// A chain with one rich account.
pub struct Bench {
    pub vm: Vm,
    pub db: InMemoryDB,
    pub block: BlockContext,
    next: u64,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(VmConfig::default())
    }

    pub fn at(arbos: u64) -> Self {
        Self::with(VmConfig { arbos, ..VmConfig::default() })
    }

    pub fn with(config: VmConfig) -> Self {
        let config = VmConfig { chain_owner: ALICE, ..config };
        let vm = Vm::new(config).expect("an engine");
        let mut db = InMemoryDB::default();
        for account in vm.genesis() {
            db.insert_account_info(account.address, account.info);
            for (slot, value) in account.storage {
                db.insert_account_storage(account.address, slot, value)
                    .expect("a map does not fail");
            }
        }
        let rich = AccountInfo::from_balance(U256::from(ETHER) * U256::from(1000));
        db.insert_account_info(ALICE, rich);
        Self { vm, db, block: block(1, 1_700_000_000), next: 0 }
    }

    /// Puts code into a fresh account.
    pub fn put(&mut self, code: Vec<u8>) -> Address {
        self.next += 1;
        let address = Address::left_padding_from(&(0xC0DE_0000 + self.next).to_be_bytes());
        let code = Bytecode::new_legacy(code.into());
        self.db.insert_account_info(address, AccountInfo::default().with_code(code));
        address
    }

    /// Puts an assembled program into a fresh account without activating it.
    pub fn put_wat(&mut self, wat: &str) -> Address {
        self.put(compress_classic(&wat::parse_str(wat).expect("valid text")))
    }

    /// Puts a program into a fresh account and activates it.
    pub fn program(&mut self, wat: &str) -> Address {
        let address = self.put_wat(wat);
        let outcome = self.activate(address);
        // The same code may be active already.
        let known = output(&outcome)[..] == [0xcc, 0x94, 0x4b, 0xf2];
        assert!(known || outcome.result.is_success(), "{outcome:?}");
        address
    }

    pub fn activate(&mut self, program: Address) -> Outcome {
        let mut data = vec![0x58, 0xc7, 0x80, 0xc2];
        data.extend(program.into_word());
        self.send(ARB_WASM, data, ETHER)
    }

    pub fn tx(&mut self, to: TxKind, data: Vec<u8>, value: u64) -> TxEnv {
        let nonce = self.db.basic(ALICE).expect("a map does not fail").unwrap_or_default().nonce;
        TxEnv::builder()
            .caller(ALICE)
            .nonce(nonce)
            .kind(to)
            .data(data.into())
            .value(U256::from(value))
            .gas_limit(30_000_000)
            .gas_price(u128::from(self.block.env.basefee))
            .chain_id(Some(412_346))
            .build()
            .expect("a complete transaction")
    }

    /// Sends a transaction and keeps its changes.
    pub fn send(&mut self, to: Address, data: impl Into<Vec<u8>>, value: u64) -> Outcome {
        let tx = self.tx(TxKind::Call(to), data.into(), value);
        self.run(tx)
    }

    pub fn run(&mut self, tx: TxEnv) -> Outcome {
        let outcome =
            self.vm.transact(&mut self.db, &self.block, tx, Mode::Transaction).expect("an outcome");
        self.db.commit(outcome.state.clone());
        outcome
    }

    /// Simulates a call on a block of its own.
    pub fn call(&mut self, to: Address, data: impl Into<Vec<u8>>) -> Outcome {
        let mut tx = self.tx(TxKind::Call(to), data.into(), 0);
        tx.gas_price = 0;
        let mut block = BlockContext::new(self.block.env.clone());
        block.l1_number = self.block.l1_number;
        self.vm.transact(&mut self.db, &block, tx, Mode::Call).expect("an outcome")
    }

    /// Sends a transaction, keeps its changes and returns its host calls too.
    pub fn trace(&mut self, to: Address, data: impl Into<Vec<u8>>) -> (Outcome, Trace) {
        self.trace_value(to, data, 0)
    }

    pub fn trace_value(
        &mut self,
        to: Address,
        data: impl Into<Vec<u8>>,
        value: u64,
    ) -> (Outcome, Trace) {
        let tx = self.tx(TxKind::Call(to), data.into(), value);
        let mut trace = Trace::default();
        let outcome = self
            .vm
            .inspect(&mut self.db, &self.block, tx, Mode::Transaction, &mut trace)
            .expect("an outcome");
        self.db.commit(outcome.state.clone());
        (outcome, trace)
    }

    pub fn slot(&mut self, address: Address, slot: u64) -> U256 {
        self.db.storage(address, U256::from(slot)).expect("a map does not fail")
    }

    pub fn balance(&mut self, address: Address) -> U256 {
        self.db.basic(address).expect("a map does not fail").unwrap_or_default().balance
    }

    /// Starts the next block as a node does.
    pub fn begin_block(&mut self, seconds: u64) {
        self.next_block(seconds);
        let time = self.block.env.timestamp.to();
        if let Some(state) =
            self.vm.begin_block(&mut self.db, time, seconds).expect("a block begins")
        {
            self.db.commit(state);
        }
    }

    pub fn next_block(&mut self, seconds: u64) {
        let number = self.block.env.number.to::<u64>() + 1;
        let time = self.block.env.timestamp.to::<u64>() + seconds;
        self.block = block(number, time);
    }
}

fn block(number: u64, timestamp: u64) -> BlockContext {
    BlockContext::new(BlockEnv {
        number: U256::from(number),
        timestamp: U256::from(timestamp),
        basefee: 100_000_000,
        gas_limit: 1 << 50,
        beneficiary: address!("a4b000000000000000000073657175656e636572"),
        ..BlockEnv::default()
    })
}

/// All host calls and frames of a transaction.
#[derive(Debug, Default)]
pub struct Trace {
    pub events: Vec<HostIo>,
    pub calls: Vec<(usize, Address)>,
    pub logs: usize,
    depth: usize,
}

impl Trace {
    /// Ink of each call of a host function.
    pub fn ink(&self, name: &str) -> Vec<u64> {
        self.events
            .iter()
            .filter(|event| event.name == name)
            .map(|event| event.start_ink - event.end_ink)
            .collect()
    }

    pub fn names(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.name).collect()
    }
}

impl HostIoSink for Trace {
    fn wants_host_io(&self) -> bool {
        true
    }

    fn host_io(&mut self, event: HostIo) {
        self.events.push(event);
    }
}

impl<CTX: ContextTr> Inspector<CTX> for Trace {
    fn call(
        &mut self,
        _: &mut CTX,
        inputs: &mut revm::interpreter::CallInputs,
    ) -> Option<revm::interpreter::CallOutcome> {
        self.calls.push((self.depth, inputs.target_address));
        self.depth += 1;
        None
    }

    fn call_end(
        &mut self,
        _: &mut CTX,
        _: &revm::interpreter::CallInputs,
        _: &mut revm::interpreter::CallOutcome,
    ) {
        self.depth -= 1;
    }

    fn log(&mut self, _: &mut CTX, _: revm::primitives::Log) {
        self.logs += 1;
    }
}

/// A module that imports the named host functions (as `$name`) and whose entry runs `body`,
/// which must leave the status. `$len` is the calldata length.
pub fn module(imports: &[&str], pages: u32, body: &str) -> String {
    let mut wat = String::from("(module\n");
    for name in imports {
        let (params, results) = prices().host_signature(name).expect("a host function");
        wat += &format!("(import \"vm_hooks\" \"{name}\" (func ${name}");
        if !params.is_empty() {
            wat += &format!(" (param {})", params.join(" "));
        }
        if !results.is_empty() {
            wat += &format!(" (result {})", results.join(" "));
        }
        wat += "))\n";
    }
    format!(
        "{wat} (memory (export \"memory\") {pages} {pages})\n\
         (func (export \"user_entrypoint\") (param $len i32) (result i32)\n{body}))"
    )
}

/// What a transaction returned; empty if it returned nothing.
pub fn output(outcome: &Outcome) -> Bytes {
    outcome.result.output().cloned().unwrap_or_default()
}

pub fn is_revert(outcome: &Outcome) -> bool {
    matches!(outcome.result, ExecutionResult::Revert { .. })
}

pub fn is_halt(outcome: &Outcome) -> bool {
    matches!(outcome.result, ExecutionResult::Halt { .. })
}

pub fn gas(outcome: &Outcome) -> u64 {
    outcome.result.tx_gas_used()
}

pub fn word(value: u64) -> [u8; 32] {
    U256::from(value).to_be_bytes()
}

/// EVM code that calls `to` with its calldata through `opcode` (CALL f1, CALLCODE f2,
/// DELEGATECALL f4, STATICCALL fa) and returns or reverts with the outcome.
pub fn forwarder(opcode: u8, to: Address) -> Vec<u8> {
    // calldatacopy(0, 0, calldatasize)
    let mut code = vec![0x36, 0x5f, 0x5f, 0x37];
    // retLen, retAt, argLen, argAt
    code.extend([0x5f, 0x5f, 0x36, 0x5f]);
    if matches!(opcode, 0xf1 | 0xf2) {
        code.push(0x34); // value
    }
    code.push(0x73);
    code.extend(to);
    code.extend([0x5a, opcode]);
    // returndatacopy(0, 0, returndatasize); return or revert
    code.extend([0x3d, 0x5f, 0x5f, 0x3e, 0x3d, 0x90]);
    let target = code.len() as u8 + 5;
    code.extend([0x60, target, 0x57, 0x5f, 0xfd, 0x5b, 0x5f, 0xf3]);
    code
}

/// Instructions that write bytes to memory.
pub fn poke(at: usize, bytes: &[u8]) -> String {
    let store = |(i, byte)| format!("(i32.store8 (i32.const {}) (i32.const {byte}))\n", at + i);
    bytes.iter().enumerate().map(store).collect()
}

/// EVM code that returns the word an opcode without operands pushes.
pub fn pushes(opcode: u8) -> Vec<u8> {
    vec![opcode, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]
}

/// A call of an account from a program: no data, all gas; leaves the status.
pub fn call_wat(to: Address, wei: u8) -> String {
    format!(
        "{} (i32.store8 (i32.const 959) (i32.const {wei}))
        (call $call_contract (i32.const 900) (i32.const 0) (i32.const 0) (i32.const 928)
            (i64.const -1) (i32.const 960))",
        poke(900, to.as_slice())
    )
}
