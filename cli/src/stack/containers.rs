//! The Docker Engine: whether it is there, and what a stopped keeper left in it.

use std::collections::HashMap;

use alloy::primitives::Address;
use bollard::{
    Docker,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};

use crate::failure::Failure;

/// The label under which a keeper's containers carry its smart account.
const LABEL: &str = "agentnexus.keeper";

/// Fails when the engine does not answer. A keeper waits for a stopped engine; somebody who
/// starts a network wants to know at once.
pub async fn must_answer() -> anyhow::Result<()> {
    let asked = async { Docker::connect_with_defaults()?.ping().await };
    asked.await.map(|_| ()).map_err(|error| {
        let message = format!(
            "the Docker Engine does not answer ({error}): start it (scripts/setup does), and let \
             this user reach its socket"
        );
        Failure::Service(message).into()
    })
}

/// Removes every container of a keeper; gives their number.
pub async fn remove(keeper: Address) -> Result<usize, bollard::errors::Error> {
    let docker = Docker::connect_with_defaults()?;
    let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}={keeper:x}")])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let found = docker.list_containers(Some(options)).await?;
    let mut removed = 0;
    for id in found.into_iter().filter_map(|container| container.id) {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        match docker.remove_container(&id, Some(options)).await {
            // 404 and 409: it is gone, or its keeper is removing it.
            Ok(())
            | Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => removed += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}
