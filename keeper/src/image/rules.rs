//! Owns the rules that an image must keep to be run as an agent: the keeper judges by them,
//! and publishers check by them before they list.

use bollard::models::{ImageInspect, SystemInfo};

/// Why an image can never run as an agent on this engine, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitImage {
    /// Made for another machine.
    #[error(
        "it is built for {built_for}, but the engine runs {runs}: build it with `docker build \
         --platform {runs}`"
    )]
    Platform {
        /// Operating system and architecture of the image.
        built_for: String,
        /// Operating system and architecture of the engine.
        runs: String,
    },
    /// More than is run.
    #[error("it has {bytes} bytes, more than {most}: leave out what the agent does not need")]
    TooLarge {
        /// Bytes of its unpacked layers.
        bytes: u64,
        /// Most that is run.
        most: u64,
    },
    /// Would have a place to write to.
    #[error("it declares volumes ({0}), which would be writable: remove VOLUME")]
    Volumes(String),
    /// Nothing to run.
    #[error("it has neither an entry point nor a command: add ENTRYPOINT")]
    NoEntryPoint,
    /// A variable that no process can get.
    #[error("its environment variable {0:?} has no name or holds a zero byte: correct ENV")]
    Environment(String),
    /// A folder that cannot be entered.
    #[error("its working directory {0:?} is no absolute path: correct WORKDIR")]
    WorkingDir(String),
    /// The program is not in the image.
    #[error("its entry point {0} is not in the image: correct ENTRYPOINT or add the file")]
    Absent(String),
    /// The program is a folder or a device.
    #[error("its entry point {0} is no file: correct ENTRYPOINT")]
    NotAFile(String),
    /// Nobody lets the agent's user run it.
    #[error(
        "its entry point {path} is not executable by user 65534, as whom agents run (mode \
         {mode:o}): chmod 755 it before it is copied into the image"
    )]
    NotExecutable {
        /// Where it lies.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The program itself is made for another machine, whatever the image says.
    #[error("its program {path} is built for {built_for}, but the engine runs {runs}: rebuild it")]
    Machine {
        /// Where it lies.
        path: String,
        /// Architecture of the program.
        built_for: String,
        /// Architecture of the engine.
        runs: String,
    },
    /// The program needs another that is not there.
    #[error(
        "its program {path} needs {needs}, which is not in the image: add it, or link the program \
         statically"
    )]
    Needs {
        /// Where it lies.
        path: String,
        /// The loader or interpreter.
        needs: String,
    },
    /// The engine itself refuses it, in its own words.
    #[error("the engine refuses it: {0}")]
    Refused(String),
}

/// What an engine runs, in the words that images use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Operating system.
    pub os: String,
    /// Architecture.
    pub architecture: String,
}

impl Platform {
    /// As the engine tells it.
    pub fn of(info: &SystemInfo) -> Self {
        let architecture = match info.architecture.as_deref().unwrap_or_default() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "armv7l" | "armv6l" => "arm",
            "i686" | "i386" => "386",
            other => other,
        };
        let os = info.os_type.clone().unwrap_or_default();
        Self { os, architecture: architecture.to_owned() }
    }

    /// Whether programs for that architecture run here without help.
    pub fn runs(&self, architecture: &str) -> bool {
        let pair = (self.architecture.as_str(), architecture);
        // What the engine's own matching of platforms lets pass, too.
        pair.0 == pair.1 || matches!(pair, ("amd64", "386") | ("arm64", "arm"))
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// Checks what an image says of itself. `args` are those that the manifest adds.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_image(
    image: &ImageInspect,
    args: &[String],
    platform: &Platform,
    most_bytes: u64,
) -> Result<(), UnfitImage> {
    let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let os = known(&image.os).unwrap_or_else(|| platform.os.clone());
    let architecture = known(&image.architecture).unwrap_or_else(|| platform.architecture.clone());
    if os != platform.os || !platform.runs(&architecture) {
        let built_for = format!("{os}/{architecture}");
        return Err(UnfitImage::Platform { built_for, runs: platform.to_string() });
    }
    let bytes = image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    if bytes > most_bytes {
        return Err(UnfitImage::TooLarge { bytes, most: most_bytes });
    }
    let Some(config) = &image.config else { return Ok(()) };
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let volumes = list(&config.volumes);
    if !volumes.is_empty() {
        return Err(UnfitImage::Volumes(volumes.join(", ")));
    }
    // Arguments take the place of the image's own command.
    let entry = list(&config.entrypoint);
    let command = if args.is_empty() { list(&config.cmd) } else { args.to_vec() };
    if entry.iter().chain(&command).next().is_none_or(String::is_empty) {
        return Err(UnfitImage::NoEntryPoint);
    }
    let broken = |variable: &String| variable.starts_with('=') || variable.contains('\0');
    if let Some(variable) = list(&config.env).into_iter().find(broken) {
        return Err(UnfitImage::Environment(variable));
    }
    match config.working_dir.as_deref() {
        Some(path) if !path.is_empty() && (!path.starts_with('/') || path.contains('\0')) => {
            Err(UnfitImage::WorkingDir(path.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether an engine's refusal of a container, on an engine that runs others, speaks of the
/// image. The words are those of runc, crun and the engines; nothing rests on them alone.
pub fn blames_image(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "exec: \"",
        "exec format error",
        "executable file",
        "exec container process",
        "no command specified",
        "cannot mkdir",
        "chdir to cwd",
        "layer does not exist",
        "layer not known",
        "failed to get layer",
        "does not match the specified platform",
    ]
    .iter()
    .any(|word| message.contains(word))
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
