//! Owns every protection around an agent, and the checks that they really hold.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, HealthConfig, HostConfig, HostConfigLogConfig,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum, SystemInfo,
};

use super::container::Container;
use super::error::SandboxError;
use super::types::{Limits, RunSpec};

/// `nobody`: owns nothing in the image or on the host.
const USER: &str = "65534:65534";
const CPU_PERIOD_MICROS: i64 = 100_000;
/// The engine refuses less memory.
const LEAST_MEMORY: u64 = 6 << 20;
/// The kernel refuses a smaller share of the period above.
const LEAST_CPU_MILLIS: u32 = 10;
/// Bytes that the log driver may need on disk for one byte of output: every line, even an
/// empty one, is stored as a record with a time stamp.
const RECORD_OVERHEAD: u64 = 32;

/// The whole container: all of the hardening stands here and nowhere else.
pub(super) fn container(
    spec: &RunSpec,
    image: &str,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    let limits = &spec.limits;
    let host = HostConfig {
        // Nothing to reach.
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("none".to_owned()),
        // Nothing to write but a small /tmp that nothing can be run from.
        readonly_rootfs: Some(true),
        tmpfs: (limits.tmp_bytes > 0).then(|| HashMap::from([tmp(limits.tmp_bytes)])),
        // No rights, and none to be gained. The default seccomp profile stays in force.
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        privileged: Some(false),
        // Bounded use of the host.
        memory: Some(signed(limits.memory_bytes)),
        memory_swap: Some(signed(limits.memory_bytes)),
        cpu_period: Some(CPU_PERIOD_MICROS),
        cpu_quota: Some(i64::from(limits.cpu_millis) * CPU_PERIOD_MICROS / 1000),
        pids_limit: Some(i64::from(limits.pids)),
        ulimits: Some(vec![ulimit("nofile", 1024), ulimit("core", 0), ulimit("msgqueue", 0)]),
        // When the host itself runs out of memory, agents go first.
        oom_score_adj: Some(1000),
        log_config: Some(log_config(limits)),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        auto_remove: Some(false),
        init: Some(false),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(USER.to_owned()),
        hostname: Some("agent".to_owned()),
        cmd: Some(spec.args.clone()),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(labels),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        // An engine that shuts down must not let an agent end as if it were done.
        stop_signal: Some("SIGKILL".to_owned()),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

fn tmp(bytes: u64) -> (String, String) {
    let options = format!("rw,noexec,nosuid,nodev,size={bytes},nr_inodes=4096,mode=1777");
    ("/tmp".to_owned(), options)
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) }
}

