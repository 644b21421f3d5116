//! An agent that starts processes, which start processes, and threads, until it is stopped.

use std::io;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

/// It stops by itself here, so that a machine without limits survives the test.
const CEILING: usize = 2000;
/// The argument by which a copy knows that it is one.
const COPY: &str = "--copy";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(COPY) {
        loop {
            thread::park();
        }
    }
    let mut children = Vec::new();
    let processes = start_until_refused("process", || copy_of_myself().map(|c| children.push(c)));
    for child in children.iter_mut().take(8) {
        // Room for the threads: what was refused to a process must be refused to them too.
        let ended = child.kill().and_then(|()| child.wait().map(|_| ()));
        if let Err(error) = ended {
            eprintln!("fork-bomb: cannot end a copy: {error}");
        }
    }
    let threads = start_until_refused("thread", || {
        thread::Builder::new()
            .stack_size(16 << 10)
            .spawn(|| {
                loop {
                    thread::park();
                }
            })
            .map(drop)
    });
    for child in &mut children {
        // A copy that is gone already is as good as one that is ended now.
        if let Err(error) = child.kill() {
            eprintln!("fork-bomb: cannot end a copy: {error}");
        }
    }
    if processes && threads {
        return ExitCode::from(7);
    }
    println!("fork-bomb: nothing stopped me");
    ExitCode::SUCCESS
}

fn copy_of_myself() -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg(COPY)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn start_until_refused(what: &str, mut start: impl FnMut() -> io::Result<()>) -> bool {
    for count in 0..CEILING {
        if let Err(error) = start() {
            eprintln!("fork-bomb: {what} refused after {count}: {error}");
            return true;
        }
        if (count + 1).is_power_of_two() {
            eprintln!("fork-bomb: started {} x {what}", count + 1);
        }
    }
    false
}
