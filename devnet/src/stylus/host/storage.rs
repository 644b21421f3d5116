//! Storage with its per-frame write-back cache, and transient storage.

use std::collections::BTreeMap;

use revm::primitives::B256;
use wasmtime::Linker;

use super::{Env, Escape, Host, HostCaller, mismatch};
use crate::stylus::{
    request::{Request, Response},
    validate::HOOKS,
};

/// Ink of asking the EVM; a storage miss pays it as whole gas.
const EVM_API_INK: u64 = 59_673;
/// Gas of the dearest load without the API: a cold slot in the last tier.
const COLD_LOAD: u64 = 2100 + 10;
/// Gas of a transient access.
const TRANSIENT: u64 = 100;

/// Slots this frame has seen; lost when the frame ends.
#[derive(Debug, Default)]
pub(crate) struct StorageCache {
    slots: BTreeMap<B256, Slot>,
    reads: u64,
    writes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    value: B256,
    known: Option<B256>,
}

impl StorageCache {
    /// Gas of the next read by how many there were; never reset.
    const fn read_gas(&mut self) -> u64 {
        self.reads += 1;
        match self.reads {
            0..=32 => 0,
            33..=128 => 2,
            _ => 10,
        }
    }

    /// Gas of the next write by how many there were; never reset.
    const fn write_gas(&mut self) -> u64 {
        self.writes += 1;
        match self.writes {
            0..=8 => 0,
            9..=64 => 7,
            _ => 10,
        }
    }

    /// Remembers what was loaded; tells whether it was unknown until now.
    pub fn load(&mut self, key: B256, value: B256) -> bool {
        let unknown = !self.slots.contains_key(&key);
        if unknown {
            self.slots.insert(key, Slot { value, known: Some(value) });
        }
        unknown
    }

    /// Remembers a value that is yet to be stored.
    pub fn set(&mut self, key: B256, value: B256) {
        self.slots
            .entry(key)
            .and_modify(|slot| slot.value = value)
            .or_insert(Slot { value, known: None });
    }

    /// Slots to be stored, which then count as known.
    pub fn take_dirty(&mut self, clear: bool) -> Vec<(B256, B256)> {
        let mut dirty = Vec::new();
        for (key, slot) in &mut self.slots {
            if slot.known != Some(slot.value) {
                slot.known = Some(slot.value);
                dirty.push((*key, slot.value));
            }
        }
        if clear {
            self.slots.clear();
        }
        dirty
    }
}

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        HOOKS,
        "storage_load_bytes32",
        |c: HostCaller<'_>, (key, to): (u32, u32)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(load(c, key, to).await?) })
        },
    )?;
    linker.func_wrap(
        HOOKS,
        "storage_cache_bytes32",
        |c: HostCaller<'_>, key: u32, value: u32| Ok(cache(c, key, value)?),
    )?;
    linker.func_wrap_async(
        HOOKS,
        "storage_flush_cache",
        |c: HostCaller<'_>, (clear,): (u32,)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(flush(c, clear != 0).await?) })
        },
    )?;
    linker.func_wrap_async(
        HOOKS,
        "transient_load_bytes32",
        |c: HostCaller<'_>, (key, to): (u32, u32)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(transient_load(c, key, to).await?) })
        },
    )?;
    linker.func_wrap_async(
        HOOKS,
        "transient_store_bytes32",
        |c: HostCaller<'_>, (key, value): (u32, u32)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(transient_store(c, key, value).await?) })
        },
    )?;
    Ok(())
}

async fn load(caller: HostCaller<'_>, key: u32, to: u32) -> Result<(), Escape> {
    let mut env = Env::open(caller, "storage_load_bytes32")?;
    let api_gas = EVM_API_INK / env.price();
    env.need(COLD_LOAD + api_gas)?;
    let key = env.read_word(key)?;
    let mut gas = env.host().storage.read_gas();
    let cached = env.host().storage.slots.get(&key).map(|slot| slot.value);
    let value = match cached {
        Some(value) => value,
        None => {
            let Response::Word { value, gas: cost } = env.ask(Request::Load(key)).await else {
                return Err(mismatch());
            };
            gas += cost + api_gas;
            env.host().storage.load(key, value);
            value
        }
    };
    env.buy_gas(gas)?;
    env.write(to, value.as_slice())?;
    env.trace(|| (key.to_vec(), value.to_vec()));
    Ok(())
}

fn cache(caller: HostCaller<'_>, key: u32, value: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "storage_cache_bytes32")?;
    let key = env.read_word(key)?;
    let value = env.read_word(value)?;
    let gas = env.host().storage.write_gas();
    env.buy_gas(gas)?;
    env.host().storage.set(key, value);
    env.trace(|| ([key.0, value.0].concat(), vec![]));
    Ok(())
}

async fn flush(caller: HostCaller<'_>, clear: bool) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "storage_flush_cache")?;
    let gas_left = env.gas_left();
    let slots = env.host().storage.take_dirty(clear);
    if !slots.is_empty() {
        match env.ask(Request::Flush { slots, gas_left }).await {
            Response::Gas(gas) => env.buy_gas(gas)?,
            Response::OutOfGas if env.call().arbos >= 50 => return Err(env.out_of_ink()),
            Response::OutOfGas => return Err(Escape::Failure("not enough gas to flush")),
            Response::Denied => return Err(Escape::Failure("storage write in a static call")),
            _ => return Err(mismatch()),
        }
    }
    env.trace(|| (vec![u8::from(clear)], vec![]));
    Ok(())
}

async fn transient_load(caller: HostCaller<'_>, key: u32, to: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "transient_load_bytes32")?;
    env.buy_gas(TRANSIENT)?;
    let key = env.read_word(key)?;
    let Response::Word { value, .. } = env.ask(Request::TransientLoad(key)).await else {
        return Err(mismatch());
    };
    env.write(to, value.as_slice())?;
    env.trace(|| (key.to_vec(), value.to_vec()));
    Ok(())
}

async fn transient_store(caller: HostCaller<'_>, key: u32, value: u32) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "transient_store_bytes32")?;
    env.buy_gas(TRANSIENT)?;
    let key = env.read_word(key)?;
    let value = env.read_word(value)?;
    match env.ask(Request::TransientStore(key, value)).await {
        Response::Gas(_) => {}
        Response::Denied => return Err(Escape::Failure("transient write in a static call")),
        _ => return Err(mismatch()),
    }
    env.trace(|| ([key.0, value.0].concat(), vec![]));
    Ok(())
}
