//! The WASM engine: compiles prepared modules and keeps them, by code hash.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use revm::primitives::B256;
use wasmtime::{Config, InstancePre, Linker, Module, OptLevel};

use super::{
    disk,
    host::{self, Host},
    module::Rules,
    rewrite::Prepared,
};

/// Native stack of a program: far more than the largest MaxStackDepth can use.
const WASM_STACK: usize = 8 << 20;
/// What host functions may use on top of it.
const HOST_STACK: usize = 1 << 20;
/// 128 pages, the most a program can have.
const MEMORY: u64 = 128 << 16;
/// Compiled programs kept at once.
const CACHE: usize = 512;

/// A compiled program with its imports resolved.
#[derive(Clone)]
pub struct Compiled {
    pub(super) pre: InstancePre<Host>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

/// The engine could not be set up or refused a module that passed all checks.
#[derive(Clone, Debug, thiserror::Error)]
#[error("WASM engine: {0}")]
pub struct EngineError(String);

impl From<wasmtime::Error> for EngineError {
    fn from(error: wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// Compiler, host functions and compiled programs.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Host>,
    compiled: Mutex<HashMap<(B256, Rules), Arc<Compiled>>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("compiled", &self.compiled.lock().len()).finish()
    }
}

impl Engine {
    /// The process's engine: a program that one chain has compiled, no other compiles again.
    ///
    /// # Errors
    /// When this machine cannot run compiled WASM.
    pub fn shared() -> Result<Arc<Self>, EngineError> {
        Self::shared_with(None)
    }

    /// The same; if this is its first use, it keeps compiled programs in `folder`.
    ///
    /// # Errors
    /// When this machine cannot run compiled WASM.
    pub fn shared_with(folder: Option<&Path>) -> Result<Arc<Self>, EngineError> {
        static ENGINE: OnceLock<Result<Arc<Engine>, EngineError>> = OnceLock::new();
        ENGINE.get_or_init(|| Self::new(folder).map(Arc::new)).clone()
    }

    fn new(folder: Option<&Path>) -> Result<Self, EngineError> {
        let mut config = Config::new();
        config.cache(folder.and_then(disk::open));
        config
            .cranelift_opt_level(OptLevel::Speed)
            .max_wasm_stack(WASM_STACK)
            .async_stack_size(WASM_STACK + HOST_STACK)
            .memory_reservation(MEMORY)
            .memory_reservation_for_growth(0)
            .memory_guard_size(1 << 16)
            .memory_may_move(false)
            .memory_init_cow(false)
            .wasm_backtrace_max_frames(None);
        let engine = wasmtime::Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        host::add_to(&mut linker)?;
        Ok(Self { engine, linker, compiled: Mutex::default() })
    }

    /// A program compiled before.
    #[must_use]
    pub fn cached(&self, codehash: B256, rules: Rules) -> Option<Arc<Compiled>> {
        self.compiled.lock().get(&(codehash, rules)).cloned()
    }

    /// Compiles a prepared module and keeps it.
    ///
    /// # Errors
    /// When the compiler refuses it.
    pub fn compile(
        &self,
        codehash: B256,
        rules: Rules,
        prepared: &Prepared,
    ) -> Result<Arc<Compiled>, EngineError> {
        let module = Module::new(&self.engine, &prepared.wasm)?;
        let compiled = Arc::new(Compiled { pre: self.linker.instantiate_pre(&module)? });
        let mut cache = self.compiled.lock();
        if cache.len() >= CACHE {
            cache.clear();
        }
        cache.insert((codehash, rules), compiled.clone());
        Ok(compiled)
    }
}
