//! Reading, overriding and checking a configuration, with errors that name the key.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// Environment variables with this beginning override keys: `NEXUS_KEEPER__CHAIN__RPC_URL`.
const PREFIX: &str = "NEXUS_KEEPER__";

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("the configuration is not valid TOML: {0}")]
    Syntax(toml::de::Error),
    /// A key is missing, unknown or of the wrong type.
    #[error("configuration key `{key}`: {problem}")]
    Key {
        /// The key, as a path from the top.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// An override names a key that cannot exist.
    #[error("environment variable {name} does not name a key: expected {PREFIX}SECTION__KEY")]
    Override {
        /// The variable.
        name: String,
    },
}

impl Config {
    /// Reads a file and the environment.
    ///
    /// # Errors
    /// When the file cannot be read, or a key is missing, unknown or makes no sense.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::from_parts(&text, variables)
    }

    /// Reads TOML without regard to the environment.
    ///
    /// # Errors
    /// When a key is missing, unknown or makes no sense.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::from_parts(text, [])
    }

    /// Reads TOML, then the overrides among `variables`.
    ///
    /// # Errors
    /// When a key is missing, unknown or makes no sense.
    pub fn from_parts(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table: Table = toml::from_str(text).map_err(ConfigError::Syntax)?;
        for (name, value) in variables {
            if let Some(path) = name.strip_prefix(PREFIX) {
                set(&mut table, &name, path, &value)?;
            }
        }
        let config: Self =
            serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
                ConfigError::Key {
                    key: error.path().to_string(),
                    problem: error.inner().to_string().trim().to_owned(),
                }
            })?;
        config.validate()?;
        Ok(config)
    }

    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// Names the first key that makes no sense.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let (chain, docker) = (&self.chain, &self.docker);
        let scheme = chain.rpc_url.scheme();
        ensure(matches!(scheme, "http" | "https"), "chain.rpc_url", || {
            format!("`{scheme}` is not polled: use http or https")
        })?;
        ensure(!chain.registry.is_zero(), "chain.registry", || "must not be zero".into())?;
        ensure(!self.account.address.is_zero(), "account.address", || "must not be zero".into())?;
        ensure(chain.poll_interval_ms >= 10, "chain.poll_interval_ms", || {
            format!("{} would flood the node: use 10 or more", chain.poll_interval_ms)
        })?;
        ensure(chain.rpc_timeout_ms >= 100, "chain.rpc_timeout_ms", || "use 100 or more".into())?;
        ensure(chain.max_reorg_depth >= 1, "chain.max_reorg_depth", || "use 1 or more".into())?;
        ensure(chain.finality_blocks <= chain.max_reorg_depth, "chain.finality_blocks", || {
            format!("must not be above chain.max_reorg_depth ({})", chain.max_reorg_depth)
        })?;
        ensure(self.api.listen.ip().is_loopback(), "api.listen", || {
            format!(
                "{} is not a loopback address, and the API has no authentication",
                self.api.listen
            )
        })?;
        ensure(docker.max_concurrent >= 1, "docker.max_concurrent", || "use 1 or more".into())?;
        ensure(docker.seconds >= 1, "docker.seconds", || "use 1 or more".into())?;
        ensure(docker.memory_bytes >= 6 << 20, "docker.memory_bytes", || {
            format!("{} is below the engine's minimum of 6 MiB", docker.memory_bytes)
        })?;
        for place in &docker.pull_from {
            let fine = !place.trim_end_matches('/').is_empty()
                && !place.contains("://")
                && !place.contains(|c: char| c.is_whitespace() || c == '@' || c == '*');
            ensure(fine, "docker.pull_from", || {
                format!("`{place}` is no repository: write images.example.org/agents")
            })?;
        }
        ensure((1..=64).contains(&self.settle.max_batch), "settle.max_batch", || {
            format!("{} is not in 1..=64", self.settle.max_batch)
        })?;
        ensure(self.settle.max_fee_per_gas > 0, "settle.max_fee_per_gas", || "use 1 or more".into())
    }
}

fn ensure(fine: bool, key: &str, problem: impl FnOnce() -> String) -> Result<(), ConfigError> {
    if fine { Ok(()) } else { Err(ConfigError::Key { key: key.into(), problem: problem() }) }
}

/// Sets `SECTION__KEY` to a value that is a number or boolean if it reads as one.
fn set(table: &mut Table, name: &str, path: &str, value: &str) -> Result<(), ConfigError> {
    let refused = || ConfigError::Override { name: name.into() };
    let path = path.to_lowercase();
    let (section, key) = path.split_once("__").ok_or_else(refused)?;
    if section.is_empty() || key.is_empty() {
        return Err(refused());
    }
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    let section = section.as_table_mut().ok_or_else(refused)?;
    section.insert(key.into(), scalar(value));
    Ok(())
}

fn scalar(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return Value::Integer(number);
    }
    text.parse::<bool>().map_or_else(|_| Value::String(text.into()), Value::Boolean)
}
