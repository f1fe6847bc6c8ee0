//! The key that secrets are kept with: where it comes from when it was not given.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ains_service::Vault;
use ains_store::Location;
use anyhow::{Context as _, bail};

/// What a key file is called more than the database it is for.
const SUFFIX: &str = ".key";

/// The vault of a server that was given no key: beside a SQLite file there is a file with one, which is made on the first
/// start; what ends with the process has a key that does so too; and of PostgreSQL no server has a place for one that the
/// others share.
///
/// # Errors
/// When the file cannot be made or read, others may read it, or it holds something else.
pub(crate) fn vault(database: &Location) -> anyhow::Result<Vault> {
    match database {
        Location::SqliteFile(path) => beside(path),
        Location::Temporary => Ok(Vault::fleeting()),
        Location::Postgres(_) => {
            tracing::warn!(
                "no key was given to keep the secrets of webhooks with (AINS_SECRET_KEY), so none are registered"
            );
            Ok(Vault::default())
        }
    }
}

fn beside(database: &Path) -> anyhow::Result<Vault> {
    let mut name = OsString::from(database);
    name.push(SUFFIX);
    let path = PathBuf::from(name);
    let shown = path.display();
    let text = match fs::read_to_string(&path) {
        Ok(text) => {
            check_mode(&path)?;
            text
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Vault::new_key();
            make(&path, &key).with_context(|| format!("could not make the key file `{shown}`"))?;
            tracing::info!(file = %shown, "a key was made to keep secrets with: keep it, but not with the database");
            key
        }
        Err(error) => return Err(error).with_context(|| format!("could not read the key file `{shown}`")),
    };
    text.parse()
        .with_context(|| format!("the key file `{shown}` cannot be used: it"))
}

/// Writes a key where nothing is yet, for its owner alone, and on the disk before anything is sealed under it.
fn make(path: &Path, key: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(unix)]
fn check_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let shown = path.display();
        bail!(
            "others than its owner may read the key file `{shown}` (mode {mode:03o}): run `chmod 600 {shown}`"
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
