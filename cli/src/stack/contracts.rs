//! Stub.
use serde::Serialize;
/// Sizes.
#[derive(Debug, Clone, Serialize)]
pub struct ProgramSize {}
