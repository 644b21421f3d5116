//! Calls and creations.

use revm::primitives::{Address, Bytes, U256};
use wasmtime::Linker;

use super::{Env, Escape, Host, HostCaller, mismatch};
use crate::stylus::{
    prices::read_ink,
    request::{CallKind, CallRequest, CreateRequest, Request, Response},
    validate::HOOKS,
};

/// Status a program sees for a call that did not succeed.
const FAILED: u32 = 2;

/// Where a call's parts stand in memory.
struct CallAt {
    to: u32,
    data: u32,
    len: u32,
    value: Option<u32>,
    gas: u64,
    ret_len: u32,
}

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        HOOKS,
        "call_contract",
        |c: HostCaller<'_>, (to, data, len, value, gas, ret_len)| {
            let at = CallAt { to, data, len, value: Some(value), gas, ret_len };
            Box::new(async move {
                Ok::<u32, wasmtime::Error>(call(c, "call_contract", CallKind::Call, at).await?)
            })
        },
    )?;
    for (name, kind) in
        [("delegate_call_contract", CallKind::Delegate), ("static_call_contract", CallKind::Static)]
    {
        linker.func_wrap_async(
            HOOKS,
            name,
            move |c: HostCaller<'_>, (to, data, len, gas, ret_len)| {
                let at = CallAt { to, data, len, value: None, gas, ret_len };
                Box::new(async move { Ok::<u32, wasmtime::Error>(call(c, name, kind, at).await?) })
            },
        )?;
    }
    linker.func_wrap_async(
        HOOKS,
        "create1",
        |c: HostCaller<'_>, (code, len, endowment, to, ret_len)| {
            let at = CreateAt { code, len, endowment, salt: None, to, ret_len };
            Box::new(async move { Ok::<_, wasmtime::Error>(create(c, "create1", at).await?) })
        },
    )?;
    linker.func_wrap_async(
        HOOKS,
        "create2",
        |c: HostCaller<'_>, (code, len, endowment, salt, to, ret_len)| {
            let at = CreateAt { code, len, endowment, salt: Some(salt), to, ret_len };
            Box::new(async move { Ok::<_, wasmtime::Error>(create(c, "create2", at).await?) })
        },
    )?;
    Ok(())
}

async fn call(
    caller: HostCaller<'_>,
    name: &'static str,
    kind: CallKind,
    at: CallAt,
) -> Result<u32, Escape> {
    let mut env = Env::enter(caller, name)?;
    env.buy(2 * read_ink(at.len.into()))?;
    let to = env.read_address(at.to)?;
    let data = Bytes::from(env.read(at.data, at.len)?);
    let value = match at.value {
        Some(value) => env.read_u256(value)?,
        None => U256::ZERO,
    };
    let gas_left = env.gas_left();
    let request = CallRequest { kind, to, data: data.clone(), value, gas: at.gas, gas_left };
    let Response::Called { success, data: output, gas } = env.ask(Request::Call(request)).await
    else {
        return Err(mismatch());
    };
    env.buy_gas(gas)?;
    let length = output.len() as u32;
    env.host().return_data = output;
    env.write_u32(at.ret_len, length)?;
    let status = if success { 0 } else { FAILED };
    env.trace(|| {
        let mut args = [to.as_slice(), &at.gas.to_be_bytes()].concat();
        if at.value.is_some() {
            args.extend(value.to_be_bytes::<32>());
        }
        args.extend_from_slice(&data);
        (args, [&length.to_be_bytes()[..], &[status as u8]].concat())
    });
    Ok(status)
}

/// Where a creation's parts stand in memory.
struct CreateAt {
    code: u32,
    len: u32,
    endowment: u32,
    salt: Option<u32>,
    to: u32,
    ret_len: u32,
}

async fn create(caller: HostCaller<'_>, name: &'static str, at: CreateAt) -> Result<(), Escape> {
    let mut env = Env::enter(caller, name)?;
    env.buy(2 * read_ink(at.len.into()))?;
    let code = Bytes::from(env.read(at.code, at.len)?);
    let endowment = env.read_u256(at.endowment)?;
    let salt = match at.salt {
        Some(salt) => Some(env.read_word(salt)?),
        None => None,
    };
    let gas_left = env.gas_left();
    let request = CreateRequest { code: code.clone(), endowment, salt, gas_left };
    let (address, output, gas) = match env.ask(Request::Create(request)).await {
        Response::Created { address, data, gas } => (address, data, gas),
        Response::Denied => return Err(Escape::Failure("creation not possible here")),
        _ => return Err(mismatch()),
    };
    env.buy_gas(gas)?;
    let length = output.len() as u32;
    env.host().return_data = output;
    env.write_u32(at.ret_len, length)?;
    let address = address.unwrap_or(Address::ZERO);
    env.write(at.to, address.as_slice())?;
    env.trace(|| {
        let mut args = endowment.to_be_bytes::<32>().to_vec();
        args.extend(salt.iter().flat_map(|salt| salt.0));
        args.extend_from_slice(&code);
        (args, [address.as_slice(), &length.to_be_bytes()].concat())
    });
    Ok(())
}
