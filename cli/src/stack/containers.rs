//! Containers that a stopped keeper left behind.

use std::collections::HashMap;

use alloy::primitives::Address;
use bollard::{
    Docker,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};

/// The label under which a keeper's containers carry its smart account.
const LABEL: &str = "agentnexus.keeper";

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
