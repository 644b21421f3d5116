//! Owns the finding of an agent's image by its digest, and which images are refused.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::TryStreamExt;

use super::error::{Doing, SandboxError, is_not_found};
use super::types::{DockerConfig, RunSpec};
use crate::image::rules::{self, Platform, UnfitImage};

/// Pauses between the tries to pull an image: a publisher's repository may hold up a run for
/// a moment, not for its whole time.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// The name by which the engine runs exactly this image, or `None` if it is not to be had.
pub(super) async fn resolve(
    docker: &Docker,
    platform: &Platform,
    config: &DockerConfig,
    spec: &RunSpec,
) -> Result<Option<String>, SandboxError> {
    let digest = format!("sha256:{:x}", spec.image_digest);
    let accept = |name: String, image: &ImageInspect| match rules::check_image(
        image,
        &spec.args,
        platform,
        config.max_image_bytes,
    ) {
        Ok(()) => Ok(Some(name)),
        Err(reason) => Err(SandboxError::ImageRefused { image: name, reason }),
    };
    if let Some(image) = inspect(docker, &digest).await? {
        return accept(digest, &image);
    }
    let Some(repository) = &spec.repository else { return Ok(None) };
    let name = format!("{repository}@{digest}");
    if let Some(image) = inspect(docker, &name).await? {
        return accept(name, &image);
    }
    if !allowed(&config.pull_from, repository) {
        tracing::info!(image = name, "not pulled: docker.pull_from does not name its repository");
        return Ok(None);
    }
    let pulling = pull_stubbornly(docker, repository, &digest);
    match tokio::time::timeout(config.pull_timeout, pulling).await {
        Ok(done) => done?,
        Err(_) => {
            let seconds = config.pull_timeout.as_secs();
            tracing::warn!(image = name, seconds, "not pulled in time, the run fails");
            return Ok(None);
        }
    }
    match inspect(docker, &name).await? {
        Some(image) => accept(name, &image),
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

/// Whether the operator lets images be pulled from there.
fn allowed(pull_from: &[String], repository: &str) -> bool {
    pull_from.iter().any(|prefix| {
        let rest = repository.strip_prefix(prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Pulls an image, or gives up on it: only the engine's own trouble is an error.
async fn pull_stubbornly(
    docker: &Docker,
    repository: &str,
    digest: &str,
) -> Result<(), SandboxError> {
    for pause in PAUSES.map(Some).into_iter().chain([None]) {
        let Some(message) = pull(docker, repository, digest).await? else { return Ok(()) };
        tracing::warn!(repository, digest, message, last = pause.is_none(), "image not pulled");
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => break,
        }
    }
    Ok(())
}

/// What kept the image away, if trying again may help.
async fn pull(
    docker: &Docker,
    repository: &str,
    digest: &str,
) -> Result<Option<String>, SandboxError> {
    let options = CreateImageOptionsBuilder::default().from_image(repository).tag(digest).build();
    let progress =
        docker.create_image(Some(options), None, None).try_for_each(|_| async { Ok(()) });
    match progress.await {
        Ok(()) => Ok(None),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) if is_for_others(&error) => {
            let image = format!("{repository}@{digest}");
            let reason = UnfitImage::Refused(error.to_string());
            Err(SandboxError::ImageRefused { image, reason })
        }
        Err(DockerError::DockerResponseServerError { message, .. }) => Ok(Some(message)),
        Err(DockerError::DockerStreamError { error }) => Ok(Some(error)),
        Err(error) => Err(error).doing("pulling an image"),
    }
}

/// Whether a registry answered that it has no such image, or shows it to nobody.
fn is_absent(error: &DockerError) -> bool {
    let words = ["manifest unknown", "not found", "access denied", "unauthorized"];
    is_not_found(error) || (says(error, &words) && !is_for_others(error))
}

/// Whether there is such an image, but for other machines only.
fn is_for_others(error: &DockerError) -> bool {
    says(error, &["no matching manifest", "does not match the specified platform"])
}

fn says(error: &DockerError, words: &[&str]) -> bool {
    let message = match error {
        DockerError::DockerResponseServerError { message, .. } => message,
        DockerError::DockerStreamError { error } => error,
        _ => return false,
    };
    words.iter().any(|word| message.to_lowercase().contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_operator_names_is_pulled() {
        let from = |prefixes: &[&str]| prefixes.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        let named = from(&["images.example.org/agents", "team/"]);
        for fine in ["images.example.org/agents", "images.example.org/agents/a/b", "team/agent"] {
            assert!(allowed(&named, fine), "{fine}");
        }
        let others =
            ["images.example.org/agents-evil", "images.example.org", "teams/x", "127.0.0.1:1/x"];
        for other in others {
            assert!(!allowed(&named, other), "{other}");
            assert!(!allowed(&[], other), "{other}");
        }
    }

    #[test]
    fn a_registry_without_the_image_is_told_from_one_that_is_away() {
        let says = |error: &str| DockerError::DockerStreamError { error: error.to_owned() };
        assert!(is_absent(&says("manifest unknown: manifest unknown")));
        assert!(!is_absent(&says("dial tcp: connection refused")));
        let other = says("no matching manifest for linux/amd64 in the manifest list entries");
        assert!(is_for_others(&other) && !is_absent(&other));
    }
}
