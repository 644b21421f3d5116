//! Builds the contract programs to Stylus bytecode, exports their ABIs and puts them on a
//! chain.
//!
//! ```no_run
//! # async fn example(provider: impl alloy::providers::Provider) -> anyhow::Result<()> {
//! let workspace = deployer::Workspace::find()?;
//! deployer::build(&workspace)?;
//! let artifacts = deployer::Artifacts::load(&deployer::artifacts_dir()?)?;
//! let params = deployer::Params { owner: Default::default(), keeper_bps: 500, protocol_bps: 100 };
//! let deployment = deployer::deploy(&provider, &artifacts, &params).await?;
//! # Ok(()) }
//! ```

pub mod abi;
mod artifacts;
pub mod build;
mod command;
pub mod deploy;
mod workspace;

pub use artifacts::{Artifact, Artifacts, ArtifactsError, Program, Size, artifacts_dir};
pub use build::{BuildError, Report, build};
pub use deploy::{DeployError, Deployment, Params, deploy};
pub use workspace::{Workspace, WorkspaceError};
