//! Frames: a big-endian `u32` length, then that many bytes of JSON.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of JSON that a frame may hold.
pub const MAX_FRAME: usize = 1 << 20;

const HEADER: usize = 4;

/// Why a frame could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length goes beyond [`MAX_FRAME`].
    #[error("a frame of {0} bytes is over the limit of {MAX_FRAME}")]
    TooLarge(usize),
    /// The stream ended inside a frame.
    #[error("the connection ended inside a frame")]
    Truncated,
    /// The content is not the JSON that was expected.
    #[error("a frame could not be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// The bytes of one frame.
///
/// # Errors
/// When the message is larger than [`MAX_FRAME`] or cannot be written as JSON.
pub fn encode_frame<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; HEADER];
    serde_json::to_writer(&mut bytes, message)?;
    let length = checked(bytes.len() - HEADER)?;
    bytes[..HEADER].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// The message at the beginning of `bytes` and how many bytes it took; `None` if more are needed.
///
/// # Errors
/// When the announced length is over [`MAX_FRAME`] or the content is not the expected JSON.
pub fn decode_frame<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<(T, usize)>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = length(*header)?;
    let Some(content) = rest.get(..length) else { return Ok(None) };
    Ok(Some((serde_json::from_slice(content)?, HEADER + length)))
}

/// Writes one frame and flushes.
///
/// # Errors
/// As [`encode_frame`], and when the stream fails.
pub fn write_frame<T: Serialize>(writer: &mut impl Write, message: &T) -> Result<(), FrameError> {
    writer.write_all(&encode_frame(message)?)?;
    Ok(writer.flush()?)
}

/// Reads one frame; `None` when the stream ended before it began.
///
/// # Errors
/// When the frame is too large, cut short or not the expected JSON, or the stream fails.
pub fn read_frame<T: DeserializeOwned>(reader: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut header = Vec::with_capacity(HEADER);
    reader.by_ref().take(HEADER as u64).read_to_end(&mut header)?;
    if header.is_empty() {
        return Ok(None);
    }
    let length = length(*header.first_chunk().ok_or(FrameError::Truncated)?)?;
    let mut content = Vec::new();
    reader.by_ref().take(length as u64).read_to_end(&mut content)?;
    if content.len() < length {
        return Err(FrameError::Truncated);
    }
    Ok(Some(serde_json::from_slice(&content)?))
}

fn length(header: [u8; HEADER]) -> Result<usize, FrameError> {
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    checked(length).map(|_| length)
}

fn checked(length: usize) -> Result<u32, FrameError> {
    match u32::try_from(length) {
        Ok(short) if length <= MAX_FRAME => Ok(short),
        _ => Err(FrameError::TooLarge(length)),
    }
}
