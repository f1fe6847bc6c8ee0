//! A shell plays the server.

use super::*;

/// Starts a shell script as if it were a server.
fn start(script: &str) -> Result<ServerProcess> {
    ServerProcess::start(Path::new("/bin/sh"), ["-c", script], [("GREETING", "hello")])
}

/// A process that is gone cannot be sent even signal 0.
fn is_running(pid: &str) -> bool {
    Command::new("/bin/sh")
        .args(["-c", "kill -0 $0 2>/dev/null", pid])
        .status()
        .unwrap()
        .success()
}

#[test]
fn the_url_is_read_from_what_it_prints() {
    let server = start("echo $GREETING; echo 'listening on http://127.0.0.1:4321/'; exec sleep 60").unwrap();
    assert_eq!(server.url(), "http://127.0.0.1:4321");
    assert_eq!(
        server.stdout_lines(),
        ["hello", "listening on http://127.0.0.1:4321/"]
    );
    assert!(is_running(&server.pid().to_string()));
}

#[test]
fn a_server_that_ends_early_is_an_error_with_its_output() {
    let failure = start("echo one; echo two >&2; exit 3").unwrap_err().to_string();
    assert!(failure.contains("exit status: 3"), "{failure}");
    assert!(failure.contains("stdout: one"), "{failure}");
    assert!(failure.contains("stderr: two"), "{failure}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let failure = ServerProcess::start(Path::new("/nonexistent/server"), [""; 0], [("", ""); 0]).unwrap_err();
    assert_eq!(failure.to_string(), "could not start `/nonexistent/server`");
}

#[test]
fn terminate_lets_it_end_by_itself() {
    let script = "trap 'echo bye; exit 7' TERM; echo http://127.0.0.1:1; while :; do sleep 0.01; done";
    let mut server = start(script).unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(7));
    assert_eq!(server.stdout_lines().last().unwrap(), "bye");
    assert_eq!(
        server.terminate().unwrap().code(),
        Some(7),
        "asked twice it answers the same"
    );
}

#[test]
fn kill_gives_it_no_chance() {
    use std::os::unix::process::ExitStatusExt;
    let mut server = start("trap 'exit 7' TERM; echo http://127.0.0.1:1; exec sleep 60").unwrap();
    assert_eq!(server.kill().unwrap().signal(), Some(9));
    assert_eq!(
        server.kill().unwrap().signal(),
        Some(9),
        "killing twice is harmless"
    );
}

#[test]
fn a_dropped_server_is_killed() {
    let server = start("echo http://127.0.0.1:1; exec sleep 60").unwrap();
    let pid = server.pid().to_string();
    drop(server);
    assert!(!is_running(&pid));
}

#[test]
fn the_guard_kills_the_server_of_a_test_process_that_is_gone() {
    let mut server = start("echo http://127.0.0.1:1; exec sleep 60").unwrap();
    // What the kernel does for a process that is gone.
    drop(server.guard.pipe.take());
    let status = server.child.wait().unwrap();
    assert!(!status.success());
    server.guard.shell.wait().unwrap();
}

#[test]
fn urls_are_found_in_many_kinds_of_lines() {
    let cases = [
        (
            "listening on http://127.0.0.1:41234",
            Some("http://127.0.0.1:41234"),
        ),
        ("http://[::1]:80/ (press Ctrl-C to stop)", Some("http://[::1]:80")),
        (
            r#"{"message":"listening on http://localhost:1"}"#,
            Some("http://localhost:1"),
        ),
        (
            "url=\u{1b}[3mhttp://localhost:2\u{1b}[0m",
            Some("http://localhost:2"),
        ),
        ("Listening on http://localhost:3.", Some("http://localhost:3")),
        (
            "on https://localhost:4, not http://localhost:5",
            Some("https://localhost:4"),
        ),
        ("http://", None),
        ("nothing here", None),
    ];
    for (line, expected) in cases {
        assert_eq!(url_in(line).as_deref(), expected, "{line}");
    }
}
