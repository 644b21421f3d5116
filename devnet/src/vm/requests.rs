//! What programs ask their frames for, answered from revm's journal with Arbitrum's prices.

use revm::{
    Database,
    context::JournalTr,
    handler::EthFrame,
    interpreter::{FrameInput, interpreter::EthInterpreter, interpreter_types::RuntimeFlag},
    primitives::{Address, B256, Log, LogData},
};

use super::{VmContext, calls, evm::FrameError, frame::acting};
use crate::{
    arbos::params::StylusParams,
    stylus::request::{Request, Response},
};

pub(super) use calls::Pending;

type Frame = EthFrame<EthInterpreter>;

/// Gas of a warm access.
pub(super) const WARM: u64 = 100;
/// Gas of a cold account.
pub(super) const COLD_ACCOUNT: u64 = 2600;
/// Gas of a cold slot.
const COLD_SLOT: u64 = 2100;
/// Gas of loading code, per maximal code size.
const CODE: u64 = 700;
/// Gas of setting a slot that was zero, and of changing one that was not.
const SET: u64 = 20_000;
const RESET: u64 = 2900;
/// Refunds: clearing a slot, restoring a zero, restoring a value.
const CLEAR_REFUND: i64 = 4800;
const RESTORE_ZERO_REFUND: i64 = 19_900;
const RESTORE_REFUND: i64 = 2800;

/// The answer to a request, or the frame that will produce it.
pub(super) enum Reply {
    Now(Response),
    Later(FrameInput, Pending),
}

/// Answers a request of the program in `frame`.
pub(super) fn handle<'a, DB: Database>(
    ctx: &mut VmContext<'a, DB>,
    frame: &mut Frame,
    request: Request,
) -> Result<Reply, FrameError<'a, DB>> {
    let is_static = frame.interpreter.runtime_flag.is_static();
    let address = acting(frame);
    Ok(Reply::Now(match request {
        Request::Load(key) => {
            let load = ctx.journaled_state.sload(address, key.into())?;
            let gas = if load.is_cold { COLD_SLOT } else { WARM };
            Response::Word { value: load.data.into(), gas }
        }
        Request::Flush { .. } | Request::TransientStore(..) | Request::Log { .. } if is_static => {
            Response::Denied
        }
        Request::Flush { slots, gas_left } => flush(ctx, frame, &slots, gas_left)?,
        Request::TransientLoad(key) => {
            let value = ctx.journaled_state.tload(address, key.into()).into();
            Response::Word { value, gas: 0 }
        }
        Request::TransientStore(key, value) => {
            ctx.journaled_state.tstore(address, key.into(), value.into());
            Response::Gas(0)
        }
        Request::Log { topics, data } => {
            let data = LogData::new_unchecked(topics, data);
            ctx.journaled_state.log(Log { address, data });
            Response::Gas(0)
        }
        Request::Balance(account) => {
            let load = ctx.journaled_state.load_account(account)?;
            let value = B256::from(load.info.balance);
            Response::Word { value, gas: touch_gas(load.is_cold) }
        }
        Request::CodeHash(account) => {
            let load = ctx.journaled_state.code_hash(account)?;
            Response::Word { value: load.data, gas: touch_gas(load.is_cold) }
        }
        Request::Code(account) => code(ctx, account)?,
        Request::AddPages(pages) => add_pages(ctx, pages)?,
        Request::Call(call) => return calls::call(ctx, frame, &call),
        Request::Create(create) => return Ok(calls::create(frame, &create)),
    }))
}

pub(super) const fn touch_gas(is_cold: bool) -> u64 {
    if is_cold { COLD_ACCOUNT } else { WARM }
}

fn code<'a, DB: Database>(
    ctx: &mut VmContext<'a, DB>,
    account: Address,
) -> Result<Response, FrameError<'a, DB>> {
    let limit = revm::context_interface::Cfg::max_code_size(&ctx.cfg) as u64;
    let load = ctx.journaled_state.code(account)?;
    let gas = CODE * (limit / 24_576) + touch_gas(load.is_cold);
    Ok(Response::Data { data: load.data, gas })
}

fn add_pages<'a, DB: Database>(
    ctx: &mut VmContext<'a, DB>,
    pages: u16,
) -> Result<Response, FrameError<'a, DB>> {
    let params =
        StylusParams::load(ctx).map_err(|error| FrameError::<'a, DB>::Custom(error.to_string()))?;
    let gas = ctx.chain.pages.cost(params.page_price(), pages);
    ctx.chain.pages.add(pages);
    Ok(Response::Gas(gas))
}

/// Stores dirty slots in order; the sum of their costs must not exceed the gas left.
fn flush<'a, DB: Database>(
    ctx: &mut VmContext<'a, DB>,
    frame: &mut Frame,
    slots: &[(B256, B256)],
    gas_left: u64,
) -> Result<Response, FrameError<'a, DB>> {
    let address = acting(frame);
    let mut total = 0u64;
    for (key, value) in slots {
        let store = ctx.journaled_state.sstore(address, (*key).into(), (*value).into())?;
        let values = &store.data;
        let (gas, refund) =
            store_cost(values.original_value, values.present_value, values.new_value);
        total += gas + if store.is_cold { COLD_SLOT } else { 0 };
        if total > gas_left {
            return Ok(Response::OutOfGas);
        }
        frame.interpreter.gas.record_refund(refund);
    }
    Ok(Response::Gas(total))
}

/// Gas and refund of storing `new` over `current`, without the cold surcharge.
fn store_cost<T: PartialEq + Default>(original: T, current: T, new: T) -> (u64, i64) {
    let zero = T::default();
    if new == current {
        return (WARM, 0);
    }
    if original == current {
        return match (original == zero, new == zero) {
            (true, _) => (SET, 0),
            (false, true) => (RESET, CLEAR_REFUND),
            (false, false) => (RESET, 0),
        };
    }
    let mut refund = 0;
    if original != zero {
        if current == zero {
            refund -= CLEAR_REFUND;
        }
        if new == zero {
            refund += CLEAR_REFUND;
        }
    }
    if new == original {
        refund += if original == zero { RESTORE_ZERO_REFUND } else { RESTORE_REFUND };
    }
    (WARM, refund)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_prices_and_refunds() {
        assert_eq!(store_cost(1, 1, 1), (100, 0));
        assert_eq!(store_cost(0, 0, 1), (20_000, 0));
        assert_eq!(store_cost(1, 1, 2), (2900, 0));
        assert_eq!(store_cost(1, 1, 0), (2900, 4800));
        assert_eq!(store_cost(1, 2, 3), (100, 0));
        assert_eq!(store_cost(1, 2, 0), (100, 4800));
        assert_eq!(store_cost(1, 0, 2), (100, -4800));
        assert_eq!(store_cost(1, 0, 1), (100, -4800 + 2800));
        assert_eq!(store_cost(1, 2, 1), (100, 2800));
        assert_eq!(store_cost(0, 1, 0), (100, 19_900));
    }
}
