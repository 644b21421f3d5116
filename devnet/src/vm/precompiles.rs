//! Precompiled contracts of a chain: Ethereum's, P256VERIFY and ArbOS's.

use std::sync::LazyLock;

use revm::{
    Database,
    context::{ContextTr, LocalContextTr},
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, CallScheme, Gas, InstructionResult, InterpreterResult},
    precompile::{Precompiles, secp256r1},
    primitives::{AddressSet, Bytes, hardfork::SpecId},
};

use super::VmContext;
use crate::{
    arbos::precompiles::{self as arbos, Stop},
    stylus::module::Rules,
};

/// Before ArbOS 50: Cancun's, and P256VERIFY at its first price.
static BEFORE_50: LazyLock<Precompiles> = LazyLock::new(|| {
    let mut all = Precompiles::cancun().clone();
    all.extend([secp256r1::P256VERIFY]);
    all
});

/// The precompiles of one ArbOS version.
#[derive(Clone, Debug)]
pub struct ArbPrecompiles {
    ethereum: EthPrecompiles,
    warm: AddressSet,
    rules: Rules,
}

impl ArbPrecompiles {
    pub(super) fn new(rules: Rules, spec: SpecId) -> Self {
        let precompiles: &'static Precompiles = match rules.arbos {
            50.. => Precompiles::osaka(),
            30..50 => &BEFORE_50,
            _ => Precompiles::cancun(),
        };
        let mut warm = precompiles.addresses_set().clone();
        warm.extend(arbos::warm_addresses());
        Self { ethereum: EthPrecompiles { precompiles, spec }, warm, rules }
    }
}

impl<DB: Database> PrecompileProvider<VmContext<'_, DB>> for ArbPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, _: SpecId) -> bool {
        false
    }

    fn run(
        &mut self,
        ctx: &mut VmContext<'_, DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let Rules { arbos, debug } = self.rules;
        if !arbos::is_precompile(inputs.bytecode_address, arbos) {
            return self.ethereum.run(ctx, inputs);
        }
        let call = arbos::Call {
            to: inputs.bytecode_address,
            input: inputs.input.bytes(ctx),
            caller: inputs.caller,
            value: inputs.value.get(),
            is_static: inputs.is_static,
            is_delegate: matches!(inputs.scheme, CallScheme::DelegateCall | CallScheme::CallCode),
            gas: inputs.gas_limit,
            depth: revm::context::JournalTr::depth(&ctx.journaled_state).saturating_sub(1),
            arbos,
            debug,
        };
        let ended = arbos::run(ctx, &call);
        let (result, output) = match ended.result {
            Ok(output) => (InstructionResult::Return, output),
            Err(Stop::Revert) => (InstructionResult::Revert, Bytes::new()),
            Err(Stop::Solidity(data)) => (InstructionResult::Revert, data.into()),
            Err(Stop::OutOfGas) => (InstructionResult::PrecompileOOG, Bytes::new()),
            Err(Stop::Hard(text)) => {
                if call.depth == 0 {
                    ctx.local_mut().set_precompile_error_context(text);
                }
                (InstructionResult::PrecompileError, Bytes::new())
            }
            Err(Stop::State(error)) => return Err(error.to_string()),
        };
        let mut gas = Gas::new(inputs.gas_limit);
        gas.set_remaining(ended.gas.min(inputs.gas_limit));
        Ok(Some(InterpreterResult { result, output, gas }))
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.warm
    }
}
