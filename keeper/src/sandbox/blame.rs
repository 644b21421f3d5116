//! Owns the question whose fault it is that the engine refuses a container: the image's, the
//! engine's, or nobody's for long.

use super::Inner;
use super::container::Container;
use super::error::{Doing, SandboxError};
use crate::image::program;
use crate::image::rules::{self, UnfitImage};

/// Turns a refusal of a container, made or not, into what it means. A refusal of the image is for
/// good; one of the engine, and a passing one, can be waited out.
pub(super) async fn explain(
    inner: &Inner,
    image: &str,
    container: Option<&Container>,
    error: SandboxError,
) -> SandboxError {
    let (passing, message) = match &error {
        SandboxError::Refused { status, message, .. } => {
            let gone = matches!(status, 404 | 409) && !rules::blames_image(message);
            if gone {
                return error;
            }
            (*status >= 500 && !rules::blames_image(message), message.clone())
        }
        SandboxError::Unsafe { missing } => (false, missing.clone()),
        _ => return error,
    };
    // The experiment's other half: the same protections around a program of our own.
    inner.engine.doubt();
    if let Err(of_the_engine) = inner.engine.docker().await {
        return of_the_engine;
    }
    let refused = |reason| SandboxError::ImageRefused { image: image.to_owned(), reason };
    if let Some(container) = container {
        match seen_fault(inner, container).await {
            Ok(Some(fault)) => return refused(fault),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, image, "cannot look into the image"),
        }
    }
    if passing { error } else { refused(UnfitImage::Refused(message)) }
}

/// What is wrong with the program in a container, if that can be seen.
pub(super) async fn seen_fault(
    inner: &Inner,
    container: &Container,
) -> Result<Option<UnfitImage>, SandboxError> {
    let platform = inner.engine.platform().await?;
    let made = container.inspect().await?;
    let fault = program::find_fault(&container.docker, &made, &platform).await;
    fault.doing("looking into a container")
}
