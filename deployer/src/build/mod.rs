//! From Rust sources to the bytes that stand on a chain: compile, optimise, normalise,
//! compress; nothing at all if neither the sources nor the tools have changed.

mod compile;
mod normalise;
mod optimise;
mod package;
mod report;
mod stamp;
mod toolchain;

pub use normalise::NormaliseError;
pub use package::{MAX_CODE, PREFIX};
pub use report::Report;
pub use toolchain::ToolchainError;

use crate::artifacts::{Program, Size};
use crate::command::CommandError;
use crate::workspace::Workspace;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The contracts could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No compiler that can make WASM.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The compiler made a module that Stylus would refuse.
    #[error("{program}: {source}")]
    Module {
        /// The program.
        program: &'static str,
        /// What is wrong with it.
        source: NormaliseError,
    },
    /// A program does not fit on a chain.
    #[error(
        "{program} is {size} bytes compressed, above the limit of {MAX_CODE}; \
         make it smaller or split it"
    )]
    TooLarge {
        /// The program.
        program: &'static str,
        /// Its size, bytes.
        size: usize,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BuildError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::File { path: path.to_owned(), source }
    }
}

/// Builds all programs into [`Workspace::output`], or finds them up to date there.
pub fn build(workspace: &Workspace) -> Result<Report, BuildError> {
    let toolchain = toolchain::Toolchain::find(workspace)?;
    let output = workspace.output();
    fs::create_dir_all(&output).map_err(BuildError::file(&output))?;
    let lock_path = output.join(".lock");
    let lock = File::create(&lock_path).map_err(BuildError::file(&lock_path))?;
    lock.lock().map_err(BuildError::file(&lock_path))?;

    let stamp = stamp::of(workspace, &toolchain)?;
    if let Some(sizes) = stamp::up_to_date(&output, &stamp) {
        return Ok(Report { sizes, fresh: false });
    }
    let mut sizes = Vec::new();
    for program in Program::ALL {
        tracing::info!(program = program.name(), "building");
        let compiled = compile::compile(workspace, &toolchain, program)?;
        let small = optimise::optimise(workspace, &compiled)?;
        let wasm = normalise::normalise(&small)
            .map_err(|source| BuildError::Module { program: program.name(), source })?;
        let code = package::package(&wasm);
        if code.len() > MAX_CODE {
            return Err(BuildError::TooLarge { program: program.name(), size: code.len() });
        }
        for (extension, bytes) in [("wasm", &wasm), ("code", &code)] {
            let path = output.join(program.name()).with_extension(extension);
            fs::write(&path, bytes).map_err(BuildError::file(&path))?;
        }
        sizes.push(Size { name: program.name().to_owned(), wasm: wasm.len(), code: code.len() });
    }
    stamp::record(&output, &stamp, &sizes)?;
    Ok(Report { sizes, fresh: true })
}
