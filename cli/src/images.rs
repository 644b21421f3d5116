//! Agent images: made from a static program and loaded into the local Docker Engine.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::{ids::ImageDigest, manifest::Manifest};
use keeper::image::{AgentImage, ImageError};
use keeper::sandbox::{DockerConfig, Sandbox, SandboxError};

use crate::failure::Failure;

/// Makes the image of a static program and loads it; gives the digest to list.
pub async fn build(program: &Path, manifest: &Manifest) -> anyhow::Result<ImageDigest> {
    let image = AgentImage::from_file(program, manifest).map_err(explain)?;
    Ok(ImageDigest(image.load(None).await.map_err(explain)?))
}

/// Checks an agent's image by the keepers' own rules, short of running it: machine, entry point,
/// working directory, size, volumes, environment and the manifest's limits. `Err` within says
/// why that could not be done here.
pub async fn check(image: ImageDigest, manifest: &Manifest) -> anyhow::Result<Result<(), String>> {
    let config = DockerConfig::new(format!("publisher-{}", std::process::id()));
    let sandbox = Sandbox::connect(config).map_err(|error| Failure::Service(error.to_string()))?;
    let checked = sandbox.check_image(image.0, manifest).await;
    sandbox.settled().await;
    match checked {
        Ok(true) => Ok(Ok(())),
        Ok(false) => Ok(Err("the local Docker Engine does not have it".to_owned())),
        Err(SandboxError::ImageRefused { reason, .. }) => {
            Err(Failure::Refused(format!("no keeper could run image {image}: {reason}")).into())
        }
        Err(SandboxError::InvalidSpec { reason, .. }) => {
            Err(Failure::Refused(format!("no keeper could run this manifest: {reason}")).into())
        }
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn explain(error: ImageError) -> anyhow::Error {
    match &error {
        ImageError::Docker(_) => {
            Failure::Service(format!("{error} (scripts/setup starts it)")).into()
        }
        ImageError::Digest { .. } => Failure::Service(error.to_string()).into(),
        _ => Failure::Refused(error.to_string()).into(),
    }
}

/// The program in an agent's folder: named like the agent, or `agent`.
pub fn program_in(folder: &Path, manifest: &Manifest) -> anyhow::Result<PathBuf> {
    [manifest.name.as_str(), "agent"]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "{} holds neither a program {} nor one named agent: put the static program \
                 there, give --program FILE, or build an image yourself and publish it with \
                 --image",
                folder.display(),
                manifest.name
            )
        })
}
