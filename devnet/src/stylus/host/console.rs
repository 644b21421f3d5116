//! Debugging output of programs on debug chains; free.

use std::fmt::Display;

use wasmtime::Linker;

use super::{Env, Escape, Host, HostCaller};
use crate::stylus::validate::CONSOLE;

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(CONSOLE, "log_txt", |c: HostCaller<'_>, at: u32, len: u32| {
        let mut env = Env::enter(c, "console_log_text")?;
        let text = env.read(at, len)?;
        env.trace(|| (text.clone(), vec![]));
        tracing::info!(target: "stylus", "{}", String::from_utf8_lossy(&text));
        Ok::<_, wasmtime::Error>(())
    })?;
    linker.func_wrap(CONSOLE, "log_i32", |c: HostCaller<'_>, v: i32| Ok(log(c, v)?))?;
    linker.func_wrap(CONSOLE, "log_i64", |c: HostCaller<'_>, v: i64| Ok(log(c, v)?))?;
    linker.func_wrap(CONSOLE, "log_f32", |c: HostCaller<'_>, v: f32| Ok(log(c, v)?))?;
    linker.func_wrap(CONSOLE, "log_f64", |c: HostCaller<'_>, v: f64| Ok(log(c, v)?))?;
    linker.func_wrap(CONSOLE, "tee_i32", |v: i32| tee(v))?;
    linker.func_wrap(CONSOLE, "tee_i64", |v: i64| tee(v))?;
    linker.func_wrap(CONSOLE, "tee_f32", |v: f32| tee(v))?;
    linker.func_wrap(CONSOLE, "tee_f64", |v: f64| tee(v))?;
    Ok(())
}

fn log(caller: HostCaller<'_>, value: impl Display) -> Result<(), Escape> {
    let mut env = Env::enter(caller, "console_log")?;
    let text = value.to_string();
    tracing::info!(target: "stylus", "{text}");
    env.trace(|| (text.into_bytes(), vec![]));
    Ok(())
}

fn tee<T: Display>(value: T) -> T {
    tracing::info!(target: "stylus", "{value}");
    value
}
