//! Every rule for images, kept and broken.

use bollard::models::ImageConfig;

use super::*;

fn platform() -> Platform {
    Platform { os: "linux".to_owned(), architecture: "amd64".to_owned() }
}

fn fine() -> ImageInspect {
    let config = ImageConfig {
        entrypoint: Some(vec!["/agent".to_owned()]),
        env: Some(vec!["PATH=/bin".to_owned()]),
        working_dir: Some("/".to_owned()),
        ..Default::default()
    };
    ImageInspect {
        os: Some("linux".to_owned()),
        architecture: Some("amd64".to_owned()),
        size: Some(100),
        config: Some(config),
        ..Default::default()
    }
}

fn verdict(change: impl FnOnce(&mut ImageInspect, &mut ImageConfig)) -> Result<(), UnfitImage> {
    let mut image = fine();
    let mut config = image.config.take().expect("a config");
    change(&mut image, &mut config);
    image.config = Some(config);
    check_image(&image, &[], &platform(), 100)
}

#[test]
fn a_fine_image_passes_and_so_does_one_that_says_little() {
    assert_eq!(verdict(|_, _| {}), Ok(()));
    assert_eq!(verdict(|_, c| c.working_dir = Some(String::new())), Ok(()));
    assert_eq!(verdict(|i, _| i.architecture = Some("386".to_owned())), Ok(()));
    assert_eq!(verdict(|i, _| (i.os, i.architecture) = (None, Some(String::new()))), Ok(()));
    assert_eq!(check_image(&ImageInspect::default(), &[], &platform(), 100), Ok(()));
}

#[test]
fn every_broken_rule_is_named() {
    let cmd = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    let platform = |built_for: &str| {
        Err(UnfitImage::Platform { built_for: built_for.to_owned(), runs: "linux/amd64".into() })
    };
    assert_eq!(verdict(|i, _| i.architecture = Some("arm64".to_owned())), platform("linux/arm64"));
    assert_eq!(verdict(|i, _| i.os = Some("windows".to_owned())), platform("windows/amd64"));
    assert_eq!(
        verdict(|i, _| i.size = Some(101)),
        Err(UnfitImage::TooLarge { bytes: 101, most: 100 })
    );
    let volumes = Err(UnfitImage::Volumes("/data".to_owned()));
    assert_eq!(verdict(|_, c| c.volumes = cmd(&["/data"])), volumes);
    assert_eq!(verdict(|_, c| c.entrypoint = None), Err(UnfitImage::NoEntryPoint));
    assert_eq!(verdict(|_, c| c.entrypoint = cmd(&[""])), Err(UnfitImage::NoEntryPoint));
    let variable = Err(UnfitImage::Environment("=x".to_owned()));
    assert_eq!(verdict(|_, c| c.env = cmd(&["A=B", "=x"])), variable);
    let folder = Err(UnfitImage::WorkingDir("data".to_owned()));
    assert_eq!(verdict(|_, c| c.working_dir = Some("data".to_owned())), folder);
}

#[test]
fn a_command_or_arguments_can_take_the_place_of_an_entry_point() {
    let mut image = fine();
    let config = image.config.as_mut().expect("a config");
    (config.entrypoint, config.cmd) = (None, Some(vec!["/agent".to_owned()]));
    assert_eq!(check_image(&image, &[], &platform(), 100), Ok(()));
    image.config.as_mut().expect("a config").cmd = None;
    assert_eq!(check_image(&image, &["/agent".to_owned()], &platform(), 100), Ok(()));
}

#[test]
fn engines_call_architectures_by_other_names_than_images() {
    for (engine, image) in [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")] {
        let info = SystemInfo {
            os_type: Some("linux".to_owned()),
            architecture: Some(engine.to_owned()),
            ..Default::default()
        };
        assert_eq!(Platform::of(&info).to_string(), format!("linux/{image}"));
    }
}

#[test]
fn refusals_of_an_image_are_told_from_others() {
    for image in [
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to \
         start container process: exec: \"/nothere\": stat /nothere: no such file or directory",
        "runc create failed: unable to start container process: exec: \"/agent\": permission denied",
        "crun: executable file `nothere` not found in $PATH: No such file or directory",
        "exec container process `/agent`: Exec format error: OCI runtime error",
        "Cannot mkdir: /agent is not a directory",
        "No command specified",
        "layer does not exist",
    ] {
        assert!(blames_image(image), "{image}");
    }
    for engine in [
        "container create: unknown mount option \"nr_inodes=4096\": invalid mount option",
        "running container create option: invalid log driver: invalid argument",
        "error setting rlimits for ready process: error setting rlimit type 6: operation not \
         permitted: OCI permission denied",
        "mkdir /var/lib/docker/overlay2/abc: no space left on device",
    ] {
        assert!(!blames_image(engine), "{engine}");
    }
}
