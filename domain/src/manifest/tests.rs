//! Manifests are read strictly, and contents are held to them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn example() -> Value {
    json!({
        "name": "summarize", "version": "1.0.0", "description": "Summarises text.",
        "args": ["--sentences", "5"],
        "input": {"mediaType": "text/plain; charset=utf-8", "minBytes": 1, "maxBytes": 1_048_576},
        "output": {"kind": "text", "maxBytes": 65536},
        "limits": {"seconds": 60, "memoryBytes": 268_435_456, "cpuMillis": 1000, "pids": 16,
                   "tmpBytes": 0, "logBytes": 65536}
    })
}

fn parse(value: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(value.to_string().as_bytes())
}

#[test]
fn a_good_manifest_round_trips() {
    let manifest = parse(&example()).unwrap();
    let bytes = manifest.to_bytes().unwrap();
    assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
    assert_eq!(manifest.hash().unwrap(), crate::hash::manifest_hash(&bytes));
}

#[test]
fn every_bad_field_is_named() {
    let cases: [(&str, Value, &str); 14] = [
        ("/name", json!(""), "name"),
        ("/name", json!("../x"), "name"),
        ("/version", json!(""), "version"),
        ("/description", json!("a\u{1b}[2J"), "description"),
        ("/args", json!(vec!["x"; 65]), "args"),
        ("/args", json!(["a\0b"]), "args"),
        ("/input/mediaType", json!("text"), "input.mediaType"),
        ("/input/minBytes", json!(2_000_000), "input.minBytes"),
        ("/output/maxBytes", json!(0), "output.maxBytes"),
        ("/limits/seconds", json!(0), "limits.seconds"),
        ("/limits/seconds", json!(86_401), "limits.seconds"),
        ("/limits/memoryBytes", json!(1024), "limits.memoryBytes"),
        ("/limits/cpuMillis", json!(0), "limits.cpuMillis"),
        ("/limits/pids", json!(0), "limits.pids"),
    ];
    for (path, value, field) in cases {
        let mut manifest = example();
        *manifest.pointer_mut(path).unwrap() = value;
        let error = parse(&manifest).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{path}: {error}");
    }
}

#[test]
fn repositories_carry_no_scheme_tag_or_digest() {
    let with = |repository: &str| {
        let mut manifest = example();
        manifest["repository"] = json!(repository);
        parse(&manifest)
    };
    for good in ["summarize", "localhost:5000/agents/summarize", "example.org/a/b"] {
        assert!(with(good).is_ok(), "{good}");
    }
    for bad in ["", "https://x/y", "x:latest", "x@sha256:00", "a b", "a/", "/a"] {
        assert!(with(bad).is_err(), "{bad}");
    }
}

#[test]
fn unknown_fields_and_wrong_sizes_are_refused() {
    let mut manifest = example();
    manifest["limits"]["network"] = json!(true);
    assert!(parse(&manifest).unwrap_err().to_string().contains("network"));
    assert!(matches!(Manifest::parse(b""), Err(ManifestError::Size(0))));
    let padded = format!("{}{}", example(), " ".repeat(MAX_MANIFEST));
    assert!(matches!(Manifest::parse(padded.as_bytes()), Err(ManifestError::Size(_))));
}

#[test]
fn inputs_are_held_to_size_and_encoding() {
    let manifest = parse(&example()).unwrap();
    assert!(manifest.check_input("grüß dich".as_bytes()).is_ok());
    assert_eq!(manifest.check_input(b""), Err(ContentError::TooShort { got: 0, min: 1 }));
    assert_eq!(manifest.check_input(b"ab\xff"), Err(ContentError::NotUtf8(2)));
    let long = vec![b'a'; 1_048_577];
    assert!(matches!(manifest.check_input(&long), Err(ContentError::TooLong { .. })));
    let mut any = manifest.clone();
    any.input.media_type = "application/octet-stream".into();
    assert!(any.check_input(b"ab\xff").is_ok());
    any.input.media_type = "application/json".into();
    assert!(any.check_input(b"{\"a\":1}").is_ok());
    assert!(matches!(any.check_input(b"{"), Err(ContentError::NotJson(_))));
}

#[test]
fn outputs_are_held_to_size_and_kind() {
    let mut manifest = parse(&example()).unwrap();
    assert!(manifest.check_output(b"").is_ok());
    assert_eq!(manifest.check_output(b"\xff"), Err(ContentError::NotUtf8(0)));
    manifest.output = OutputSpec { kind: OutputKind::Json, max_bytes: 8 };
    assert!(manifest.check_output(b"[1]").is_ok());
    assert!(matches!(manifest.check_output(b"[1] [2]"), Err(ContentError::NotJson(_))));
    assert!(matches!(manifest.check_output(b"[1,2,3,4]"), Err(ContentError::TooLong { .. })));
}

proptest! {
    #[test]
    fn capping_never_raises_a_limit(
        wish in any::<(u32, u64, u32, u32, u64, u64)>(),
        cap in any::<(u32, u64, u32, u32, u64, u64)>(),
    ) {
        let limits = |(seconds, memory_bytes, cpu_millis, pids, tmp_bytes, log_bytes)| Limits {
            seconds, memory_bytes, cpu_millis, pids, tmp_bytes, log_bytes,
        };
        let (wish, cap) = (limits(wish), limits(cap));
        let both = wish.capped(&cap);
        prop_assert_eq!(both, cap.capped(&wish));
        prop_assert_eq!(both.capped(&cap), both);
        prop_assert!(both.seconds <= wish.seconds && both.seconds <= cap.seconds);
        prop_assert!(both.memory_bytes <= wish.memory_bytes && both.log_bytes <= cap.log_bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = Manifest::parse(&bytes);
    }
}
