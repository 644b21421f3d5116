//! Block, chain, transaction and message facts.

use wasmtime::Linker;

use super::{CallContext, Env, Host, HostCaller};
use crate::stylus::validate::HOOKS;

/// A fact by the name of the host function that tells it.
type Fact<T> = (&'static str, fn(&CallContext) -> T);

/// Facts that are written to memory.
const WRITTEN: [Fact<Vec<u8>>; 7] = [
    ("block_basefee", |call| call.basefee.to_be_bytes_vec()),
    ("block_coinbase", |call| call.coinbase.to_vec()),
    ("contract_address", |call| call.address.to_vec()),
    ("msg_sender", |call| call.caller.to_vec()),
    ("msg_value", |call| call.value.to_be_bytes_vec()),
    ("tx_gas_price", |call| call.gas_price.to_be_bytes_vec()),
    ("tx_origin", |call| call.origin.to_vec()),
];

/// Facts that are returned as i64.
const LONG: [Fact<u64>; 4] = [
    ("block_gas_limit", |call| call.gas_limit),
    ("block_number", |call| call.number),
    ("block_timestamp", |call| call.timestamp),
    ("chainid", |call| call.chain_id),
];

/// Facts that are returned as i32.
const SHORT: [Fact<u32>; 2] =
    [("msg_reentrant", |call| u32::from(call.reentrant)), ("tx_ink_price", |call| call.ink_price)];

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    for (name, fact) in WRITTEN {
        linker.func_wrap(HOOKS, name, move |c: HostCaller<'_>, at: u32| {
            let mut env = Env::enter(c, name)?;
            let bytes = fact(env.call());
            Ok::<_, wasmtime::Error>(env.give(at, &bytes)?)
        })?;
    }
    for (name, fact) in LONG {
        linker.func_wrap(HOOKS, name, move |c: HostCaller<'_>| {
            let mut env = Env::enter(c, name)?;
            let value = fact(env.call());
            env.trace(|| (vec![], value.to_be_bytes().to_vec()));
            Ok::<_, wasmtime::Error>(value)
        })?;
    }
    for (name, fact) in SHORT {
        linker.func_wrap(HOOKS, name, move |c: HostCaller<'_>| {
            let mut env = Env::enter(c, name)?;
            let value = fact(env.call());
            env.trace(|| (vec![], value.to_be_bytes().to_vec()));
            Ok::<_, wasmtime::Error>(value)
        })?;
    }
    Ok(())
}
