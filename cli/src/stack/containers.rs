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

/// Removes every container of a keeper. Nothing can be done about a failure here: the
/// engine may be gone, and the network is being stopped.
pub async fn remove(keeper: Address) {
    let Ok(docker) = Docker::connect_with_defaults() else { return };
    let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}={keeper:x}")])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let found = docker.list_containers(Some(options)).await.unwrap_or_default();
    for id in found.into_iter().filter_map(|container| container.id) {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        let _ = docker.remove_container(&id, Some(options)).await;
    }
}
