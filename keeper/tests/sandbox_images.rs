//! Images that can never run, on the real engine: told at once, from each other and from an
//! engine that is at fault, by the keeper as by a publisher who checks.

#[path = "common/crafted.rs"]
mod crafted;
#[path = "common/docker_refusals.rs"]
mod docker_refusals;
mod sandbox_support;

use alloy::primitives::B256;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, ListContainersOptionsBuilder};
use crafted::{Described, NATIVE, OTHER, load};
use docker_refusals::{Refusal, RefusingEngine};
use keeper::image::rules::UnfitImage;
use keeper::sandbox::{DockerConfig, Ending, RunSpec, Sandbox, SandboxError};
use sandbox_support::{binary, containers, docker, manifest, sandbox, spec, unread};
use tokio_util::sync::CancellationToken;

async fn spec_of(described: Described<'_>) -> RunSpec {
    RunSpec { image_digest: load(described).await, ..spec("exit-nonzero", "").await }
}

/// What keeper and publisher say of such an image: the same.
async fn refusal(described: Described<'_>) -> UnfitImage {
    let spec = spec_of(described).await;
    let (sandbox, keeper) = sandbox();
    let checked = sandbox.check_image(spec.image_digest, &manifest("exit-nonzero")).await;
    let ran = sandbox.run(spec, unread(), CancellationToken::new()).await;
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty(), "a container is left");
    sandbox.ping().await.expect("the engine is not to blame");
    let reason = |error: SandboxError| {
        assert!(!error.is_retryable(), "{error}");
        match error {
            SandboxError::ImageRefused { reason, .. } => reason,
            other => panic!("{other}"),
        }
    };
    let (ran, checked) = (reason(ran.expect_err("no run")), reason(checked.expect_err("no pass")));
    // Only one of them looks for the program before the engine does.
    let same = matches!(checked, UnfitImage::Machine { .. } | UnfitImage::Needs { .. });
    assert!(same || ran == checked, "{ran} and {checked}");
    ran
}

#[tokio::test]
async fn a_fine_image_passes_the_check_and_an_absent_one_cannot_be_checked() {
    let (sandbox, keeper) = sandbox();
    let fine = spec("exit-nonzero", "").await.image_digest;
    let manifest = manifest("exit-nonzero");
    assert!(sandbox.check_image(fine, &manifest).await.expect("no fault"));
    let absent = B256::repeat_byte(0xab);
    assert!(!sandbox.check_image(absent, &manifest).await.expect("no fault"));
    sandbox.settled().await;
    assert!(containers(&keeper).await.is_empty());
}

#[tokio::test]
async fn an_image_for_another_machine_is_refused_and_the_engine_is_fine() {
    let program = binary("exit-nonzero");
    let other = Described { architecture: OTHER, ..Described::fine(&program) };
    let reason = refusal(other).await;
    let UnfitImage::Platform { built_for, .. } = &reason else { panic!("{reason:?}") };
    assert_eq!(*built_for, format!("linux/{OTHER}"));
    assert!(reason.to_string().contains(&format!("--platform linux/{NATIVE}")), "{reason}");
}

/// Whether a refusal is the expected one.
type Expected = fn(&UnfitImage) -> bool;

