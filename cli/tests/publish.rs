//! What is checked before an agent is listed, on the real engine.

#![allow(clippy::unwrap_used, reason = "a broken test may panic")]

use cli::{failure::Failure, images, output::Output, publish};
use domain::{ids::ImageDigest, manifest::Manifest};
use keeper::image::AgentImage;

/// This machine's architecture and another, as images call them.
const NATIVE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
const OTHER: &str = if cfg!(target_arch = "aarch64") { "amd64" } else { "arm64" };

fn manifest(memory: u64) -> Manifest {
    let text = br#"{"name":"a","version":"1","description":"d",
        "input":{"mediaType":"text/plain","minBytes":1,"maxBytes":10},
        "output":{"kind":"text","maxBytes":100},
        "limits":{"seconds":5,"memoryBytes":67108864,"cpuMillis":500,"pids":8,
        "tmpBytes":0,"logBytes":100}}"#;
    let mut manifest = Manifest::parse(text).unwrap();
    manifest.limits.memory_bytes = memory;
    manifest
}

async fn image(architecture: &str) -> ImageDigest {
    let image = AgentImage::trial(architecture).unwrap().unwrap();
    ImageDigest(image.load(None).await.expect("the Docker engine takes the image"))
}

async fn refusal(image: ImageDigest, manifest: &Manifest) -> String {
    let error = publish::check_image(Output::new(false, true), image, manifest).await;
    match error.expect_err("a refusal").downcast::<Failure>().unwrap() {
        Failure::Refused(reason) => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_no_keeper_could_run_is_refused_with_what_to_do() {
    let wide = manifest(64 << 20);
    let other = refusal(image(OTHER).await, &wide).await;
    let advice = format!("docker build --platform linux/{NATIVE}");
    assert!(other.contains(&advice) && other.contains("--unchecked"), "{other}");
    let native = image(NATIVE).await;
    let narrow = refusal(native, &manifest(1 << 20)).await;
    assert!(narrow.contains("memory_bytes is 1048576"), "{narrow}");
    assert_eq!(images::check(native, &wide).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn an_image_that_is_not_here_is_listed_with_a_warning() {
    let absent = ImageDigest([0xab; 32].into());
    let unknown = images::check(absent, &manifest(64 << 20)).await.unwrap();
    let unknown = unknown.unwrap_err();
    assert!(unknown.contains("does not have it"), "{unknown}");
    let out = Output::new(false, true);
    publish::check_image(out, absent, &manifest(64 << 20)).await.unwrap();
}
