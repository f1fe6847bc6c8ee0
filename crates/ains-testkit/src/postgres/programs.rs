//! Finds PostgreSQL's programs and decides as which user they run.

use super::Unavailable;
use crate::environment;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian and Ubuntu install one folder of programs per major version.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// Users that may run the server in place of root, which PostgreSQL refuses; the first that exists.
const UNPRIVILEGED_USERS: [&str; 2] = ["postgres", "nobody"];

/// Variables of libpq that would change what a full URL means.
const LIBPQ_VARIABLES: [&str; 5] = [
    "PGOPTIONS",
    "PGSERVICE",
    "PGSSLMODE",
    "PGTARGETSESSIONATTRS",
    "PGCLIENTENCODING",
];

/// The folder of PostgreSQL's programs.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The folder that can make and run a server.
    pub(super) fn find_server() -> Result<Self, Unavailable> {
        Self::find(&["initdb", "pg_ctl", "postgres", "psql"])
    }

    /// The folder that can talk to a server.
    pub(super) fn find_client() -> Result<Self, Unavailable> {
        Self::find(&["psql"])
    }

    fn find(needed: &[&str]) -> Result<Self, Unavailable> {
        environment::program_folders()
            .into_iter()
            .filter_map(|folder| real_folder(&folder, needed[0]))
            .chain(debian_folders(Path::new(DEBIAN_VERSIONS)))
            .find(|folder| needed.iter().all(|program| folder.join(program).is_file()))
            .map(|folder| Self { folder })
            .ok_or(Unavailable::NotInstalled)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `sql` in the database of `url` and returns what it prints.
    pub(super) fn psql(&self, url: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.folder.join("psql"));
        psql.args([
            "--no-psqlrc",
            "--no-password",
            "--quiet",
            "--tuples-only",
            "--no-align",
        ])
        .args(["--set", "ON_ERROR_STOP=1", "--dbname", url, "--command", sql])
        .current_dir("/");
        for variable in LIBPQ_VARIABLES {
            psql.env_remove(variable);
        }
        let output = psql.output()?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }
}

/// The folder that really holds `program`, where `folder` has it or a link to it: the others lie beside the original.
fn real_folder(folder: &Path, program: &str) -> Option<PathBuf> {
    let original = fs::canonicalize(folder.join(program)).ok()?;
    // Debian's /usr/bin/psql leads to a wrapper that finds the version by itself; its own folder is as good.
    let beside = original.parent()?.to_owned();
    Some(if beside.join(program).is_file() {
        beside
    } else {
        folder.to_owned()
    })
}

/// The program folders below `versions`, highest version first.
fn debian_folders(versions: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((version(entry.file_name().to_str()?)?, entry.path().join("bin"))))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// `9.6` as `[9, 6]` and `17` as `[17]`; `None` for any other folder.
fn version(name: &str) -> Option<Vec<u32>> {
    name.split('.').map(|part| part.parse().ok()).collect()
}

/// A user in whose name root runs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OtherUser {
    pub(super) name: &'static str,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl OtherUser {
    /// The first of the unprivileged users this machine has.
    pub(super) fn find() -> Result<Self> {
        for name in UNPRIVILEGED_USERS {
            if let (Some(uid), Some(gid)) = (id_of("-u", name), id_of("-g", name)) {
                return Ok(Self { name, uid, gid });
            }
        }
        bail!("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as")
    }
}

fn id_of(which: &str, user: &str) -> Option<u32> {
    let output = Command::new("id").args([which, user]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A command that runs the shell `script`, as `user` where one is given, with the environment it is given.
pub(super) fn shell(script: &str, user: Option<&OtherUser>) -> Result<Command> {
    let Some(user) = user else {
        let mut sh = Command::new("/bin/sh");
        sh.args(["-c", script]);
        return Ok(sh);
    };
    let folders = environment::program_folders();
    let has = |program: &str| folders.iter().any(|folder| folder.join(program).is_file());
    let mut command;
    if has("setpriv") {
        command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", user.uid))
            .arg(format!("--regid={}", user.gid))
            .args(["--clear-groups", "/bin/sh", "-c", script]);
    } else if has("runuser") {
        command = Command::new("runuser");
        command.args(["-u", user.name, "--", "/bin/sh", "-c", script]);
    } else if has("su") {
        command = Command::new("su");
        command.args(["-s", "/bin/sh", "-c", script, user.name]);
    } else {
        bail!(
            "root needs one of `setpriv`, `runuser` and `su` to run PostgreSQL as `{}`",
            user.name
        );
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_comes_first() {
        let versions = tempfile::tempdir().unwrap();
        for name in ["9.6", "15", "17", "common", "9.10"] {
            fs::create_dir(versions.path().join(name)).unwrap();
        }
        let order: Vec<_> = debian_folders(versions.path())
            .iter()
            .map(|folder| {
                folder
                    .strip_prefix(versions.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(order, ["17/bin", "15/bin", "9.10/bin", "9.6/bin"]);
    }

    #[test]
    fn a_machine_without_the_programs_has_no_folders() {
        assert!(debian_folders(Path::new("/nonexistent")).is_empty());
    }

    #[test]
    fn a_link_leads_to_the_folder_of_the_original() {
        let root = tempfile::tempdir().unwrap();
        let (real, links) = (root.path().join("15"), root.path().join("links"));
        fs::create_dir_all(&real).unwrap();
        fs::create_dir_all(&links).unwrap();
        fs::write(real.join("initdb"), "").unwrap();
        std::os::unix::fs::symlink(real.join("initdb"), links.join("initdb")).unwrap();
        assert_eq!(
            real_folder(&links, "initdb"),
            Some(fs::canonicalize(&real).unwrap())
        );
        assert_eq!(real_folder(&links, "psql"), None);
    }

    #[test]
    fn without_another_user_the_shell_is_run_directly() {
        let output = shell("echo \"$WORD\"", None)
            .unwrap()
            .env("WORD", "here")
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"here\n");
    }
}