/// The engine keeps the streams on disk, so that a restarted keeper can read them again. A
/// file is replaced only beyond the caps, and one replaced file is kept: what can be read
/// then is over the caps too, and the run fails instead of passing for a short one.
fn log_config(limits: &Limits) -> HostConfigLogConfig {
    let most = limits
        .output_bytes
        .saturating_add(limits.log_bytes)
        .saturating_add(1 << 20)
        .saturating_mul(RECORD_OVERHEAD);
    let options = [
        ("max-size", signed(most).to_string()),
        ("max-file", "2".to_owned()),
        ("compress", "false".to_owned()),
        // Blocking: an agent that writes faster than the disk waits, nothing is dropped.
        ("mode", "blocking".to_owned()),
    ];
    HostConfigLogConfig {
        typ: Some("local".to_owned()),
        config: Some(options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Says what is wrong with the description of a run, if anything is.
pub(super) fn check_spec(spec: &RunSpec) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if spec.job.is_empty() || spec.job.len() > 128 || !spec.job.chars().all(allowed) {
        return Err("the job's name wants 1 to 128 of a-z A-Z 0-9 _ . -".to_owned());
    }
    let limits = &spec.limits;
    let least = [
        ("memory_bytes", limits.memory_bytes, LEAST_MEMORY),
        ("cpu_millis", limits.cpu_millis.into(), LEAST_CPU_MILLIS.into()),
        ("pids", limits.pids.into(), 1),
        ("seconds", limits.seconds, 1),
    ];
    for (name, value, least) in least {
        if value < least {
            return Err(format!("{name} is {value}, less than the least possible {least}"));
        }
    }
    let broken = |text: &String| text.contains('\0');
    if spec.args.iter().any(broken) || spec.env.iter().any(|(n, v)| broken(n) || broken(v)) {
        return Err("an argument or environment variable holds a zero byte".to_owned());
    }
    if let Some((name, _)) = spec.env.iter().find(|(n, _)| n.is_empty() || n.contains('=')) {
        return Err(format!("{name:?} is no name for an environment variable"));
    }
    Ok(())
}

/// Says what the engine lacks, if it lacks any protection that agents are run with.
pub(super) fn check_engine(info: &SystemInfo) -> Result<(), String> {
    let supported = [
        (info.memory_limit, "it cannot limit memory: enable the kernel's memory cgroup controller"),
        (info.swap_limit, "it cannot limit swap: boot the kernel with swapaccount=1"),
        (info.cpu_cfs_quota, "it cannot limit CPU time: enable CFS bandwidth control"),
        (info.pids_limit, "it cannot limit processes: enable the kernel's pids cgroup controller"),
    ];
    for (answer, problem) in supported {
        if answer != Some(true) {
            return Err(problem.to_owned());
        }
    }
    if info.os_type.as_deref() != Some("linux") {
        return Err(format!("it runs {:?} containers, not linux ones", info.os_type));
    }
    let options = info.security_options.as_deref().unwrap_or_default();
    match options.iter().find(|option| option.starts_with("name=seccomp")) {
        None => Err("it has no seccomp: install a kernel and an engine that have it".to_owned()),
        Some(option) if option.contains("unconfined") => Err(
            "its default seccomp profile is unconfined: remove seccomp-profile from daemon.json"
                .to_owned(),
        ),
        Some(_) => Ok(()),
    }
}

/// Says which protection the engine accepted but did not apply, if there is one.
pub(super) fn check_container(
    asked: &ContainerCreateBody,
    given: &ContainerInspectResponse,
) -> Result<(), String> {
    let none = HostConfig::default();
    let want = asked.host_config.as_ref().unwrap_or(&none);
    let have = given.host_config.as_ref().unwrap_or(&none);
    let config = given.config.as_ref();
    let empty = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
    let same_log = have.log_config.as_ref().map(|log| (&log.typ, &log.config))
        == want.log_config.as_ref().map(|log| (&log.typ, &log.config));
    let checks = [
        ("network", have.network_mode == want.network_mode),
        ("ipc", have.ipc_mode == want.ipc_mode),
        ("read-only root", have.readonly_rootfs == want.readonly_rootfs),
        ("capabilities", have.cap_drop == want.cap_drop && empty(&have.cap_add)),
        ("privileges", have.privileged == want.privileged),
        ("security options", have.security_opt == want.security_opt),
        ("memory", have.memory == want.memory && have.memory_swap == want.memory_swap),
        ("CPU", have.cpu_quota == want.cpu_quota && have.cpu_period == want.cpu_period),
        ("pids", have.pids_limit == want.pids_limit),
        ("oom killer", have.oom_kill_disable != Some(true)),
        ("tmpfs", have.tmpfs.as_ref().filter(|t| !t.is_empty()) == want.tmpfs.as_ref()),
        ("ulimits", have.ulimits == want.ulimits),
        ("log driver", same_log),
        ("binds", empty(&have.binds) && empty(&have.volumes_from)),
        ("mounts", given.mounts.as_ref().is_none_or(Vec::is_empty)),
        ("devices", have.devices.as_ref().is_none_or(Vec::is_empty)),
        ("namespaces", own_namespaces(have)),
        ("user", config.and_then(|c| c.user.as_ref()) == asked.user.as_ref()),
        ("terminal", config.and_then(|c| c.tty) != Some(true)),
    ];
    match checks.iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(format!("it did not apply the {what} setting of the container")),
        None => Ok(()),
    }
}

/// Sees to it that every protection asked for was applied to a container just made, and that the
/// engine had no reservations.
///
/// # Errors
/// [`SandboxError::Unsafe`] if not.
pub(super) async fn check_made(
    asked: &ContainerCreateBody,
    warnings: &[String],
    container: &Container,
) -> Result<ContainerInspectResponse, SandboxError> {
    if let Some(warning) = warnings.first() {
        return Err(SandboxError::Unsafe { missing: format!("it warns: {warning}") });
    }
    let given = container.inspect().await?;
    match check_container(asked, &given) {
        Ok(()) => Ok(given),
        Err(missing) => Err(SandboxError::Unsafe { missing }),
    }
}

fn own_namespaces(host: &HostConfig) -> bool {
    [&host.pid_mode, &host.uts_mode, &host.userns_mode]
        .iter()
        .all(|mode| mode.as_deref().is_none_or(str::is_empty))
}

#[cfg(test)]
#[path = "hardening_tests.rs"]
mod tests;