#[tokio::test]
async fn an_entry_point_that_is_missing_or_cannot_be_run_is_refused() {
    let program = binary("exit-nonzero");
    let fine = Described::fine(&program);
    let cases: [(Described<'_>, Expected); 5] = [
        (Described { entry: &["/nowhere"], ..fine }, |r| matches!(r, UnfitImage::Absent(_))),
        (Described { entry: &["nowhere"], ..fine }, |r| matches!(r, UnfitImage::Absent(_))),
        (Described { entry: &["/tmp"], ..fine }, |r| matches!(r, UnfitImage::NotAFile(_))),
        (Described { mode: 0o644, ..fine }, |r| matches!(r, UnfitImage::NotExecutable { .. })),
        (Described { entry: &[], ..fine }, |r| matches!(r, UnfitImage::NoEntryPoint)),
    ];
    for (image, expected) in cases {
        let reason = refusal(image).await;
        assert!(expected(&reason), "{reason:?}");
    }
}

#[tokio::test]
async fn a_working_directory_that_cannot_be_entered_is_refused() {
    let program = binary("exit-nonzero");
    let relative = refusal(Described { folder: "data", ..Described::fine(&program) }).await;
    assert!(matches!(relative, UnfitImage::WorkingDir(_)), "{relative:?}");
    let file = refusal(Described { folder: "/agent", ..Described::fine(&program) }).await;
    assert!(
        matches!(&file, UnfitImage::Refused(why) if why.contains("not a directory")),
        "{file:?}"
    );
}

#[tokio::test]
async fn a_program_for_another_machine_or_without_its_loader_is_seen_before_it_is_listed() {
    let (sandbox, _) = sandbox();
    let mut other = binary("exit-nonzero");
    other[18] = if NATIVE == "amd64" { 183 } else { 62 };
    let dynamic = std::fs::read(std::env::current_exe().expect("a path")).expect("a binary");
    let script = b"#!/bin/nowhere\n".to_vec();
    let cases: [(&[u8], Expected); 3] = [
        (&other, |r| matches!(r, UnfitImage::Machine { built_for, .. } if built_for == OTHER)),
        (&dynamic, |r| matches!(r, UnfitImage::Needs { needs, .. } if needs.contains("ld-"))),
        (&script, |r| matches!(r, UnfitImage::Needs { needs, .. } if needs == "/bin/nowhere")),
    ];
    for (program, expected) in cases {
        let digest = load(Described::fine(program)).await;
        match sandbox.check_image(digest, &manifest("exit-nonzero")).await {
            Err(SandboxError::ImageRefused { reason, .. }) => {
                assert!(expected(&reason), "{reason:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_the_manifest_cannot_have_is_seen_before_it_is_listed() {
    let (sandbox, _) = sandbox();
    let mut small = manifest("exit-nonzero");
    small.limits.memory_bytes = 1 << 20;
    let image = spec("exit-nonzero", "").await.image_digest;
    let error = sandbox.check_image(image, &small).await.expect_err("a refusal");
    assert!(matches!(error, SandboxError::InvalidSpec { .. }), "{error}");
}

fn behind(engine: &RefusingEngine, keeper: &str) -> Sandbox {
    let socket = Some(engine.socket.clone());
    let config = DockerConfig { socket, ..DockerConfig::new(keeper) };
    Sandbox::connect(config).expect("a sandbox")
}

/// What Podman 4.3 answers through Docker's API to the protections of an agent.
const REFUSALS: [Refusal; 4] = [
    Refusal {
        request: "/containers/create",
        status: 500,
        message: "container create: unknown mount option \"nr_inodes=4096\": invalid mount option",
    },
    Refusal {
        request: "/containers/create",
        status: 500,
        message: "container create: running container create option: invalid log driver: invalid \
                  argument",
    },
    Refusal {
        request: "/start",
        status: 500,
        message: "runc: runc create failed: unable to start container process: error during \
                  container init: error setting rlimits for ready process: error setting rlimit \
                  type 6: operation not permitted: OCI permission denied",
    },
    Refusal { request: "/containers/create", status: 400, message: "unsupported option: ulimits" },
];

#[tokio::test]
async fn an_engine_that_refuses_the_protections_is_found_out_before_any_run() {
    for refusal in REFUSALS {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = RefusingEngine::start(&folder.path().join("d.sock"), Some(refusal.clone()));
        let keeper = format!("refused-{}-{}", refusal.status, std::process::id());
        let sandbox = behind(&engine, &keeper);
        let error = sandbox.ping().await.expect_err("an unfit engine");
        assert!(matches!(error, SandboxError::Unsafe { .. }), "{error}");
        assert!(error.is_retryable() && error.to_string().contains(refusal.message), "{error}");

        // Asking again, for a run or otherwise, does not try the engine again at once.
        let tries = engine.refused();
        let mut job = spec("exit-nonzero", "").await;
        job.job = "the-job".to_owned();
        let run = sandbox.run(job.clone(), unread(), CancellationToken::new()).await;
        assert!(matches!(run, Err(SandboxError::Unsafe { .. })), "{run:?}");
        assert!(sandbox.never_began("the-job", 1), "the attempt is not used up");
        assert_eq!(engine.refused(), tries);

        // Mended, it is found out, too.
        engine.refuse(None);
        sandbox_support::until("the engine is tried again", || async {
            sandbox.ping().await.is_ok()
        })
        .await;
        let output = sandbox.run(job, unread(), CancellationToken::new()).await;
        assert_eq!(output.expect("a verdict").ending, Ending::NonZeroExit(3));
        assert!(!sandbox.never_began("the-job", 1));
        sandbox.settled().await;
        assert!(containers(&keeper).await.is_empty());
    }
}

#[tokio::test]
async fn a_passing_failure_of_the_engine_uses_up_no_attempt_and_blames_no_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = RefusingEngine::start(&folder.path().join("d.sock"), None);
    let keeper = format!("passing-{}", std::process::id());
    let sandbox = behind(&engine, &keeper);
    sandbox.ping().await.expect("a fit engine");
    engine.refuse(Some(Refusal {
        request: "/containers/create",
        status: 500,
        message: "mkdir /var/lib/docker/overlay2/0: no space left on device",
    }));
    let mut job = spec("exit-nonzero", "").await;
    job.job = "the-job".to_owned();
    let error = sandbox.run(job.clone(), unread(), CancellationToken::new()).await;
    let error = error.expect_err("no verdict");
    assert!(error.is_retryable() && matches!(error, SandboxError::Refused { .. }), "{error}");
    assert!(sandbox.never_began("the-job", 1));
    engine.refuse(None);
    let output = sandbox.run(job, unread(), CancellationToken::new()).await.expect("a verdict");
    assert_eq!(output.ending, Ending::NonZeroExit(3));
}

#[tokio::test]
async fn a_trial_of_the_engine_leaves_nothing_and_what_a_killed_keeper_left_is_swept() {
    let (sandbox, keeper) = sandbox();
    sandbox.ping().await.expect("a fit engine");
    sandbox.settled().await;
    let trials = async || {
        let label = format!("agentnexus.trial={keeper}");
        let filters = std::collections::HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        docker().list_containers(Some(options)).await.expect("a Docker engine").len()
    };
    assert_eq!(trials().await, 0);
    let body = ContainerCreateBody {
        image: Some(format!("sha256:{:x}", spec("exit-nonzero", "").await.image_digest)),
        labels: Some(
            [
                ("trial", keeper.as_str()),
                ("deployment", ""),
                ("job", "trial-0-0"),
                ("attempt", "0"),
            ]
            .map(|(name, value)| (format!("agentnexus.{name}"), value.to_owned()))
            .into(),
        ),
        ..Default::default()
    };
    docker().create_container(None::<CreateContainerOptions>, body).await.expect("a container");
    assert_eq!(trials().await, 1);
    assert_eq!(sandbox.sweep(&[]).await.expect("a sweep"), 0, "no job's");
    assert_eq!(trials().await, 0);
}
