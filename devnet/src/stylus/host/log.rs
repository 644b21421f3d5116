//! Logs.

use revm::primitives::{B256, Bytes};
use wasmtime::Linker;

use super::{Env, Escape, Host, HostCaller, mismatch};
use crate::stylus::{
    prices::read_ink,
    request::{Request, Response},
    validate::HOOKS,
};

/// Gas of a log and of each of its topics.
const LOG: u64 = 375;
/// Gas of a byte of data.
const BYTE: u64 = 8;
const MAX_TOPICS: u32 = 4;

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        HOOKS,
        "emit_log",
        |c: HostCaller<'_>, (at, len, topics): (u32, u32, u32)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(emit(c, at, len, topics).await?) })
        },
    )?;
    Ok(())
}

async fn emit(caller: HostCaller<'_>, at: u32, len: u32, topics: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "emit_log")?;
    if topics > MAX_TOPICS || len < 32 * topics {
        return Err(Escape::Failure("bad topic data"));
    }
    env.buy(read_ink(len.into()))?;
    let data_len = u64::from(len - 32 * topics);
    env.buy_gas(LOG * (1 + u64::from(topics)) + BYTE * data_len)?;
    let bytes = env.read(at, len)?;
    let (heads, data) = bytes.split_at(32 * topics as usize);
    let request = Request::Log {
        topics: heads.chunks_exact(32).map(B256::from_slice).collect(),
        data: Bytes::copy_from_slice(data),
    };
    match env.ask(request).await {
        Response::Gas(gas) => env.buy_gas(gas)?,
        Response::Denied => return Err(Escape::Failure("log in a static call")),
        _ => return Err(mismatch()),
    }
    env.trace(|| ([&topics.to_be_bytes()[..], &bytes].concat(), vec![]));
    Ok(())
}
