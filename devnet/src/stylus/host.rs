//! The host functions, and what they share: charging ink, touching memory, asking the
//! owner of the frame, recording events.

mod account;
mod block;
mod call;
mod console;
mod frame;
mod log;
mod math;
mod storage;

use revm::primitives::{Address, B256, Bytes, U256};
use wasmtime::{Caller, Global, Linker, Memory, Val};

use super::{
    prices::prices,
    request::{Channel, Request, Response},
    trace::HostIo,
};
pub(crate) use storage::StorageCache;

/// What stays the same while a program runs.
#[derive(Clone, Debug, Default)]
pub struct CallContext {
    /// Calldata.
    pub args: Bytes,
    /// Acting account.
    pub address: Address,
    /// Sender.
    pub caller: Address,
    /// Wei sent.
    pub value: U256,
    /// Whether this frame re-enters the acting account.
    pub reentrant: bool,
    /// Sender of the transaction.
    pub origin: Address,
    /// Price per gas in wei, with the tip.
    pub gas_price: U256,
    /// Base fee per gas in wei.
    pub basefee: U256,
    /// Fee recipient.
    pub coinbase: Address,
    /// L1 block number.
    pub number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Block gas limit.
    pub gas_limit: u64,
    /// Chain id.
    pub chain_id: u64,
    /// Ink per gas.
    pub ink_price: u32,
    /// ArbOS version.
    pub arbos: u64,
}

/// Why a host function ends its program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Escape {
    /// The program asked for it.
    #[error("exit with status {0}")]
    Exit(u32),
    /// Ink ran out.
    #[error("out of ink")]
    OutOfInk,
    /// A rule was broken.
    #[error("{0}")]
    Failure(&'static str),
    /// Owner and program disagree; a bug.
    #[error("{0}")]
    Engine(&'static str),
}

/// The instance's parts that host functions touch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handles {
    pub ink: Global,
    pub status: Global,
    pub stack: Global,
    pub memory: Memory,
}

/// Data of one running program.
pub(super) struct Host {
    pub handles: Option<Handles>,
    call: CallContext,
    result: Vec<u8>,
    return_data: Bytes,
    storage: StorageCache,
    last_code: Option<(Address, Bytes)>,
    channel: Channel,
    trace: bool,
}

impl Host {
    pub fn new(call: CallContext, channel: Channel, trace: bool) -> Self {
        Self {
            handles: None,
            call,
            result: Vec::new(),
            return_data: Bytes::new(),
            storage: StorageCache::default(),
            last_code: None,
            channel,
            trace,
        }
    }

    pub fn into_result(self) -> Vec<u8> {
        self.result
    }

    fn record(&self, event: HostIo) {
        self.channel.with(|exchange| exchange.events.push(event));
    }

    /// Records the entry of the program.
    pub fn entered(&self, args: u32, ink: u64) {
        let args = args.to_be_bytes().to_vec();
        let name = "user_entrypoint";
        self.record(HostIo { name, args, outs: Vec::new(), start_ink: ink, end_ink: ink });
    }

    /// Records the program's return.
    pub fn returned(&self, status: u32, ink: u64) {
        let outs = status.to_be_bytes().to_vec();
        let name = "user_returned";
        self.record(HostIo { name, args: Vec::new(), outs, start_ink: ink, end_ink: ink });
    }
}

/// Defines all host functions.
pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    frame::add_to(linker)?;
    block::add_to(linker)?;
    math::add_to(linker)?;
    storage::add_to(linker)?;
    account::add_to(linker)?;
    call::add_to(linker)?;
    log::add_to(linker)?;
    console::add_to(linker)
}

type HostCaller<'c> = Caller<'c, Host>;

/// One host call in progress.
struct Env<'c> {
    caller: HostCaller<'c>,
    handles: Handles,
    name: &'static str,
    start_ink: u64,
}

impl<'c> Env<'c> {
    /// Starts a host call: takes its base ink and checks that the gas it needs is there.
    fn enter(caller: HostCaller<'c>, name: &'static str) -> Result<Self, Escape> {
        let mut env = Self::open(caller, name)?;
        env.need(prices().host_needs(name))?;
        Ok(env)
    }

    /// Starts a host call whose need depends on more than its name.
    fn open(mut caller: HostCaller<'c>, name: &'static str) -> Result<Self, Escape> {
        let handles = caller.data().handles.ok_or(Escape::Engine("host call before set-up"))?;
        let start_ink = ink_of(&mut caller, handles);
        let mut env = Self { caller, handles, name, start_ink };
        env.buy(prices().host_base(name))?;
        Ok(env)
    }

