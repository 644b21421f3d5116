//! Owns the finding of an agent's image by its digest, and which images are refused.

use alloy::primitives::B256;
use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::TryStreamExt;

use super::error::{Doing, SandboxError, is_not_found};
use super::types::{DockerConfig, RunSpec};

/// The name by which the engine runs exactly this image, or `None` if it is not to be had.
pub(super) async fn resolve(
    docker: &Docker,
    config: &DockerConfig,
    spec: &RunSpec,
) -> Result<Option<String>, SandboxError> {
    let digest = format!("sha256:{:x}", spec.image_digest);
    if let Some(image) = inspect(docker, &digest).await? {
        return accept(config, digest, &image).map(Some);
    }
    let Some(repository) = &spec.repository else { return Ok(None) };
    let name = format!("{repository}@{digest}");
    if let Some(image) = inspect(docker, &name).await? {
        return accept(config, name, &image).map(Some);
    }
    if !config.allow_pull || !pull(docker, config, repository, spec.image_digest).await? {
        return Ok(None);
    }
    match inspect(docker, &name).await? {
        Some(image) => accept(config, name, &image).map(Some),
        None => Ok(None),
    }
}

async fn inspect(docker: &Docker, name: &str) -> Result<Option<ImageInspect>, SandboxError> {
    match docker.inspect_image(name).await {
        Ok(image) => Ok(Some(image)),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error).doing("inspecting an image"),
    }
}

/// True if the image is here now, false if the repository has no such image.
async fn pull(
    docker: &Docker,
    config: &DockerConfig,
    repository: &str,
    digest: B256,
) -> Result<bool, SandboxError> {
    let tag = format!("sha256:{digest:x}");
    let options = CreateImageOptionsBuilder::default().from_image(repository).tag(&tag).build();
    let progress =
        docker.create_image(Some(options), None, None).try_for_each(|_| async { Ok(()) });
    let failed =
        |message: String| SandboxError::Pull { image: format!("{repository}@{tag}"), message };
    match tokio::time::timeout(config.pull_timeout, progress).await {
        Err(_) => Err(failed(format!("not done after {} s", config.pull_timeout.as_secs()))),
        Ok(Ok(())) => Ok(true),
        Ok(Err(error)) if is_absent(&error) => Ok(false),
        Ok(Err(DockerError::DockerResponseServerError { message, .. })) => Err(failed(message)),
        Ok(Err(DockerError::DockerStreamError { error })) => Err(failed(error)),
        Ok(Err(error)) => Err(error).doing("pulling an image"),
    }
}

/// Whether a registry answered that it has no such image, or shows it to nobody.
fn is_absent(error: &DockerError) -> bool {
    let message = match error {
        error if is_not_found(error) => return true,
        DockerError::DockerResponseServerError { message, .. } => message,
        DockerError::DockerStreamError { error } => error,
        _ => return false,
    };
    ["manifest unknown", "not found", "access denied", "unauthorized"]
        .iter()
        .any(|word| message.to_lowercase().contains(word))
}

fn accept(
    config: &DockerConfig,
    name: String,
    image: &ImageInspect,
) -> Result<String, SandboxError> {
    let refuse = |reason: String| Err(SandboxError::ImageRefused { image: name.clone(), reason });
    let size = image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    if size > config.max_image_bytes {
        return refuse(format!("it has {size} bytes, more than {}", config.max_image_bytes));
    }
    let volumes = image.config.as_ref().and_then(|c| c.volumes.as_deref()).unwrap_or_default();
    if !volumes.is_empty() {
        let volumes = volumes.join(", ");
        return refuse(format!("it declares volumes ({volumes}), which would be writable"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ImageConfig;

    #[test]
    fn images_with_volumes_or_too_large_are_refused() {
        let config = DockerConfig { max_image_bytes: 100, ..DockerConfig::new("k") };
        let fine = ImageInspect { size: Some(100), ..Default::default() };
        assert!(accept(&config, "i".to_owned(), &fine).is_ok());
        let large = ImageInspect { size: Some(101), ..Default::default() };
        let image = ImageConfig { volumes: Some(vec!["/data".to_owned()]), ..Default::default() };
        let writable = ImageInspect { config: Some(image), ..Default::default() };
        for image in [large, writable] {
            let error = accept(&config, "i".to_owned(), &image).expect_err("a refusal");
            assert!(!error.is_retryable(), "{error}");
        }
    }

    #[test]
    fn a_registry_without_the_image_is_told_from_one_that_is_away() {
        let says = |error: &str| DockerError::DockerStreamError { error: error.to_owned() };
        assert!(is_absent(&says("manifest unknown: manifest unknown")));
        assert!(!is_absent(&says("dial tcp: connection refused")));
    }
}
