//! How numbers and hashes stand in the database.

use alloy_primitives::U256;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A wide number as 32 big-endian bytes, which compare as numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wide(pub U256);

impl Wide {
    /// The number itself.
    pub fn new(number: impl Into<u128>) -> Self {
        Self(U256::from(number.into()))
    }
}

impl ToSql for Wide {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_be_bytes::<32>().to_vec().into())
    }
}

impl FromSql for Wide {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes: [u8; 32] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(U256::from_be_bytes(bytes)))
    }
}
