//! Owns the archive that an engine loads: layer, configuration and index, byte for byte
//! the same for the same content.

use std::io;

use alloy::primitives::B256;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// Where the binary lies in the image.
const ENTRYPOINT: &str = "/agent";
/// No clock: the same content is the same image.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The image's digest and the archive to load it from. `labels` is what the image says of itself.
pub(super) fn image(
    binary: &[u8],
    architecture: &str,
    labels: Value,
    tag: &str,
) -> io::Result<(B256, Vec<u8>)> {
    let layer = layer(binary)?;
    let config = config(&layer, architecture, labels).to_string().into_bytes();
    let digest = sha256(&config);
    let config_name = format!("{digest:x}.json");
    let index = json!([{
        "Config": config_name,
        "RepoTags": [tag],
        "Layers": ["layer.tar"],
    }]);
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, &config_name, 0o644, &config)?;
    add(&mut archive, "layer.tar", 0o644, &layer)?;
    add(&mut archive, "manifest.json", 0o644, index.to_string().as_bytes())?;
    Ok((digest, archive.into_inner()?))
}

/// The binary, and the mount point that a read-only root needs.
fn layer(binary: &[u8]) -> io::Result<Vec<u8>> {
    let mut layer = Builder::new(Vec::new());
    add(&mut layer, ENTRYPOINT.trim_start_matches('/'), 0o755, binary)?;
    let mut tmp = header(0o1777, 0);
    tmp.set_entry_type(EntryType::Directory);
    layer.append_data(&mut tmp, "tmp/", io::empty())?;
    layer.into_inner()
}

fn config(layer: &[u8], architecture: &str, labels: Value) -> Value {
    json!({
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {
            "Entrypoint": [ENTRYPOINT],
            "User": "65534:65534",
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{:x}", sha256(layer))] },
        "history": [{ "created": CREATED, "created_by": "nexus agent build" }],
    })
}

fn add(archive: &mut Builder<Vec<u8>>, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
    archive.append_data(&mut header(mode, content.len() as u64), name, content)
}

/// Owned by root and without a time.
fn header(mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn sha256(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use domain::manifest::Manifest;

    use super::*;
    use crate::image::{AgentImage, elf};

    fn manifest(version: &str) -> Manifest {
        let json = json!({
            "name": "tiny", "version": version, "description": "Does nothing.",
            "input": { "mediaType": "text/plain", "minBytes": 0, "maxBytes": 1 },
            "output": { "kind": "text", "maxBytes": 1 },
            "limits": { "seconds": 1, "memoryBytes": 8 << 20, "cpuMillis": 100, "pids": 1,
                        "tmpBytes": 0, "logBytes": 1 },
        });
        serde_json::from_value(json).expect("a manifest")
    }

    fn digest(binary: &[u8], version: &str) -> B256 {
        AgentImage::assemble(binary, &manifest(version)).expect("an image").digest
    }

    #[test]
    fn the_same_content_is_the_same_image_and_other_content_another() {
        let binary = elf::tiny();
        assert_eq!(digest(&binary, "1"), digest(&binary, "1"));
        assert_ne!(digest(&binary, "1"), digest(&binary, "2"));
        let longer = [binary.clone(), vec![0]].concat();
        assert_ne!(digest(&binary, "1"), digest(&longer, "1"));
    }
}
