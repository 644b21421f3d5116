//! The agents and texts that ship with the project, as demo and benchmark use them.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use domain::manifest::Manifest;

/// Folder of the agents' sources and manifests, from the project's root.
const AGENTS: &str = "test-fixtures/agents";
/// Folder of the shipped texts; the first one by name is the default input.
const TEXTS: &str = "test-fixtures/texts";
/// Where their static programs are built to, from a cargo target folder.
const PROGRAMS: &str = "agents/release";

/// Where the fixtures are.
#[derive(Debug, Clone)]
pub struct Fixtures {
    root: PathBuf,
}

/// One agent of the fixtures.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its static program.
    pub program: PathBuf,
}

impl Fixtures {
    /// The fixtures in the sources at `start`, or in the first folder above it that is the
    /// root of the project.
    pub fn find(start: Option<&Path>) -> anyhow::Result<Self> {
        let start = match start {
            Some(path) => std::path::absolute(path)?,
            None => env::current_dir()?,
        };
        let root = start.ancestors().find(|folder| folder.join(AGENTS).is_dir());
        let root = root.with_context(|| {
            format!("{} is not inside the project's sources: give --root DIR", start.display())
        })?;
        Ok(Self { root: root.to_owned() })
    }

    /// The root of the project's sources.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// An agent by name; its program must have been built.
    pub fn agent(&self, name: &str) -> anyhow::Result<Fixture> {
        let path = self.root.join(AGENTS).join(name).join("manifest.json");
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let manifest = Manifest::parse(&bytes).with_context(|| path.display().to_string())?;
        let folders = self.target_folders();
        let program = folders
            .iter()
            .map(|folder| folder.join(PROGRAMS).join(name))
            .find(|program| program.is_file())
            .with_context(|| {
                format!("the program of the agent {name} is not built: run scripts/build")
            })?;
        Ok(Fixture { manifest, program })
    }

    // The folder this program was built into, or what cargo is told to use.
    fn target_folders(&self) -> Vec<PathBuf> {
        let own = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.to_owned()));
        let told = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        own.into_iter().chain(told).chain([self.root.join("target")]).collect()
    }

    /// The text that ships with the project.
    pub fn text(&self) -> anyhow::Result<PathBuf> {
        let folder = self.root.join(TEXTS);
        let mut texts: Vec<PathBuf> = fs::read_dir(&folder)
            .with_context(|| format!("reading {}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
            .collect();
        texts.sort();
        texts
            .into_iter()
            .next()
            .with_context(|| format!("there is no text in {}", folder.display()))
    }
}
