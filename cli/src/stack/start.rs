//! Stub.
use super::{Network, StackOptions};
use crate::output::Output;
/// X.
pub struct Stack {
    network: Network,
}
impl Stack {
    pub async fn start(_out: Output, _options: StackOptions) -> anyhow::Result<Self> {
        anyhow::bail!("x")
    }
    pub fn network(&self) -> &Network {
        &self.network
    }
    pub async fn failed(&mut self) -> anyhow::Error {
        anyhow::anyhow!("x")
    }
    pub async fn shutdown(self) {}
}
