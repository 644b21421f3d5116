//! An agent that does what its input says, line by line, as a real image.
//!
//! `log TEXT`, `sleep MILLISECONDS`, `out TEXT`, `exit CODE`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use alloy::primitives::B256;
use domain::manifest::Manifest;
use keeper::image::AgentImage;

const SOURCE: &str = r#"
use std::io::{Read, Write};
fn main() {
    let mut script = String::new();
    std::io::stdin().read_to_string(&mut script).expect("text");
    for line in script.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "log" => eprintln!("{rest}"),
            "out" => println!("{rest}"),
            "sleep" => std::thread::sleep(std::time::Duration::from_millis(rest.parse().expect("milliseconds"))),
            "exit" => { std::io::stdout().flush().expect("stdout"); std::process::exit(rest.parse().expect("a code")) }
            other => panic!("{other}"),
        }
    }
}
"#;

/// Its manifest; `seconds` is its time limit.
pub fn manifest(seconds: u32) -> Manifest {
    let text = format!(
        r#"{{"name":"script","version":"1.0.0","description":"Does what its input says.","args":[],
        "input":{{"mediaType":"text/plain; charset=utf-8","minBytes":1,"maxBytes":100000}},
        "output":{{"kind":"text","maxBytes":10000}},
        "limits":{{"seconds":{seconds},"memoryBytes":67108864,"cpuMillis":1000,"pids":8,
        "tmpBytes":0,"logBytes":10000}}}}"#
    );
    Manifest::parse(text.as_bytes()).expect("a valid manifest")
}

/// Loads it into the engine; gives the digest to list.
pub async fn load() -> B256 {
    let image = AgentImage::from_file(binary(), &manifest(30)).expect("an image");
    image.load(None).await.expect("the Docker engine takes the image: is it running?")
}

/// Its program.
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let source = folder.join(format!("script-{}.rs", std::process::id()));
        let binary = source.with_extension("");
        std::fs::write(&source, SOURCE).expect("a file");
        let status = Command::new("rustc")
            .args(["--edition=2024", "-O", "-C", "target-feature=+crt-static"])
            .args(["-C", "relocation-model=static", "-C", "strip=symbols", "-o"])
            .arg(&binary)
            .arg(&source)
            .status()
            .expect("rustc starts");
        assert!(status.success(), "the agent does not build");
        binary
    })
}
