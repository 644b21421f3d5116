//! Errors as JSON-RPC shows them, with the codes that Ethereum clients use.

use crate::bundler::BundlerError;
use crate::chain::{CallError, LookupError, MineError, ReorgError, SubmitError, TimeError};
use crate::error::Error;
use crate::tx::TxError;
use alloy::primitives::Bytes;
use jsonrpsee::types::ErrorObjectOwned;

/// The request is no request.
pub const INVALID_REQUEST: i32 = -32600;
/// There is no such method.
pub const NO_METHOD: i32 = -32601;
/// The params do not fit the method.
pub const INVALID_PARAMS: i32 = -32602;
/// The server could not do it.
pub const SERVER: i32 = -32000;
/// A bound was hit.
pub const LIMIT: i32 = -32005;
/// A call reverted; the data are the revert data.
pub const REVERTED: i32 = 3;

/// An error object under construction.
#[derive(Debug, Clone)]
pub struct RpcError {
    code: i32,
    message: String,
    data: Option<Bytes>,
}

/// What every method returns.
pub type RpcResult<T> = Result<T, RpcError>;

impl RpcError {
    /// Something that has a code of its own.
    pub fn with_code(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The params do not fit the method.
    pub fn params(message: impl Into<String>) -> Self {
        Self { code: INVALID_PARAMS, message: message.into(), data: None }
    }

    /// The server could not do it.
    pub fn server(message: impl Into<String>) -> Self {
        Self { code: SERVER, message: message.into(), data: None }
    }

    /// A bound was hit.
    pub fn limit(message: impl Into<String>) -> Self {
        Self { code: LIMIT, message: message.into(), data: None }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        Self::owned(error.code, error.message, error.data)
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        match error {
            CallError::Reverted(data) => Self { code: REVERTED, message, data: Some(data) },
            CallError::Override(_) => Self::params(message),
            _ => Self::server(message),
        }
    }
}

impl From<BundlerError> for RpcError {
    fn from(error: BundlerError) -> Self {
        Self { code: error.code(), message: error.to_string(), data: error.data().cloned() }
    }
}

impl From<SubmitError> for RpcError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Tx(error @ TxError::Incomplete(_)) => Self::params(error.to_string()),
            error => Self::server(error.to_string()),
        }
    }
}

impl From<ReorgError> for RpcError {
    fn from(error: ReorgError) -> Self {
        match error {
            ReorgError::Tx(error) => error.into(),
            error => Self::params(error.to_string()),
        }
    }
}

impl From<TimeError> for RpcError {
    fn from(error: TimeError) -> Self {
        Self::params(error.to_string())
    }
}

macro_rules! server_errors {
    ($($error:ty),*) => {$(
        impl From<$error> for RpcError {
            fn from(error: $error) -> Self {
                Self::server(error.to_string())
            }
        }
    )*};
}

server_errors!(Error, LookupError, MineError, TxError);
