//! Owns the check of an agent's image before anybody lists or buys it: all that can be known
//! without running it, by the rules by which it will be run.

use alloy::primitives::B256;
use bytes::Bytes;
use domain::manifest::Manifest;

use super::error::SandboxError;
use super::types::{Limits, RunSpec};
use super::{Sandbox, blame, hardening, images, run};

impl Sandbox {
    /// Checks that the engine would start this image as the manifest describes it: makes its
    /// container, looks for the program in it, and removes it. `false` if the image is not here.
    ///
    /// # Errors
    /// [`SandboxError::ImageRefused`] and [`SandboxError::InvalidSpec`] say what is wrong with
    /// image and manifest; all others are the engine's.
    pub async fn check_image(
        &self,
        image: B256,
        manifest: &Manifest,
    ) -> Result<bool, SandboxError> {
        let (inner, spec) = (&self.inner, spec(image, manifest));
        hardening::check_spec(&spec)
            .map_err(|reason| SandboxError::InvalidSpec { job: spec.job.clone(), reason })?;
        let docker = inner.engine.docker().await?;
        let platform = inner.engine.platform().await?;
        let Some(image) = images::resolve(&docker, &platform, &inner.config, &spec).await? else {
            return Ok(false);
        };
        run::discard(inner, &docker, &spec.job, spec.attempt).await?;
        let container = run::create(inner, &docker, &spec, &image).await?;
        let fault = blame::seen_fault(inner, &container).await?;
        container.remove().await?;
        match fault {
            None => Ok(true),
            Some(reason) => Err(SandboxError::ImageRefused { image, reason }),
        }
    }
}

/// The run that the manifest describes, with nothing to read.
fn spec(image: B256, manifest: &Manifest) -> RunSpec {
    let limits = &manifest.limits;
    RunSpec {
        job: format!("check-{}", std::process::id()),
        attempt: 0,
        image_digest: image,
        repository: manifest.repository.clone(),
        args: manifest.args.clone(),
        env: Vec::new(),
        input: Bytes::new(),
        limits: Limits {
            seconds: limits.seconds.into(),
            silence_seconds: None,
            memory_bytes: limits.memory_bytes,
            cpu_millis: limits.cpu_millis,
            pids: limits.pids,
            tmp_bytes: limits.tmp_bytes,
            output_bytes: manifest.output.max_bytes,
            log_bytes: limits.log_bytes,
        },
    }
}
