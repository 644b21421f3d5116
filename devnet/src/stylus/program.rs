//! One running program: it runs until it ends or needs something from its owner.
//!
//! The program stands on its own native stack. While it waits for an answer it is simply
//! a value, so calls between programs and contracts nest without nesting native stacks.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use wasmtime::{Global, Instance, Store, Trap, Val};

use super::{
    engine::Compiled,
    host::{CallContext, Escape, Handles, Host},
    request::{Channel, Request, Response},
    rewrite::{INK_GLOBAL, STACK_GLOBAL, STATUS_GLOBAL},
    trace::HostIos,
    validate::ENTRY,
};

/// What a program is started with.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What its host functions answer.
    pub call: CallContext,
    /// Ink to run with.
    pub ink: u64,
    /// Stack words to run with.
    pub stack: u32,
    /// Whether host calls are to be recorded.
    pub trace: bool,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Returned or exited with a status; 0 is success.
    Status(u32),
    /// Trapped or broke a host function's rules: a revert without data.
    Failure,
    /// Ran out of ink.
    OutOfInk,
    /// Ran out of stack words.
    OutOfStack,
    /// The engine itself failed.
    Engine(String),
}

/// The end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// How.
    pub exit: Exit,
    /// Ink that was left.
    pub ink: u64,
    /// What it wrote as its result.
    pub result: Vec<u8>,
}

/// What a program did last.
#[derive(Debug)]
pub enum Step {
    /// It waits for an answer.
    Ask(Request),
    /// It is over.
    Done(End),
}

/// A program that has been started.
pub struct Program {
    future: Pin<Box<dyn Future<Output = End> + Send>>,
    channel: Channel,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Prepares a start; nothing runs before the first [`Program::resume`].
    #[must_use]
    pub fn new(compiled: &Compiled, entry: Entry) -> Self {
        let channel = Channel::default();
        let future = Box::pin(run(compiled.clone(), entry, channel.clone()));
        Self { future, channel }
    }

    /// Runs until the next question or the end; `response` answers the last question.
    pub fn resume(&mut self, response: Option<Response>) -> Step {
        self.channel.with(|exchange| exchange.response = response);
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => Step::Done(end),
            Poll::Pending => match self.channel.with(|exchange| exchange.request.take()) {
                Some(request) => Step::Ask(request),
                None => Step::Done(End {
                    exit: Exit::Engine("program stopped without a request".into()),
                    ink: 0,
                    result: Vec::new(),
                }),
            },
        }
    }

    /// Host calls finished since the last time.
    pub fn take_events(&mut self) -> HostIos {
        self.channel.with(|exchange| std::mem::take(&mut exchange.events))
    }
}

async fn run(compiled: Compiled, entry: Entry, channel: Channel) -> End {
    let args = entry.call.args.len() as u32;
    let (ink, stack) = (entry.ink, entry.stack);
    let host = Host::new(entry.call, channel, entry.trace);
    let mut store = Store::new(compiled.pre.module().engine(), host);
    let returned = match instantiate(&compiled, &mut store, ink, stack).await {
        Ok(instance) => {
            if entry.trace {
                store.data().entered(args, ink);
            }
            call(instance, &mut store, args).await
        }
        Err(error) => {
            return End { exit: Exit::Engine(format!("{error:#}")), ink: 0, result: Vec::new() };
        }
    };
    finish(store, returned, entry.trace)
}

async fn instantiate(
    compiled: &Compiled,
    store: &mut Store<Host>,
    ink: u64,
    stack: u32,
) -> wasmtime::Result<Instance> {
    let instance = compiled.pre.instantiate_async(&mut *store).await?;
    let mut global = |name| {
        instance
            .get_global(&mut *store, name)
            .ok_or_else(|| wasmtime::Error::msg(format!("global {name} is missing")))
    };
    let (ink_global, status, stack_global) =
        (global(INK_GLOBAL)?, global(STATUS_GLOBAL)?, global(STACK_GLOBAL)?);
    let memory = instance
        .get_memory(&mut *store, "memory")
        .ok_or_else(|| wasmtime::Error::msg("memory is missing"))?;
    ink_global.set(&mut *store, Val::I64(ink.cast_signed()))?;
    stack_global.set(&mut *store, Val::I32(stack.cast_signed()))?;
    store.data_mut().handles =
        Some(Handles { ink: ink_global, status, stack: stack_global, memory });
    Ok(instance)
}

async fn call(instance: Instance, store: &mut Store<Host>, args: u32) -> wasmtime::Result<u32> {
    let entry = instance.get_typed_func::<u32, u32>(&mut *store, ENTRY)?;
    entry.call_async(&mut *store, args).await
}

fn finish(mut store: Store<Host>, returned: wasmtime::Result<u32>, trace: bool) -> End {
    let Some(handles) = store.data().handles else {
        let exit = Exit::Engine("program ended before it was set up".into());
        return End { exit, ink: 0, result: Vec::new() };
    };
    let mut i32_of = |global: Global| global.get(&mut store).i32().unwrap_or(0);
    let (stack, status) = (i32_of(handles.stack), i32_of(handles.status));
    let ink = handles.ink.get(&mut store).i64().unwrap_or(0).cast_unsigned();
    let exit = match returned {
        Ok(status) => Exit::Status(status),
        Err(error) => classify(&error, stack, status),
    };
    let host = store.into_data();
    if let (Exit::Status(status), true) = (&exit, trace) {
        host.returned(*status, ink);
    }
    End { exit, ink, result: host.into_result() }
}

fn classify(error: &wasmtime::Error, stack: i32, status: i32) -> Exit {
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) || stack == 0 {
        return Exit::OutOfStack;
    }
    if status != 0 {
        return Exit::OutOfInk;
    }
    match error.downcast_ref::<Escape>() {
        Some(Escape::Exit(status)) => Exit::Status(*status),
        Some(Escape::OutOfInk) => Exit::OutOfInk,
        Some(Escape::Engine(text)) => Exit::Engine((*text).into()),
        Some(Escape::Failure(_)) | None => Exit::Failure,
    }
}
