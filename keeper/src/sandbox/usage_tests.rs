//! Figures of both versions of control groups, and of the engine.

use bollard::models::{ContainerCpuStats, ContainerCpuUsage, ContainerMemoryStats};

use super::*;

fn stats(nanos: u64, usage: u64, max_usage: Option<u64>) -> ContainerStatsResponse {
    let cpu_usage = ContainerCpuUsage { total_usage: Some(nanos), ..Default::default() };
    let memory = ContainerMemoryStats { usage: Some(usage), max_usage, ..Default::default() };
    ContainerStatsResponse {
        cpu_stats: Some(ContainerCpuStats { cpu_usage: Some(cpu_usage), ..Default::default() }),
        memory_stats: Some(memory),
        ..Default::default()
    }
}

#[test]
fn the_highest_figures_of_the_engine_stay() {
    let mut usage = Usage::default();
    note(&mut usage, &stats(5_000_000, 10, Some(90)));
    note(&mut usage, &stats(7_000_000, 120, None));
    note(&mut usage, &ContainerStatsResponse::default());
    note(&mut usage, &stats(0, 0, None));
    assert_eq!(usage, Usage { cpu_micros: 7000, peak_memory_bytes: 120 });
}

#[test]
fn version_1_groups_are_found_by_their_controllers() {
    let membership = "12:pids:/docker/c0ffee\n4:cpu,cpuacct:/docker/c0ffee\n\
        3:memory:/docker/c0ffee\n1:name=systemd:/docker/c0ffee\n0::/system.slice\n";
    let group = ControlGroup::of(membership, "c0ffee", Path::new("/r")).expect("a group");
    assert_eq!(group.cpu, Path::new("/r/cpuacct/docker/c0ffee/cpuacct.usage"));
    assert_eq!(group.memory, Path::new("/r/memory/docker/c0ffee/memory.max_usage_in_bytes"));
}

#[test]
fn version_2_groups_are_read_and_gone_files_change_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("system.slice/docker-c0ffee.scope");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("cpu.stat"), "usage_usec 4321\nuser_usec 1\n").expect("a file");
    fs::write(folder.join("memory.peak"), "8192\n").expect("a file");
    let membership = "0::/system.slice/docker-c0ffee.scope\n";
    let group = ControlGroup::of(membership, "c0ffee", root.path()).expect("a group");
    let mut usage = Usage::default();
    group.note(&mut usage);
    fs::remove_dir_all(&folder).expect("removed");
    group.note(&mut usage);
    assert_eq!(usage, Usage { cpu_micros: 4321, peak_memory_bytes: 8192 });
}

#[test]
fn the_group_of_another_process_is_not_taken() {
    let membership = "4:cpu,cpuacct:/user.slice\n3:memory:/user.slice\n0::/user.slice\n";
    assert_eq!(ControlGroup::of(membership, "c0ffee", Path::new("/r")), None);
}
