//! Registration of methods with their params and errors converted.

use super::Node;
use super::args::Args;
use super::error::RpcResult;
use jsonrpsee::RpcModule;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::types::ErrorObjectOwned;
use serde::Serialize;

/// The methods registered so far.
pub struct Registry {
    module: RpcModule<Node>,
}

/// What registering returns.
pub type Registered = Result<(), RegisterMethodError>;

impl Registry {
    /// No methods yet.
    pub fn new(node: Node) -> Self {
        Self { module: RpcModule::new(node) }
    }

    /// Registers a method under one or several names.
    pub fn method<T, F>(
        &mut self,
        names: &[&'static str],
        method: impl Fn(Node, Args) -> F + Clone + Send + Sync + 'static,
    ) -> Registered
    where
        T: Serialize + Clone + Send + 'static,
        F: Future<Output = RpcResult<T>> + Send + 'static,
    {
        self.method_named(names, &[], method)
    }

    /// Registers a method whose params may also be an object with these fields.
    pub fn method_named<T, F>(
        &mut self,
        names: &[&'static str],
        fields: &'static [&'static str],
        method: impl Fn(Node, Args) -> F + Clone + Send + Sync + 'static,
    ) -> Registered
    where
        T: Serialize + Clone + Send + 'static,
        F: Future<Output = RpcResult<T>> + Send + 'static,
    {
        for name in names {
            let method = method.clone();
            self.module.register_async_method(name, move |params, node, _| {
                let args = Args::named(&params, fields);
                let method = method.clone();
                async move {
                    let result = match args {
                        Ok(args) => method((*node).clone(), args).await,
                        Err(error) => Err(error),
                    };
                    result.map_err(ErrorObjectOwned::from)
                }
            })?;
        }
        Ok(())
    }

    /// The module, for subscriptions.
    pub fn module(&mut self) -> &mut RpcModule<Node> {
        &mut self.module
    }

    /// All methods.
    pub fn finish(self) -> jsonrpsee::Methods {
        self.module.into()
    }
}
