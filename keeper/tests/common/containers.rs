//! The containers of a keeper, looked at from outside.

use std::collections::HashMap;

use alloy::primitives::Address;
use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};

/// Ids of all containers of the keeper with that account, running or not.
pub async fn of(account: Address) -> Vec<String> {
    let label = format!("agentnexus.keeper={account:x}");
    let filters = HashMap::from([("label".to_owned(), vec![label])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let found = docker().list_containers(Some(options)).await.expect("a Docker engine");
    found.into_iter().filter_map(|container| container.id).collect()
}

/// Removes them behind the keeper's back.
pub async fn remove_all(account: Address) {
    for id in of(account).await {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        docker().remove_container(&id, Some(options)).await.expect("it can be removed");
    }
}

fn docker() -> Docker {
    Docker::connect_with_defaults().expect("a Docker engine")
}

/// The id of the keeper's running container with that label, if there is one.
pub async fn running(account: Address, label: &str) -> Option<String> {
    let labels = vec![format!("agentnexus.keeper={account:x}"), label.to_owned()];
    let filters = HashMap::from([("label".to_owned(), labels)]);
    let options = ListContainersOptionsBuilder::default().filters(&filters).build();
    let found = docker().list_containers(Some(options)).await.expect("a Docker engine");
    found.into_iter().find_map(|container| container.id)
}
