//! Owns the look at an agent's program inside a container that is made but not started.

use std::io::{Cursor, Read};

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures::StreamExt;

use super::elf;
use super::rules::{Platform, UnfitImage};

/// User and group of agents.
const NOBODY: u64 = 65534;
/// Bytes of a file's archive that are read: its header, and the first of its content.
const ENOUGH: usize = 64 << 10;
/// Links that are followed.
const MOST_LINKS: usize = 16;
/// Where commands without a slash are looked for if the image has no `PATH`.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Says why the program of a container cannot be run, if that can be seen from outside.
///
/// # Errors
/// When the engine does not answer.
pub(crate) async fn find_fault(
    docker: &Docker,
    container: &ContainerInspectResponse,
    platform: &Platform,
) -> Result<Option<UnfitImage>, DockerError> {
    let (Some(id), Some(command)) = (&container.id, &container.path) else { return Ok(None) };
    let files = Files { docker, container: id };
    let mut found = None;
    for path in candidates(command, container) {
        if let Some(file) = files.find(&path).await? {
            found = Some((path, file));
            break;
        }
    }
    let Some((path, file)) = found else { return Ok(Some(UnfitImage::Absent(command.clone()))) };
    if !file.is_file {
        return Ok(Some(UnfitImage::NotAFile(path)));
    }
    if !file.is_executable() {
        return Ok(Some(UnfitImage::NotExecutable { path, mode: file.mode }));
    }
    if let Some(built_for) = elf::machine(&file.head).filter(|machine| !platform.runs(machine)) {
        let (built_for, runs) = (built_for.to_owned(), platform.architecture.clone());
        return Ok(Some(UnfitImage::Machine { path, built_for, runs }));
    }
    let Some(needs) = file.needs() else { return Ok(None) };
    match files.find(&needs).await? {
        Some(_) => Ok(None),
        None => Ok(Some(UnfitImage::Needs { path, needs })),
    }
}

/// The places where a command may lie, in the order in which they are tried.
fn candidates(command: &str, container: &ContainerInspectResponse) -> Vec<String> {
    let config = container.config.as_ref();
    let folder = config.and_then(|config| config.working_dir.as_deref()).unwrap_or_default();
    if command.contains('/') {
        return vec![join(folder, command)];
    }
    let env = config.and_then(|config| config.env.as_deref()).unwrap_or_default();
    let path = env.iter().find_map(|variable| variable.strip_prefix("PATH="));
    path.unwrap_or(USUAL_PATH).split(':').map(|place| join(place, command)).collect()
}

fn join(folder: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    format!("/{}/{path}", folder.trim_matches('/')).replace("//", "/")
}

/// The files of a container.
struct Files<'a> {
    docker: &'a Docker,
    container: &'a str,
}

impl Files<'_> {
    /// The file at the end of all links; `None` if there is none.
    async fn find(&self, path: &str) -> Result<Option<File>, DockerError> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let Some(file) = self.read(&path).await? else { return Ok(None) };
            let Some(target) = &file.link else { return Ok(Some(file)) };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            path = join(folder, target);
        }
        Ok(None)
    }

    async fn read(&self, path: &str) -> Result<Option<File>, DockerError> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut archive =
            std::pin::pin!(self.docker.download_from_container(self.container, Some(options)));
        let mut bytes = Vec::new();
        while bytes.len() < ENOUGH {
            match archive.next().await {
                Some(Ok(more)) => bytes.extend_from_slice(&more),
                Some(Err(DockerError::DockerResponseServerError { status_code: 404, .. })) => {
                    return Ok(None);
                }
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        File::first_of(&bytes).map(Some).map_err(DockerError::from)
    }
}

/// What the archive of a file says about it.
#[derive(Debug)]
struct File {
    is_file: bool,
    mode: u32,
    owner: (u64, u64),
    link: Option<String>,
    head: Vec<u8>,
}

impl File {
    /// From the beginning of an archive.
    fn first_of(archive: &[u8]) -> std::io::Result<Self> {
        let mut archive = tar::Archive::new(Cursor::new(archive));
        let nothing = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let mut entry = archive.entries()?.next().ok_or_else(nothing)??;
        let kind = entry.header().entry_type();
        let link = match entry.link_name()? {
            Some(target) if kind.is_symlink() => Some(target.to_string_lossy().into_owned()),
            _ => None,
        };
        let (mode, owner) =
            (entry.header().mode()?, (entry.header().uid()?, entry.header().gid()?));
        let mut head = Vec::new();
        // What was not read of a large file is missing: the head is all that matters.
        let _ = entry.by_ref().take(ENOUGH as u64).read_to_end(&mut head);
        Ok(Self { is_file: kind.is_file() || kind.is_hard_link(), mode, owner, link, head })
    }

    /// Whether the agents' user may run it.
    fn is_executable(&self) -> bool {
        let bit = match self.owner {
            (NOBODY, _) => 0o100,
            (_, NOBODY) => 0o010,
            _ => 0o001,
        };
        self.mode & bit != 0
    }

    /// The loader of a program, or the interpreter of a script.
    fn needs(&self) -> Option<String> {
        if let Some(line) = self.head.strip_prefix(b"#!") {
            let line = line.split(|byte| *byte == b'\n').next()?;
            let line = String::from_utf8_lossy(line);
            return line.split_whitespace().next().map(str::to_owned);
        }
        elf::interpreter(&self.head).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ContainerConfig;

    fn archive(mode: u32, owner: u64, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(0);
        header.set_size(content.len() as u64);
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_data(&mut header, "agent", content).expect("an entry");
        archive.into_inner().expect("an archive")
    }

    #[test]
    fn a_file_is_executable_for_whom_its_bits_say() {
        let executable = |mode, owner| {
            File::first_of(&archive(mode, owner, b"x")).expect("a file").is_executable()
        };
        assert!(executable(0o755, 0) && executable(0o001, 0) && executable(0o700, NOBODY));
        assert!(!executable(0o644, 0) && !executable(0o700, 0) && !executable(0o655, NOBODY));
    }

    #[test]
    fn scripts_and_programs_need_others() {
        let needs = |content: &[u8]| File::first_of(&archive(0o755, 0, content)).unwrap().needs();
        assert_eq!(needs(b"#!/bin/sh -e\necho").as_deref(), Some("/bin/sh"));
        assert_eq!(needs(b"#! /usr/bin/env python3\n").as_deref(), Some("/usr/bin/env"));
        assert_eq!(needs(&elf::tiny()), None);
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("a binary");
        // As from an engine: cut off after the first of it.
        let cut = &archive(0o755, 0, &own)[..ENOUGH];
        let loader = File::first_of(cut).expect("a file").needs().expect("a loader");
        assert!(loader.contains("ld-"), "{loader}");
    }

    #[test]
    fn a_command_is_looked_for_where_the_engine_looks() {
        let container = |folder: &str, path: Option<&str>| ContainerInspectResponse {
            config: Some(ContainerConfig {
                working_dir: Some(folder.to_owned()),
                env: path.map(|path| vec![format!("PATH={path}")]),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(candidates("/agent", &container("/x", None)), ["/agent"]);
        assert_eq!(candidates("./agent", &container("/x/", None)), ["/x/./agent"]);
        assert_eq!(candidates("bin/agent", &container("", None)), ["/bin/agent"]);
        assert_eq!(candidates("agent", &container("/", Some("/a:/b"))), ["/a/agent", "/b/agent"]);
        assert_eq!(candidates("agent", &container("/", None)).len(), 6);
    }
}
