//! How a run can end, with the numbers that receipts carry and the names that people read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that stands for no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an outcome: expected 0 to 10")]
pub struct UnknownOutcome(pub u8);

/// How a run ended. Only [`Outcome::Ok`] pays the publisher; every other one refunds the buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Outcome {
    /// Exit code 0 and an output that keeps the manifest's promise.
    Ok = 0,
    /// The agent exited with another code than 0.
    NonZeroExit = 1,
    /// The agent ran longer than its limit and was killed.
    Timeout = 2,
    /// The agent was killed for exceeding its memory.
    OutOfMemory = 3,
    /// The result is larger than allowed.
    OutputOverCap = 4,
    /// The log is larger than allowed.
    LogOverCap = 5,
    /// The image could not be had by its digest.
    ImageMissing = 6,
    /// The input does not fit what the manifest takes.
    InputInvalid = 7,
    /// The output is not of the kind that the manifest promises.
    OutputInvalid = 8,
    /// The run was killed or failed in another way.
    Killed = 9,
    /// The image is there but can never run: made for another machine, without a program, too large.
    ImageUnusable = 10,
}

impl Outcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::NonZeroExit,
        Self::Timeout,
        Self::OutOfMemory,
        Self::OutputOverCap,
        Self::LogOverCap,
        Self::ImageMissing,
        Self::InputInvalid,
        Self::OutputInvalid,
        Self::Killed,
        Self::ImageUnusable,
    ];

    /// The number in the receipt.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether the publisher is paid.
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }

    /// The reason in words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NonZeroExit => "non-zero exit",
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out of memory",
            Self::OutputOverCap => "output over cap",
            Self::LogOverCap => "log over cap",
            Self::ImageMissing => "image missing",
            Self::InputInvalid => "input invalid",
            Self::OutputInvalid => "output invalid",
            Self::Killed => "killed",
            Self::ImageUnusable => "image unusable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl TryFrom<u8> for Outcome {
    type Error = UnknownOutcome;

    fn try_from(code: u8) -> Result<Self, UnknownOutcome> {
        Self::ALL.get(usize::from(code)).copied().ok_or(UnknownOutcome(code))
    }
}
