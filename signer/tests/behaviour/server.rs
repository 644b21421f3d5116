//! The socket: who is served, what bad peers cannot do, and how it ends.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use domain::wire::{
    MAX_FRAME, RefusalCode, Request, Response, SignerCaps, read_frame, write_frame,
};
use signer::config::SocketOptions;
use signer::server::{BindError, Running, Server};

use crate::fixture::*;

/// Longer than anything here takes; only a hanging server lets it pass.
const PATIENCE: Duration = Duration::from_secs(30);

fn options(fixture: &Fixture) -> SocketOptions {
    SocketOptions::new(fixture.path().join("run/signer.sock"))
}

fn start(fixture: &Fixture, options: SocketOptions) -> Running {
    Server::bind(options, fixture.service()).unwrap().spawn().unwrap()
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(stream: &mut UnixStream, request: &Request) -> Response {
    write_frame(stream, request).unwrap();
    read_frame(stream).unwrap().unwrap()
}

fn refused(response: Option<Response>) -> RefusalCode {
    match response {
        Some(Response::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

fn ended(stream: &mut UnixStream) -> bool {
    // A reset is an end, too: the server left without reading everything.
    !matches!(stream.read(&mut [0; 1]), Ok(1..))
}

#[test]
fn a_conversation_over_one_connection() {
    let fixture = Fixture::new();
    let server = start(&fixture, options(&fixture));
    let mut stream = connect(server.path());
    let expected = Response::Info {
        owner: keys().owner.address(),
        bundler: keys().bundler.address(),
        caps: Some(SignerCaps {
            max_fee_per_gas: 10 * GWEI,
            max_operation_gas: OPERATION_GAS,
            max_bundle_gas: BUNDLE_GAS,
        }),
    };
    assert_eq!(ask(&mut stream, &Request::Info), expected);
    let signed = ask(&mut stream, &Request::SignUserOperation(settle_operation(7, GWEI)));
    assert!(outcome(&signed).is_ok());
    assert_eq!(ask(&mut stream, &Request::Info), expected);
}

#[test]
fn socket_and_directory_are_private() {
    let fixture = Fixture::new();
    let server = start(&fixture, options(&fixture));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(server.path()), 0o600);
    assert_eq!(mode(server.path().parent().unwrap()), 0o700);
    let path = server.path().to_path_buf();
    server.stop();
    assert!(!path.exists());
    let shared = SocketOptions {
        group_access: true,
        path: fixture.path().join("shared/s"),
        ..options(&fixture)
    };
    let server = start(&fixture, shared);
    assert_eq!(mode(server.path()), 0o660);
    assert_eq!(mode(server.path().parent().unwrap()), 0o750);
}

#[test]
fn a_directory_open_to_others_is_refused() {
    let fixture = Fixture::new();
    let directory = fixture.path().join("run");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = Server::bind(options(&fixture), fixture.service()).unwrap_err();
    assert!(matches!(error, BindError::OpenDirectory { mode: 0o755, .. }), "{error}");
}

#[test]
fn users_not_listed_are_turned_away() {
    let fixture = Fixture::new();
    let own = rustix::process::geteuid().as_raw();
    let server =
        start(&fixture, SocketOptions { allowed_uids: vec![own + 1], ..options(&fixture) });
    let mut stream = connect(server.path());
    let answer = read_frame(&mut stream).unwrap();
    assert_eq!(refused(answer), RefusalCode::PeerNotAllowed);
    assert!(ended(&mut stream));
}

#[test]
fn nonsense_is_answered_and_the_connection_ended() {
    let fixture = Fixture::new();
    let server = start(&fixture, options(&fixture));
    let text = br#"{"signHash":"0x00"}"#;
    let framed = [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat();
    let oversized = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes().to_vec();
    for bytes in [framed, oversized, b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0, 0, 0, 0]] {
        let mut stream = connect(server.path());
        stream.write_all(&bytes).unwrap();
        assert_eq!(refused(read_frame(&mut stream).unwrap()), RefusalCode::Malformed);
        assert!(ended(&mut stream));
    }
    assert!(matches!(ask(&mut connect(server.path()), &Request::Info), Response::Info { .. }));
}

#[test]
fn a_stuck_peer_is_dropped_and_blocks_nobody() {
    let fixture = Fixture::new();
    let options = SocketOptions {
        frame_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(100),
        ..options(&fixture)
    };
    let server = start(&fixture, options);
    let (mut half, mut idle) = (connect(server.path()), connect(server.path()));
    half.write_all(&[0, 0]).unwrap();
    assert!(matches!(ask(&mut connect(server.path()), &Request::Info), Response::Info { .. }));
    assert!(ended(&mut half));
    assert!(ended(&mut idle));
}

#[test]
fn dripping_bytes_do_not_extend_the_deadline() {
    let fixture = Fixture::new();
    let options = SocketOptions { frame_timeout: Duration::from_millis(100), ..options(&fixture) };
    let server = start(&fixture, options);
    let mut stream = connect(server.path());
    stream.write_all(&u32::try_from(MAX_FRAME).unwrap().to_be_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    // A byte after each short wait; the wait is the read that times out.
    for _ in 0..MAX_FRAME {
        if stream.write_all(b" ").is_err() {
            return;
        }
        match stream.read(&mut [0; 1]) {
            Ok(_) => return,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
    panic!("the server listened for ever");
}

#[test]
fn connections_beyond_the_limit_are_told_and_places_are_given_back() {
    let fixture = Fixture::new();
    let server = start(&fixture, SocketOptions { max_connections: 2, ..options(&fixture) });
    let mut open: Vec<_> = (0..2).map(|_| connect(server.path())).collect();
    for stream in &mut open {
        ask(stream, &Request::Info);
    }
    let mut third = connect(server.path());
    assert_eq!(refused(read_frame(&mut third).unwrap()), RefusalCode::Busy);
    open.clear();
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let mut stream = connect(server.path());
        // The server may have hung up before this arrives.
        let asked = write_frame(&mut stream, &Request::Info);
        match read_frame(&mut stream) {
            Ok(Some(Response::Info { .. })) => break,
            _ => assert!(std::time::Instant::now() < deadline, "never served again: {asked:?}"),
        }
    }
}

#[test]
fn stopping_waits_for_nobody_who_is_silent() {
    let fixture = Fixture::new();
    let server = start(&fixture, options(&fixture));
    let mut silent = connect(server.path());
    ask(&mut silent, &Request::Info);
    server.stop();
    assert!(ended(&mut silent));
}

#[test]
fn a_dead_signers_socket_is_replaced_a_live_ones_is_not() {
    let fixture = Fixture::new();
    let path = options(&fixture).path;
    let first = Server::bind(options(&fixture), fixture.service()).unwrap();
    let error = Server::bind(options(&fixture), fixture.service()).unwrap_err();
    assert!(matches!(error, BindError::InUse(_)), "{error}");
    drop(first);
    assert!(path.exists(), "a killed process leaves its socket file behind");
    drop(start(&fixture, options(&fixture)));
    std::fs::write(&path, "precious").unwrap();
    let error = Server::bind(options(&fixture), fixture.service()).unwrap_err();
    assert!(matches!(error, BindError::NotASocket(_)), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
