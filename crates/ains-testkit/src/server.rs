//! Runs a real server program in a process of its own, for tests from end to end.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to say where it listens, and to end once it was asked to.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked whether a server that was asked to end has ended.
const POLL: Duration = Duration::from_millis(5);

/// Kills the server when the test process is gone: then reading fails, for the kernel has closed the pipe.
const GUARD: &str = r#"trap '' HUP INT TERM; read -r ended || kill -KILL "$0""#;

/// A server in a process of its own. It is killed on drop, and also when the test process itself is killed.
///
/// A test that fails while it holds one shows what the server printed.
#[derive(Debug)]
pub struct ServerProcess {
    url: String,
    child: Child,
    guard: Guard,
    stdout: Lines,
    stderr: Lines,
}

impl ServerProcess {
    /// Starts `binary` and waits until it prints a line with its URL, such as `listening on http://127.0.0.1:41234`.
    ///
    /// The variables of `envs` are added to those of the test process. Its standard input is empty.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends early or prints no URL within 60 seconds; the error shows what it printed.
    pub fn start<A, K, V>(
        binary: &Path,
        args: impl IntoIterator<Item = A>,
        envs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self>
    where
        A: AsRef<OsStr>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let mut child = Command::new(binary)
            .args(args)
            .envs(envs)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{}`", binary.display()))?;
        let (found, url) = channel();
        let stdout = Lines::collect(child.stdout.take(), Some(found));
        let stderr = Lines::collect(child.stderr.take(), None);
        let guard = match Guard::of(&child) {
            Ok(guard) => guard,
            Err(failure) => {
                let _ = child.kill();
                return Err(failure);
            }
        };
        let mut server = Self {
            url: String::new(),
            child,
            guard,
            stdout,
            stderr,
        };
        server.url = server.wait_for_url(&url)?;
        Ok(server)
    }

    fn wait_for_url(&mut self, url: &Receiver<String>) -> Result<String> {
        match url.recv_timeout(PATIENCE) {
            Ok(url) => Ok(url),
            Err(RecvTimeoutError::Timeout) => {
                self.kill()?;
                bail!("the server printed no URL within {PATIENCE:?}\n{}", self.output())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.kill()?;
                bail!(
                    "the server ended before it printed its URL ({status})\n{}",
                    self.output()
                )
            }
        }
    }

    /// Where it listens, such as `http://127.0.0.1:41234`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a crash or `kill -9` would, and waits for its end; harmless once it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().context("could not kill the server")?;
        let status = self.child.wait()?;
        self.ended();
        Ok(status)
    }

    /// Asks it to end with SIGTERM, as an operator would, and waits for its end.
    ///
    /// # Errors
    ///
    /// When it has not ended after 60 seconds; it is killed then. The error shows what it printed.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            self.ended();
            return Ok(status);
        }
        // The shell's own `kill` is everywhere, the program of that name is not.
        let sent = Command::new("/bin/sh")
            .args(["-c", r#"kill -TERM "$0""#, &self.pid().to_string()])
            .status()?;
        if !sent.success() {
            bail!("could not send SIGTERM to the server");
        }
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                self.ended();
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.kill()?;
        bail!(
            "the server did not end within {PATIENCE:?} of SIGTERM\n{}",
            self.output()
        )
    }

    /// The lines it has printed so far; all of them once it has ended.
    pub fn stdout_lines(&self) -> Vec<String> {
        self.stdout.so_far()
    }

    /// The lines of its standard error so far; all of them once it has ended.
    pub fn stderr_lines(&self) -> Vec<String> {
        self.stderr.so_far()
    }

    /// All it has printed so far, for people to read.
    pub fn output(&self) -> String {
        let named = |name, lines: Vec<String>| lines.into_iter().map(move |line| format!("{name}: {line}\n"));
        named("stdout", self.stdout_lines())
            .chain(named("stderr", self.stderr_lines()))
            .collect()
    }

    /// Its process id may be given to another process from here on, and its last lines are about to be read.
    fn ended(&mut self) {
        self.guard.dismiss();
        self.stdout.finish();
        self.stderr.finish();
    }
}

impl Drop for ServerProcess {
    #[expect(
        clippy::print_stderr,
        reason = "the test runner shows it with the failure of the test"
    )]
    fn drop(&mut self) {
        let _ = self.kill();
        if thread::panicking() {
            eprintln!("what the server of this test printed:\n{}", self.output());
        }
    }
}

/// A small shell process that outlives us just long enough to kill the server.
#[derive(Debug)]
struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    fn of(server: &Child) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", GUARD, &server.id().to_string()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start the guard of the server")?;
        Ok(Self {
            pipe: shell.stdin.take(),
            shell,
        })
    }

    /// Lets it end without a kill.
    fn dismiss(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(b"ended\n");
            drop(pipe);
            let _ = self.shell.wait();
        }
    }
}

/// The lines of one stream, collected by a thread.
#[derive(Debug)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    finished: Receiver<()>,
}

impl Lines {
    /// How long to wait for the last lines of a process that has ended: its own children may hold the stream open.
    const LAST_LINES: Duration = Duration::from_secs(2);

    /// Collects the lines of `stream`; the first URL goes to `found`.
    fn collect(stream: Option<impl Read + Send + 'static>, mut found: Option<Sender<String>>) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (finish, finished) = channel();
        let collected = Arc::clone(&lines);
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut stream = stream.map(BufReader::new);
            while let Some(reader) = &mut stream {
                bytes.clear();
                if !reader
                    .read_until(b'\n', &mut bytes)
                    .is_ok_and(|length| length > 0)
                {
                    break;
                }
                let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                let url = url_in(&line);
                collected
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
                if let Some(url) = url
                    && let Some(found) = found.take()
                {
                    let _ = found.send(url);
                }
            }
            drop(finish);
        });
        Self { lines, finished }
    }

    fn so_far(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the last lines.
    fn finish(&self) {
        // Nothing is ever sent: the thread drops its end when the stream is at its end.
        let _ = self.finished.recv_timeout(Self::LAST_LINES);
    }
}

/// The first `http://…` or `https://…` of a line, up to whatever cannot be part of an address, without slashes at the end.
fn url_in(line: &str) -> Option<String> {
    let scheme = ["http://", "https://"]
        .into_iter()
        .filter_map(|scheme| Some((line.find(scheme)?, scheme)))
        .min()?;
    let from = &line[scheme.0..];
    let end = from.find(|c: char| c.is_whitespace() || c.is_control() || "\"'`<>(),;\\".contains(c));
    let url = from[..end.unwrap_or(from.len())].trim_end_matches(['/', '.']);
    (url.len() > scheme.1.len()).then(|| url.to_owned())
}

#[cfg(test)]
mod tests;
