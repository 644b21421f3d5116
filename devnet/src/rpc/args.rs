//! Positional params of a request, read one after another.

use super::error::{RpcError, RpcResult};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{U64, U256};
use jsonrpsee::types::Params;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The params that were not read yet.
#[derive(Debug)]
pub struct Args {
    values: std::vec::IntoIter<Value>,
    read: usize,
}

impl Args {
    /// Reads a request's params: an array, or nothing.
    pub fn new(params: &Params<'_>) -> RpcResult<Self> {
        Self::parse(params.as_str(), &[])
    }

    /// Accepts also an object, whose fields are taken in the order of `names`.
    pub fn named(params: &Params<'_>, names: &[&str]) -> RpcResult<Self> {
        Self::parse(params.as_str(), names)
    }

    fn parse(text: Option<&str>, names: &[&str]) -> RpcResult<Self> {
        let value = match text {
            None | Some("") => Value::Null,
            Some(text) => {
                serde_json::from_str(text).map_err(|e| RpcError::params(e.to_string()))?
            }
        };
        let values = match value {
            Value::Null => Vec::new(),
            Value::Array(values) => values,
            Value::Object(mut fields) if !names.is_empty() => {
                names.iter().map(|name| fields.remove(*name).unwrap_or_default()).collect()
            }
            _ => return Err(RpcError::params("non-array args: params must be an array")),
        };
        Ok(Self { values: values.into_iter(), read: 0 })
    }

    /// The next param, which must be there.
    pub fn next<T: DeserializeOwned>(&mut self) -> RpcResult<T> {
        let index = self.read;
        self.optional()?
            .ok_or_else(|| RpcError::params(format!("missing value for required argument {index}")))
    }

    /// The next param, if it is there and not null.
    pub fn optional<T: DeserializeOwned>(&mut self) -> RpcResult<Option<T>> {
        let index = self.read;
        self.read += 1;
        match self.values.next() {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| RpcError::params(format!("invalid argument {index}: {error}"))),
        }
    }

    /// A block, by number, tag or hash; the latest if it is not given.
    pub fn block(&mut self) -> RpcResult<BlockId> {
        Ok(self.optional()?.unwrap_or(BlockId::Number(BlockNumberOrTag::Latest)))
    }

    /// A number, as JSON number, hex quantity or decimal string.
    pub fn number(&mut self) -> RpcResult<u64> {
        let index = self.read;
        self.optional_number()?
            .ok_or_else(|| RpcError::params(format!("missing value for required argument {index}")))
    }

    /// A number that may be absent.
    pub fn optional_number(&mut self) -> RpcResult<Option<u64>> {
        Ok(self.optional::<U64>()?.map(|number| number.to()))
    }

    /// A number of up to 256 bits.
    pub fn big(&mut self) -> RpcResult<U256> {
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_are_read_in_order_and_null_means_absent() {
        let mut args = Args::parse(Some(r#"["0x10", null, 7, "latest"]"#), &[]).unwrap();
        assert_eq!(args.number().unwrap(), 16);
        assert_eq!(args.optional_number().unwrap(), None);
        assert_eq!(args.number().unwrap(), 7);
        assert_eq!(args.block().unwrap(), BlockId::latest());
        assert_eq!(args.block().unwrap(), BlockId::latest());
        assert!(args.number().is_err());
    }

    #[test]
    fn objects_are_accepted_only_where_fields_have_names() {
        assert!(Args::parse(Some(r#"{"depth": 3}"#), &[]).is_err());
        let mut args = Args::parse(Some(r#"{"b": 1, "a": 2}"#), &["a", "b"]).unwrap();
        assert_eq!((args.number().unwrap(), args.number().unwrap()), (2, 1));
    }
}
