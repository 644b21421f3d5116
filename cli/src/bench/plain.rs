//! The yardstick: `docker run` of the same image with the same input.

use std::{process::Stdio, time::Instant};

use anyhow::Context as _;
use domain::ids::ImageDigest;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::failure::Failure;

/// Runs the image once with the engine's defaults; gives the milliseconds until its end.
pub async fn run(image: ImageDigest, input: &[u8]) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let mut child = Command::new("docker")
        .args(["run", "--rm", "-i", "--network", "none", &image.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting `docker run`: is the docker command installed?")?;
    let mut stdin = child.stdin.take().context("docker run has no standard input")?;
    let feed = async {
        // An agent may end before it has read everything.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    let output = output?;
    let millis = begun.elapsed().as_millis();
    if !output.status.success() || output.stdout.is_empty() {
        return Err(Failure::Service(format!(
            "docker run of {image} failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ))
        .into());
    }
    Ok(millis.try_into()?)
}
