//! Balances and code of accounts.

use revm::primitives::{Address, Bytes};
use wasmtime::Linker;

use super::{Env, Escape, Host, HostCaller, mismatch};
use crate::stylus::{
    prices::write_ink,
    request::{Request, Response},
    validate::HOOKS,
};

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        HOOKS,
        "account_balance",
        |c: HostCaller<'_>, (address, to): (u32, u32)| {
            Box::new(async move {
                Ok::<_, wasmtime::Error>(
                    word(c, "account_balance", Request::Balance, address, to).await?,
                )
            })
        },
    )?;
    linker.func_wrap_async(
        HOOKS,
        "account_codehash",
        |c: HostCaller<'_>, (address, to): (u32, u32)| {
            Box::new(async move {
                Ok::<_, wasmtime::Error>(
                    word(c, "account_codehash", Request::CodeHash, address, to).await?,
                )
            })
        },
    )?;
    linker.func_wrap_async(
        HOOKS,
        "account_code",
        |c: HostCaller<'_>, (address, offset, size, to): (u32, u32, u32, u32)| {
            Box::new(
                async move { Ok::<_, wasmtime::Error>(code(c, address, offset, size, to).await?) },
            )
        },
    )?;
    linker.func_wrap_async(
        HOOKS,
        "account_code_size",
        |c: HostCaller<'_>, (address,): (u32,)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(code_size(c, address).await?) })
        },
    )?;
    Ok(())
}

async fn word(
    caller: HostCaller<'_>,
    name: &'static str,
    request: fn(Address) -> Request,
    address: u32,
    to: u32,
) -> Result<(), Escape> {
    let mut env = Env::enter(caller, name)?;
    let address = env.read_address(address)?;
    let Response::Word { value, gas } = env.ask(request(address)).await else {
        return Err(mismatch());
    };
    env.buy_gas(gas)?;
    env.write(to, value.as_slice())?;
    env.trace(|| (address.to_vec(), value.to_vec()));
    Ok(())
}

/// Code of an account; asking for the same one again is free.
async fn load(env: &mut Env<'_>, address: Address) -> Result<Bytes, Escape> {
    if let Some((last, code)) = &env.host().last_code
        && *last == address
    {
        return Ok(code.clone());
    }
    let Response::Data { data, gas } = env.ask(Request::Code(address)).await else {
        return Err(mismatch());
    };
    env.buy_gas(gas)?;
    if !data.is_empty() || env.call().arbos < 40 {
        env.host().last_code = Some((address, data.clone()));
    }
    Ok(data)
}

async fn code(
    caller: HostCaller<'_>,
    address: u32,
    offset: u32,
    size: u32,
    to: u32,
) -> Result<u32, Escape> {
    let mut env = Env::enter(caller, "account_code")?;
    let address = env.read_address(address)?;
    let code = load(&mut env, address).await?;
    env.buy(write_ink(code.len() as u64))?;
    let start = code.len().min(offset as usize);
    let end = code.len().min(start + size as usize);
    env.write(to, &code[start..end])?;
    env.trace(|| {
        let place = [offset.to_be_bytes(), size.to_be_bytes()].concat();
        ([address.as_slice(), &place].concat(), code[start..end].to_vec())
    });
    Ok((end - start) as u32)
}

async fn code_size(caller: HostCaller<'_>, address: u32) -> Result<u32, Escape> {
    let mut env = Env::enter(caller, "account_code_size")?;
    let address = env.read_address(address)?;
    let size = load(&mut env, address).await?.len() as u32;
    env.trace(|| (address.to_vec(), size.to_be_bytes().to_vec()));
    Ok(size)
}
