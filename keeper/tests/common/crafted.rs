//! Images that no builder would make, on the real engine.

use alloy::primitives::B256;
use bollard::Docker;
use bollard::query_parameters::ImportImageOptionsBuilder;
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

/// This machine's architecture and another, as images call them.
pub const NATIVE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
pub const OTHER: &str = if cfg!(target_arch = "aarch64") { "amd64" } else { "arm64" };

/// An image with one file, `/agent`, that may break any rule.
#[derive(Clone, Copy)]
pub struct Described<'a> {
    pub architecture: &'a str,
    pub entry: &'a [&'a str],
    pub mode: u32,
    pub folder: &'a str,
    pub program: &'a [u8],
}

impl<'a> Described<'a> {
    /// One that keeps every rule.
    pub fn fine(program: &'a [u8]) -> Self {
        Self { architecture: NATIVE, entry: &["/agent"], mode: 0o755, folder: "/", program }
    }
}

/// Loads it into the engine; gives the digest to run it by.
pub async fn load(described: Described<'_>) -> B256 {
    let (digest, archive) = image_of(described);
    let docker = Docker::connect_with_defaults().expect("a Docker engine");
    let options = ImportImageOptionsBuilder::default().quiet(true).build();
    let loading = docker.import_image(options, bollard::body_full(archive.into()), None);
    loading.try_for_each(|_| async { Ok(()) }).await.expect("the engine takes the image");
    digest
}

/// Its digest and what `docker load` takes.
fn image_of(described: Described<'_>) -> (B256, Vec<u8>) {
    let sha256 = |bytes: &[u8]| format!("{:x}", B256::from_slice(&Sha256::digest(bytes)));
    let add = |archive: &mut tar::Builder<Vec<u8>>, name: &str, mode, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes).expect("an entry");
    };
    let mut layer = tar::Builder::new(Vec::new());
    add(&mut layer, "agent", described.mode, described.program);
    let mut tmp = tar::Header::new_ustar();
    tmp.set_entry_type(tar::EntryType::Directory);
    tmp.set_mode(0o1777);
    tmp.set_size(0);
    layer.append_data(&mut tmp, "tmp/", std::io::empty()).expect("a folder");
    let layer = layer.into_inner().expect("a layer");
    let config = serde_json::json!({
        "architecture": described.architecture,
        "os": "linux",
        "config": { "Entrypoint": described.entry, "WorkingDir": described.folder },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sha256(&layer))] },
    });
    let config = config.to_string().into_bytes();
    let digest = sha256(&config);
    let index = serde_json::json!([{
        "Config": format!("{digest}.json"), "RepoTags": null, "Layers": ["layer.tar"],
    }]);
    let mut archive = tar::Builder::new(Vec::new());
    add(&mut archive, &format!("{digest}.json"), 0o644, &config);
    add(&mut archive, "layer.tar", 0o644, &layer);
    add(&mut archive, "manifest.json", 0o644, index.to_string().as_bytes());
    (digest.parse().expect("a digest"), archive.into_inner().expect("an archive"))
}
