//! Images that are not here come from their repository, by digest, or the run waits or fails
//! for the right reason. The registry is a real one, of the size that one image needs.

mod sandbox_support;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use alloy::primitives::B256;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bollard::query_parameters::RemoveImageOptionsBuilder;
use keeper::sandbox::{DockerConfig, Ending, RunSpec, Sandbox, SandboxError};
use sandbox_support::{docker, image, log, spec, unread};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

type Blobs = Arc<HashMap<String, (&'static str, Vec<u8>)>>;

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

/// An agent as a registry stores it: its parts by digest, and the digest of its manifest.
fn stored(agent: &str) -> (Blobs, B256) {
    let archive = image(agent).archive().to_vec();
    let mut parts = HashMap::new();
    for entry in tar::Archive::new(archive.as_slice()).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("read");
        parts.insert(name, bytes);
    }
    let layer = parts.remove("layer.tar").expect("a layer");
    parts.remove("manifest.json").expect("an index");
    let (_, config) = parts.drain().next().expect("a configuration");
    let described = |media: &str, bytes: &[u8]| json!({ "mediaType": media, "size": bytes.len(), "digest": digest(bytes) });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, &config),
        "layers": [described(LAYER, &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let root = digest(&manifest);
    let blobs = [(MANIFEST, manifest), (CONFIG, config), (LAYER, layer)]
        .map(|(media, bytes)| (digest(&bytes), (media, bytes)));
    let number = root.trim_start_matches("sha256:").parse().expect("a digest");
    (Arc::new(HashMap::from(blobs)), number)
}

async fn blob(
    State(blobs): State<Blobs>,
    Path((_, _, digest)): Path<(String, String, String)>,
) -> Response {
    match blobs.get(&digest) {
        Some((media, bytes)) => ([(header::CONTENT_TYPE, *media)], bytes.clone()).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            axum::Json(json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }] })),
        )
            .into_response(),
    }
}

/// Serves until the test ends; returns the repository's name.
async fn registry(blobs: Blobs) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new()
        .route("/v2/", get(async || axum::Json(json!({}))))
        .route("/v2/{name}/{kind}/{digest}", get(blob))
        .with_state(blobs);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("{address}/agent")
}

async fn described(repository: &str, digest: B256) -> RunSpec {
    let mut spec = spec("summarize", "Just one sentence.").await;
    spec.image_digest = digest;
    spec.repository = Some(repository.to_owned());
    spec
}

fn sandbox(allow_pull: bool) -> Sandbox {
    let keeper = format!("pull-{allow_pull}-{}", std::process::id());
    Sandbox::connect(DockerConfig { allow_pull, ..DockerConfig::new(keeper) }).expect("a sandbox")
}

#[tokio::test]
async fn an_absent_image_is_pulled_by_digest_and_run() {
    let (blobs, digest) = stored("summarize");
    let repository = registry(blobs).await;

    let forbidden = sandbox(false);
    let output =
        forbidden.run(described(&repository, digest).await, unread(), CancellationToken::new());
    assert_eq!(output.await.expect("a verdict").ending, Ending::ImageMissing, "pulling is off");

    let allowed = sandbox(true);
    let output =
        allowed.run(described(&repository, digest).await, unread(), CancellationToken::new());
    let output = output.await.expect("a verdict");
    assert_eq!(output.ending, Ending::Success, "{}", log(&output));
    assert_eq!(output.result, "Just one sentence.\n");
    allowed.settled().await;

    let name = format!("{repository}@sha256:{digest:x}");
    let options = RemoveImageOptionsBuilder::default().force(false).build();
    docker().remove_image(&name, Some(options), None).await.expect("it was stored by digest");
}

#[tokio::test]
async fn a_registry_without_the_image_fails_the_run_for_good() {
    let (blobs, _) = stored("summarize");
    let repository = registry(blobs).await;
    let unknown = described(&repository, B256::repeat_byte(0xcd)).await;
    let output = sandbox(true).run(unknown, unread(), CancellationToken::new()).await;
    assert_eq!(output.expect("a verdict").ending, Ending::ImageMissing);
}

#[tokio::test]
async fn a_registry_that_is_away_lets_the_job_wait() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("one");
    let unreachable = described(&format!("{port}/agent"), B256::repeat_byte(0xcd)).await;
    let error = sandbox(true).run(unreachable, unread(), CancellationToken::new()).await;
    let error = error.expect_err("no verdict");
    assert!(matches!(error, SandboxError::Pull { .. }) && error.is_retryable(), "{error}");
}
