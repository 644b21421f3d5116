//! Calldata, result, return data, gas, memory: the frame itself.

use wasmtime::Linker;

use super::{Env, Escape, Host, HostCaller, mismatch};
use crate::stylus::{
    prices::{keccak_ink, read_ink, write_ink},
    request::{Request, Response},
    validate::{HOOKS, PAY_FOR_GROW},
};

/// Ink of growing by no pages.
const NO_PAGES: u64 = 8400;

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(HOOKS, "read_args", |c: HostCaller<'_>, at: u32| Ok(read_args(c, at)?))?;
    linker.func_wrap(HOOKS, "write_result", |c: HostCaller<'_>, at: u32, len: u32| {
        Ok(write_result(c, at, len)?)
    })?;
    linker.func_wrap(HOOKS, "exit_early", |c: HostCaller<'_>, status: u32| {
        Ok(exit_early(c, status)?)
    })?;
    linker.func_wrap(
        HOOKS,
        "read_return_data",
        |c: HostCaller<'_>, to: u32, offset: u32, size: u32| {
            Ok(read_return_data(c, to, offset, size)?)
        },
    )?;
    linker.func_wrap(HOOKS, "return_data_size", |c: HostCaller<'_>| {
        let mut env = Env::enter(c, "return_data_size")?;
        let size = env.host().return_data.len() as u32;
        env.trace(|| (vec![], size.to_be_bytes().to_vec()));
        Ok(size)
    })?;
    linker.func_wrap(HOOKS, "evm_gas_left", |c: HostCaller<'_>| {
        let mut env = Env::enter(c, "evm_gas_left")?;
        let gas = env.gas_left();
        env.trace(|| (vec![], gas.to_be_bytes().to_vec()));
        Ok(gas)
    })?;
    linker.func_wrap(HOOKS, "evm_ink_left", |c: HostCaller<'_>| {
        let mut env = Env::enter(c, "evm_ink_left")?;
        let ink = env.ink();
        env.trace(|| (vec![], ink.to_be_bytes().to_vec()));
        Ok(ink)
    })?;
    linker.func_wrap(
        HOOKS,
        "native_keccak256",
        |c: HostCaller<'_>, at: u32, len: u32, to: u32| Ok(keccak(c, at, len, to)?),
    )?;
    linker.func_wrap_async(HOOKS, PAY_FOR_GROW, |c: HostCaller<'_>, (pages,): (u32,)| {
        Box::new(async move { Ok::<_, wasmtime::Error>(pay_for_grow(c, pages as u16).await?) })
    })?;
    Ok(())
}

fn read_args(caller: HostCaller<'_>, at: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "read_args")?;
    let args = env.call().args.clone();
    env.buy(write_ink(args.len() as u64))?;
    env.give(at, &args)
}

fn write_result(caller: HostCaller<'_>, at: u32, len: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "write_result")?;
    env.buy(2 * read_ink(len.into()))?;
    let result = env.read(at, len)?;
    env.trace(|| (result.clone(), vec![]));
    env.host().result = result;
    Ok(())
}

fn exit_early(caller: HostCaller<'_>, status: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "exit_early")?;
    env.trace(|| (status.to_be_bytes().to_vec(), vec![]));
    Err(Escape::Exit(status))
}

fn read_return_data(
    caller: HostCaller<'_>,
    to: u32,
    offset: u32,
    size: u32,
) -> Result<u32, Escape> {
    let mut env = Env::enter(caller, "read_return_data")?;
    let data = env.host().return_data.clone();
    let start = data.len().min(offset as usize);
    let end = data.len().min(start + size as usize);
    env.buy(write_ink((end - start) as u64))?;
    env.write(to, &data[start..end])?;
    env.trace(|| ([offset.to_be_bytes(), size.to_be_bytes()].concat(), data[start..end].to_vec()));
    Ok((end - start) as u32)
}

fn keccak(caller: HostCaller<'_>, at: u32, len: u32, to: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "native_keccak256")?;
    env.buy(keccak_ink(len.into()))?;
    let preimage = env.read(at, len)?;
    let digest = revm::primitives::keccak256(&preimage);
    env.write(to, digest.as_slice())?;
    env.trace(|| (preimage, digest.to_vec()));
    Ok(())
}

async fn pay_for_grow(caller: HostCaller<'_>, pages: u16) -> Result<(), Escape> {
    let mut env = Env::enter(caller, PAY_FOR_GROW)?;
    if pages == 0 {
        return env.buy(NO_PAGES);
    }
    match env.ask(Request::AddPages(pages)).await {
        Response::Gas(gas) => env.buy_gas(gas)?,
        _ => return Err(mismatch()),
    }
    env.trace(|| (pages.to_be_bytes().to_vec(), vec![]));
    Ok(())
}
