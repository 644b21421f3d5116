//! An agent that never ends: it reports once and then waits for nothing.

fn main() {
    eprintln!("hang: waiting for something that never comes");
    loop {
        std::thread::park();
    }
}
