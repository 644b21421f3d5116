//! Which opcodes stand in for which host call.

use revm::{
    bytecode::opcode as op,
    primitives::{B256, Bytes, U256},
};

use super::StandIn;
use crate::stylus::{host::StorageCache, trace::HostIo};

/// Host calls without operands that give one value.
const FACTS: [(&str, u8); 15] = [
    ("return_data_size", op::RETURNDATASIZE),
    ("block_basefee", op::BASEFEE),
    ("block_coinbase", op::COINBASE),
    ("block_gas_limit", op::GASLIMIT),
    ("block_number", op::NUMBER),
    ("block_timestamp", op::TIMESTAMP),
    ("chainid", op::CHAINID),
    ("contract_address", op::ADDRESS),
    ("evm_gas_left", op::GAS),
    ("evm_ink_left", op::GAS),
    ("msg_sender", op::CALLER),
    ("msg_value", op::CALLVALUE),
    ("tx_gas_price", op::GASPRICE),
    ("tx_ink_price", op::GASPRICE),
    ("tx_origin", op::ORIGIN),
];

/// Host calls whose operands are words and that give one value.
const OPERATIONS: [(&str, u8); 6] = [
    ("transient_load_bytes32", op::TLOAD),
    ("math_div", op::DIV),
    ("math_mod", op::MOD),
    ("math_pow", op::EXP),
    ("math_add_mod", op::ADDMOD),
    ("math_mul_mod", op::MULMOD),
];

/// Host calls that ask one value about an address.
const ACCOUNTS: [(&str, u8); 3] = [
    ("account_balance", op::BALANCE),
    ("account_code_size", op::EXTCODESIZE),
    ("account_codehash", op::EXTCODEHASH),
];

/// The opcodes in place of a host call. Calls and the end of a program are shown elsewhere,
/// because they are seen before they happen; others have no counterpart.
pub(super) fn of(event: &HostIo, cache: &mut StorageCache) -> Vec<StandIn> {
    let (args, outs) = (&event.args[..], &event.outs[..]);
    let find = |table: &[(&str, u8)]| {
        table.iter().find(|(name, _)| *name == event.name).map(|(_, op)| *op)
    };
    if let Some(op) = find(&FACTS) {
        return vec![StandIn { op, pushes: Some(number(outs)), ..empty() }];
    }
    if let Some(op) = find(&OPERATIONS) {
        return vec![StandIn { op, stack: words(args), pushes: Some(number(outs)), ..empty() }];
    }
    if let Some(op) = find(&ACCOUNTS) {
        let stack = vec![number(args)];
        return vec![StandIn { op, stack, pushes: Some(number(outs)), ..empty() }];
    }
    match event.name {
        "read_args" => vec![copy(op::CALLDATACOPY, U256::ZERO, size(outs), outs)],
        "read_return_data" => {
            let [offset, size] = [number(part(args, 0, 4)), number(part(args, 4, 4))];
            vec![copy(op::RETURNDATACOPY, offset, size, outs)]
        }
        "account_code" => {
            let [address, offset, size] =
                [(0, 20), (20, 4), (24, 4)].map(|(at, len)| number(part(args, at, len)));
            let stack = vec![address, U256::ZERO, offset, size];
            vec![StandIn { op: op::EXTCODECOPY, stack, ..empty() }]
        }
        "native_keccak256" => {
            vec![over_memory(op::KECCAK256, [None, None], args, Some(number(outs)))]
        }
        "create1" | "create2" => vec![creation(event)],
        "emit_log" => vec![log(args)],
        "transient_store_bytes32" => {
            vec![StandIn { op: op::TSTORE, stack: words(args), ..empty() }]
        }
        "storage_load_bytes32" if cache.load(word(args, 0), word(outs, 0)) => {
            let pushes = Some(number(outs));
            vec![StandIn { op: op::SLOAD, stack: words(args), pushes, ..empty() }]
        }
        "storage_cache_bytes32" => {
            cache.set(word(args, 0), word(args, 32));
            Vec::new()
        }
        "storage_flush_cache" => {
            let dirty = cache.take_dirty(args.first().is_some_and(|clear| *clear != 0));
            let store = |(key, value): (B256, B256)| {
                let stack = vec![key.into(), value.into()];
                StandIn { op: op::SSTORE, stack, ..empty() }
            };
            dirty.into_iter().map(store).collect()
        }
        _ => Vec::new(),
    }
}

fn creation(event: &HostIo) -> StandIn {
    let value = Some(number(part(&event.args, 0, 32)));
    let address = Some(number(part(&event.outs, 0, 20)));
    if event.name == "create1" {
        let code = event.args.get(32..).unwrap_or_default();
        return over_memory(op::CREATE, [value, None], code, address);
    }
    let salt = Some(number(part(&event.args, 32, 32)));
    let code = event.args.get(64..).unwrap_or_default();
    over_memory(op::CREATE2, [value, salt], code, address)
}

