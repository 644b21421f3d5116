//! Owns the making of agent images from static binaries: `FROM scratch`, one file.
//!
//! The image is put together here and only loaded by the engine, so that the same binary
//! and manifest give the same digest on every machine and every day.

mod archive;
mod elf;
pub(crate) mod program;
pub mod rules;

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use bollard::query_parameters::ImportImageOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use domain::manifest::Manifest;
use futures::TryStreamExt;
use serde_json::json;

/// How long the engine may take to begin an answer.
const ANSWER_SECONDS: u64 = 120;

/// An image that was not made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The binary cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The binary would not run in an empty image.
    #[error("{0}")]
    Unfit(#[from] elf::UnfitBinary),
    /// The parts could not be put together.
    #[error("cannot put the image together: {0}")]
    Archive(#[from] std::io::Error),
    /// The engine failed.
    #[error("the Docker engine did not take the image: {0}; is it running?")]
    Docker(#[from] bollard::errors::Error),
    /// The engine reports another image than was sent.
    #[error("the Docker engine stored the image as {stored}, which is no sha256 digest")]
    Digest {
        /// What it reports.
        stored: String,
    },
}

/// An image as it can be loaded into an engine.
#[derive(Debug, Clone)]
pub struct AgentImage {
    /// The name under which people find it; runs go by digest.
    pub tag: String,
    /// The digest under which an engine with a classic image store knows it.
    pub digest: B256,
    archive: Vec<u8>,
}

impl AgentImage {
    /// Puts the image together. No engine is needed.
    ///
    /// # Errors
    /// When the binary is not a static ELF executable.
    pub fn assemble(binary: &[u8], manifest: &Manifest) -> Result<Self, ImageError> {
        let architecture = elf::architecture(binary)?;
        let tag = format!("agentnexus/{}:{}", manifest.name, manifest.version);
        let labels = json!({
            "org.opencontainers.image.title": manifest.name,
            "org.opencontainers.image.version": manifest.version,
            "org.opencontainers.image.description": manifest.description,
        });
        let (digest, archive) = archive::image(binary, architecture, labels, &tag)?;
        Ok(Self { tag, digest, archive })
    }

    /// Puts together the image of a program of 132 bytes that ends at once with exit code 0: to
    /// see whether an engine runs anything at all. `None` for an architecture without one.
    ///
    /// # Errors
    /// Never for an architecture that is known.
    pub fn trial(architecture: &str) -> Result<Option<Self>, ImageError> {
        let Some(binary) = elf::ends_at_once(architecture) else { return Ok(None) };
        let tag = format!("agentnexus/trial:{architecture}");
        let labels = json!({ "org.opencontainers.image.title": "trial of an engine" });
        let (digest, archive) = archive::image(&binary, architecture, labels, &tag)?;
        Ok(Some(Self { tag, digest, archive }))
    }

    /// Reads the binary and puts the image together.
    ///
    /// # Errors
    /// When the file cannot be read or is not a static ELF executable.
    pub fn from_file(binary: &Path, manifest: &Manifest) -> Result<Self, ImageError> {
        let bytes = std::fs::read(binary)
            .map_err(|source| ImageError::Read { path: binary.to_owned(), source })?;
        Self::assemble(&bytes, manifest)
    }

    /// What `docker load` takes: layer, configuration and index in one archive.
    pub fn archive(&self) -> &[u8] {
        &self.archive
    }

    /// Loads the image into the engine on `socket`, or on the default one, and returns the
    /// digest to list: the one under which this engine finds it.
    ///
    /// # Errors
    /// When the engine does not answer or refuses the image.
    pub async fn load(&self, socket: Option<&str>) -> Result<B256, ImageError> {
        let docker = match socket {
            Some(path) => Docker::connect_with_unix(path, ANSWER_SECONDS, API_DEFAULT_VERSION)?,
            None => Docker::connect_with_defaults()?,
        };
        let docker = docker.negotiate_version().await?;
        let stored = self.load_into(&docker).await?;
        let digest = stored.strip_prefix("sha256:").and_then(|hex| hex.parse().ok());
        digest.ok_or(ImageError::Digest { stored })
    }

    /// Loads the image and returns the id under which the engine finds it.
    pub(crate) async fn load_into(
        &self,
        docker: &Docker,
    ) -> Result<String, bollard::errors::Error> {
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let body = body_full(self.archive.clone().into());
        docker.import_image(options, body, None).try_for_each(|_| async { Ok(()) }).await?;
        // Engines with a containerd image store go by the manifest's digest instead.
        let stored = match docker.inspect_image(&self.tag).await {
            Ok(image) => image.id,
            // Podman gives it another name.
            Err(_) => docker.inspect_image(&format!("sha256:{:x}", self.digest)).await?.id,
        };
        Ok(stored.map(with_algorithm).unwrap_or_default())
    }
}

/// Podman leaves the algorithm out.
fn with_algorithm(id: String) -> String {
    if id.contains(':') { id } else { format!("sha256:{id}") }
}

pub use elf::UnfitBinary;
