//! Whether given bytes are the input or output that a manifest promises.

use serde::de::IgnoredAny;

use super::{Manifest, OutputKind};

/// Bytes that do not keep the manifest's promise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Fewer bytes than the agent takes.
    #[error("{got} bytes are fewer than the {min} that the agent takes")]
    TooShort {
        /// How many there are.
        got: u64,
        /// How many are needed.
        min: u64,
    },
    /// More bytes than the agent takes or may give.
    #[error("{got} bytes are more than the {max} allowed")]
    TooLong {
        /// How many there are.
        got: u64,
        /// How many are allowed.
        max: u64,
    },
    /// Text that is not UTF-8.
    #[error("byte {0} begins a sequence that is not UTF-8")]
    NotUtf8(usize),
    /// Not one JSON value.
    #[error("not valid JSON: {0}")]
    NotJson(String),
}

impl Manifest {
    /// Checks an input before any money moves.
    ///
    /// # Errors
    /// When its size, its encoding or its syntax is not what the manifest asks for.
    pub fn check_input(&self, input: &[u8]) -> Result<(), ContentError> {
        let got = input.len() as u64;
        if got < self.input.min_bytes {
            return Err(ContentError::TooShort { got, min: self.input.min_bytes });
        }
        if got > self.input.max_bytes {
            return Err(ContentError::TooLong { got, max: self.input.max_bytes });
        }
        let media_type = self.input.media_type.to_ascii_lowercase();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if essence == "application/json" || essence.ends_with("+json") {
            json(input)
        } else if essence.starts_with("text/") || media_type.contains("charset=utf-8") {
            utf8(input)
        } else {
            Ok(())
        }
    }

    /// Checks a result before it is settled.
    ///
    /// # Errors
    /// When it is too large, not UTF-8 or, if JSON was promised, not one JSON value.
    pub fn check_output(&self, output: &[u8]) -> Result<(), ContentError> {
        let got = output.len() as u64;
        if got > self.output.max_bytes {
            return Err(ContentError::TooLong { got, max: self.output.max_bytes });
        }
        match self.output.kind {
            OutputKind::Text => utf8(output),
            OutputKind::Json => json(output),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<(), ContentError> {
    std::str::from_utf8(bytes)
        .map(|_| ())
        .map_err(|error| ContentError::NotUtf8(error.valid_up_to()))
}

fn json(bytes: &[u8]) -> Result<(), ContentError> {
    utf8(bytes)?;
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map(|_| ())
        .map_err(|error| ContentError::NotJson(error.to_string()))
}
