//! An agent that looks for places to write, ways to run what it wrote and ways to more
//! rights, and reports every refusal on stderr.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

const FORBIDDEN: [&str; 9] = [
    "/written-by-agent",
    "/etc/written-by-agent",
    "/agent",
    "/dev/written-by-agent",
    "/dev/shm/written-by-agent",
    "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/kernel/mm/transparent_hugepage/enabled",
];

/// The argument by which a copy knows that it is one, and stops.
const COPY: &str = "--copy";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(COPY) {
        return ExitCode::SUCCESS;
    }
    report_rights();
    let mut managed = 0;
    for path in FORBIDDEN {
        managed += attempt(&format!("write {path}"), || {
            OpenOptions::new().write(true).create(true).truncate(false).open(path).map(drop)
        });
    }
    managed += attempt("list /root", || fs::read_dir("/root").map(drop));
    managed += attempt("read /etc/shadow", || fs::read("/etc/shadow").map(drop));
    managed += attempt("become root", || run("/agent", 0));
    managed += attempt("run from /tmp", run_from_tmp);
    fill_tmp();
    if managed == 0 {
        eprintln!("write-attempt: nothing worked, giving up");
        return ExitCode::from(8);
    }
    println!("write-attempt: {managed} attempts worked");
    ExitCode::SUCCESS
}

/// What the kernel says about this process.
fn report_rights() {
    let wanted = ["Uid:", "Gid:", "Groups:", "CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:"];
    match fs::read_to_string("/proc/self/status") {
        Ok(status) => {
            for line in status.lines().filter(|l| wanted.iter().any(|w| l.starts_with(w))) {
                eprintln!(
                    "write-attempt: {}",
                    line.split_whitespace().collect::<Vec<_>>().join(" ")
                );
            }
        }
        Err(error) => eprintln!("write-attempt: own status: {error}"),
    }
}

fn attempt(what: &str, act: impl FnOnce() -> io::Result<()>) -> u32 {
    match act() {
        Ok(()) => {
            eprintln!("write-attempt: {what}: WORKED");
            1
        }
        Err(error) => {
            eprintln!("write-attempt: {what}: {error}");
            0
        }
    }
}

fn run(program: &str, uid: u32) -> io::Result<()> {
    let mut child = Command::new(program)
        .arg(COPY)
        .uid(uid)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    child.wait().map(drop)
}

fn run_from_tmp() -> io::Result<()> {
    fs::copy(std::env::current_exe()?, "/tmp/copy")?;
    fs::set_permissions("/tmp/copy", Permissions::from_mode(0o755))?;
    symlink("/tmp/copy", "/tmp/link")?;
    let outcome = run("/tmp/link", 65534);
    fs::remove_file("/tmp/copy")?;
    outcome
}

/// `/tmp` may be written, up to its size.
fn fill_tmp() {
    let block = vec![1u8; 1 << 20];
    let mut written: u64 = 0;
    let ended =
        OpenOptions::new().write(true).create(true).truncate(true).open("/tmp/fill").and_then(
            |mut file| {
                // The ceiling keeps a machine without limits alive.
                while written < 1 << 30 {
                    written += file.write(&block)? as u64;
                }
                Ok(())
            },
        );
    match ended {
        Ok(()) => eprintln!("write-attempt: fill /tmp: {written} bytes and no end"),
        Err(error) => eprintln!("write-attempt: fill /tmp: {error} after {written} bytes"),
    }
}
