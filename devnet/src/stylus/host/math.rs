//! 256-bit arithmetic; the result overwrites the first operand.

use revm::primitives::U256;
use wasmtime::Linker;

use super::{Env, Escape, Host, HostCaller};
use crate::stylus::{prices::pow_ink, validate::HOOKS};

type Binary = fn(U256, U256) -> U256;
type Modular = fn(U256, U256, U256) -> U256;

/// Operations on two numbers.
const BINARY: [(&str, Binary); 3] = [
    ("math_div", |a, b| a.checked_div(b).unwrap_or_default()),
    ("math_mod", |a, b| a.checked_rem(b).unwrap_or_default()),
    ("math_pow", |a, b| a.wrapping_pow(b)),
];

/// Operations on two numbers and a modulus.
const MODULAR: [(&str, Modular); 2] =
    [("math_add_mod", U256::add_mod), ("math_mul_mod", U256::mul_mod)];

pub(super) fn add_to(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    for (name, op) in BINARY {
        linker.func_wrap(HOOKS, name, move |c: HostCaller<'_>, a: u32, b: u32| {
            Ok(binary(Env::enter(c, name)?, op, a, b)?)
        })?;
    }
    for (name, op) in MODULAR {
        linker.func_wrap(HOOKS, name, move |c: HostCaller<'_>, a: u32, b: u32, m: u32| {
            Ok(modular(Env::enter(c, name)?, op, [a, b, m])?)
        })?;
    }
    Ok(())
}

fn binary(mut env: Env<'_>, op: Binary, first: u32, second: u32) -> Result<(), Escape> {
    let a = env.read_u256(first)?;
    let b = env.read_u256(second)?;
    if env.name == "math_pow" {
        env.buy(pow_ink(&b.to_be_bytes()))?;
    }
    let result = op(a, b);
    env.write(first, &result.to_be_bytes::<32>())?;
    env.trace(|| (words(&[a, b]), words(&[result])));
    Ok(())
}

fn modular(mut env: Env<'_>, op: Modular, at: [u32; 3]) -> Result<(), Escape> {
    let [a, b, modulus] = [env.read_u256(at[0])?, env.read_u256(at[1])?, env.read_u256(at[2])?];
    let result = op(a, b, modulus);
    env.write(at[0], &result.to_be_bytes::<32>())?;
    env.trace(|| (words(&[a, b, modulus]), words(&[result])));
    Ok(())
}

fn words(values: &[U256]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes::<32>()).collect()
}
