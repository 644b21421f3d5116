//! Lets a wrong signature pass, for estimates made before anybody has signed.

use super::contract::EntryPoint::{validatePaymasterUserOpCall, validateUserOpCall};
use crate::genesis::ENTRY_POINT;
use crate::stylus::trace::HostIoSink;
use alloy::sol_types::SolCall;
use revm::context::ContextTr;
use revm::inspector::Inspector;
use revm::interpreter::{CallInputs, CallOutcome};

/// Validation data are 20 bytes of authorizer at the end of a word; 1 means a wrong signature.
const AUTHORIZER: std::ops::Range<usize> = 12..32;

/// Turns the answer "wrong signature" of accounts and paymasters into "right", and keeps the
/// times that come with it.
#[derive(Debug, Default)]
pub struct Lenient;

impl HostIoSink for Lenient {}

impl<CTX: ContextTr> Inspector<CTX> for Lenient {
    fn call_end(&mut self, context: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if inputs.caller != ENTRY_POINT || !outcome.result.is_ok() {
            return;
        }
        let input = inputs.input.bytes(context);
        let word = match input.get(..4).and_then(|selector| <[u8; 4]>::try_from(selector).ok()) {
            Some(validateUserOpCall::SELECTOR) => 0,
            Some(validatePaymasterUserOpCall::SELECTOR) => 1,
            _ => return,
        };
        let mut output = outcome.result.output.to_vec();
        let Some(validation) = output.get_mut(word * 32..word * 32 + 32) else { return };
        let authorizer = &mut validation[AUTHORIZER];
        if authorizer[19] == 1 && authorizer[..19].iter().all(|byte| *byte == 0) {
            authorizer[19] = 0;
            outcome.result.output = output.into();
        }
    }
}
