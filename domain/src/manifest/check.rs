//! Which values a manifest's fields may have.

use std::ops::RangeInclusive;

use super::{Manifest, ManifestError};

const MIB: u64 = 1 << 20;

/// The registry's own bound on a run's seconds.
const SECONDS: RangeInclusive<u64> = 1..=86_400;
/// Docker refuses less than 6 MiB.
const MEMORY: RangeInclusive<u64> = 6 * MIB..=1 << 40;

impl Manifest {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field with an impossible value.
    pub fn validate(&self) -> Result<(), ManifestError> {
        name(&self.name)?;
        text("version", &self.version, 1..=32)?;
        text("description", &self.description, 0..=1024)?;
        if let Some(repository) = &self.repository {
            check_repository(repository)?;
        }
        if self.args.len() > 64 {
            return Err(field("args", format!("holds {} arguments: at most 64", self.args.len())));
        }
        for arg in &self.args {
            if arg.contains('\0') {
                return Err(field("args", "holds a zero byte".into()));
            }
        }
        self.validate_sizes()
    }

    fn validate_sizes(&self) -> Result<(), ManifestError> {
        text("input.mediaType", &self.input.media_type, 3..=128)?;
        if !self.input.media_type.contains('/') {
            let problem = format!("is `{}`: expected type/subtype", self.input.media_type);
            return Err(field("input.mediaType", problem));
        }
        number("input.maxBytes", self.input.max_bytes, 0..=1 << 30)?;
        if self.input.min_bytes > self.input.max_bytes {
            let problem = format!("is {}, above input.maxBytes", self.input.min_bytes);
            return Err(field("input.minBytes", problem));
        }
        number("output.maxBytes", self.output.max_bytes, 1..=1 << 30)?;
        let limits = &self.limits;
        number("limits.seconds", limits.seconds.into(), SECONDS)?;
        number("limits.memoryBytes", limits.memory_bytes, MEMORY)?;
        number("limits.cpuMillis", limits.cpu_millis.into(), 10..=1_000_000)?;
        number("limits.pids", limits.pids.into(), 1..=1 << 20)?;
        number("limits.tmpBytes", limits.tmp_bytes, 0..=1 << 40)?;
        number("limits.logBytes", limits.log_bytes, 0..=1 << 30)
    }
}

fn name(name: &str) -> Result<(), ManifestError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    let problem = format!(
        "is `{}`: expected 1 to 64 lower-case letters, digits, `-`, `_` or `.`",
        name.escape_debug()
    );
    Err(field("name", problem))
}

/// A repository goes into an image reference: no tag, no digest, no white space, no scheme.
fn check_repository(repository: &str) -> Result<(), ManifestError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let last = repository.rsplit('/').next().unwrap_or_default();
    let parts_filled = repository.split('/').all(|part| !part.is_empty());
    if repository.len() <= 255
        && repository.chars().all(allowed)
        && parts_filled
        && !last.contains(':')
    {
        return Ok(());
    }
    let problem = format!(
        "is `{}`: expected host/path without scheme, tag or digest",
        repository.escape_debug()
    );
    Err(field("repository", problem))
}

fn text(
    name: &'static str,
    value: &str,
    length: RangeInclusive<usize>,
) -> Result<(), ManifestError> {
    if !length.contains(&value.len()) {
        let (low, high) = length.into_inner();
        let problem = format!("has {} bytes: expected {low} to {high}", value.len());
        return Err(field(name, problem));
    }
    let hidden = |c: char| c.is_control() && c != '\n';
    if value.chars().any(hidden) {
        return Err(field(name, "holds control characters".into()));
    }
    Ok(())
}

fn number(name: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<(), ManifestError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = range.into_inner();
    Err(field(name, format!("is {value}: expected {low} to {high}")))
}

fn field(field: &'static str, problem: String) -> ManifestError {
    ManifestError::Field { field, problem }
}
