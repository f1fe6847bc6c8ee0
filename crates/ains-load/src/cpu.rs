//! Reads the CPU time of processes.

use std::fs;
use std::time::Duration;

/// Clock ticks a second in `/proc/<pid>/stat`; Linux reports 100 on every platform that Rust's tier 1 covers.
const TICKS: u64 = 100;

/// The CPU time of some processes, read now. `None` where there is no such process, or no `/proc`.
#[derive(Clone)]
pub(crate) struct Reading {
    own: Option<Duration>,
    servers: Vec<(u32, Option<Duration>)>,
}

impl Reading {
    /// Reads this process and the given ones.
    pub(crate) fn take(servers: &[u32]) -> Self {
        let read = |pid: &u32| (*pid, read(&pid.to_string()));
        Self {
            own: read_own(),
            servers: servers.iter().map(read).collect(),
        }
    }

    /// The CPU time since an earlier reading: this process's, and each server's.
    pub(crate) fn since(&self, earlier: &Self) -> (Option<Duration>, Vec<(u32, Option<Duration>)>) {
        let between = |now: Option<Duration>, then: Option<Duration>| now?.checked_sub(then?);
        let servers = self.servers.iter().zip(&earlier.servers);
        let servers = servers
            .map(|(now, then)| (now.0, between(now.1, then.1)))
            .collect();
        (between(self.own, earlier.own), servers)
    }
}

fn read_own() -> Option<Duration> {
    read("self")
}

fn read(pid: &str) -> Option<Duration> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `utime` and `stime`, the fields 14 and 15 of proc(5); the name before them may hold spaces and brackets.
fn parse(stat: &str) -> Option<Duration> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 100 1 1";
        assert_eq!(parse(stat), Some(Duration::from_secs(3)));
    }
}
