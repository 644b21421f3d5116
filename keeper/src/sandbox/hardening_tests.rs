//! What the hardening asks for, and what it refuses. That it bites is shown in `tests/`.

use alloy::primitives::B256;

use super::*;

type Change<T> = fn(&mut T);

fn spec() -> RunSpec {
    RunSpec {
        job: "job-1".to_owned(),
        attempt: 1,
        image_digest: B256::ZERO,
        repository: None,
        args: vec!["--flag".to_owned()],
        env: vec![("NEXUS_JOB".to_owned(), "1".to_owned())],
        input: bytes::Bytes::new(),
        limits: Limits {
            seconds: 10,
            silence_seconds: None,
            memory_bytes: 64 << 20,
            cpu_millis: 500,
            pids: 16,
            tmp_bytes: 1 << 20,
            output_bytes: 1 << 16,
            log_bytes: 1 << 16,
        },
    }
}

fn able() -> SystemInfo {
    SystemInfo {
        memory_limit: Some(true),
        swap_limit: Some(true),
        cpu_cfs_quota: Some(true),
        pids_limit: Some(true),
        os_type: Some("linux".to_owned()),
        security_options: Some(vec!["name=seccomp,profile=default".to_owned()]),
        ..SystemInfo::default()
    }
}

/// What an engine reports that applied everything.
fn applied(body: &ContainerCreateBody) -> ContainerInspectResponse {
    ContainerInspectResponse {
        host_config: body.host_config.clone(),
        config: Some(bollard::models::ContainerConfig {
            user: body.user.clone(),
            tty: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn an_able_engine_passes_and_every_lack_is_refused() {
    assert_eq!(check_engine(&able()), Ok(()));
    let lacks: [(&str, Change<SystemInfo>); 7] = [
        ("memory", |i| i.memory_limit = Some(false)),
        ("swap", |i| i.swap_limit = None),
        ("CPU", |i| i.cpu_cfs_quota = Some(false)),
        ("processes", |i| i.pids_limit = Some(false)),
        ("linux", |i| i.os_type = Some("windows".to_owned())),
        ("seccomp", |i| i.security_options = Some(vec!["name=apparmor".to_owned()])),
        ("unconfined", |i| {
            i.security_options = Some(vec!["name=seccomp,profile=unconfined".to_owned()]);
        }),
    ];
    for (word, take_away) in lacks {
        let mut info = able();
        take_away(&mut info);
        let problem = check_engine(&info).expect_err(word);
        assert!(problem.contains(word), "{problem}");
    }
}

#[test]
fn a_setting_that_was_not_applied_is_noticed() {
    let body = container(&spec(), "sha256:00", HashMap::new());
    assert_eq!(check_container(&body, &applied(&body)), Ok(()));
    let drops: [(&str, Change<HostConfig>); 9] = [
        ("network", |h| h.network_mode = Some("bridge".to_owned())),
        ("read-only root", |h| h.readonly_rootfs = Some(false)),
        ("capabilities", |h| h.cap_add = Some(vec!["SYS_ADMIN".to_owned()])),
        ("security options", |h| h.security_opt = None),
        ("memory", |h| h.memory_swap = Some(-1)),
        ("pids", |h| h.pids_limit = None),
        ("binds", |h| h.binds = Some(vec!["/:/host".to_owned()])),
        ("log driver", |h| h.log_config = None),
        ("namespaces", |h| h.pid_mode = Some("host".to_owned())),
    ];
    for (word, drop_it) in drops {
        let mut given = applied(&body);
        drop_it(given.host_config.as_mut().expect("a host config"));
        let problem = check_container(&body, &given).expect_err(word);
        assert!(problem.contains(word), "{problem}");
    }
}

#[test]
fn without_room_for_tmp_there_is_no_tmp() {
    let mut spec = spec();
    spec.limits.tmp_bytes = 0;
    let host = container(&spec, "sha256:00", HashMap::new()).host_config.expect("a host config");
    assert_eq!(host.tmpfs, None);
}

#[test]
fn wrong_descriptions_are_refused() {
    assert_eq!(check_spec(&spec()), Ok(()));
    let wrongs: [Change<RunSpec>; 7] = [
        |s| s.job = String::new(),
        |s| s.job = "a/b".to_owned(),
        |s| s.limits.memory_bytes = 1 << 20,
        |s| s.limits.cpu_millis = 0,
        |s| s.limits.pids = 0,
        |s| s.env.push(("A=B".to_owned(), String::new())),
        |s| s.args.push("a\0b".to_owned()),
    ];
    for make_wrong in wrongs {
        let mut spec = spec();
        make_wrong(&mut spec);
        assert!(check_spec(&spec).is_err(), "{spec:?}");
    }
}