    fn call(&self) -> &CallContext {
        &self.caller.data().call
    }

    fn host(&mut self) -> &mut Host {
        self.caller.data_mut()
    }

    fn ink(&mut self) -> u64 {
        ink_of(&mut self.caller, self.handles)
    }

    fn price(&self) -> u64 {
        u64::from(self.call().ink_price).max(1)
    }

    fn gas_left(&mut self) -> u64 {
        self.ink() / self.price()
    }

    fn buy(&mut self, ink: u64) -> Result<(), Escape> {
        match self.ink().checked_sub(ink) {
            Some(left) => self.set(self.handles.ink, Val::I64(left.cast_signed())),
            None => Err(self.out_of_ink()),
        }
    }

    fn buy_gas(&mut self, gas: u64) -> Result<(), Escape> {
        self.buy(gas.saturating_mul(self.price()))
    }

    fn need(&mut self, gas: u64) -> Result<(), Escape> {
        if self.ink() < gas.saturating_mul(self.price()) {
            return Err(self.out_of_ink());
        }
        Ok(())
    }

    fn out_of_ink(&mut self) -> Escape {
        match self.set(self.handles.status, Val::I32(1)) {
            Ok(()) => Escape::OutOfInk,
            Err(error) => error,
        }
    }

    fn set(&mut self, global: Global, value: Val) -> Result<(), Escape> {
        global.set(&mut self.caller, value).map_err(|_| Escape::Engine("global cannot be set"))
    }

    fn read(&mut self, at: u32, len: u32) -> Result<Vec<u8>, Escape> {
        let memory = self.handles.memory.data(&self.caller);
        let start = at as usize;
        memory
            .get(start..start + len as usize)
            .map(<[u8]>::to_vec)
            .ok_or(Escape::Failure("memory access out of bounds"))
    }

    fn read_array<const N: usize>(&mut self, at: u32) -> Result<[u8; N], Escape> {
        let mut bytes = [0; N];
        self.handles
            .memory
            .read(&self.caller, at as usize, &mut bytes)
            .map_err(|_| Escape::Failure("memory access out of bounds"))?;
        Ok(bytes)
    }

    fn read_word(&mut self, at: u32) -> Result<B256, Escape> {
        self.read_array(at).map(B256::new)
    }

    fn read_u256(&mut self, at: u32) -> Result<U256, Escape> {
        self.read_array(at).map(U256::from_be_bytes::<32>)
    }

    fn read_address(&mut self, at: u32) -> Result<Address, Escape> {
        self.read_array(at).map(Address::new)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Escape> {
        self.handles
            .memory
            .write(&mut self.caller, at as usize, bytes)
            .map_err(|_| Escape::Failure("memory access out of bounds"))
    }

    fn write_u32(&mut self, at: u32, value: u32) -> Result<(), Escape> {
        self.write(at, &value.to_le_bytes())
    }

    /// Suspends the program until its owner has answered.
    async fn ask(&mut self, request: Request) -> Response {
        let channel = self.caller.data().channel.clone();
        channel.with(|exchange| exchange.request = Some(request));
        std::future::poll_fn(move |_| match channel.with(|exchange| exchange.response.take()) {
            Some(response) => std::task::Poll::Ready(response),
            None => std::task::Poll::Pending,
        })
        .await
    }

    /// Records the call for tracers; the closure gives arguments and results.
    fn trace(&mut self, parts: impl FnOnce() -> (Vec<u8>, Vec<u8>)) {
        if !self.caller.data().trace {
            return;
        }
        let end_ink = self.ink();
        let (args, outs) = parts();
        let event = HostIo { name: self.name, args, outs, start_ink: self.start_ink, end_ink };
        self.caller.data().record(event);
    }

    /// Ends a call that writes one value and has no arguments worth telling.
    fn give(&mut self, at: u32, bytes: &[u8]) -> Result<(), Escape> {
        self.write(at, bytes)?;
        self.trace(|| (Vec::new(), bytes.to_vec()));
        Ok(())
    }
}

fn ink_of(caller: &mut HostCaller<'_>, handles: Handles) -> u64 {
    handles.ink.get(caller).i64().unwrap_or(0).cast_unsigned()
}

/// The owner answered something that does not fit the question.
const fn mismatch() -> Escape {
    Escape::Engine("answer does not fit the request")
}