fn log(args: &[u8]) -> StandIn {
    let topics = number(part(args, 0, 4)).saturating_to::<usize>().min(4);
    let (topics, data) =
        args.get(4..).unwrap_or_default().split_at((32 * topics).min(args.len().saturating_sub(4)));
    let topics = words(topics);
    let op = op::LOG0 + topics.len() as u8;
    let mut stand_in = over_memory(op, [None, None], data, None);
    stand_in.stack.extend(topics);
    stand_in
}

/// An opcode whose operand is all of the memory, between other operands.
fn over_memory(
    op: u8,
    [before, after]: [Option<U256>; 2],
    memory: &[u8],
    pushes: Option<U256>,
) -> StandIn {
    let place = [U256::ZERO, size(memory)];
    let stack = before.into_iter().chain(place).chain(after).collect();
    StandIn { op, stack, memory: Bytes::copy_from_slice(memory), pushes }
}

/// An opcode that copies to the start of the memory; it is shown with what it copies there.
fn copy(op: u8, offset: U256, size: U256, memory: &[u8]) -> StandIn {
    let stack = vec![U256::ZERO, offset, size];
    StandIn { op, stack, memory: Bytes::copy_from_slice(memory), pushes: None }
}

fn empty() -> StandIn {
    StandIn::default()
}

fn part(bytes: &[u8], at: usize, len: usize) -> &[u8] {
    bytes.get(at..at + len).unwrap_or_default()
}

fn number(bytes: &[u8]) -> U256 {
    U256::try_from_be_slice(bytes).unwrap_or_default()
}

fn size(bytes: &[u8]) -> U256 {
    U256::from(bytes.len())
}

fn word(bytes: &[u8], at: usize) -> B256 {
    number(part(bytes, at, 32)).into()
}

fn words(bytes: &[u8]) -> Vec<U256> {
    bytes.chunks_exact(32).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &'static str, args: Vec<u8>, outs: Vec<u8>) -> HostIo {
        HostIo { name, args, outs, start_ink: 0, end_ink: 0 }
    }

    fn two(first: u8, second: u8) -> Vec<u8> {
        [B256::with_last_byte(first).0, B256::with_last_byte(second).0].concat()
    }

    #[test]
    fn a_slot_is_loaded_once_and_stored_when_it_is_flushed() {
        let mut cache = StorageCache::default();
        let word = |n| B256::with_last_byte(n).to_vec();
        let mut ops = |name, args, outs| -> Vec<(u8, Vec<U256>)> {
            let shown = of(&event(name, args, outs), &mut cache);
            shown.into_iter().map(|shown| (shown.op, shown.stack)).collect()
        };
        assert_eq!(
            ops("storage_load_bytes32", word(1), word(7)),
            [(op::SLOAD, vec![U256::from(1)])]
        );
        assert_eq!(ops("storage_load_bytes32", word(1), word(7)), []);
        assert_eq!(ops("storage_cache_bytes32", two(9, 3), vec![]), []);
        assert_eq!(ops("storage_cache_bytes32", two(2, 5), vec![]), []);
        let stores = [[2, 5], [9, 3]].map(|slot| (op::SSTORE, slot.map(U256::from).to_vec()));
        assert_eq!(ops("storage_flush_cache", vec![1], vec![]), stores);
        assert_eq!(ops("storage_flush_cache", vec![0], vec![]), []);
        assert_eq!(ops("storage_load_bytes32", word(9), word(3)).len(), 1);
    }

    #[test]
    fn operands_stand_in_the_order_of_the_opcode() {
        let mut cache = StorageCache::default();
        let args = [&two(5, 6)[..], b"code"].concat();
        let shown = of(&event("create2", args, vec![0xab; 20]), &mut cache);
        assert_eq!(shown[0].stack, [5, 0, 4, 6].map(U256::from));
        assert_eq!(shown[0].memory, Bytes::from_static(b"code"));
        let args = [&2u32.to_be_bytes()[..], &two(1, 2), b"data!"].concat();
        let shown = of(&event("emit_log", args, vec![]), &mut cache);
        assert_eq!(
            (shown[0].op, &shown[0].stack[..]),
            (op::LOG2, &[0, 5, 1, 2].map(U256::from)[..])
        );
        assert_eq!(shown[0].memory, Bytes::from_static(b"data!"));
        for silent in ["msg_reentrant", "pay_for_memory_grow", "write_result", "call_contract"] {
            assert_eq!(of(&event(silent, vec![0; 80], vec![0; 5]), &mut cache), []);
        }
    }
}
